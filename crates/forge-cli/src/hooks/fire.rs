//! `forge hooks fire`: an event that is none, to try what hooks say.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use forge::{
    agent::hook::{HookDecision, HookEvent, HookInput, HookManager, HookOutcome, HookRun},
    config::nearest,
};
use serde_json::{Map, Value, json};

use super::clean;
use crate::{args::HooksFire, error::CliError, terminal};

/// Bytes of an input that are read.
const MOST_INPUT: u64 = 16 << 20;

pub(super) async fn run(
    hooks: &HookManager,
    args: &HooksFire,
    folder: PathBuf,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let event: HookEvent = args.event.parse().map_err(|()| unknown(&args.event))?;
    let mut input = args.input.as_deref().map(read).transpose()?.unwrap_or_default();
    if input.cwd.as_os_str().is_empty() {
        input.cwd = folder;
    }
    let outcome = hooks.fire(event, &input).await;
    if as_json {
        terminal::json(&form(event, &outcome))?;
    } else {
        tell(event, &outcome, quiet)?;
    }
    let is_allowed = outcome.decision == HookDecision::Allow;
    Ok(if is_allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn unknown(event: &str) -> CliError {
    let names = || HookEvent::ALL.iter().map(|event| event.name());
    let next = nearest(event, names()).map_or_else(
        || format!("choose one of: {}", names().collect::<Vec<_>>().join(", ")),
        |name| format!("did you mean `{name}`?"),
    );
    CliError::usage(format!("there is no event `{event}`"), next)
}

fn read(path: &Path) -> Result<HookInput, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MOST_INPUT).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MOST_INPUT).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::file(path, &error))?;
    let fields: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| CliError::content(path, "a JSON object", &error))?;
    HookInput::read(fields).map_err(|wrong| {
        CliError::usage(format!("{}: {wrong}", path.display()), "docs/hooks.md says what a hook is told")
    })
}

/// What a program is told of the outcome.
fn form(event: HookEvent, outcome: &HookOutcome) -> Value {
    let run = |run: &HookRun| {
        let (decision, reason) = words(&run.decision);
        let exit = run.exit.map(|exit| exit.to_string());
        json!({ "name": run.name, "origin": run.origin, "duration_ms": terminal::millis(run.took), "exit": exit,
            "decision": decision, "reason": reason })
    };
    let (decision, reason) = words(&outcome.decision);
    json!({
        "event": event,
        "decision": decision,
        "reason": reason,
        "is_over": outcome.is_over,
        "context": outcome.context,
        "warnings": outcome.warnings,
        "runs": outcome.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn words(decision: &HookDecision) -> (&'static str, Option<&str>) {
    match decision {
        HookDecision::Allow => ("allow", None),
        HookDecision::Ask { reason } => ("ask", Some(reason)),
        HookDecision::Deny { reason } => ("deny", Some(reason)),
    }
}

fn tell(event: HookEvent, outcome: &HookOutcome, quiet: bool) -> Result<(), CliError> {
    for run in &outcome.runs {
        let exit = run.exit.map(|exit| format!(" {exit}")).unwrap_or_default();
        let text = format!("{} ({}){exit} after {} ms", run.name, run.origin, terminal::millis(run.took));
        terminal::note(quiet, &clean(&text));
    }
    outcome.warnings.iter().for_each(|warning| terminal::note(quiet, &clean(&format!("warning: {warning}"))));
    outcome
        .context
        .iter()
        .for_each(|text| terminal::note(quiet, &clean(&format!("the model is told: {text}"))));
    let said = match (&outcome.decision, outcome.runs.is_empty()) {
        (HookDecision::Allow, true) => format!("{event}: allow; no hook is meant"),
        (HookDecision::Allow, false) => format!("{event}: allow"),
        (HookDecision::Ask { reason }, _) => format!("{event}: ask; {reason}"),
        (HookDecision::Deny { reason }, _) if outcome.is_over => format!("{event}: deny, and stop; {reason}"),
        (HookDecision::Deny { reason }, _) => format!("{event}: deny; {reason}"),
    };
    terminal::out(&format!("{}\n", clean(&said)))
}
