//! The result of a session: a document, and everything that lets one check it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use forge_core::{Money, Participant};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Call, CallKey, Conflict, Decree, DropReason, Finding, FindingState, Mode, Outcome, Purpose,
    SessionStatus, Stage, State, Stop, event::Attempt, state::is_usable,
};

/// The version of [`SessionResult`] in JSON.
const VERSION: u32 = 1;

/// The result of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionResult {
    /// The version of this form.
    pub version: u32,
    /// The session's name.
    pub session: String,
    /// The topic's title.
    pub title: String,
    /// Whether the answers come from scripts instead of models.
    pub simulated: bool,
    /// How deep it went.
    pub mode: Mode,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: SessionStatus,
    /// Why it ended; `None` if it has not.
    pub stop_reason: Option<Stop>,
    /// What the document is.
    pub label: DocumentLabel,
    /// What is less than planned, and why. To be shown on top of the document.
    pub degraded: Vec<Degradation>,
    /// The document; empty if there is none.
    pub document: String,
    /// Who took part in what.
    pub participants: Vec<Part>,
    /// Every finding with what became of it.
    pub findings: Vec<Finding>,
    /// Critical and major findings that the synthesizer rejected.
    pub dissents: Vec<Dissent>,
    /// Conflicts and how they were resolved, with their cycle.
    pub conflicts: Vec<(u32, Conflict)>,
    /// What the attendant decided, by cycle.
    pub decisions: BTreeMap<u32, Decree>,
    /// Cycles that are over.
    pub cycles: u32,
    /// Cost and tokens of the whole session.
    pub total: Usage,
    /// Cost and tokens by stage.
    pub by_stage: BTreeMap<Stage, Usage>,
    /// Cost and tokens by who answered: its provider's id and its model.
    pub by_participant: BTreeMap<String, Usage>,
    /// Milliseconds that it ran.
    pub wall_ms: u64,
    /// Milliseconds of the calls that had to follow each other; the rest is overhead and waiting.
    pub critical_path_ms: u64,
    /// Every call, in the order of its beginning.
    pub calls: Vec<CallSummary>,
    /// What the session bought over its draft, if asked for.
    pub comparison: Option<Comparison>,
}

/// What the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentLabel {
    /// A draft that findings were merged into.
    Synthesis,
    /// A draft as it was written.
    Draft,
    /// There is no document.
    Nothing,
}

impl DocumentLabel {
    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Synthesis => "synthesis",
            Self::Draft => "draft",
            Self::Nothing => "nothing",
        }
    }
}

/// What is less than planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Degradation {
    /// The cycle; 0 for the draft.
    pub cycle: u32,
    /// The stage.
    pub stage: Stage,
    /// In words.
    pub reason: String,
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The call.
    pub call: CallKey,
    /// Who was asked.
    pub asked: Participant,
    /// Who answered; `None` if nobody did.
    pub served: Option<Participant>,
    /// Attempts that failed before.
    pub failed: Vec<Attempt>,
}

/// A serious finding that the synthesizer rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dissent {
    /// The finding's label.
    pub finding: String,
    /// Its severity.
    pub severity: String,
    /// What is wrong, as the critics see it.
    pub claim: String,
    /// How many raised it.
    pub support: usize,
    /// Why the synthesizer rejected it.
    pub reason: String,
}

/// What calls used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Calls, failed ones among them.
    pub calls: u32,
    /// Input tokens as far as known.
    pub input: u64,
    /// Output tokens as far as known.
    pub output: u64,
    /// Cost as far as known.
    pub cost: Money,
    /// Answers whose cost or tokens are unknown, and failures that the vendor may bill. They are not zero.
    pub unknown: u32,
}

/// One call in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The call.
    pub call: CallKey,
    /// What it was for.
    pub purpose: Purpose,
    /// Who answered, or was asked.
    pub participant: Participant,
    /// When it began, in milliseconds of the session.
    pub begun_ms: u64,
    /// How long it took; `None` if it was not waited for.
    pub took_ms: Option<u64>,
    /// What it used.
    pub usage: Usage,
    /// What went wrong, if anything.
    pub error: Option<String>,
}

