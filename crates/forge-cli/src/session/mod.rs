//! `forge run` and `forge resume`: one document from several models.

mod attend;
mod brief;
mod journal;
mod kept;
mod output;
mod progress;

use std::{process::ExitCode, sync::Arc, time::Duration};

use forge::{
    Claim, JournalError, Money, Participant, StreamName, TokenCount,
    layers::TokioTimer,
    session::{Controls, Observer, PromptError, Prompts, Session, SessionDeps, SessionError, Stop},
};

pub(crate) use self::kept::sessions;
use self::progress::Progress;
use crate::{
    args::{Going, Resume, Run},
    error::CliError,
    files,
    setup::{System, Wanted},
    show::note,
    signals::Ends,
};

/// What simulated vendors play in a session, so that a first one shows what happens in a bad minute: the first
/// drafter is overloaded, and one critic is late.
const BAD_MINUTE: &str = "
rules:
  - { vendor: anthropic, nth: '1..3', error: { kind: overloaded } }
  - { vendor: ollama, nth: 1, stall: { before_headers: 1500 } }
";

pub(crate) async fn run(run: Run, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let topic = brief::topic(&run)?;
    run.going.output.as_deref().map(files::check_output).transpose()?;
    let system = System::choose(Wanted { scenario: BAD_MINUTE, ..wanted }).await?;
    let plan = brief::plan(topic, &run, &system);
    let progress = Progress::new(wanted.quiet, run.going.attended);
    let deps = deps(&system, &run.going, &progress)?;
    if run.dry {
        let estimate = Session::estimate(&deps, &plan).map_err(|error| CliError::session(&error))?;
        return output::dry(&plan, &estimate, run.going.json);
    }
    for less in &plan.notes {
        note(wanted.quiet, &format!("warning: {less}"));
    }
    let name = journal::fresh_name()?;
    note(wanted.quiet, &format!("session {name}"));
    let session =
        Session::start(deps, name.clone(), plan).await.map_err(|error| CliError::session(&error))?;
    go(session, &name, &run.going, &system, &progress).await
}

pub(crate) async fn resume(resume: Resume, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let name = StreamName::new(&resume.id).map_err(|error| CliError::session(&error.into()))?;
    resume.going.output.as_deref().map(files::check_output).transpose()?;
    let system = System::choose(wanted).await?;
    let progress = Progress::new(wanted.quiet, resume.going.attended);
    let mut session = take_up(&system, &resume.going, &progress, &name).await?;
    let mut settings = session.state().plan.settings.clone();
    settings.cycles = resume.cycles.unwrap_or(settings.cycles);
    settings.caps.money = resume.going.max_cost.or(settings.caps.money);
    settings.interactive |= resume.going.attended;
    if resume.force || resume.cycles.is_some() || settings != session.state().plan.settings {
        session.reopen(settings).await.map_err(|error| CliError::session(&error))?;
    }
    go(session, &name, &resume.going, &system, &progress).await
}

/// For how long the place of a process that is gone is taken before the session renews it.
const TAKEOVER: Duration = Duration::from_secs(60);

/// Takes the session up. The right to write it may still be held by a process that is gone; its place is taken at
/// once, by its fence, so that of several who try only one goes on and the old one could not write any more.
async fn take_up(
    system: &System,
    going: &Going,
    progress: &Progress,
    name: &StreamName,
) -> Result<Session, CliError> {
    let deps = self::deps(system, going, progress)?;
    let session = match Session::resume(deps.clone(), name.clone()).await {
        Err(SessionError::Journal(JournalError::Held { holder, fence, .. })) if journal::is_gone(&holder) => {
            let claim = Claim::new(&*deps.holder, TAKEOVER).replacing(fence);
            deps.journal.claim(name, &claim).await.map_err(|error| CliError::session(&error.into()))?;
            Session::resume(deps, name.clone()).await
        }
        resumed => resumed,
    };
    let session = session.map_err(|error| CliError::session(&error))?;
    // Whoever else wrote the session writes it no more, and this run has asked nobody yet.
    system.settle_dead(name).await;
    Ok(session)
}

/// Runs the session to its end. The first interrupt ends it cleanly, the second at once.
async fn go(
    session: Session,
    name: &StreamName,
    going: &Going,
    system: &System,
    progress: &Progress,
) -> Result<ExitCode, CliError> {
    let controls = session.controls();
    let interrupts = tokio::spawn(obey_interrupts(Ends::new()?, controls, progress.clone()));
    let result = session.run().await;
    system.close(Duration::from_secs(1)).await;
    interrupts.abort();
    let result = result.map_err(|error| CliError::session(&error))?;
    let offline = if system.is_simulated() { " --offline" } else { "" };
    let kept = going.journal.as_ref().map(|folder| format!(" --journal {}", folder.display()));
    let kept = kept.unwrap_or_default();
    output::deliver(&result, going, progress.quiet)
        .map_err(|error| error.with_next(format!("see `forge sessions export {name}{offline}{kept}`")))?;
    if result.stop_reason == Some(Stop::UserAborted) {
        note(false, &format!("broken off; go on with: forge resume {name}{offline}{kept}"));
        return Ok(130.into());
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

fn deps(system: &System, going: &Going, progress: &Progress) -> Result<SessionDeps, CliError> {
    let journal = journal::open(system, going, progress.quiet)?;
    let router: Arc<dyn forge::Provider> = Arc::new(system.router.clone());
    let mut deps =
        SessionDeps::new(router, journal, Arc::new(TokioTimer), journal::holder()).map_err(wrong_prompt)?;
    if let Some(folder) = going.prompts.as_ref().or(system.session.prompts.as_ref()) {
        deps.prompts = Arc::new(Prompts::from_folder(folder).map_err(wrong_prompt)?);
    }
    let router = system.router.clone();
    let price = move |participant: &Participant, tokens: &TokenCount| -> Option<Money> {
        router.price(participant, tokens)
    };
    let observer: Observer = if going.jsonl { progress::json_lines() } else { progress.observer() };
    let deps = deps.with_configured(forge::configured(&system.router));
    let deps = deps.with_prices(Arc::new(price)).with_observer(observer);
    Ok(if going.attended { deps.with_approver(Arc::new(attend::Terminal)) } else { deps })
}

fn wrong_prompt(error: PromptError) -> CliError {
    CliError::session(&error.into())
}
