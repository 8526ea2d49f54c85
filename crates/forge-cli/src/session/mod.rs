//! `forge run` and `forge resume`: one document from several models.

mod conversations;
mod interactive;
mod journal;
mod jsonl;
mod output;
pub(crate) mod progress;
mod request;
mod stored;

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use forge::{
    SessionRequest,
    durable::LocalLocks,
    session::{Controls, Observer, PromptError, Prompts, Session, SessionDeps, SessionError, Settings, Stop},
    storage::journal::StreamName,
};
use serde_json::json;

pub(crate) use self::{
    conversations::{is_workflow, refuse},
    stored::{report, sessions, summaries},
};
use self::{jsonl::JsonLines, progress::Progress};
use crate::{
    args::{FailOn, Follow, GlobalArgs, Resume, Review, Run, SessionArgs},
    config,
    error::CliError,
    files,
    setup::Setup,
    signals::Interrupts,
    terminal::note,
};

pub(crate) async fn run(run: Run, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let request = request::of_run(&run, args.quiet)?;
    Box::pin(begin(request, run.topic.dry, &run.session, None, args)).await
}

/// Judges a document.
pub(crate) async fn review(path: &Path, review: &Review, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let request = request::of_review(path, review, args.quiet)?;
    Box::pin(begin(request, review.topic.dry, &review.session, review.fail_on, args)).await
}

async fn begin(
    request: SessionRequest,
    dry: bool,
    session_args: &SessionArgs,
    fail_on: Option<FailOn>,
    args: GlobalArgs<'_>,
) -> Result<ExitCode, CliError> {
    // Before anything is sent: a result is paid for whether or not it can be written.
    session_args.output.as_deref().map(files::check_output).transpose()?;
    let system = Setup::open(args).await?;
    let plan = system.plan_session(request);
    let progress = Progress::new(args.quiet, session_args.attended);
    let name = forge::session_name().map_err(|error| CliError::session(&error.into()))?;
    let lines = session_args.jsonl.then(|| JsonLines::new(name.as_str()));
    let deps = deps(&system, session_args, &progress, lines.as_ref().map(|lines| lines.observer()))?;
    if dry {
        let estimate = Session::estimate(&deps, &plan).map_err(|error| CliError::session(&error))?;
        return output::dry(&plan, &estimate, args.json);
    }
    let deps = assigned(&system, session_args, deps, &name, args.quiet);
    for less in &plan.notes {
        note(args.quiet, &format!("warning: {less}"));
    }
    // The name comes before the first call, so that a run that is killed can be resumed.
    note(args.quiet, &format!("session {name}"));
    let session =
        Session::start(deps, name.clone(), plan).await.map_err(|error| CliError::session(&error))?;
    go(session, &name, (session_args, fail_on), &system, (&progress, lines.as_deref(), args.json)).await
}

pub(crate) async fn resume(resume: Resume, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let mut continuation = Continuation::open(&resume.id, &resume.session, args).await?;
    let settings = &mut continuation.settings;
    settings.cycles = resume.cycles.unwrap_or(settings.cycles);
    let is_new = *settings != continuation.session.state().plan.settings;
    // A plain resume changes nothing: it goes on under the settings of the run before.
    if resume.force || resume.cycles.is_some() || is_new {
        let reopened = continuation.session.reopen(continuation.settings.clone()).await;
        reopened.map_err(|error| CliError::session(&error))?;
    }
    Box::pin(continuation.go(&resume.session, args.json)).await
}

pub(crate) async fn follow(follow: Follow, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let text = if follow.text == "-" { files::standard_input()? } else { follow.text };
    if text.trim().is_empty() {
        return Err(CliError::usage("the text is empty", "say what the session should do next"));
    }
    let mut continuation = Continuation::open(&follow.id, &follow.session, args).await?;
    let name = &continuation.name;
    if continuation.session.state().stopped.is_none() {
        let next = format!("finish it first: `forge resume {name}`");
        return Err(CliError::usage(format!("session {name} has not ended"), next));
    }
    let followed = continuation.session.follow(text.trim(), continuation.settings.clone()).await;
    followed.map_err(|error| {
        let next = format!(
            "to go on from its document: `forge sessions export {name} --format document -o draft.txt`, then `forge run \
             --draft draft.txt`"
        );
        let failure = CliError::session(&error);
        if matches!(error, SessionError::Plan(_)) { failure.with_next(next) } else { failure }
    })?;
    Box::pin(continuation.go(&follow.session, args.json)).await
}

/// A session as an earlier run left it, and what it goes on with.
struct Continuation {
    name: StreamName,
    system: Setup,
    progress: Progress,
    lines: Option<Arc<JsonLines>>,
    session: Session,
    /// Its settings, with what the user says of this run.
    settings: Settings,
}