/// What the session bought over its draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The draft.
    pub draft: String,
    /// Critical and major faults that were found in all.
    pub serious_found: usize,
    /// Those of them that are settled or accepted.
    pub serious_settled: usize,
    /// What the draft alone used.
    pub draft_usage: Usage,
    /// Milliseconds until the draft was there.
    pub draft_ms: u64,
    /// Lines of the result that the draft does not have.
    pub new_lines: usize,
    /// Lines of the draft that the result does not have.
    pub lost_lines: usize,
}

impl SessionResult {
    /// The result as far as `state` has come.
    pub fn of(session: &str, state: &State) -> Self {
        let calls: Vec<CallSummary> = summaries(state);
        let usage = |of: &dyn Fn(&CallSummary) -> bool| {
            calls.iter().filter(|call| of(call)).fold(Usage::default(), |sum, call| sum.plus(call.usage))
        };
        let mut by_participant: BTreeMap<String, Usage> = BTreeMap::new();
        for call in &calls {
            let name = format!("{}/{}", call.participant.provider_id, call.participant.model);
            let sum = by_participant.entry(name).or_default();
            *sum = sum.plus(call.usage);
        }
        let stages =
            Stage::ALL.into_iter().filter(|stage| calls.iter().any(|call| call.call.stage == *stage));
        let label = match state.versions.last() {
            None => DocumentLabel::Nothing,
            Some(version) if version.cycle == 0 => DocumentLabel::Draft,
            Some(_) => DocumentLabel::Synthesis,
        };
        Self {
            version: VERSION,
            session: session.to_owned(),
            title: state.plan.topic.title.clone(),
            simulated: state.plan.simulated,
            mode: state.plan.settings.mode,
            started: state.started,
            status: state.status(),
            stop_reason: state.stopped.map(|(reason, _)| reason),
            label,
            degraded: degradations(state),
            document: state.versions.last().map(|version| version.text.clone()).unwrap_or_default(),
            participants: state
                .calls
                .values()
                .filter(|call| call.intent.purpose == Purpose::Answer)
                .map(part)
                .collect(),
            findings: state.ledger.findings().cloned().collect(),
            dissents: dissents(state),
            conflicts: state.conflicts.clone(),
            decisions: state.decrees.clone(),
            cycles: u32::try_from(state.closed.len()).unwrap_or(u32::MAX),
            total: usage(&|_| true),
            by_stage: stages.map(|stage| (stage, usage(&|call| call.call.stage == stage))).collect(),
            by_participant,
            wall_ms: state.at,
            critical_path_ms: critical_path(state),
            comparison: state.plan.settings.compare.then(|| comparison(state, &calls)).flatten(),
            calls,
        }
    }

    /// Whether there is less than a synthesis where one was planned.
    pub fn is_degraded(&self) -> bool {
        self.mode != Mode::Direct
            && self.label != DocumentLabel::Synthesis
            && self.stop_reason != Some(Stop::NothingOpen)
    }
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cost: self.cost + other.cost,
            unknown: self.unknown + other.unknown,
        }
    }
}

fn summaries(state: &State) -> Vec<CallSummary> {
    let mut calls: Vec<CallSummary> = state.calls.values().map(summary).collect();
    calls.sort_by_key(|call| (call.begun_ms, call.call));
    calls
}

fn summary(call: &Call) -> CallSummary {
    let asked = &call.intent.participant;
    let one = Usage { calls: 1, ..Usage::default() };
    let unknown = Usage { unknown: 1, ..one };
    let (participant, usage, took, error) = match &call.outcome {
        Outcome::Running => (asked, unknown, None, Some("not waited for".to_owned())),
        Outcome::Answered(answer) => {
            let fault = fault(call.intent.call.stage, answer);
            (&answer.served, answered(answer), Some(answer.took), fault)
        }
        Outcome::Failed(failure) => {
            let usage = if failure.charged == forge_core::Amount::default() { one } else { unknown };
            (asked, usage, Some(failure.took), Some(failure.message.clone()))
        }
    };
    CallSummary {
        call: call.intent.call,
        purpose: call.intent.purpose,
        participant: participant.clone(),
        begun_ms: call.begun,
        took_ms: took,
        usage,
        error,
    }
}

