//! `forge run` and `forge resume`: one document from several models.

mod attend;
mod brief;
mod journal;
mod kept;
mod lines;
mod output;
mod progress;

use std::{process::ExitCode, sync::Arc, time::Duration};

use forge::{
    StreamName,
    durable::LocalLocks,
    session::{Controls, PromptError, Prompts, Session, SessionDeps, SessionError, Settings, Stop},
};
use serde_json::json;

pub(crate) use self::kept::{report, sessions, summaries};
use self::{brief::Brief, lines::Lines, progress::Progress};
use crate::{
    args::{FailOn, Follow, Going, Resume, Review, Run, Wanted},
    config,
    error::CliError,
    files,
    setup::Setup,
    show::note,
    signals::Ends,
};

pub(crate) async fn run(run: Run, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let brief = Brief::of_run(&run, wanted.quiet)?;
    begin(brief, run.matter.dry, &run.going, None, wanted).await
}

pub(crate) async fn review(review: Review, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let brief = Brief::of_review(&review, wanted.quiet)?;
    begin(brief, review.matter.dry, &review.going, review.fail_on, wanted).await
}

async fn begin(
    brief: Brief<'_>,
    dry: bool,
    going: &Going,
    fail_on: Option<FailOn>,
    wanted: Wanted<'_>,
) -> Result<ExitCode, CliError> {
    going.output.as_deref().map(files::check_output).transpose()?;
    let system = Setup::open(wanted).await?;
    let plan = brief::plan(brief, &system);
    let progress = Progress::new(wanted.quiet, going.attended);
    let name = forge::session_name().map_err(|error| CliError::session(&error.into()))?;
    let lines = going.jsonl.then(|| Lines::new(name.as_str()));
    let deps = deps(&system, going, &progress, lines.as_ref())?;
    if dry {
        let estimate = Session::estimate(&deps, &plan).map_err(|error| CliError::session(&error))?;
        return output::dry(&plan, &estimate, wanted.json);
    }
    for less in &plan.notes {
        note(wanted.quiet, &format!("warning: {less}"));
    }
    note(wanted.quiet, &format!("session {name}"));
    let session =
        Session::start(deps, name.clone(), plan).await.map_err(|error| CliError::session(&error))?;
    go(session, &name, (going, fail_on), &system, (&progress, lines.as_deref(), wanted.json)).await
}

pub(crate) async fn resume(resume: Resume, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let mut taken_up = TakenUp::open(&resume.id, &resume.going, wanted).await?;
    let settings = &mut taken_up.settings;
    settings.cycles = resume.cycles.unwrap_or(settings.cycles);
    let is_new = *settings != taken_up.session.state().plan.settings;
    if resume.force || resume.cycles.is_some() || is_new {
        let reopened = taken_up.session.reopen(taken_up.settings.clone()).await;
        reopened.map_err(|error| CliError::session(&error))?;
    }
    Box::pin(taken_up.go(&resume.going, wanted.json)).await
}

pub(crate) async fn follow(follow: Follow, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let text = if follow.text == "-" { files::standard_input()? } else { follow.text };
    if text.trim().is_empty() {
        return Err(CliError::usage(
            "there is nothing to follow up on",
            "say what the session has to do as well",
        ));
    }
    let mut taken_up = TakenUp::open(&follow.id, &follow.going, wanted).await?;
    let name = &taken_up.name;
    if taken_up.session.state().stopped.is_none() {
        let next = format!("bring it to its end first: `forge resume {name}`");
        return Err(CliError::usage(format!("session {name} has not ended"), next));
    }
    let followed = taken_up.session.follow(text.trim(), taken_up.settings.clone()).await;
    followed.map_err(|error| {
        let next = format!(
            "take its document further: `forge sessions export {name} --format document -o draft.txt`, then `forge run \
             --draft draft.txt`"
        );
        let failure = CliError::session(&error);
        if matches!(error, SessionError::Plan(_)) { failure.with_next(next) } else { failure }
    })?;
    Box::pin(taken_up.go(&follow.going, wanted.json)).await
}

/// A session as an earlier run left it, and what it goes on with.
struct TakenUp {
    name: StreamName,
    system: Setup,
    progress: Progress,
    lines: Option<Arc<Lines>>,
    session: Session,
    /// Its settings, with what the user says of this run.
    settings: Settings,
}

