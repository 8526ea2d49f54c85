//! `forge log`: what was asked and answered before. Questions are kept in a file a month, an object a line, that only
//! the user can read; sessions and workflows are in their journals.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::{DateTime, Utc};
use forge::{
    Money,
    session::SessionSummary,
    storage::journal::{StreamName, Streams as _},
};
use serde_json::{Value, json};

use crate::{
    args::Log,
    error::CliError,
    layout, metrics,
    paths::{paths, variable},
    session, terminal,
};

/// Set to `off`, nothing is kept.
const SWITCH: &str = "FORGE_HISTORY";

/// Bytes of a question and of an answer that are kept.
const MOST: usize = 200_000;

/// Columns of a question in a list.
const TITLE: usize = 60;

/// A question that was answered.
pub(crate) struct Question<'a> {
    pub(crate) id: String,
    pub(crate) simulated: bool,
    pub(crate) text: &'a str,
    pub(crate) answer: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) cost: Option<Money>,
}

/// Whether questions are kept.
pub(crate) fn is_on() -> bool {
    variable(SWITCH).is_none_or(|switch| switch != "off")
}

/// Keeps the question. That it cannot is said and changes nothing.
pub(crate) fn keep(question: &Question<'_>, quiet: bool) {
    let Some(folder) = folder() else { return };
    let now = Utc::now();
    let line = json!({
        "version": "1.0",
        "at": now,
        "id": question.id,
        "simulated": question.simulated,
        "question": cut(question.text, MOST),
        "answer": cut(question.answer, MOST),
        "provider": question.provider,
        "model": question.model,
    });
    let line = terminal::with_cost(line, question.cost);
    let path = folder.join(format!("{}.jsonl", now.format("%Y-%m")));
    if let Err(error) = append(&path, &format!("{line}\n")) {
        terminal::note(
            quiet,
            &format!("{} cannot be written, so `forge log` will not show this call: {error}", path.display()),
        );
    }
}

/// One write for a line, so that two processes do not mix theirs.
fn append(path: &Path, line: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    // Questions may hold what nobody else of the machine is to read.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(line.as_bytes())
}

fn folder() -> Option<PathBuf> {
    Some(paths().state?.join("log"))
}

