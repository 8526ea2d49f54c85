//! The result of a session: a document, and everything that lets one check it.

mod account;
mod tally;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use forge_core::{Money, Participant};
use serde::{Deserialize, Serialize};

use self::account::{
    comparison, critical_path, degradations, dissents, participation, strengths, summaries, with_participants,
};
pub use self::tally::Tally;
use crate::{
    answer::Conflict,
    budget::BudgetHold,
    contribution::Contribution,
    decision::Decision,
    event::Attempt,
    finding::Finding,
    stage::{CallKey, Mode, Purpose, Stage},
    state::State,
    stop::{PanelQuality, SessionStatus, Stop},
    topic::{OutputType, Topic},
};

/// The version of [`SessionResult`] in JSON. A field that is only added does not change it.
const VERSION: &str = "2.0";

/// The result of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionResult {
    /// The version of this format, such as `2.0`.
    pub version: String,
    /// The session's name.
    pub session: String,
    /// The topic's title.
    pub title: String,
    /// What was asked for.
    #[serde(default)]
    pub asked: TopicSummary,
    /// Whether scripts answered instead of models.
    pub simulated: bool,
    /// The depth of the session.
    pub mode: Mode,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// Its status.
    pub status: SessionStatus,
    /// Why it ended; `None` if it has not.
    pub stop_reason: Option<Stop>,
    /// The budget that paused it, if one did.
    #[serde(default)]
    pub held: Option<BudgetHold>,
    /// The outcome in numbers.
    #[serde(default)]
    pub tally: Tally,
    /// What the document is.
    pub label: DocumentLabel,
    /// Shortfalls known from the start.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What is less than planned, and why. Renderings show it before the document.
    pub degraded: Vec<Degradation>,
    /// The document; empty if there is none.
    pub document: String,
    /// The draft of the document; empty if there is none.
    #[serde(default)]
    pub draft: String,
    /// The revision that a review proposes; `None` if the session was no review.
    #[serde(default)]
    pub proposal: Option<String>,
    /// The participants of each call.
    pub participants: Vec<Participation>,
    /// The quality of each panel.
    #[serde(default)]
    pub panels: Vec<PanelQuality>,
    /// Strengths that critics named, each with its quote.
    #[serde(default)]
    pub strengths: Vec<AttributedStrength>,
    /// Every finding with its outcome.
    pub findings: Vec<Finding>,
    /// Critical and major findings that the synthesizer rejected.
    pub dissents: Vec<Dissent>,
    /// Lines that the document lost although no accepted finding is about them.
    #[serde(default)]
    pub lost_lines: u32,
    /// Conflicts and how they were resolved, with their cycle.
    pub conflicts: Vec<(u32, Conflict)>,
    /// Decisions of the approver, by cycle.
    pub decisions: BTreeMap<u32, Decision>,
    /// What people did while it ran, in the order in which they did it.
    #[serde(default)]
    pub contributions: Vec<Contribution>,
    /// Closed cycles.
    pub cycles: u32,
    /// Cost and tokens of the whole session.
    pub total: Usage,
    /// Cost and tokens by stage.
    pub by_stage: BTreeMap<Stage, Usage>,
    /// Cost and tokens by who answered: its provider's id and its model.
    pub by_participant: BTreeMap<String, Usage>,
    /// Milliseconds that it ran.
    pub duration_ms: u64,
    /// Milliseconds of the calls that had to follow each other; the rest is overhead and waiting.
    pub critical_path_ms: u64,
    /// Every call, in the order of its beginning.
    pub calls: Vec<CallSummary>,
    /// What the session gained over its draft, if asked for.
    pub comparison: Option<Comparison>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Asked"))]
pub struct TopicSummary {
    /// The task in full.
    pub task: String,
    /// What the result must keep to.
    pub constraints: Vec<String>,
    /// The names of the texts to work from.
    pub references: Vec<String>,
    /// What kind of document is wanted.
    pub output: OutputType,
}

impl TopicSummary {
    fn of(topic: &Topic) -> Self {
        let task = if topic.description.is_empty() { &topic.title } else { &topic.description };
        Self {
            task: task.clone(),
            constraints: topic.constraints.clone(),
            references: topic.references.iter().map(|one| one.name.clone()).collect(),
            output: topic.output,
        }
    }
}

/// What the document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Degradation {
    /// The cycle; 0 for the draft.
    pub cycle: u32,
    /// The stage.
    pub stage: Stage,
    /// In words.
    pub reason: String,
}

/// The participation of one participant in one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Participation {
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dissent {
    /// The finding's label.
    pub finding: String,
    /// Its severity.
    pub severity: String,
    /// What is wrong, as the critics see it.
    pub claim: String,
    /// How many critics raised it.
    pub support: usize,
    /// Who they are, by provider and model.
    #[serde(default)]
    pub raised_by: Vec<String>,
    /// What the check said of the rejection; `None` if it did not judge it.
    #[serde(default)]
    pub check: Option<String>,
    /// Why the synthesizer rejected it.
    pub reason: String,
}

/// A strength that a critic named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Praise"))]
pub struct AttributedStrength {
    /// The cycle.
    pub cycle: u32,
    /// Who said it, by provider and model.
    pub who: String,
    /// The passage, as the critic quoted it.
    pub quote: String,
    /// Whether the quote occurs in the text that was judged.
    pub anchored: bool,
    /// What is good about it.
    pub claim: String,
}

