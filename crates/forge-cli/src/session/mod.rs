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
    session::{Controls, PromptError, Prompts, Session, SessionDeps, Stop},
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
    let name = StreamName::new(&resume.id).map_err(|error| CliError::session(&error.into()))?;
    resume.going.output.as_deref().map(files::check_output).transpose()?;
    let mut system = Setup::open(wanted).await?;
    if let Some(most) = resume.going.max_cost {
        system.allow_session(most).map_err(config::refused)?;
    }
    let progress = Progress::new(wanted.quiet, resume.going.attended);
    let lines = resume.going.jsonl.then(|| Lines::new(name.as_str()));
    let deps = deps(&system, &resume.going, &progress, lines.as_ref())?;
    let mut session = taken_up(deps, &name, &system).await?;
    let mut settings = session.state().plan.settings.clone();
    settings.cycles = resume.cycles.unwrap_or(settings.cycles);
    settings.caps.money = resume.going.max_cost.or(settings.caps.money);
    settings.interactive |= resume.going.attended;
    if resume.force || resume.cycles.is_some() || settings != session.state().plan.settings {
        session.reopen(settings).await.map_err(|error| CliError::session(&error))?;
    }
    go(session, &name, (&resume.going, None), &system, (&progress, lines.as_deref(), wanted.json)).await
}

pub(crate) async fn follow(follow: Follow, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let name = StreamName::new(&follow.id).map_err(|error| CliError::session(&error.into()))?;
    follow.going.output.as_deref().map(files::check_output).transpose()?;
    let text = if follow.text == "-" { files::standard_input()? } else { follow.text };
    if text.trim().is_empty() {
        return Err(CliError::usage(
            "there is nothing to follow up on",
            "say what the session has to do as well",
        ));
    }
    let mut system = Setup::open(wanted).await?;
    if let Some(most) = follow.going.max_cost {
        system.allow_session(most).map_err(config::refused)?;
    }
    let progress = Progress::new(wanted.quiet, follow.going.attended);
    let lines = follow.going.jsonl.then(|| Lines::new(name.as_str()));
    let deps = deps(&system, &follow.going, &progress, lines.as_ref())?;
    let mut session = taken_up(deps, &name, &system).await?;
    if session.state().stopped.is_none() {
        let next = format!("bring it to its end first: `forge resume {name}`");
        return Err(CliError::usage(format!("session {name} has not ended"), next));
    }
    session.follow(text.trim()).await.map_err(|error| {
        let next = format!("take its document further: `forge sessions export {name} --format document -o draft.txt`, then `forge run --draft draft.txt`");
        CliError::session(&error).with_next(next)
    })?;
    go(session, &name, (&follow.going, None), &system, (&progress, lines.as_deref(), wanted.json)).await
}

/// The session as an earlier run left it.
async fn taken_up(deps: SessionDeps, name: &StreamName, system: &Setup) -> Result<Session, CliError> {
    match Session::resume(deps, name.clone()).await {
        Ok(session) => Ok(session),
        Err(error) => {
            let error = CliError::session(&error);
            let elsewhere = !system.is_simulated() && kept::is_simulated(name).await;
            let next = || "it is one of simulated vendors: add `--offline`".to_owned();
            Err(if elsewhere { error.with_next(next()) } else { error })
        }
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
