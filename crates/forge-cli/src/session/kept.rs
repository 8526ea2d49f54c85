//! `forge sessions`: those that are kept.

use std::process::ExitCode;

use forge::{
    Journal, StreamName,
    session::{SessionResult, State},
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

async fn result(kept: &Kept, id: &str) -> Result<SessionResult, CliError> {
    match &kept.journal {
        Some(folder) => read(&*plain_files(folder)?, id).await,
        None => read(&metrics::open(kept.offline)?, id).await,
    }
}

async fn read(journal: &dyn Journal, id: &str) -> Result<SessionResult, CliError> {
    let name = name(id)?;
    let state = State::read(journal, &name).await.map_err(|error| CliError::session(&error))?;
    Ok(SessionResult::of(name.as_str(), &state))
}

fn name(id: &str) -> Result<StreamName, CliError> {
    StreamName::new(id).map_err(|error| CliError::session(&error.into()))
}

fn unknown(id: &str) -> CliError {
    CliError::usage(format!("there is no session `{id}`"), "see `forge sessions list`")
}