/// What calls used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Calls, failed ones among them.
    pub calls: u32,
    /// Input tokens as far as known.
    pub input_tokens: u64,
    /// Output tokens as far as known.
    pub output_tokens: u64,
    /// Cost as far as known.
    #[serde(flatten, with = "forge_core::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(flatten, with = "forge_core::usage::cost::Cost"))]
    pub cost: Money,
    /// Answers whose cost or tokens are unknown, and failures that the vendor may bill. They are not zero.
    pub unknown: u32,
}

/// One call in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    pub duration_ms: Option<u64>,
    /// What it used.
    pub usage: Usage,
    /// What went wrong, if anything.
    pub error: Option<String>,
}

/// What the session gained over its draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// Critical and major faults found in total.
    pub serious_found: usize,
    /// Those that are settled or accepted.
    pub serious_settled: usize,
    /// What the draft alone used.
    pub draft_usage: Usage,
    /// Milliseconds until the draft was complete.
    pub draft_duration_ms: u64,
    /// Lines of the result that the draft does not have.
    pub new_lines: usize,
    /// Lines of the draft that the result does not have.
    pub lost_lines: usize,
}

impl SessionResult {
    /// The result of a session in this state, which need not have ended. It is read from the state alone, so
    /// that the journal gives the same result whenever it is asked.
    pub fn of(session: &str, state: &State) -> Self {
        let calls: Vec<CallSummary> = summaries(state);
        let usage = |of: &dyn Fn(&CallSummary) -> bool| {
            calls.iter().filter(|call| of(call)).fold(Usage::default(), |sum, call| sum.plus(call.usage))
        };
        let mut by_participant: BTreeMap<String, Usage> = BTreeMap::new();
        for call in &calls {
            let name = format!("{}/{}", call.participant.provider_id, call.participant.model_id);
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
        let review = state.plan.settings.review;
        let judged = state.plan.settings.mode == Mode::Judge;
        let last = state.versions.last();
        // A review leaves the document as it was; the last version is what it proposes.
        let delivered = if review { state.versions.first() } else { last };
        // The last panel may have been at work in a cycle that did not come to its end, so that nothing let the text
        // stand.
        let current = state.panels.contains_key(&state.cycle()).then(|| state.panel_quality(state.cycle()));
        let current = current.map(|quality| PanelQuality { dry: false, ..quality });
        let closed = state.closed.iter().filter_map(|closed| closed.panel);
        let panels: Vec<PanelQuality> = closed.chain(current).collect();
        Self {
            version: VERSION.to_owned(),
            session: session.to_owned(),
            title: state.plan.topic.title.clone(),
            asked: TopicSummary::of(&state.plan.topic),
            simulated: state.plan.simulated,
            mode: state.plan.settings.mode,
            started: state.started,
            status: state.status(),
            stop_reason: state.stopped.map(|(reason, _)| reason),
            held: state.held.clone(),
            tally: Tally::of(state, &panels),
            panels,
            label: if review || judged { DocumentLabel::Draft } else { label },
            proposal: last.filter(|_| review).map(|version| version.text.clone()),
            notes: state.plan.notes.clone(),
            degraded: degradations(state),
            draft: state.versions.first().map(|version| version.text.clone()).unwrap_or_default(),
            document: delivered.map(|version| version.text.clone()).unwrap_or_default(),
            participants: state
                .calls
                .values()
                .filter(|call| call.intent.purpose == Purpose::Answer)
                .map(participation)
                .collect(),
            strengths: strengths(state),
            findings: state.ledger.findings().map(|finding| with_participants(state, finding)).collect(),
            lost_lines: state.versions.iter().map(|version| version.lost).sum(),
            dissents: dissents(state),
            conflicts: state.conflicts.clone(),
            decisions: state.decisions.clone(),
            contributions: state.contributions.clone(),
            cycles: u32::try_from(state.closed.len()).unwrap_or(u32::MAX),
            total: usage(&|_| true),
            by_stage: stages.map(|stage| (stage, usage(&|call| call.call.stage == stage))).collect(),
            by_participant,
            duration_ms: state.at,
            critical_path_ms: critical_path(state),
            comparison: state.plan.settings.compare.then(|| comparison(state, &calls)).flatten(),
            calls,
        }
    }

    /// The JSON Schema (2020-12) of a result.
    #[cfg(feature = "schema")]
    pub fn schema() -> serde_json::Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<Self>().to_value()
    }

    /// Whether the document was judged and stays as it is.
    pub fn is_review(&self) -> bool {
        self.mode == Mode::Judge || self.proposal.is_some()
    }

    /// Whether the session gave less than its mode promises: too few critics spoke, the decisions were not checked,
    /// a draft was not revised although something was found, or it was broken off. A draft in which nothing was found
    /// is not less.
    pub fn is_degraded(&self) -> bool {
        if self.mode == Mode::Direct
            || matches!(self.status, SessionStatus::Converged | SessionStatus::Settled)
        {
            return false;
        }
        let reason = matches!(
            self.stop_reason,
            Some(
                Stop::BelowQuorum
                    | Stop::Unchecked
                    | Stop::NoCritic
                    | Stop::NoSynthesis
                    | Stop::NoDraft
                    | Stop::Deadline
                    | Stop::UserAborted
            )
        );
        // Where everybody spoke and nothing had to be done, or was to be, a draft may stand as it was.
        let unrevised = !self.is_review()
            && self.label != DocumentLabel::Synthesis
            && !matches!(self.stop_reason, Some(Stop::AllStagesDone | Stop::Contested));
        reason || unrevised
    }
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost: self.cost + other.cost,
            unknown: self.unknown + other.unknown,
        }
    }
}
