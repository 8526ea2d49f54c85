//! Conversations, which are kept beside sessions and are none.

use std::process::ExitCode;

use forge::{
    Conversation,
    session::SessionError,
    storage::journal::{StreamInfo, StreamName, Streams},
};
use serde_json::{Value, json};

use crate::{error::CliError, layout, metrics, terminal};

/// The conversations of a store, the latest name first.
pub(super) async fn kept<S: Streams>(store: &S) -> Result<Vec<StreamInfo>, CliError> {
    let mut streams = store.list().await.map_err(|error| CliError::session(&error.into()))?;
    streams.retain(Conversation::is_one);
    streams.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(streams)
}

/// Lists them.
pub(super) async fn list<S: Streams>(
    store: &S,
    simulated: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let all = kept(store).await?;
    let title =
        |one: &StreamInfo| one.summary.as_ref().map_or(Value::Null, |summary| summary["title"].clone());
    if as_json {
        let rows = all.iter().map(|one| {
            json!({"session": one.name, "title": title(one), "entries": one.entries, "updated": one.updated_at})
        });
        terminal::json(&json!({"simulated": simulated, "conversations": rows.collect::<Vec<_>>()}))?;
    } else {
        let rows = all.iter().map(|one| {
            let title = title(one).as_str().unwrap_or_default().to_owned();
            vec![one.name.to_string(), one.entries.to_string(), title]
        });
        let heads = ["CONVERSATION", "ENTRIES", "TITLE"];
        terminal::out(&layout::table(&heads, &[1], &rows.collect::<Vec<_>>()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How to go on with the conversation of this name; `None` if there is none, of real or of simulated models.
pub(super) async fn named(name: &StreamName) -> Option<String> {
    for simulated in [false, true] {
        let Some(store) = metrics::open_if_there(simulated) else { continue };
        if kept(&store).await.is_ok_and(|all| all.iter().any(|one| one.name == *name)) {
            return Some(format!("forge chat --session {name}{}", if simulated { " --offline" } else { "" }));
        }
    }
    None
}

/// What is said of a session that cannot be read; a conversation is called so.
pub(super) async fn told(error: &SessionError) -> CliError {
    let refused = match error {
        SessionError::Foreign(name) => refuse(name).await.err(),
        _ => None,
    };
    refused.unwrap_or_else(|| CliError::session(error))
}

/// Refuses the name of a conversation or a workflow where that of a session is wanted.
pub(crate) async fn refuse(name: &StreamName) -> Result<(), CliError> {
    if let Some(command) = named(name).await {
        let what = format!("`{name}` is a conversation, not a session");
        return Err(CliError::usage(what, format!("`{command}` goes on with it")));
    }
    for simulated in [false, true] {
        let Some(store) = metrics::open_if_there(simulated) else { continue };
        let all = store.list().await.unwrap_or_default();
        if all.iter().any(|one| one.name == *name && is_workflow(one)) {
            let what = format!("`{name}` is a workflow, not a session");
            let offline = if simulated { " --offline" } else { "" };
            return Err(CliError::usage(what, format!("`forge workflow show {name}{offline}` shows it")));
        }
    }
    Ok(())
}

/// Whether a stream is a workflow, also where workflows cannot be run.
pub(crate) fn is_workflow(stream: &StreamInfo) -> bool {
    stream.summary.as_ref().is_some_and(|summary| summary["kind"] == "workflow")
}
