//! `forge run` and `forge resume`: one document from several models.

mod attend;
mod cast;
mod kept;
mod progress;

use std::{io::Read as _, path::Path, process::ExitCode, sync::Arc, time::Duration};

use chrono::Utc;
use forge::{
    CallId, Journal, JournalError, MemoryJournal, Money, Participant, StreamName, TokenCount,
    layers::TokioTimer,
    session::{
        Cast, Controls, DocumentLabel, Estimate, JsonlJournal, Mode, Observer, OutputType, Parts, Plan,
        PromptError, Prompts, Reference, ReferenceKind, Session, SessionError, SessionResult, Settings, Stop,
        Topic,
    },
};

pub(crate) use self::kept::sessions;
use self::progress::Progress;
use crate::{
    args::{Going, ResultFormat, Resume, Run, RunMode, RunOutput},
    error::CliError,
    setup::{System, Wanted},
    show::{self, note},
    signals::Ends,
};

/// What simulated vendors play in a session, so that a first one shows what happens in a bad minute: the first
/// drafter is overloaded, and one critic is late.
const BAD_MINUTE: &str = "
rules:
  - { vendor: anthropic, nth: '1..3', error: { kind: overloaded } }
  - { vendor: ollama, nth: 1, stall: { before_headers: 1500 } }
";

/// A larger file is no reference but an archive.
const MAX_REFERENCE: u64 = 10 * 1024 * 1024;

/// The session ended with less than it was to give.
const DEGRADED: u8 = 5;

pub(crate) async fn run(run: Run, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let topic = topic(&run)?;
    let system = System::choose(Wanted { scenario: BAD_MINUTE, ..wanted }).await?;
    let settings = settings(&run, &system);
    let plan = Plan {
        cast: cast::of(&system, settings.critics),
        settings,
        simulated: system.is_simulated(),
        ..Plan::new(topic, Cast::default())
    };
    let progress = Progress::new(wanted.quiet, run.going.attended);
    let parts = parts(&system, &run.going, &progress)?;
    if run.dry {
        let estimate = Session::estimate(&parts, &plan).map_err(|error| CliError::session(&error))?;
        return dry(&plan, &estimate, run.going.json);
    }
    let name = fresh_name()?;
    note(wanted.quiet, &format!("session {name}"));
    let session =
        Session::start(parts, name.clone(), plan).await.map_err(|error| CliError::session(&error))?;
    go(session, &name, &run.going, &system, &progress).await
}

pub(crate) async fn resume(resume: Resume, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let name = StreamName::new(&resume.id).map_err(|error| CliError::session(&error.into()))?;
    let system = System::choose(wanted).await?;
    let progress = Progress::new(wanted.quiet, resume.going.attended);
    let mut session = take_up(&system, &resume.going, &progress, &name).await?;
    let mut settings = session.state().plan.settings.clone();
    let changed = resume.force || resume.cycles.is_some() || resume.going.max_cost.is_some();
    if changed {
        settings.cycles = resume.cycles.unwrap_or(settings.cycles);
        settings.caps.money = resume.going.max_cost.or(settings.caps.money);
        settings.attended |= resume.going.attended;
        session.reopen(settings).await.map_err(|error| CliError::session(&error))?;
    }
    go(session, &name, &resume.going, &system, &progress).await
}

/// Takes the session up. The right to write it may still be held by a process that is gone; that process
/// cannot come back, so its place is taken at once.
async fn take_up(
    system: &System,
    going: &Going,
    progress: &Progress,
    name: &StreamName,
) -> Result<Session, CliError> {
    let mut parts = self::parts(system, going, progress)?;
    let held = match Session::resume(parts.clone(), name.clone()).await {
        Err(SessionError::Journal(JournalError::Held { holder, .. })) if is_gone(&holder) => holder,
        outcome => return outcome.map_err(|error| CliError::session(&error)),
    };
    parts.holder = held;
    Session::resume(parts, name.clone()).await.map_err(|error| CliError::session(&error))
}

/// What this process is called in a journal.
fn holder() -> String {
    format!("process {}", std::process::id())
}

/// Whether the process that calls itself so has ended.
fn is_gone(holder: &str) -> bool {
    let Some(id) = holder.strip_prefix("process ").filter(|id| id.bytes().all(|b| b.is_ascii_digit())) else {
        return false;
    };
    // Signal 0 is not sent; it only asks whether it could be.
    let asked =
        std::process::Command::new("kill").args(["-0", id]).stderr(std::process::Stdio::null()).status();
    asked.is_ok_and(|status| !status.success())
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
    deliver(&result, going, progress.quiet)?;
    if result.stop_reason == Some(Stop::UserAborted) {
        let offline = if system.is_simulated() { " --offline" } else { "" };
        note(false, &format!("broken off; go on with: forge resume {name}{offline}"));
        return Ok(130.into());
    }
    Ok(exit_code(&result))
}