fn answered(answer: &Answer) -> Usage {
    let (input, output) = (answer.tokens.total_input(), answer.tokens.total_output());
    let known = input.is_some() && output.is_some() && answer.cost.is_some();
    Usage {
        calls: 1,
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cost: answer.cost.unwrap_or_default(),
        unknown: u32::from(!known),
    }
}

fn fault(stage: Stage, answer: &Answer) -> Option<String> {
    if answer.raw_content.trim().is_empty() {
        return Some("empty answer".into());
    }
    let word = serde_json::to_value(answer.stop_reason).ok()?;
    (!is_usable(answer.stop_reason, stage))
        .then(|| format!("ended with {}", word.as_str().unwrap_or("no reason")))
}

fn part(call: &Call) -> Part {
    let (served, failed) = match &call.outcome {
        Outcome::Running => (None, Vec::new()),
        Outcome::Answered(answer) => (Some(answer.served.clone()), answer.failed.clone()),
        Outcome::Failed(failure) => {
            let own = Attempt {
                provider: call.intent.participant.provider_id.clone(),
                model: call.intent.participant.model.clone(),
                error: failure.kind,
                message: failure.message.clone(),
            };
            let failed = if failure.failed.is_empty() { vec![own] } else { failure.failed.clone() };
            (None, failed)
        }
    };
    Part { call: call.intent.call, asked: call.intent.participant.clone(), served, failed }
}

fn dissents(state: &State) -> Vec<Dissent> {
    let rejected =
        state.ledger.findings().filter(|finding| finding.blocks() && finding.state == FindingState::Rejected);
    let dissent = |finding: &Finding| Dissent {
        finding: finding.id.to_string(),
        severity: finding.severity().to_owned(),
        claim: finding.remark.claim.clone(),
        support: finding.raised_by.len(),
        reason: finding.disposition.as_ref().map(|given| given.reason.clone()).unwrap_or_default(),
    };
    rejected.map(dissent).collect()
}

/// Why nobody was asked, in words.
pub(crate) const fn because(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Budget => "the budget has no room for it",
        DropReason::OwnText => "nobody judges a text of its own",
        DropReason::Skipped => "the user skipped it",
    }
}

fn degradations(state: &State) -> Vec<Degradation> {
    let mut all = Vec::new();
    let mut add = |cycle, stage, reason: String| all.push(Degradation { cycle, stage, reason });
    if state.versions.is_empty() && state.stopped.is_some() {
        add(0, Stage::Draft, why(state, 0, Stage::Draft, 0));
    }
    if state.versions.last().is_some_and(|version| version.cut_off) {
        let cycle = state.versions.last().map_or(0, |version| version.cycle);
        let stage = if cycle == 0 { Stage::Draft } else { Stage::Synthesis };
        add(cycle, stage, "the document was cut off at its token limit".into());
    }
    let stopped = state.stopped.map(|(reason, _)| reason);
    for cycle in 1..=state.cycle() {
        let Some(counted) = counted(state, cycle) else { continue };
        let seats = state.plan.seats().len();
        let missing = state.plan.seats().filter(|seat| counted.iter().all(|key| key.seat != *seat));
        let missing: Vec<String> = missing
            .map(|seat| format!("critic {}: {}", seat + 1, why(state, cycle, Stage::Critique, seat)))
            .collect();
        if !missing.is_empty() {
            let found = counted.len();
            add(
                cycle,
                Stage::Critique,
                format!("{found} of {seats} critics answered in time ({})", missing.join("; ")),
            );
        }
        for key in counted {
            let author =
                state.base(cycle).map(|version| (&version.author.provider_id, &version.author.model));
            if let Some(Call { outcome: Outcome::Answered(answer), .. }) = state.calls.get(key)
                && author == Some((&answer.served.provider_id, &answer.served.model))
            {
                add(
                    cycle,
                    Stage::Critique,
                    format!("critic {} was served by the author of the text", key.seat + 1),
                );
            }
        }
    }
    let no_synthesis = matches!(stopped, Some(Stop::NoSynthesis | Stop::Budget));
    if no_synthesis && state.panels.contains_key(&state.cycle()) {
        add(state.cycle(), Stage::Synthesis, why(state, state.cycle(), Stage::Synthesis, 0));
    }
    for cycle in &state.revised {
        let closed = state.closed.len() >= *cycle as usize;
        if state.plan.settings.mode == Mode::Council && closed && !state.checked.contains(cycle) {
            add(
                *cycle,
                Stage::Check,
                format!("the revision was not checked: {}", why(state, *cycle, Stage::Check, 0)),
            );
        }
    }
    all
}

