//! Instructions and allocations of one call, at user level: two runs of different length under valgrind, and the
//! difference by the difference of their calls.

use std::{fs, process::Command, time::Duration};

use crate::{
    Failure,
    client::{Ask, Bytes, Dialect},
    load::closed,
    rig::Rig,
    row,
};

/// What a call is, its goals, and the calls of both runs.
struct Form {
    what: &'static str,
    instructions: &'static str,
    allocations: &'static str,
    ask: Ask<'static>,
    calls: [usize; 2],
}

pub(crate) async fn rows(rig: &Rig) -> Result<Vec<String>, Failure> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(vec![row("instructions and allocations", "", ["", "not counted: no valgrind", ""])]);
    }
    let whole = [50, 550];
    let stream = [10, 110];
    let forms = [
        Form {
            what: "a whole call",
            instructions: "<= 110 k relayed",
            allocations: "<= 90 relayed",
            ask: Ask::new(Dialect::Messages, "up"),
            calls: whole,
        },
        Form {
            what: "a stream of 50 deltas",
            instructions: "<= 400 k relayed",
            allocations: "<= 150 relayed",
            ask: Ask::new(Dialect::Messages, "up").streamed(),
            calls: stream,
        },
        Form {
            what: "a stream of 50 deltas, client Chat Completions, vendor Messages",
            instructions: "<= 900 k",
            allocations: "<= 400",
            ask: Ask::new(Dialect::Chat, "up").streamed(),
            calls: stream,
        },
        Form {
            what: "a stream of 50 deltas, client Messages, vendor Chat Completions",
            instructions: "<= 900 k",
            allocations: "<= 400",
            ask: Ask::new(Dialect::Messages, "chat").streamed(),
            calls: stream,
        },
    ];
    let mut rows = Vec::new();
    for form in forms {
        let request = form.ask.bytes();
        let instructions = counted(rig, &["--tool=callgrind"], "Collected :", &request, form.calls).await?;
        let allocations =
            counted(rig, &["--tool=memcheck"], "total heap usage:", &request, form.calls).await?;
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
    rig: &Rig,
    tool: &[&str],
    word: &str,
    request: &Bytes,
    calls: [usize; 2],
) -> Result<f64, Failure> {
    let mut counts = [0.0; 2];
    for (count, calls) in counts.iter_mut().zip(calls) {
        *count = run(rig, tool, word, request, calls).await?;
    }
    Ok((counts[1] - counts[0]) / (calls[1] - calls[0]) as f64)
}

async fn run(rig: &Rig, tool: &[&str], word: &str, request: &Bytes, calls: usize) -> Result<f64, Failure> {
    let forge = rig.another("counts")?;
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
