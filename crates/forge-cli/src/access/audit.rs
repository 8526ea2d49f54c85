//! `forge audit`.

use std::process::ExitCode;

use chrono::Utc;
use forge::storage::access::{AuditEntry, AuditLog as _, verify_audit};
use serde_json::{Value, json};

use super::{Desk, allowance::when, storage};
use crate::{
    args::Audit,
    error::CliError,
    layout, metrics,
    terminal::{self, note},
};

pub(crate) async fn run(args: Audit, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let since = args.since.as_deref().map(|text| metrics::time(text, Utc::now())).transpose()?;
    let expect = args.expect.as_deref().map(checked).transpose()?;
    let desk = Desk::open(args.store, quiet, as_json)?;
    // The whole of it, whatever is shown: a chain is checked from its beginning, and its end is the newest hash.
    let all = desk.store.audit(None).await.map_err(|error| storage(&error))?;
    let is_checked = args.verify || expect.is_some();
    let held = if is_checked { Some(verify_audit(&all, expect)) } else { None };
    let held = held.transpose().map_err(|fault| {
        CliError::audit(&fault).with_facts(
            json!({ "simulated": desk.simulated, "number": fault.number(), "entries": all.len() }),
        )
    })?;
    let newest = all.last().map(|entry| entry.hash.clone());
    let count = all.len();
    let shown: Vec<_> =
        all.into_iter().filter(|one| since.is_none_or(|since| one.event.at >= since)).collect();
    if as_json {
        terminal::json(&json!({
            "simulated": desk.simulated,
            "newest": newest,
            "verified": is_checked,
            "expected_at": held.filter(|_| expect.is_some()),
            "entries": shown.iter().map(to_json).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = shown.iter().map(row).collect();
    if !rows.is_empty() {
        let headings = ["NUMBER", "AT (UTC)", "BY", "ACTION", "SUBJECT", "DETAIL"];
        terminal::out(&layout::table(&headings, &[0], &rows))?;
    }
    let Some(newest) = newest else {
        note(quiet, "nothing was done yet");
        return Ok(ExitCode::SUCCESS);
    };
    match held {
        Some(held) if expect.is_some() => {
            let since = count as u64 - held;
            note(
                quiet,
                &format!("the log is whole: {count} entries, {since} of them since the expected hash"),
            );
        }
        Some(_) => note(quiet, &format!("the log is whole: {count} entries")),
        None => {}
    }
    note(quiet, &format!("newest: {newest}"));
    Ok(ExitCode::SUCCESS)
}

/// A hash as `forge audit` prints it.
fn checked(hash: &str) -> Result<&str, CliError> {
    if hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(hash);
    }
    Err(CliError::usage(
        format!("`{}` is not a hash of the log", layout::cut(hash, 64)),
        "write the 64 digits that `forge audit` ended with when you kept them",
    ))
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let event = &entry.event;
    // Each entry has its line, whatever somebody wrote into it.
    let line = |text: &str| layout::clean(text).replace(['\n', '\t'], " ");
    vec![
        entry.number.to_string(),
        when(event.at),
        line(&event.by),
        line(&event.action),
        line(&event.subject),
        line(&event.detail),
    ]
}

fn to_json(entry: &AuditEntry) -> Value {
    let event = &entry.event;
    // An object in any case, as whoever reads it expects.
    let detail = serde_json::from_str::<Value>(&event.detail).ok().filter(Value::is_object);
    let detail = detail.unwrap_or_else(|| json!({ "text": event.detail }));
    json!({
        "number": entry.number,
        "at": event.at,
        "by": event.by,
        "action": event.action,
        "subject": event.subject,
        "detail": detail,
        "hash": entry.hash,
    })
}
