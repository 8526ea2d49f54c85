//! `forge sessions`: those that are kept.

use std::process::ExitCode;

use forge::{
    Conversation,
    session::{Outcome, SessionResult, SessionSummary, State},
    storage::journal::{Journal, StreamName, Streams},
};
use serde_json::json;

use super::{
    conversations,
    journal::plain_files,
    output::{format_of, rendered},
};
use crate::{
    args::{ResultFormat, SessionsCommand, SessionsExport, SessionsList, SessionsShow, StoreArgs},
    error::CliError,
    files, layout, metrics, terminal,
};

pub(crate) async fn sessions(
    command: SessionsCommand,
    quiet: bool,
    json: bool,
) -> Result<ExitCode, CliError> {
    match command {
        SessionsCommand::Schema => {
            terminal::raw(&SessionResult::schema())?;
            Ok(ExitCode::SUCCESS)
        }
        SessionsCommand::List(args) => list(&args, quiet, json).await,
        SessionsCommand::Show(args) => self::show(&args, json).await,
        SessionsCommand::Export(args) => export(&args, quiet, json).await,
        SessionsCommand::Delete(args) => {
            let name = name(&args.id)?;
            let conversation = conversations::named(&name).await;
            let mut found = false;
            // Ids are unique, so that there is nothing to confuse.
            for store in [Some(metrics::open(args.offline)?), metrics::open_if_there(!args.offline)] {
                if let Some(store) = store.filter(|_| !found) {
                    found = store.delete(&name).await.map_err(|error| CliError::session(&error.into()))?;
                }
            }
            if !found {
                return Err(unknown(&args.id));
            }
            if json {
                terminal::json(&json!({"session": name.as_str(), "deleted": true}))?;
            }
            let what = if conversation.is_some() { "conversation" } else { "session" };
            terminal::note(quiet, &format!("{what} {name} was deleted"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// One that cannot be read is named and does not hide the others.
async fn list(args: &SessionsList, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let store = metrics::open(args.offline)?;
    if args.conversations {
        return conversations::list(&store, args.offline, as_json).await;
    }
    let (sessions, failures) = summaries(&store).await?;
    let shown = if as_json {
        let rows: Vec<_> = sessions
            .iter()
            .map(|one| {
                let object = json!({"session": one.id, "title": one.title, "status": one.status,
                    "started": one.started, "stop_reason": one.stop_reason, "calls": one.calls});
                terminal::with_cost(object, Some(one.cost))
            })
            .collect();
        let errors: Vec<_> = failures.iter().map(CliError::summary).collect();
        terminal::json(&json!({"simulated": args.offline, "sessions": rows, "errors": errors}))
    } else {
        let rows: Vec<_> = sessions
            .iter()
            .map(|one| {
                let status = json!(one.status).as_str().unwrap_or_default().to_owned();
                let cost = format!("${:.4}", one.cost.dollars());
                vec![one.id.clone(), status, one.calls.to_string(), cost, one.title.clone()]
            })
            .collect();
        terminal::out(&layout::table(&["SESSION", "STATUS", "CALLS", "COST", "TITLE"], &[2, 3], &rows))
    };
    shown?;
    for failure in &failures {
        terminal::note(false, failure.to_string().trim_end());
    }
    let beside = conversations::kept(&store).await?.len();
    if beside > 0 {
        terminal::note(quiet, &format!("and {beside} of `forge chat`: with `--conversations`"));
    }
    // A short list may only mean that the other sessions are kept apart.
    if let Some(others) = metrics::open_if_there(!args.offline)
        && let Ok((others, _)) = summaries(&others).await
        && !others.is_empty()
    {
        let (what, how) = if args.offline {
            ("of real models", "without `--offline`")
        } else {
            ("simulated", "with `--offline`")
        };
        terminal::note(quiet, &format!("and {} {what}: {how}", others.len()));
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every session, the latest name first. The journal is read only of one from before sessions had summaries.
pub(crate) async fn summaries<S: Streams + Journal>(
    store: &S,
) -> Result<(Vec<SessionSummary>, Vec<CliError>), CliError> {
    let mut streams = store.list().await.map_err(|error| CliError::session(&error.into()))?;
    streams.sort_by(|one, other| other.name.cmp(&one.name));
    // A process that was killed before it wrote anything leaves a name and nothing else.
    streams.retain(|stream| {
        stream.entries > 0 && !Conversation::is_one(stream) && !conversations::is_workflow(stream)
    });
    let (mut sessions, mut failures) = (Vec::new(), Vec::new());
    for stream in streams {
        let id = stream.name.as_str();
        match stream.summary.and_then(|summary| serde_json::from_value(summary).ok()) {
            Some(summary) => sessions.push(summary),
            None => match read_state(store, id).await {
                Ok(state) => sessions.push(SessionSummary::of(id, &state)),
                Err(error) => failures.push(error),
            },
        }
    }
    Ok((sessions, failures))
}

async fn show(args: &SessionsShow, as_json: bool) -> Result<ExitCode, CliError> {
    if let Some(key) = &args.call {
        let state = state(&args.store, &args.id).await?;
        let text = raw(&state, key)?;
        if as_json {
            let simulated = state.plan.simulated;
            let object = json!({"simulated": simulated, "session": args.id, "call": key, "text": text});
            terminal::json(&object)?;
        } else {
            let head = if state.plan.simulated { "SIMULATED\n\n" } else { "" };
            let end = if text.ends_with('\n') { "" } else { "\n" };
            terminal::out(&format!("{head}{text}{end}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let result = result(&args.store, &args.id).await?;
    let mut parts = serde_json::Map::new();
    for (asked, name, part) in [
        (args.findings, "findings", json!(result.findings)),
        (args.dissents, "dissents", json!(result.dissents)),
        (args.decisions, "decisions", json!({"attendant": result.decisions, "conflicts": result.conflicts})),
        (args.calls, "calls", json!(result.calls)),
    ] {
        if asked {
            parts.insert(name.into(), part);
        }
    }
    if parts.is_empty() {
        if as_json {
            terminal::out(&rendered(&result, ResultFormat::Json))?;
        } else {
            terminal::prose(&result.to_markdown(), args.raw)?;
        }
    } else {
        parts.insert("session".into(), json!(args.id));
        parts.insert("simulated".into(), json!(result.simulated));
        terminal::json(&json!(parts))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(args: &SessionsExport, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let by_name = || args.output.as_deref().map_or(ResultFormat::Md, format_of);
    let format = if as_json { ResultFormat::Json } else { args.format.unwrap_or_else(by_name) };
    args.output.as_deref().map(files::check_output).transpose()?;
    let text = rendered(&result(&args.store, &args.id).await?, format);
    match &args.output {
        None => terminal::out(&text)?,
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
    Ok(text)
}

async fn result(store: &StoreArgs, id: &str) -> Result<SessionResult, CliError> {
    Ok(SessionResult::of(id, &state(store, id).await?))
}

async fn state(store: &StoreArgs, id: &str) -> Result<State, CliError> {
    match &store.journal {
        Some(folder) => read_state(&*plain_files(folder)?, id).await,
        None => match read_state(&metrics::open(store.offline)?, id).await {
            Ok(state) => Ok(state),
            // Ids are unique: one that is not here may be among the others.
            Err(error) => match metrics::open_if_there(!store.offline) {
                // The first error stands: it is about the place that was asked for.
                Some(others) => read_state(&others, id).await.map_err(|_| error),
                None => Err(error),
            },
        },
    }
}

/// The report of a session, for somebody who is asked about it.
pub(crate) async fn report(id: &str) -> Result<String, CliError> {
    let kept = StoreArgs { offline: false, journal: None };
    Ok(result(&kept, id).await?.to_markdown())
}

/// Whether a session is among those of simulated vendors.
pub(super) async fn is_simulated(name: &StreamName) -> bool {
    match metrics::open_if_there(true) {
        Some(store) => store.list().await.is_ok_and(|all| all.iter().any(|one| one.name == *name)),
        None => false,
    }
}

async fn read_state(journal: &dyn Journal, id: &str) -> Result<State, CliError> {
    match State::read(journal, &name(id)?).await {
        Ok(state) => Ok(state),
        Err(error) => Err(conversations::told(&error).await),
    }
}

fn name(id: &str) -> Result<StreamName, CliError> {
    StreamName::new(id).map_err(|error| CliError::session(&error.into()))
}

fn unknown(id: &str) -> CliError {
    CliError::usage(format!("there is no session `{id}`"), "see `forge sessions list`")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use forge::{
        async_trait,
        storage::{
            journal::{Batch, Claim, Entry, Fence, JournalError, StreamInfo},
            memory::MemoryJournal,
        },
    };

    use super::*;

    /// Counts how often entries are read.
    #[derive(Debug, Default)]
    struct Counted {
        inner: MemoryJournal,
        reads: AtomicUsize,
    }

    #[async_trait]
    impl Journal for Counted {
        async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
            self.inner.claim(stream, claim).await
        }

        async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
            self.inner.release(stream, fence).await
        }

        async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
            self.inner.append(stream, fence, batch).await
        }

        async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
            self.reads.fetch_add(1, Relaxed);
            self.inner.read(stream, sequence).await
        }
    }

    #[async_trait]
    impl Streams for Counted {
        async fn list(&self) -> Result<Vec<StreamInfo>, JournalError> {
            self.inner.list().await
        }

        async fn delete(&self, stream: &StreamName) -> Result<bool, JournalError> {
            self.inner.delete(stream).await
        }

        async fn watch(&self, stream: &StreamName, from: u64) -> Result<Vec<Entry>, JournalError> {
            self.inner.watch(stream, from).await
        }
    }

    #[tokio::test]
    async fn two_thousand_sessions_are_listed_without_reading_an_entry_but_of_one_without_a_summary() {
        let store = Counted::default();
        let claim = Claim::new("test", std::time::Duration::from_secs(60));
        for at in 0..2_000 {
            let name = StreamName::new(&format!("s-{at:04}")).unwrap();
            let fence = store.claim(&name, &claim).await.unwrap();
            let summary = SessionSummary::of(name.as_str(), &State::default());
            let batch = Batch::new(0, vec![b"never read".to_vec()]).with_summary(json!(summary));
            store.append(&name, fence, batch).await.unwrap();
        }
        let (sessions, failures) = summaries(&store).await.unwrap();
        assert_eq!((sessions.len(), failures.len()), (2_000, 0));
        assert_eq!((&*sessions[0].id, store.reads.load(Relaxed)), ("s-1999", 0));

        let old = StreamName::new("old").unwrap();
        let fence = store.claim(&old, &claim).await.unwrap();
        store.append(&old, fence, Batch::new(0, vec![b"no session".to_vec()])).await.unwrap();
        let (sessions, failures) = summaries(&store).await.unwrap();
        assert_eq!((sessions.len(), failures.len(), store.reads.load(Relaxed)), (2_000, 1, 1));
    }
}
