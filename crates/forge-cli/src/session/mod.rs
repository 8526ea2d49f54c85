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

pub(crate) use self::kept::sessions;
use self::{lines::Lines, progress::Progress};
use crate::{
    args::{Going, Resume, Run, Wanted},
    config,
    error::CliError,
    files,
    setup::Setup,
    show::note,
    signals::Ends,
};

pub(crate) async fn run(run: Run, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let topic = brief::topic(&run, wanted.quiet)?;
    run.going.output.as_deref().map(files::check_output).transpose()?;
    let system = Setup::open(wanted).await?;
    let plan = brief::plan(topic, &run, &system);
    let progress = Progress::new(wanted.quiet, run.going.attended);
    let name = forge::session_name().map_err(|error| CliError::session(&error.into()))?;
    let lines = run.going.jsonl.then(|| Lines::new(name.as_str()));
    let deps = deps(&system, &run.going, &progress, lines.as_ref())?;
    if run.dry {
        let estimate = Session::estimate(&deps, &plan).map_err(|error| CliError::session(&error))?;
        return output::dry(&plan, &estimate, wanted.json);
    }
    for less in &plan.notes {
        note(wanted.quiet, &format!("warning: {less}"));
    }
    note(wanted.quiet, &format!("session {name}"));
    let session =
        Session::start(deps, name.clone(), plan).await.map_err(|error| CliError::session(&error))?;
    go(session, &name, &run.going, &system, (&progress, lines.as_deref(), wanted.json)).await
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
    let mut session = match Session::resume(deps, name.clone()).await {
        Ok(session) => session,
        Err(error) => {
            let error = CliError::session(&error);
            let elsewhere = !system.is_simulated() && kept::is_simulated(&name).await;
            let next = || format!("it is one of simulated vendors: `forge resume {name} --offline`");
            return Err(if elsewhere { error.with_next(next()) } else { error });
        }
    };
    let mut settings = session.state().plan.settings.clone();
    settings.cycles = resume.cycles.unwrap_or(settings.cycles);
    settings.caps.money = resume.going.max_cost.or(settings.caps.money);
    settings.interactive |= resume.going.attended;
    if resume.force || resume.cycles.is_some() || settings != session.state().plan.settings {
        session.reopen(settings).await.map_err(|error| CliError::session(&error))?;
    }
    go(session, &name, &resume.going, &system, (&progress, lines.as_deref(), wanted.json)).await
}

/// Runs the session to its end. The first interrupt ends it cleanly, the second at once.
async fn go(
    session: Session,
    name: &StreamName,
    going: &Going,
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
    Ok(output::exit_code(&result, going.accept))
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
