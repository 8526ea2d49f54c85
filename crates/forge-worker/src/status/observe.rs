//! Facts before guesses: what the kernel and the shim know, then what the agent has reported, then its title, then its screen.

use std::io;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::Value;

use super::{
    event::{Outcome, events, messages},
    file::{StatusReader, WorkerStatusFile},
};
use crate::{
    agent::AgentDefinition,
    home::WorkerPlace,
    lock::is_running,
    private,
    process::{self, ProcessId},
    record::{ShimPhase, ShimRecord, WorkerSpec},
    state::{Reported, StateSource, WorkerState, WorkerStatus},
};

/// How long the screen may say something else than the agent before neither is believed, in seconds.
const DOUBT: i64 = 60;

/// How long a launched worker may be without a shim, in seconds.
const PATIENCE: i64 = 10;

/// What a terminal shows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Screen {
    /// The title of the pane.
    pub title: String,
    /// The lines, without those that are empty at the end.
    pub text: String,
}

impl Screen {
    /// A screen.
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { title: title.into(), text: text.into() }
    }
}

/// What is known of a worker at a time.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Observation {
    /// How it is.
    pub state: WorkerState,
    /// Who says so.
    pub source: StateSource,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was seen, in one line.
    pub evidence: String,
    /// The agent's number, while it runs.
    pub pid: Option<i32>,
    /// Since when the screen says something else.
    pub contradicted_since: Option<DateTime<Utc>>,
    /// When all this was looked at.
    pub observed_at: DateTime<Utc>,
}

impl Observation {
    fn new(
        state: WorkerState,
        source: StateSource,
        since: DateTime<Utc>,
        evidence: impl Into<String>,
    ) -> Self {
        let (evidence, pid, contradicted_since) = (evidence.into(), None, None);
        // Of when it is, the caller knows.
        Self { state, source, since, evidence, pid, contradicted_since, observed_at: since }
    }
}

/// What is known of a worker now. Without a screen only the surer sources are asked.
#[must_use]
pub fn observe(place: &WorkerPlace, screen: Option<&Screen>, now: DateTime<Utc>) -> Observation {
    let Some(spec) = place.spec() else {
        let why =
            "there is no readable `spec.json`: nothing was launched under this name, or the file is damaged";
        return Observation::new(WorkerState::Unknown, StateSource::Shim, now, why);
    };
    let shim = place.shim().filter(|shim| shim.run == spec.run);
    let mut found = if is_running(place) {
        alive(place, &spec, shim.as_ref(), screen, now)
    } else {
        ended(place, &spec, shim.as_ref(), now)
    };
    if !found.state.has_ended() {
        let agent = shim.and_then(|shim| shim.agent).or(spec.foreign);
        found.pid = agent.filter(|agent| agent.is_alive()).map(ProcessId::pid);
    }
    found.observed_at = now;
    found
}

/// No shim holds the lock.
fn ended(
    place: &WorkerPlace,
    spec: &WorkerSpec,
    shim: Option<&ShimRecord>,
    now: DateTime<Utc>,
) -> Observation {
    let seen = |state, since, evidence: &str| Observation::new(state, StateSource::Shim, since, evidence);
    if let Some(exit) = place.exit().filter(|exit| exit.run == spec.run) {
        let state = WorkerState::Exited { code: exit.code, signal: exit.signal, asked: exit.asked };
        let evidence = match (&exit.error, exit.code, exit.signal) {
            (Some(error), ..) => format!("it never started: {error}"),
            (_, Some(code), _) => format!("exit code {code}"),
            (_, _, Some(signal)) => format!("ended by signal {signal}"),
            _ => "it has ended".to_owned(),
        };
        return seen(state, exit.ended_at, &evidence);
    }
    if let Some(foreign) = spec.foreign {
        return of_foreign(place, spec, foreign, now);
    }
    let Some(shim) = shim else {
        let is_new = now - spec.created_at < Duration::seconds(PATIENCE);
        let state = if is_new { WorkerState::Starting } else { WorkerState::Lost };
        return seen(state, spec.created_at, "no shim has run yet");
    };
    if !survivors(spec, shim).is_empty() {
        return seen(
            WorkerState::Orphaned,
            shim.since,
            "the shim ended without a word, and processes of it still run",
        );
    }
    seen(WorkerState::Lost, shim.since, "the shim ended without a word, and nothing of it runs")
}

