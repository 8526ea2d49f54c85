//! Instructions and allocations of one call, at user level: two runs of different length under valgrind, and the
//! difference by the difference of their calls.

use std::{fs, process::Command, time::Duration};

use crate::{
    Failure,
    client::{Ask, Bytes, Dialect},
    load::closed,
    rig::Rig,
    row,
    servers::Forge,
};

const KEYED: &str = "counts-keyed";
const WHOLE: [usize; 2] = [50, 550];
const STREAM: [usize; 2] = [10, 110];

/// What a call is, its goals, and the calls of both runs.
struct Form<'a> {
    what: &'static str,
    instructions: &'static str,
    allocations: &'static str,
    ask: Ask<'a>,
    /// Where the gateway's files are: one for those without a key, as it asks everybody for one where there is any.
    home: &'static str,
    calls: [usize; 2],
}

pub(crate) async fn rows(rig: &Rig) -> Result<Vec<String>, Failure> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(vec![row("instructions and allocations", "", ["", "not counted: no valgrind", ""])]);
    }
    let forge = rig.another(KEYED)?;
    let limited = forge.key("limited", &["--rpm", "4000000000"])?;
    let one = forge.key("one", &["--rpm", "4000000000", "--total-usd", "100000"])?;
    let three = ["--per-day-usd", "100000", "--per-month-usd", "100000", "--total-usd", "100000"];
    let three = forge.key("three", &three)?;
    let (messages, chat) = (Ask::new(Dialect::Messages, "up"), Ask::new(Dialect::Chat, "up"));
    let form = |what, goals: [&'static str; 2], ask, calls| {
        let [instructions, allocations] = goals;
        Form { what, instructions, allocations, ask, home: "unkeyed", calls }
    };
    let keyed = |what, key| Form { home: KEYED, ..form(what, ["", ""], messages.clone().key(key), WHOLE) };
    let forms = [
        form("a whole call", ["<= 110 k relayed", "<= 90 relayed"], messages.clone(), WHOLE),
        keyed("the same with a key and a limit", &limited),
        keyed("the same with a budget", &one),
        keyed("the same with three budgets", &three),
        form(
            "a stream of 50 deltas",
            ["<= 400 k relayed", "<= 150 relayed"],
            messages.clone().streamed(),
            STREAM,
        ),
        form("a stream, Chat Completions to Messages", ["<= 900 k", "<= 400"], chat.streamed(), STREAM),
        form(
            "a stream, Messages to Chat Completions",
            ["<= 900 k", "<= 400"],
            Ask::new(Dialect::Messages, "chat").streamed(),
            STREAM,
        ),
    ];
    let mut rows = Vec::new();
    for form in forms {
        let (request, forge) = (form.ask.bytes(), rig.another(form.home)?);
        let instructions =
            counted(&forge, &["--tool=callgrind"], "Collected :", &request, form.calls).await?;
        let allocations =
            counted(&forge, &["--tool=memcheck"], "total heap usage:", &request, form.calls).await?;
        eprintln!("  {}: {instructions:.0}, {allocations:.1}", form.what);
        let name = |count: &str| format!("{count} of {}, accounts on, {}", form.what, rig.way);
        rows.push(row(
            &name("instructions"),
            form.instructions,
            ["", &format!("{:.1} k", instructions / 1e3), ""],
        ));
        rows.push(row(&name("allocations"), form.allocations, ["", &format!("{allocations:.0}"), ""]));
    }
    Ok(rows)
}

async fn counted(
    forge: &Forge,
    tool: &[&str],
    word: &str,
    request: &Bytes,
    calls: [usize; 2],
) -> Result<f64, Failure> {
    let mut counts = [0.0; 2];
    for (count, calls) in counts.iter_mut().zip(calls) {
        *count = run(forge, tool, word, request, calls).await?;
    }
    Ok((counts[1] - counts[0]) / (calls[1] - calls[0]) as f64)
}

async fn run(
    forge: &Forge,
    tool: &[&str],
    word: &str,
    request: &Bytes,
    calls: usize,
) -> Result<f64, Failure> {
    let log = forge.home.join("valgrind");
    let file = format!("--log-file={}", log.display());
    let mut around = vec!["valgrind", &file];
    around.extend(tool);
    if tool.contains(&"--tool=callgrind") {
        around.push("--callgrind-out-file=/dev/null");
    }
    let mut server = forge.serve_within(&around)?;
    let measured = closed(server.address, request, 1, calls, Duration::ZERO).await;
    if measured.failed > 0 {
        return Err(format!("calls failed under valgrind: {:?}", measured.statuses).into());
    }
    server.process.terminate().await?;
    let report = fs::read_to_string(log)?;
    let number = report.lines().find_map(|line| line.split(word).nth(1)?.split_whitespace().next());
    Ok(number.ok_or("valgrind told no count")?.replace(',', "").parse()?)
}