pub(crate) async fn run(args: &Log, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    if args.clear {
        return clear(quiet, as_json);
    }
    if let Some(id) = &args.id {
        return self::show(id, as_json).await;
    }
    let since = args.since.as_deref().map(|text| metrics::time(text, Utc::now())).transpose()?;
    let mut all = questions(since, args.text.as_deref());
    all.extend(sessions(since, args.text.as_deref()).await?);
    all.extend(workflows(since, args.text.as_deref()).await);
    // Times are written in one form, in UTC, so that their texts are in the order of time.
    all.sort_by(|one, other| other["at"].as_str().cmp(&one["at"].as_str()));
    all.truncate(args.limit);
    if as_json {
        terminal::json(&json!({"entries": all}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = all.iter().map(row).collect();
    if rows.is_empty() {
        terminal::note(quiet, "no kept question matches");
        return Ok(ExitCode::SUCCESS);
    }
    terminal::out(&layout::table(&["AT (UTC)", "KIND", "ID", "COST", "QUESTION"], &[3], &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn row(one: &Value) -> Vec<String> {
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let at = text("at").chars().take(16).collect::<String>().replace('T', " ");
    let simulated = if one["simulated"] == true { " (simulated)" } else { "" };
    let cost = one["cost_usd"].as_f64().map_or_else(|| "?".into(), |cost| format!("${cost:.4}"));
    let question = text("question");
    let first = question.lines().next().unwrap_or_default();
    vec![at, format!("{}{simulated}", text("kind")), text("id"), cost, layout::cut(first, TITLE).into_owned()]
}

/// The questions that are kept. A line that cannot be read hides no other.
fn questions(since: Option<DateTime<Utc>>, text: Option<&str>) -> Vec<Value> {
    let Some(folder) = folder() else { return Vec::new() };
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let lines = files.filter_map(|file| File::open(file.path()).ok()).flat_map(|file| {
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok()).collect::<Vec<_>>()
    });
    let fits = |one: &Value| {
        let at = one["at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        let holds = |name: &str| one[name].as_str().is_some_and(|found| holds(found, text));
        at.is_some_and(|at| since.is_none_or(|since| at >= since)) && (holds("question") || holds("answer"))
    };
    lines
        .filter(fits)
        .map(|mut one| {
            one["kind"] = "ask".into();
            one
        })
        .collect()
}

fn holds(found: &str, text: Option<&str>) -> bool {
    text.is_none_or(|text| found.to_lowercase().contains(&text.to_lowercase()))
}

/// The sessions of both stores; their reports are looked into for a text.
async fn sessions(since: Option<DateTime<Utc>>, text: Option<&str>) -> Result<Vec<Value>, CliError> {
    let mut all = Vec::new();
    for simulated in [false, true] {
        let Some(store) = metrics::open_if_there(simulated) else { continue };
        let (found, _) = session::summaries(&store).await?;
        for one in found.into_iter().filter(|one| since.is_none_or(|since| one.started >= Some(since))) {
            // The title first: a report is put together from the whole journal.
            let in_title = holds(&one.title, text);
            if in_title || session::report(&one.id).await.is_ok_and(|report| holds(&report, text)) {
                all.push(entry(&one, simulated));
            }
        }
    }
    Ok(all)
}

fn entry(one: &SessionSummary, simulated: bool) -> Value {
    let object = json!({
        "at": one.started,
        "kind": "run",
        "id": one.id,
        "session": one.id,
        "simulated": simulated,
        "question": one.title,
        "status": one.status,
    });
    terminal::with_cost(object, Some(one.cost))
}

/// The workflows of both stores, by the first line of their tasks.
async fn workflows(since: Option<DateTime<Utc>>, text: Option<&str>) -> Vec<Value> {
    let mut all = Vec::new();
    for simulated in [false, true] {
        let Some(store) = metrics::open_if_there(simulated) else { continue };
        let streams = store.list().await.unwrap_or_default();
        for one in streams.iter().filter(|one| session::is_workflow(one)) {
            let Some(summary) = &one.summary else { continue };
            let at = summary["started"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
            let title = summary["title"].as_str().unwrap_or_default();
            if at.is_none_or(|at| since.is_some_and(|since| at < since)) || !holds(title, text) {
                continue;
            }
            let object = json!({
                "at": at,
                "kind": "workflow",
                "id": one.name,
                "simulated": simulated,
                "question": title,
                "status": summary["stage"],
            });
            let cost = summary["cost_nano_usd"].as_u64().map(Money::from_nanos);
            all.push(terminal::with_cost(object, cost));
        }
    }
    all
}

async fn show(id: &str, as_json: bool) -> Result<ExitCode, CliError> {
    if let Some(one) = questions(None, None).into_iter().find(|one| one["id"] == id) {
        if as_json {
            terminal::json(&one)?;
            return Ok(ExitCode::SUCCESS);
        }
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let head = if one["simulated"] == true { "SIMULATED\n\n" } else { "" };
        let (question, answer) = (text("question"), text("answer"));
        let who = format!("{}/{}", text("provider"), text("model"));
        terminal::out(&format!(
            "{head}> {}\n\n{answer}\n\n({who}, {})\n",
            question.trim().replace('\n', "\n> "),
            text("at")
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Ok(name) = StreamName::new(id) {
        session::refuse(&name).await?;
    }
    let report = session::report(id).await.map_err(|error| error.with_next("see `forge log`"))?;
    if as_json {
        terminal::json(&json!({"id": id, "session": id, "kind": "run", "answer": report}))?;
    } else {
        terminal::prose(&report, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn clear(quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let Some(folder) = folder() else { return Ok(ExitCode::SUCCESS) };
    let count = questions(None, None).len();
    if folder.exists() {
        let failed = |error| CliError::failed(format!("{} cannot be removed", folder.display()), &error);
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    if as_json {
        terminal::json(&json!({"forgotten": count}))?;
    }
    terminal::note(quiet, &format!("{count} questions were deleted; with `{SWITCH}=off` none is kept"));
    Ok(ExitCode::SUCCESS)
}

/// The text up to so many bytes, whole characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