impl TakenUp {
    async fn open(id: &str, going: &Going, wanted: Wanted<'_>) -> Result<Self, CliError> {
        let name = StreamName::new(id).map_err(|error| CliError::session(&error.into()))?;
        going.output.as_deref().map(files::check_output).transpose()?;
        let mut system = Setup::open(wanted).await?;
        if let Some(most) = going.max_cost {
            system.allow_session(most).map_err(config::refused)?;
        }
        let progress = Progress::new(wanted.quiet, going.attended);
        let lines = going.jsonl.then(|| Lines::new(name.as_str()));
        let deps = deps(&system, going, &progress, lines.as_ref())?;
        let session = match Session::resume(deps, name.clone()).await {
            Ok(session) => session,
            Err(error) => {
                let error = CliError::session(&error);
                let elsewhere = !system.is_simulated() && kept::is_simulated(&name).await;
                let next = "it is one of simulated vendors: add `--offline`";
                return Err(if elsewhere { error.with_next(next) } else { error });
            }
        };
        let mut settings = session.state().plan.settings.clone();
        settings.caps.money = going.max_cost.or(settings.caps.money);
        settings.interactive |= going.attended;
        Ok(Self { name, system, progress, lines, session, settings })
    }

    async fn go(self, going: &Going, as_json: bool) -> Result<ExitCode, CliError> {
        let Self { name, system, progress, lines, session, .. } = self;
        go(session, &name, (going, None), &system, (&progress, lines.as_deref(), as_json)).await
    }
}

/// Runs the session to its end. The first interrupt ends it cleanly, the second at once.
async fn go(
    session: Session,
    name: &StreamName,
    (going, fail_on): (&Going, Option<FailOn>),
    system: &Setup,
    (progress, lines, as_json): (&Progress, Option<&Lines>, bool),
) -> Result<ExitCode, CliError> {
    let controls = session.controls();
    let interrupts = tokio::spawn(obey_interrupts(Ends::new()?, controls, progress.clone()));
    let result = session.run().await;
    system.close(Duration::from_secs(1)).await;
    interrupts.abort();
    let of_session = |error: CliError| error.with_facts(json!({"session": name.as_str()}));
    let result = result.map_err(|error| of_session(CliError::session(&error)))?;
    let offline = if system.is_simulated() { " --offline" } else { "" };
    let kept = going.journal.as_ref().map(|folder| format!(" --journal {}", folder.display()));
    let kept = kept.unwrap_or_default();
    output::deliver(&result, going, as_json, progress.quiet)
        .and_then(|()| lines.map_or(Ok(()), |lines| lines.end(&result)))
        .map_err(|error| {
            of_session(error.with_next(format!("see `forge sessions export {name}{offline}{kept}`")))
        })?;
    let next = format!("forge resume {name}{offline}{kept}");
    match (result.stop_reason, &result.held) {
        (Some(Stop::UserAborted), _) => {
            note(false, &format!("broken off; go on with: {next}"));
            return Ok(130.into());
        }
        (Some(Stop::Budget), _) => note(false, &format!("go on with: {next} --max-cost USD")),
        (None, Some(_)) => note(false, &format!("paused; when there is room, go on with: {next}")),
        _ => {}
    }
    Ok(output::exit_code(&result, going.accept, fail_on))
}

async fn obey_interrupts(mut ends: Ends, controls: Controls, progress: Progress) {
    ends.next().await;
    progress.note("coming to an end; interrupt again to stop at once");
    controls.abort();
    ends.next().await;
    std::process::exit(130);
}

fn deps(
    system: &Setup,
    going: &Going,
    progress: &Progress,
    lines: Option<&Arc<Lines>>,
) -> Result<SessionDeps, CliError> {
    let mut deps = system.session_deps().map_err(config::refused)?;
    deps.journal = journal::open(system, going, progress.quiet)?;
    if let Some(folder) = &going.journal {
        deps.locks = Some(Arc::new(LocalLocks::new(folder)));
    }
    if let Some(folder) = &going.prompts {
        deps.prompts = Arc::new(Prompts::from_folder(folder).map_err(wrong_prompt)?);
    }
    let deps = deps.with_observer(lines.map_or_else(|| progress.observer(), |lines| lines.observer()));
    Ok(if going.attended { deps.with_approver(Arc::new(attend::Terminal)) } else { deps })
}

fn wrong_prompt(error: PromptError) -> CliError {
    CliError::session(&error.into())
}