/// Processes of a run whose shim is gone: those of the last snapshot, and those with its mark.
pub(crate) fn survivors(spec: &WorkerSpec, shim: &ShimRecord) -> Vec<ProcessId> {
    let known = shim.tree.iter().copied().chain(shim.agent).filter(|id| id.is_alive());
    let mut found: Vec<_> = known.chain(process::marked(&spec.run, shim.shim)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A worker that a foreign launcher has started under no shim: only its own status file tells what it does.
fn of_foreign(place: &WorkerPlace, spec: &WorkerSpec, pane: ProcessId, now: DateTime<Utc>) -> Observation {
    if !pane.is_alive() {
        return Observation::new(
            WorkerState::Lost,
            StateSource::Shim,
            now,
            "the process of its pane has ended",
        );
    }
    match StatusReader::new().read(&place.status()) {
        Ok(Some(file)) => {
            let word = file.rest.get("state").and_then(Value::as_str);
            let state = if word == Some("ready") || file.status == WorkerStatus::Idle {
                WorkerState::Ready
            } else if file.status == WorkerStatus::Starting {
                WorkerState::Starting
            } else {
                WorkerState::Working
            };
            let since = file.last_update.unwrap_or(spec.created_at);
            Observation::new(state, StateSource::StatusFile, since, "its own status file")
        }
        Ok(None) => {
            let why = "its process runs, without a shim and without a status file";
            Observation::new(WorkerState::Working, StateSource::Shim, spec.created_at, why)
        }
        Err(error) => Observation::new(WorkerState::Unknown, StateSource::StatusFile, now, error.to_string()),
    }
}

/// A shim holds the lock.
fn alive(
    place: &WorkerPlace,
    spec: &WorkerSpec,
    shim: Option<&ShimRecord>,
    screen: Option<&Screen>,
    now: DateTime<Utc>,
) -> Observation {
    let seen = |state, since, evidence: &str| Observation::new(state, StateSource::Shim, since, evidence);
    match shim {
        None => seen(WorkerState::Starting, spec.created_at, "the shim has taken its lock"),
        Some(shim) if shim.phase == ShimPhase::Stopping => seen(
            WorkerState::Stopping,
            shim.since,
            "it has been asked to end, or ends what its agent left behind",
        ),
        Some(shim) if shim.frozen => seen(WorkerState::Frozen, shim.since, "every process of it is stopped"),
        Some(shim) if shim.phase == ShimPhase::Starting => {
            seen(WorkerState::Starting, shim.since, "the agent does not run yet")
        }
        Some(shim) => {
            let mut found = reported(place, spec, shim, screen, now);
            if found.state == WorkerState::Ready && place.is_paused() {
                found.state = WorkerState::Paused;
                found.evidence = format!("takes no new task; {}", found.evidence);
            }
            found
        }
    }
}

/// The agent runs: what it tells of itself.
fn reported(
    place: &WorkerPlace,
    spec: &WorkerSpec,
    shim: &ShimRecord,
    screen: Option<&Screen>,
    now: DateTime<Utc>,
) -> Observation {
    let definition = AgentDefinition::find(place.home(), &spec.agent);
    let Ok(mut definition) = definition else {
        let why = format!("there is no usable definition of the agent `{}`", spec.agent);
        return Observation::new(WorkerState::Unknown, StateSource::Shim, now, why);
    };
    if !definition.knows(spec.version.as_deref()) {
        definition = definition.without_reports();
    }
    let before = StatusReader::new().read(&place.status()).ok().flatten();
    let shown = screen.and_then(|screen| on_screen(&definition, spec, screen));
    let Some(mut told) = told(place, spec, &definition) else {
        let Some((state, source, evidence)) = shown else {
            let why = format!("the agent runs and has told nothing (`{}`)", definition.name);
            return Observation::new(definition.running.state(None), StateSource::Shim, shim.since, why);
        };
        // A screen has no times: it counts from when it was first seen.
        let since = since(before.as_ref(), &state).unwrap_or(now);
        return Observation::new(state, source, since, evidence);
    };
    if let Some((state, source, evidence)) = shown.filter(|(state, ..)| *state != told.state) {
        let first = before.as_ref().and_then(|file| instant(file, "contradicted_since"));
        // A contradiction of before the last event is settled by it.
        let first = first.filter(|first| *first >= told.since).unwrap_or(now);
        told.contradicted_since = Some(first);
        if now - first >= Duration::seconds(DOUBT) {
            let told_state = told.state.as_str();
            told.evidence =
                format!("{}, but the {} says {} ({evidence})", told_state, source.as_str(), state.as_str());
            told.state = WorkerState::Unknown;
        }
    } else if screen.is_none() {
        // Whoever cannot see the screen keeps what others have seen there.
        told.contradicted_since = before.as_ref().and_then(|file| instant(file, "contradicted_since"));
    }
    told
}

/// What the agent's own events say, and our own record of what it was sent.
fn told(place: &WorkerPlace, spec: &WorkerSpec, definition: &AgentDefinition) -> Option<Observation> {
    let meaning = |event: &super::AgentEvent| {
        // `Notification:idle_prompt` is more exact than `Notification`.
        let kind = event.text("notification_type").map(|kind| format!("{}:{kind}", event.event));
        let exact = kind.and_then(|kind| definition.hooks.get(&kind));
        exact.or_else(|| definition.hooks.get(&event.event)).copied()
    };
    let events = events(place, &spec.run);
    let last = events.iter().rev().find_map(|event| Some((event, meaning(event)?)));
    let told = last.map(|(event, meaning)| {
        let failure = event.text("error").or_else(|| event.text("error_type"));
        let evidence = format!("the event {} of {}", event.event, event.agent);
        Observation::new(meaning.state(failure), StateSource::Hook, event.at, evidence)
    });
    let lost =
        messages(place).pop().filter(|sent| sent.outcome == Outcome::Undelivered && sent.run == spec.run);
    match lost {
        Some(lost) if told.as_ref().is_none_or(|told| told.since <= lost.at) => {
            let evidence = format!("the agent has no record of message {}", lost.id);
            Some(Observation::new(WorkerState::Undelivered, StateSource::Shim, lost.at, evidence))
        }
        _ => told,
    }
}

/// What title and screen mean.
fn on_screen(
    definition: &AgentDefinition,
    spec: &WorkerSpec,
    screen: &Screen,
) -> Option<(WorkerState, StateSource, String)> {
    if let Some((meaning, _)) = definition.of_title(&screen.title) {
        return Some((meaning.state(None), StateSource::Title, format!("the title {:?}", screen.title)));
    }
    if let Some((meaning, pattern)) = definition.of_pane(&screen.text) {
        return Some((meaning.state(None), StateSource::Pane, format!("the screen matches {pattern}")));
    }
    let ready = spec.ready.as_ref()?;
    let matches = regex::Regex::new(ready).is_ok_and(|pattern| pattern.is_match(&screen.text));
    matches.then(|| (Reported::Ready.state(None), StateSource::Pane, format!("the screen matches {ready}")))
}

fn since(before: Option<&WorkerStatusFile>, state: &WorkerState) -> Option<DateTime<Utc>> {
    let file =
        before.filter(|file| file.rest.get("state").and_then(Value::as_str) == Some(state.as_str()))?;
    instant(file, "since")
}

fn instant(file: &WorkerStatusFile, key: &str) -> Option<DateTime<Utc>> {
    let text = file.rest.get(key)?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(Into::into)
}

/// Writes the status file as seen without a screen, where there is something new or the last writing is a minute ago.
pub fn publish(place: &WorkerPlace, now: DateTime<Utc>) -> io::Result<()> {
    let observation = observe(place, None, now);
    // A screen knows more than nothing.
    let is_blind = observation.source == StateSource::Shim && observation.state == WorkerState::Unknown;
    if is_blind && place.status().exists() { Ok(()) } else { write(place, &observation) }
}

/// Writes an observation into the status file; what others have added there stays.
pub(crate) fn write(place: &WorkerPlace, seen: &Observation) -> io::Result<()> {
    let Some(spec) = place.spec() else { return Ok(()) };
    // One that writes its own file is not written over.
    if spec.foreign.is_some() && seen.source == StateSource::StatusFile {
        return Ok(());
    }
    let before = StatusReader::new().read(&place.status()).ok().flatten();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut rest = before.as_ref().map(|before| before.rest.clone()).unwrap_or_default();
    rest.insert("state".into(), seen.state.as_str().into());
    rest.insert("source".into(), seen.source.as_str().into());
    rest.insert("since".into(), time(seen.since).into());
    rest.insert("evidence".into(), seen.evidence.clone().into());
    rest.insert("session".into(), spec.session.clone().into());
    rest.insert("agent".into(), spec.agent.clone().into());
    rest.insert("contradicted_since".into(), seen.contradicted_since.map(time).into());
    let file = WorkerStatusFile {
        worker_id: spec.worker_id.as_str().to_owned(),
        status: seen.state.status(),
        current_task: before
            .as_ref()
            .and_then(|before| before.current_task.clone())
            .or_else(|| spec.bead.clone()),
        model: Some(spec.model.clone()),
        tier: Some(spec.tier),
        pid: seen.pid,
        started_at: Some(spec.created_at),
        last_update: Some(seen.observed_at),
        rest,
    };
    if before.is_some_and(|before| is_news(&before, &file)) || !place.status().exists() {
        private::replace(&place.status(), format!("{:#}\n", file.to_json()).as_bytes())?;
    }
    Ok(())
}

/// Whether it says anything new; the time alone does once a minute.
fn is_news(before: &WorkerStatusFile, file: &WorkerStatusFile) -> bool {
    // As it will be read: times are written to the millisecond, and an empty text is none.
    let Ok(file) = WorkerStatusFile::parse(file.to_json().to_string().as_bytes()) else { return true };
    let is_old = || {
        file.last_update.zip(before.last_update).is_none_or(|(new, old)| new - old >= Duration::seconds(60))
    };
    let as_before = WorkerStatusFile { last_update: before.last_update, ..file.clone() };
    as_before != *before || is_old()
}
