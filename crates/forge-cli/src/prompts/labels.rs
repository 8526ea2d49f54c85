//! `forge prompts versions`, `label` and `rollback`.

use std::process::ExitCode;

use chrono::Utc;
use forge::{
    LABEL,
    storage::prompts::{LabelMove, PromptStore as _},
};
use serde_json::json;

use super::{
    desk::{self, Desk},
    diff::FILE,
};
use crate::{
    access,
    args::{PromptsLabel, PromptsRollback},
    error::CliError,
    layout,
    terminal::{self, note},
};

/// The label that nobody sets: the newest version.
const LATEST: &str = "latest";

pub(super) fn versions(desk: &Desk, name: &str) -> Result<ExitCode, CliError> {
    let own: Vec<_> = desk.versions.iter().filter(|one| *one.prompt.name == *name).collect();
    if own.is_empty() {
        desk.prompt(name)?;
    }
    let latest = own.last().map(|one| one.number);
    let labels = |number: u32| {
        let set = desk.labels(name).filter(|one| one.version == number).map(|one| one.label.to_string());
        let latest = (latest == Some(number)).then(|| LATEST.to_owned());
        set.chain(latest).collect::<Vec<_>>()
    };
    let moves = moves(desk, name)?;
    if desk.json {
        let versions: Vec<_> = own
            .iter()
            .map(|one| {
                let labels = labels(one.number);
                json!({ "number": one.number, "hash": one.prompt.hash, "first_used": one.first_used, "labels": labels })
            })
            .collect();
        terminal::json(&json!({
            "simulated": desk.simulated, "name": name, "versions": versions,
            "moves": moves.iter().map(|one| json!({
                "label": one.label, "number": one.version, "at": one.at, "by": one.by,
            })).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if own.is_empty() {
        note(desk.quiet, "no version of it was used yet");
        return Ok(ExitCode::SUCCESS);
    }
    let time = |at: chrono::DateTime<Utc>| at.format("%Y-%m-%d %H:%M").to_string();
    let row = |one: &&forge::storage::prompts::PromptVersion| {
        let labels = labels(one.number).join(" ");
        vec![one.number.to_string(), one.prompt.hash.to_string(), time(one.first_used), labels]
    };
    let rows: Vec<_> = own.iter().map(row).collect();
    let mut text = layout::table(&["VERSION", "HASH", "FIRST USED (UTC)", "LABELS"], &[0], &rows);
    if !moves.is_empty() {
        let row = |one: &LabelMove| {
            let by = layout::clean(&one.by).replace(['\n', '\t'], " ");
            vec![time(one.at), by, format!("{}@{}", one.label, one.version)]
        };
        let rows: Vec<_> = moves.iter().map(row).collect();
        text = format!("{text}\n{}", layout::table(&["AT (UTC)", "BY", "LABEL"], &[], &rows));
    }
    terminal::out(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// How the labels of a prompt were moved; nothing where there are no accounts.
fn moves(desk: &Desk, name: &str) -> Result<Vec<LabelMove>, CliError> {
    let store = crate::metrics::open_if_there(desk.simulated);
    let moves = store.map(|store| store.label_history(name)).transpose();
    Ok(moves.map_err(|error| CliError::store(&error))?.unwrap_or_default())
}

pub(super) async fn label(desk: &Desk, args: &PromptsLabel) -> Result<ExitCode, CliError> {
    let name = args.name.as_str();
    let Some((label, at)) = args.to.split_once('@') else {
        return Err(CliError::usage(
            format!("`{}` is no label and version", layout::cut(&args.to, 80)),
            "write for example `production@7`; see `forge prompts versions NAME`",
        ));
    };
    check_label(label)?;
    let store = desk.store()?;
    let number = if at == FILE {
        let text = desk.set.text(desk.prompt(name)?);
        store.keep_prompt(text, Utc::now()).await.map_err(|error| access::storage(&error))?
    } else {
        desk.version(name, at)?.number
    };
    let moved = store.move_label(name, label, Some(number), Utc::now(), &access::by()).await;
    told(desk, name, label, moved.map_err(|error| access::storage(&error))?)
}

pub(super) async fn rollback(desk: &Desk, args: &PromptsRollback) -> Result<ExitCode, CliError> {
    let (name, label) = (args.name.as_str(), args.label.as_str());
    if desk.labels(name).next().is_none() && desk.set.get(name).is_none() {
        return Err(desk::unknown(name, &desk.set));
    }
    let moved = desk.store()?.move_label(name, label, None, Utc::now(), &access::by()).await;
    told(desk, name, label, moved.map_err(|error| access::storage(&error))?)
}

/// Says where a label points now; `None` if it could not be moved.
fn told(desk: &Desk, name: &str, label: &str, moved: Option<u32>) -> Result<ExitCode, CliError> {
    let Some(number) = moved else {
        return Err(CliError::usage(
            format!("`{label}` of `{name}` has stood nowhere else"),
            format!("see `forge prompts versions {name}`"),
        ));
    };
    if desk.json {
        terminal::json(&json!({
            "simulated": desk.simulated, "name": name, "label": label, "number": number,
        }))?;
    }
    note(desk.quiet, &format!("{label} of {name} points to version {number}"));
    let current = desk.set.get(name).and_then(|prompt| desk.number(prompt));
    if label == LABEL && current != Some(number) {
        note(desk.quiet, "sessions use it from now on in place of the file");
    }
    Ok(ExitCode::SUCCESS)
}

/// A label is no number, and those that follow from something else are not set.
fn check_label(label: &str) -> Result<(), CliError> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if [LATEST, FILE, "built-in"].contains(&label) {
        let next = "choose another label, such as `production` or `trial`";
        return Err(CliError::usage(format!("`{label}` is not set by hand"), next));
    }
    let begins = label.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && label.len() <= 40 && label.chars().all(is_letter) {
        return Ok(());
    }
    Err(CliError::usage(
        format!("`{}` cannot be a label", layout::cut(label, 40)),
        "write 1 to 40 letters (a to z), digits, `-`, `_` and `.`, beginning with a letter",
    ))
}