impl Continuation {
    async fn open(id: &str, session_args: &SessionArgs, args: GlobalArgs<'_>) -> Result<Self, CliError> {
        let name = StreamName::new(id).map_err(|error| CliError::session(&error.into()))?;
        session_args.output.as_deref().map(files::check_output).transpose()?;
        let mut system = Setup::open(args).await?;
        if let Some(most) = session_args.max_cost {
            system.allow_session(most).map_err(config::refused)?;
        }
        let progress = Progress::new(args.quiet, session_args.attended);
        let lines = session_args.jsonl.then(|| JsonLines::new(name.as_str()));
        let deps = deps(&system, session_args, &progress, lines.as_ref().map(|lines| lines.observer()))?;
        let deps = assigned(&system, session_args, deps, &name, args.quiet);
        let session = match Session::resume(deps, name.clone()).await {
            Ok(session) => session,
            Err(error) => {
                let is_unknown = matches!(error, SessionError::Unknown(_));
                let error = conversations::told(&error).await;
                let elsewhere = is_unknown && !system.is_simulated() && stored::is_simulated(&name).await;
                let next = "it ran on simulated vendors: add `--offline`";
                return Err(if elsewhere { error.with_next(next) } else { error });
            }
        };
        let mut settings = session.state().plan.settings.clone();
        settings.caps.money = session_args.max_cost.or(settings.caps.money);
        settings.interactive |= session_args.attended;
        Ok(Self { name, system, progress, lines, session, settings })
    }

    async fn go(self, session_args: &SessionArgs, as_json: bool) -> Result<ExitCode, CliError> {
        let Self { name, system, progress, lines, session, .. } = self;
        go(session, &name, (session_args, None), &system, (&progress, lines.as_deref(), as_json)).await
    }
}

/// Runs the session to its end. The first interrupt ends it cleanly, the second at once.
async fn go(
    session: Session,
    name: &StreamName,
    (session_args, fail_on): (&SessionArgs, Option<FailOn>),
    system: &Setup,
    (progress, lines, as_json): (&Progress, Option<&JsonLines>, bool),
) -> Result<ExitCode, CliError> {
    let controls = session.controls();
    let interrupts = tokio::spawn(handle_interrupts(Interrupts::new()?, controls, progress.clone()));
    let result = session.run().await;
    // Before the result is written, so that the accounts are whole whatever becomes of stdout.
    system.close(Duration::from_secs(1)).await;
    interrupts.abort();
    let of_session = |error: CliError| error.with_facts(json!({"session": name.as_str()}));
    let result = result.map_err(|error| of_session(CliError::session(&error)))?;
    let offline = if system.is_simulated() { " --offline" } else { "" };
    let kept = session_args.journal.as_ref().map(|folder| format!(" --journal {}", folder.display()));
    let kept = kept.unwrap_or_default();
    // The journal has the result, so that a failure here can say where it is to be had.
    output::deliver(&result, session_args, as_json, progress.quiet)
        .and_then(|()| lines.map_or(Ok(()), |lines| lines.end(&result)))
        .map_err(|error| {
            of_session(error.with_next(format!("see `forge sessions export {name}{offline}{kept}`")))
        })?;
    let next = format!("forge resume {name}{offline}{kept}");
    match (result.stop_reason, &result.held) {
        (Some(Stop::UserAborted), _) => {
            note(false, &format!("aborted; continue with: {next}"));
            // The code of an interrupt, also where the user has answered `abort`.
            return Ok(130.into());
        }
        (Some(Stop::Budget), _) => note(false, &format!("continue with: {next} --max-cost USD")),
        (None, Some(_)) => note(false, &format!("paused; when the budget has room, continue with: {next}")),
        _ => {}
    }
    Ok(output::exit_code(&result, session_args.accept, fail_on))
}

async fn handle_interrupts(mut interrupts: Interrupts, controls: Controls, progress: Progress) {
    interrupts.next().await;
    progress.note("ending the session; interrupt again to stop at once");
    controls.abort();
    // The first one lets the session come to an end in order, which a silent vendor may hold up.
    interrupts.next().await;
    // What is done is in the journal, so that nothing is lost but the calls under way.
    std::process::exit(130);
}

/// What the sessions of a command run on.
pub(crate) fn deps(
    system: &Setup,
    session_args: &SessionArgs,
    progress: &Progress,
    observer: Option<Observer>,
) -> Result<SessionDeps, CliError> {
    let mut deps = system.session_deps().map_err(config::refused)?;
    deps.journal = journal::open(system, session_args, progress.quiet)?;
    if let Some(folder) = &session_args.journal {
        // Locks lie beside the journal that they guard, where every other run looks for them.
        deps.locks = Some(Arc::new(LocalLocks::new(folder)));
    }
    if let Some(folder) = &session_args.prompts {
        deps.prompts = Arc::new(Prompts::from_folder(folder).map_err(wrong_prompt)?);
    }
    let deps = deps.with_observer(observer.unwrap_or_else(|| progress.observer()));
    Ok(if session_args.attended { deps.with_approver(Arc::new(interactive::Terminal)) } else { deps })
}

/// The versions of prompts that labels and experiments choose for a session, unless the command line says what is used.
fn assigned(
    system: &Setup,
    session_args: &SessionArgs,
    deps: SessionDeps,
    name: &StreamName,
    quiet: bool,
) -> SessionDeps {
    if session_args.prompts.is_some() {
        return deps;
    }
    let (deps, warnings) = system.assigned(deps, name);
    for warning in &warnings {
        note(quiet, &format!("warning: {warning}"));
    }
    deps
}

fn wrong_prompt(error: PromptError) -> CliError {
    CliError::session(&error.into())
}