/// The critiques that counted in a cycle; `None` if its panel was never at work.
fn counted(state: &State, cycle: u32) -> Option<&[CallKey]> {
    let gave_up = cycle == state.cycle() && matches!(state.stopped, Some((Stop::NoCritic | Stop::Budget, _)));
    let none: &[CallKey] = &[];
    state.panels.get(&cycle).map(|panel| panel.counted.as_slice()).or(gave_up.then_some(none))
}

/// Why a seat has no answer.
fn why(state: &State, cycle: u32, stage: Stage, seat: u32) -> String {
    if let Some(reason) = state.dropped.get(&(cycle, stage, seat)) {
        return because(*reason).to_owned();
    }
    match state.at_seat(cycle, stage, seat).next_back().map(|call| &call.outcome) {
        None => "it was not asked".into(),
        Some(Outcome::Running) => "it was too slow".into(),
        Some(Outcome::Failed(failure)) => failure.message.clone(),
        Some(Outcome::Answered(answer)) => fault(stage, answer)
            .unwrap_or_else(|| "its answer could not be understood or came too late".into()),
    }
}

/// The calls that had to follow each other: in each stage the longest seat, as far as the stage waited for it.
fn critical_path(state: &State) -> u64 {
    let mut longest: BTreeMap<(u32, Stage), u64> = BTreeMap::new();
    let mut seats: BTreeMap<(u32, Stage, u32), u64> = BTreeMap::new();
    for call in state.calls.values() {
        let key = call.intent.call;
        let counts = key.stage != Stage::Critique
            || state
                .panels
                .get(&key.cycle)
                .is_none_or(|panel| panel.counted.iter().any(|one| one.seat == key.seat));
        if let Some(ended) = call.ended.filter(|_| counts) {
            let sum = seats.entry((key.cycle, key.stage, key.seat)).or_default();
            *sum += ended.saturating_sub(call.begun);
            let most = longest.entry((key.cycle, key.stage)).or_default();
            *most = (*most).max(*sum);
        }
    }
    longest.values().sum()
}

fn comparison(state: &State, calls: &[CallSummary]) -> Option<Comparison> {
    let (draft, last) = (state.versions.first()?, state.versions.last()?);
    let lines = |text: &str| -> std::collections::BTreeSet<String> {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (old, new) = (lines(&draft.text), lines(&last.text));
    let serious: Vec<&Finding> = state.ledger.findings().filter(|finding| finding.blocks()).collect();
    let gone = |finding: &&&Finding| matches!(finding.state, FindingState::Settled | FindingState::Accepted);
    let of_draft = || calls.iter().filter(|call| call.call.stage == Stage::Draft);
    Some(Comparison {
        draft: draft.text.clone(),
        serious_found: serious.len(),
        serious_settled: serious.iter().filter(gone).count(),
        draft_usage: of_draft().fold(Usage::default(), |sum, call| sum.plus(call.usage)),
        draft_ms: of_draft().filter_map(|call| call.took_ms).sum(),
        new_lines: new.difference(&old).count(),
        lost_lines: old.difference(&new).count(),
    })
}