async fn obey_interrupts(mut ends: Ends, controls: Controls, progress: Progress) {
    ends.next().await;
    progress.note("coming to an end; interrupt again to stop at once");
    controls.abort();
    ends.next().await;
    std::process::exit(130);
}

fn exit_code(result: &SessionResult) -> ExitCode {
    match (result.label, result.stop_reason) {
        (DocumentLabel::Nothing, _) => 3.into(),
        (_, Some(Stop::Budget)) => 4.into(),
        _ if result.is_degraded() => DEGRADED.into(),
        _ => ExitCode::SUCCESS,
    }
}

fn deliver(result: &SessionResult, going: &Going, quiet: bool) -> Result<(), CliError> {
    if let Some(path) = &going.output {
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => ResultFormat::Json,
            Some("html" | "htm") => ResultFormat::Html,
            _ => ResultFormat::Md,
        };
        std::fs::write(path, rendered(result, format))
            .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
        note(quiet, &format!("wrote {}", path.display()));
    }
    let shown = match (going.json, going.jsonl, &going.output) {
        (true, ..) => show::out(&format!("{}\n", result.to_json())),
        (_, true, _) | (.., Some(_)) => Ok(()),
        _ => show::out(&result.to_markdown()),
    };
    shown.map_err(|error| CliError::stdout(&error))?;
    let total = result.total;
    let unknown = if total.unknown > 0 { " and more of unknown cost" } else { "" };
    note(
        quiet,
        &format!(
            "{} calls, {} tokens in, {} out, {}{unknown}, {:.1} s",
            total.calls,
            total.input,
            total.output,
            total.cost,
            Duration::from_millis(result.wall_ms).as_secs_f64()
        ),
    );
    Ok(())
}

fn rendered(result: &SessionResult, format: ResultFormat) -> String {
    match format {
        ResultFormat::Md => result.to_markdown(),
        ResultFormat::Json => format!("{}\n", result.to_json()),
        ResultFormat::Html => result.to_html(),
    }
}

fn topic(run: &Run) -> Result<Topic, CliError> {
    let text = match (&run.file, run.prompt.as_deref()) {
        (Some(path), _) => read(path)?,
        (None, Some("-")) => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| CliError::failed("standard input is not text", &error))?;
            text
        }
        (None, prompt) => prompt.unwrap_or_default().to_owned(),
    };
    if text.trim().is_empty() {
        return Err(CliError::usage("the prompt is empty", "say what is wanted"));
    }
    let text = text.trim();
    let title = text.lines().next().unwrap_or_default().chars().take(120).collect::<String>();
    let description = if title == text { String::new() } else { text.to_owned() };
    let output = match run.output_type {
        RunOutput::Specification => OutputType::Specification,
        RunOutput::Code => OutputType::Code,
        RunOutput::Documentation => OutputType::Documentation,
        RunOutput::Design => OutputType::Design,
        RunOutput::Freeform => OutputType::Freeform,
    };
    let mut topic = Topic::new(title).with_description(description).with_output(output);
    for constraint in &run.constraints {
        topic = topic.with_constraint(constraint.as_str());
    }
    for path in &run.references {
        let (name, text) = (path.display().to_string(), read(path)?);
        topic = topic.with_reference(Reference { kind: ReferenceKind::File, name, text });
    }
    Ok(topic)
}

fn read(path: &Path) -> Result<String, CliError> {
    let size = std::fs::metadata(path).map_err(|error| CliError::file(path, &error))?.len();
    if size > MAX_REFERENCE {
        let what = format!("{} is larger than {} MiB", path.display(), MAX_REFERENCE / 1024 / 1024);
        return Err(CliError::usage(what, "give the part that matters"));
    }
    let bytes = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
    String::from_utf8(bytes).map_err(|error| CliError::content(path, "text in UTF-8", &error))
}

fn settings(run: &Run, system: &System) -> Settings {
    let written = &system.session;
    let mut settings = Settings {
        mode: match run.mode {
            RunMode::Direct => Mode::Direct,
            RunMode::Review => Mode::Review,
            RunMode::Council => Mode::Council,
        },
        seed: run.source.seed,
        attended: run.going.attended,
        compare: run.compare,
        ..Settings::default()
    };
    settings.critics = run.critics.or(written.critics).unwrap_or(settings.critics);
    settings.required = written.required.unwrap_or(settings.required).min(settings.critics);
    settings.cycles = run.cycles.or(written.cycles).unwrap_or(settings.cycles);
    settings.caps.money = run.going.max_cost.or(system.plan.budget.session.money).or(settings.caps.money);
    settings.caps.tokens = run.max_tokens.or(system.plan.budget.session.tokens).or(settings.caps.tokens);
    settings.caps.time = run.deadline.map(Into::into).or(settings.caps.time);
    settings
}

