//! `forge sessions`: those that are kept.

use std::process::ExitCode;

use forge::{
    Journal, StreamName,
    session::{Outcome, SessionResult, State},
};
use serde_json::json;

use super::{journal::plain_files, output::rendered};
use crate::{
    args::{Kept, SessionsCommand, SessionsExport, SessionsList, SessionsShow},
    error::CliError,
    files, metrics, show,
};

pub(crate) async fn sessions(command: SessionsCommand, quiet: bool) -> Result<ExitCode, CliError> {
    match command {
        SessionsCommand::Schema => {
            show::json(&SessionResult::schema())?;
            Ok(ExitCode::SUCCESS)
        }
        SessionsCommand::List(wanted) => list(&wanted).await,
        SessionsCommand::Show(wanted) => self::show(&wanted).await,
        SessionsCommand::Export(wanted) => export(&wanted, quiet).await,
        SessionsCommand::Delete(wanted) => {
            let (store, name) = (metrics::open(wanted.offline)?, name(&wanted.id)?);
            let found = store.delete_stream(&name).map_err(|error| CliError::session(&error.into()))?;
            if !found {
                return Err(unknown(&wanted.id));
            }
            show::note(quiet, &format!("session {name} is gone"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One that cannot be read is named and does not hide the others.
async fn list(wanted: &SessionsList) -> Result<ExitCode, CliError> {
    let store = metrics::open(wanted.offline)?;
    let mut streams = store.streams().map_err(|error| CliError::store(&error))?;
    streams.sort_by(|one, other| other.name.cmp(&one.name));
    // A process that was killed before it wrote anything leaves a name and nothing else.
    streams.retain(|stream| stream.entries > 0);
    let (mut results, mut failures) = (Vec::new(), Vec::new());
    for stream in &streams {
        match read(&store, &stream.name).await {
            Ok(result) => results.push(result),
            Err(error) => failures.push(error),
        }
    }
    let status = |result: &SessionResult| json!(result.status).as_str().unwrap_or_default().to_owned();
    let shown = if wanted.json {
        let rows: Vec<_> = results
            .iter()
            .map(|one| {
                json!({"id": one.session, "title": one.title, "status": one.status, "started": one.started,
                    "stop_reason": one.stop_reason, "cost_nanos": one.total.cost, "calls": one.total.calls})
            })
            .collect();
        show::json(&json!({"schema_version": "1.0", "simulated": wanted.offline, "sessions": rows}))
    } else {
        let rows: Vec<_> = results
            .iter()
            .map(|one| {
                let cost = format!("${:.4}", one.total.cost.dollars());
                vec![one.session.clone(), status(one), one.total.calls.to_string(), cost, one.title.clone()]
            })
            .collect();
        show::out(&show::table(&["SESSION", "STATUS", "CALLS", "COST", "TITLE"], &[2, 3], &rows))
    };
    shown?;
    for failure in &failures {
        show::note(false, failure.to_string().trim_end());
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn show(wanted: &SessionsShow) -> Result<ExitCode, CliError> {
    if let Some(key) = &wanted.call {
        show::out(&raw(&state(&wanted.kept, &wanted.id).await?, key)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let result = result(&wanted.kept, &wanted.id).await?;
    let mut parts = serde_json::Map::new();
    for (asked, name, part) in [
        (wanted.findings, "findings", json!(result.findings)),
        (wanted.dissents, "dissents", json!(result.dissents)),
        (
            wanted.decisions,
            "decisions",
            json!({"attendant": result.decisions, "conflicts": result.conflicts}),
        ),
        (wanted.calls, "calls", json!(result.calls)),
    ] {
        if asked {
            parts.insert(name.into(), part);
        }
    }
    if parts.is_empty() {
        show::out(&result.to_markdown())?;
    } else {
        parts.insert("schema_version".into(), json!("1.0"));
        parts.insert("simulated".into(), json!(result.simulated));
        show::json(&json!(parts))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(wanted: &SessionsExport, quiet: bool) -> Result<ExitCode, CliError> {
    let text = rendered(&result(&wanted.kept, &wanted.id).await?, wanted.format);
    match &wanted.output {
        None => show::out(&text)?,
        Some(path) => files::write(path, &text, quiet)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What the call `key` brought, as it came.
fn raw(state: &State, key: &str) -> Result<String, CliError> {
    let Some((_, call)) = state.calls.iter().find(|(known, _)| known.to_string() == key) else {
        let known: Vec<_> = state.calls.keys().map(ToString::to_string).collect();
        let next = format!("choose one of: {}", known.join(", "));
        return Err(CliError::usage(format!("the session has no call `{key}`"), next));
    };
    let text = match &call.outcome {
        Outcome::Answered(answer) => answer.raw_content.clone(),
        Outcome::Failed(failure) => {
            let attempts = failure.failed.iter().map(|one| {
                format!("\n{}/{}: {}: {}", one.provider, one.model, one.error.describe(), one.message)
            });
            format!(
                "failed: {}: {}{}",
                failure.kind.describe(),
                failure.message,
                attempts.collect::<String>()
            )
        }
        Outcome::Running => "not answered: it is under way, or its run has died".into(),
    };
    let head = if state.plan.simulated { "SIMULATED\n\n" } else { "" };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{head}{text}{end}"))
}

async fn result(kept: &Kept, id: &str) -> Result<SessionResult, CliError> {
    Ok(SessionResult::of(id, &state(kept, id).await?))
}

async fn state(kept: &Kept, id: &str) -> Result<State, CliError> {
    match &kept.journal {
        Some(folder) => read_state(&*plain_files(folder)?, id).await,
        None => read_state(&metrics::open(kept.offline)?, id).await,
    }
}

async fn read(journal: &dyn Journal, id: &str) -> Result<SessionResult, CliError> {
    Ok(SessionResult::of(id, &read_state(journal, id).await?))
}

async fn read_state(journal: &dyn Journal, id: &str) -> Result<State, CliError> {
    State::read(journal, &name(id)?).await.map_err(|error| CliError::session(&error))
}

fn name(id: &str) -> Result<StreamName, CliError> {
    StreamName::new(id).map_err(|error| CliError::session(&error.into()))
}

fn unknown(id: &str) -> CliError {
    CliError::usage(format!("there is no session `{id}`"), "see `forge sessions list`")
}
