//! `forge prompts list` and `forge prompts show`.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use forge::prompt::Prompt;
use serde_json::{Value, json};

use super::desk::Desk;
use crate::{args::PromptsShow, error::CliError, layout, terminal};

pub(super) fn list(desk: &Desk) -> Result<ExitCode, CliError> {
    if desk.json {
        let prompts: Vec<Value> = desk.set.iter().map(|prompt| about(desk, prompt)).collect();
        terminal::json(&json!({ "simulated": desk.simulated, "prompts": prompts }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = desk.set.iter().map(|prompt| row(desk, prompt)).collect();
    terminal::out(&layout::table(&["NAME", "ORIGIN", "VERSION", "LABELS", "FOR"], &[2], &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn row(desk: &Desk, prompt: &Prompt) -> Vec<String> {
    let labels = desk.labels(&prompt.name).map(|one| format!("{}@{}", one.label, one.version));
    vec![
        prompt.name.clone(),
        prompt.origin.to_string(),
        // It has a number from its first use on.
        desk.number(prompt).map_or_else(|| "-".to_owned(), |number| number.to_string()),
        labels.collect::<Vec<_>>().join(" "),
        layout::clean(prompt.front.description.as_deref().unwrap_or_default()).replace('\n', " "),
    ]
}

/// What a program is told of a prompt.
fn about(desk: &Desk, prompt: &Prompt) -> Value {
    let labels: BTreeMap<&str, u32> =
        desk.labels(&prompt.name).map(|one| (&*one.label, one.version)).collect();
    json!({
        "name": prompt.name,
        "origin": prompt.origin,
        "file": prompt.file.path,
        "hash": prompt.version,
        "number": desk.number(prompt),
        "labels": labels,
        "role": prompt.front.role,
        "description": prompt.front.description,
        "variables": prompt.front.properties().map(|(name, _)| name).collect::<Vec<_>>(),
        "required": prompt.front.required().collect::<Vec<_>>(),
        "context": prompt.front.context,
        "includes": prompt.includes,
    })
}

pub(super) fn show(desk: &Desk, args: &PromptsShow) -> Result<ExitCode, CliError> {
    let stored = args.at.as_deref().map(|at| desk.at(&args.name, at)).transpose()?;
    let prompt = match &stored {
        Some(set) => set.get(&args.name).ok_or_else(|| super::desk::unknown(&args.name, set))?,
        None => desk.prompt(&args.name)?,
    };
    if desk.json {
        let mut object = about(desk, prompt);
        object["simulated"] = desk.simulated.into();
        object["text"] = prompt.file.text.as_str().into();
        terminal::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut head = String::new();
    let number = desk.number(prompt).map_or_else(|| "not used yet".to_owned(), |number| number.to_string());
    let _ = writeln!(head, "# {} ({}, {})", prompt.name, prompt.origin, prompt.file.path);
    let _ = writeln!(head, "# version {number}, {}", prompt.version);
    for label in desk.labels(&prompt.name) {
        let _ = writeln!(head, "# {} points to {}", label.label, label.version);
    }
    terminal::note(desk.quiet, head.trim_end());
    terminal::out(&prompt.file.text)?;
    Ok(ExitCode::SUCCESS)
}