fn parts(system: &System, going: &Going, progress: &Progress) -> Result<Parts, CliError> {
    let journal = journal(system, going, progress.quiet)?;
    let router: Arc<dyn forge::Provider> = Arc::new(system.router.clone());
    let mut parts = Parts::new(router, journal, Arc::new(TokioTimer), holder()).map_err(wrong_prompt)?;
    if let Some(folder) = going.prompts.as_ref().or(system.session.prompts.as_ref()) {
        parts.prompts = Arc::new(Prompts::from_folder(folder).map_err(wrong_prompt)?);
    }
    let router = system.router.clone();
    let price = move |participant: &Participant, tokens: &TokenCount| -> Option<Money> {
        router.price(participant, tokens)
    };
    let observer: Observer = if going.jsonl { progress::json_lines() } else { progress.observer() };
    let parts = parts.with_prices(Arc::new(price)).with_observer(observer);
    Ok(if going.attended { parts.with_attendant(Arc::new(attend::Terminal)) } else { parts })
}

fn wrong_prompt(error: PromptError) -> CliError {
    CliError::session(&error.into())
}

/// Where the session is written down: a folder if one is named, else the accounts, else memory.
fn journal(system: &System, going: &Going, quiet: bool) -> Result<Arc<dyn Journal>, CliError> {
    if let Some(folder) = &going.journal {
        return Ok(plain_files(folder)?);
    }
    match system.journal() {
        Some(journal) => Ok(journal),
        None => {
            note(quiet, "the session is kept in memory only and cannot be resumed; see `forge doctor`");
            Ok(Arc::new(MemoryJournal::default()))
        }
    }
}

fn plain_files(folder: &Path) -> Result<Arc<JsonlJournal>, CliError> {
    let journal = JsonlJournal::open(folder, Arc::new(TokioTimer));
    Ok(Arc::new(journal.map_err(|error| CliError::session(&error.into()))?))
}

/// A name that sorts by time, such as `20261121-164500-k3f9`.
fn fresh_name() -> Result<StreamName, CliError> {
    let now = Utc::now();
    let mut chance = CallId::new(now).as_u128() & 0xf_ffff;
    let mut letters = String::new();
    for _ in 0..4 {
        let digit = u32::try_from(chance % 36).unwrap_or(0);
        letters.extend(char::from_digit(digit, 36));
        chance /= 36;
    }
    StreamName::new(&format!("{}-{letters}", now.format("%Y%m%d-%H%M%S")))
        .map_err(|error| CliError::session(&error.into()))
}

fn dry(plan: &Plan, estimate: &Estimate, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        let object = serde_json::json!({
            "schema_version": "1.0",
            "simulated": plan.simulated,
            "settings": plan.settings,
            "estimate": estimate,
        });
        show::json(&object).map_err(|error| CliError::stdout(&error))?;
        return Ok(ExitCode::SUCCESS);
    }
    let cells = |stage: String, who: String, likely: forge::Amount, most: forge::Amount| {
        let dollars = |amount: forge::Amount| format!("${:.4}", amount.money.dollars());
        vec![stage, who, likely.tokens.to_string(), dollars(likely), most.tokens.to_string(), dollars(most)]
    };
    let mut rows: Vec<_> = estimate
        .calls
        .iter()
        .map(|call| {
            let who = format!("{}/{}", call.participant.provider_id, call.participant.model);
            cells(call.stage.to_string(), who, call.likely, call.most)
        })
        .collect();
    rows.push(cells("one cycle".into(), String::new(), estimate.likely, estimate.most));
    let headings = ["STAGE", "PARTICIPANT", "TOKENS", "COST", "AT MOST", "COST AT MOST"];
    let mut text = show::table(&headings, &[2, 3, 4, 5], &rows);
    let all = estimate.likely_all_cycles;
    let cycles = estimate.cycles;
    let likely = format!("{} tokens, ${:.4}", all.tokens, all.money.dollars());
    text = format!("{text}likely, if all {cycles} cycles are needed: {likely}\n");
    if !estimate.priced {
        text.push_str("some prices are unknown; the costs above are too low\n");
    }
    let head = if plan.simulated { "SIMULATED\n\n" } else { "" };
    show::out(&format!("{head}{text}")).map_err(|error| CliError::stdout(&error))?;
    Ok(ExitCode::SUCCESS)
}
