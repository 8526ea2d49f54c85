//! What an agent calls to report: one line more in the file of its worker, whatever comes.

use std::{
    io::{self, Read},
    path::PathBuf,
};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    home::{WorkerHome, variable},
    id::WorkerId,
    private,
    process::MARK,
    status::AgentEvent,
};

/// A report is larger only by mistake; what an agent told beside the event is then left out.
const MOST: u64 = 1024 * 1024;

/// The file is put aside at this size, so that no worker fills the disk.
const FULL: u64 = 8 * 1024 * 1024;

/// Appends the report of an agent to the events of the worker that the environment names.
///
/// Agents tell in one of three ways: an object on `input`, an object as last argument, or `--event NAME`. What makes no sense and
/// what belongs to no worker is passed over: an agent must not fail because its report did.
pub fn report(agent: &str, arguments: &[String], input: impl Read, now: DateTime<Utc>) {
    // Nobody is told: whoever calls takes what is printed here for an answer.
    let _ = append(agent, arguments, input, now);
}

fn append(agent: &str, arguments: &[String], input: impl Read, now: DateTime<Utc>) -> io::Result<()> {
    let (Some(id), Some(run)) = (variable("FORGE_WORKER_ID"), variable(MARK)) else { return Ok(()) };
    let Ok(id) = WorkerId::new(id) else { return Ok(()) };
    let payload = payload(arguments, input)?;
    let named = arguments.iter().skip_while(|word| *word != "--event").nth(1).cloned();
    let text = |key: &str| payload.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(event) = named.or_else(|| text("hook_event_name")).or_else(|| text("type")) else {
        return Ok(());
    };
    let event = AgentEvent { at: now, agent: agent.to_owned(), event, run, payload: payload.into() };
    let path = WorkerHome::from_env().worker(&id).events();
    rotate(&path)?;
    private::append(&path, &serde_json::to_string(&event)?)
}

fn payload(arguments: &[String], input: impl Read) -> io::Result<Map<String, Value>> {
    if let Some(argument) = arguments.last().filter(|last| last.starts_with('{')) {
        return Ok(serde_json::from_str(argument)?);
    }
    if arguments.iter().any(|word| word == "--event") {
        return Ok(Map::new());
    }
    let mut text = String::new();
    input.take(MOST).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

fn rotate(path: &PathBuf) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.len() > FULL) {
        std::fs::rename(path, path.with_extension("jsonl.1"))?;
    }
    Ok(())
}
