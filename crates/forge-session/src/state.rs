//! The state of a session: a pure fold over its journal.

mod attended;
mod call;
mod gaps;
mod panel;
mod seat;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use forge_core::storage::budget::Amount;
use forge_prompt::Pseudonyms;

pub use self::call::{Call, Outcome, Panel, Version};
pub(crate) use self::seat::{Seat, is_cut_off, is_usable};
use crate::{
    answer::{self, Conflict, FindingId, Form, Reading},
    budget::BudgetHold,
    contribution::Contribution,
    decision::Decision,
    event::{DropReason, Event, Record},
    finding::FindingState,
    ledger::Ledger,
    plan::{Cast, Plan},
    prompt::names,
    stage::{CallKey, Label, Mode, Stage},
    stop::{ClosedCycle, SessionStatus, Stop},
    topic::Topic,
};

/// The state of a session, folded from its journal. It holds nothing that the entries do not: two folds over
/// the same entries are equal, in every process.
#[derive(Debug, Clone)]
pub struct State {
    /// The plan, as changed by later runs.
    pub plan: Plan,
    /// When the session began; `None` before the first entry.
    pub started: Option<DateTime<Utc>>,
    /// Every call so far, by cycle, stage, seat and step.
    pub calls: BTreeMap<CallKey, Call>,
    /// Every finding.
    pub ledger: Ledger,
    /// Every version of the document, the draft first.
    pub versions: Vec<Version>,
    /// Conflicts that a synthesizer resolved, with their cycle.
    pub conflicts: Vec<(u32, Conflict)>,
    /// Seats that were dropped, by cycle, stage and seat, and why.
    pub dropped: BTreeMap<(u32, Stage, u32), DropReason>,
    /// The closed panels, by cycle.
    pub panels: BTreeMap<u32, Panel>,
    /// The labels under which the synthesizer saw the critics, by cycle.
    pub labels: BTreeMap<u32, Vec<Label>>,
    /// Decisions of the approver, by cycle.
    pub decisions: BTreeMap<u32, Decision>,
    /// Why the session ended, and its status; `None` while it can go on.
    pub stopped: Option<(Stop, SessionStatus)>,
    /// Whether no calls start.
    pub paused: bool,
    /// The budget that paused the session, if it was not the user.
    pub held: Option<BudgetHold>,
    /// Who paused it, if somebody did who attends.
    pub paused_by: Option<String>,
    /// What people did, in the order in which they did it.
    pub contributions: Vec<Contribution>,
    /// Calls that died with their run and were made again by a later one.
    pub killed: Vec<Call>,
    /// Milliseconds that the session had run at the last entry.
    pub at: u64,
    /// The version of the journal's entries.
    version: u32,
    /// The names that prompts hide and answers get back.
    pub(crate) names: Pseudonyms,
    /// The answers as read when they came: reading them again at every step would take longer with each.
    readings: BTreeMap<CallKey, Reading>,
    /// What the user said, with the cycle in which it was said.
    pub(crate) feedback: Vec<(u32, String)>,
    /// How many of them are recorded as findings.
    pub(crate) feedback_recorded: usize,
    /// Critiques that are in the ledger.
    pub(crate) recorded: BTreeSet<CallKey>,
    /// Cycles whose findings were decided.
    pub(crate) revised: BTreeSet<u32>,
    /// Cycles whose decisions were checked.
    pub(crate) checked: BTreeSet<u32>,
    /// The closed cycles, the first one at 0.
    pub(crate) closed: Vec<ClosedCycle>,
    /// Whether the user has reopened the session since the last closed cycle.
    pub(crate) reopened: bool,
    /// Calls that had ended when a later run resumed the session: participants that failed in them may be asked again.
    pub(crate) retryable: BTreeSet<CallKey>,
    /// The reservations of calls that died with their run, which may be billed.
    pub(crate) written_off: Amount,
}

impl Default for State {
    fn default() -> Self {
        Self {
            plan: Plan::new(Topic::default(), Cast::default()),
            started: None,
            calls: BTreeMap::new(),
            ledger: Ledger::default(),
            versions: Vec::new(),
            conflicts: Vec::new(),
            dropped: BTreeMap::new(),
            panels: BTreeMap::new(),
            labels: BTreeMap::new(),
            decisions: BTreeMap::new(),
            stopped: None,
            paused: false,
            held: None,
            paused_by: None,
            contributions: Vec::new(),
            killed: Vec::new(),
            at: 0,
            version: 0,
            names: Pseudonyms::default(),
            readings: BTreeMap::new(),
            feedback: Vec::new(),
            feedback_recorded: 0,
            recorded: BTreeSet::new(),
            revised: BTreeSet::new(),
            checked: BTreeSet::new(),
            closed: Vec::new(),
            reopened: false,
            retryable: BTreeSet::new(),
            written_off: Amount::default(),
        }
    }
}

impl State {
    /// The state after these entries.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut state = Self::default();
        records.into_iter().for_each(|record| state.apply(record));
        state
    }

    /// Applies one entry. Pure: no clock, no randomness, no I/O.
    pub fn apply(&mut self, record: &Record) {
        self.apply_at(record.at, &record.event);
    }

    /// The fold. Findings come first: the rest of an event is read with the ledger as it is after them.
    pub(crate) fn apply_at(&mut self, at: u64, event: &Event) {
        self.at = self.at.max(at);
        self.ledger.set(event.findings());
        if let Some((by, deed)) = event.deed() {
            let cycle = if let Event::DecisionMade { cycle, .. } = event { *cycle } else { self.cycle() };
            self.contributions.push(Contribution { at_ms: at, cycle, by: by.cloned(), deed });
        }
        match event {
            Event::SessionStarted { version, started, plan } => {
                self.version = *version;
                self.started = Some(*started);
                self.names = names::of(plan);
                self.plan = (**plan).clone();
                let draft = plan.draft.clone();
                self.versions.extend(draft.map(|text| Version::initial(text, &self.names)));
            }
            Event::Resumed { settings } => self.reopen(settings),
            Event::CallIntended(intent) => {
                let call =
                    Call { intent: (**intent).clone(), begun: at, ended: None, outcome: Outcome::Running };
                // The first run died in this call. The vendor may bill it beside the new one.
                if let Some(dead) = self.calls.insert(intent.call, call) {
                    self.written_off = self.written_off.plus(dead.intent.reserved);
                    self.killed.push(dead);
                }
            }
            Event::CallFinished { call, answer } => {
                let reading = answer::read(call.stage.form(), &self.names.reveal(&answer.raw_content));
                self.readings.insert(*call, reading);
                self.end(*call, at, Outcome::Answered(answer.clone()));
            }
            Event::CallFailed { call, failure } => {
                self.end(*call, at, Outcome::Failed(failure.clone()));
            }
            Event::SeatDropped { cycle, stage, seat, reason, .. } => {
                self.dropped.insert((*cycle, *stage, *seat), *reason);
            }
            Event::DraftAccepted { call } => self.accept_draft(*call),
            Event::PanelClosed { cycle, counted, late } => {
                self.panels.insert(*cycle, Panel { counted: counted.clone(), late: late.clone() });
            }
            Event::FindingsRecorded { calls, wishes, .. } => {
                self.recorded.extend(calls);
                self.feedback_recorded += *wishes as usize;
            }
            Event::LabelsAssigned { cycle, labels } => {
                self.labels.insert(*cycle, labels.clone());
            }
            Event::DispositionsRecorded { cycle, call, conflicts, document, lost, .. } => {
                self.revised.insert(*cycle);
                self.conflicts.extend(conflicts.iter().map(|conflict| (*cycle, conflict.clone())));
                let of_answer = || self.revision(*cycle).and_then(|revision| revision.document);
                // Journals of the first version leave the document in the answer.
                let text = if self.version < 2 { of_answer() } else { document.clone() };
                if let Some(text) = text {
                    self.add_version(*call, text, *lost);
                }
            }
            Event::Checked { cycle, .. } => {
                self.checked.insert(*cycle);
            }
            Event::CycleClosed { cycle, open, settled, panel } => {
                let checked = self.checked.contains(cycle) || !self.needs_check(*cycle);
                let raised = self.raised_blocking(*cycle);
                self.reopened = false;
                self.closed.push(ClosedCycle {
                    open: *open,
                    settled: *settled,
                    checked,
                    raised,
                    panel: *panel,
                });
            }
            Event::DecisionMade { cycle, decision, .. } => {
                if let Some(text) = decision.instruction() {
                    // Resolutions quote models, which must stay anonymous to their peers.
                    let of_models = matches!(decision, Decision::Resolve(_));
                    self.feedback
                        .push((*cycle, if of_models { self.names.hide(&text).into_owned() } else { text }));
                }
                self.decisions.insert(*cycle, decision.clone());
            }
            Event::FeedbackGiven { text, .. } => self.feedback.push((self.cycle(), text.clone())),
            Event::DraftEdited { text, .. } => {
                // It stands for what the last cycle left, so that the next panel starts from it.
                let cycle = u32::try_from(self.closed.len()).unwrap_or(u32::MAX);
                let initial = Version::initial(text.clone(), &self.names);
                self.versions.push(Version { cycle, edited: true, ..initial });
            }
            Event::Paused { budget, by } => {
                (self.paused, self.held, self.paused_by) = (true, budget.clone(), by.clone());
            }
            Event::Unpaused { .. } => self.unpause(),
            Event::Stopped { reason, status, .. } => self.stopped = Some((*reason, *status)),
        }
    }

    /// Calls are made again.
    fn unpause(&mut self) {
        (self.paused, self.paused_by) = (false, None);
        if self.held.take().is_some() {
            // Calls that the budget refused may be made again.
            self.retryable.extend(self.calls.values().filter(|call| call.is_unsent()).map(Call::key));
        }
    }

    /// The draft is what a call says, or has said before it broke off.
    fn accept_draft(&mut self, call: CallKey) {
        let partial = match self.calls.get(&call).map(|call| &call.outcome) {
            Some(Outcome::Failed(failure)) => failure.partial.as_deref(),
            _ => None,
        };
        let partial = partial.map(|text| answer::read(Form::Document, &self.names.reveal(text)));
        if let Reading::Document(text) = partial.unwrap_or_else(|| self.reading(call)) {
            self.add_version(call, text, 0);
        }
    }

    /// A later run continues with these settings.
    fn reopen(&mut self, settings: &crate::plan::Settings) {
        self.plan.settings = settings.clone();
        // After an abort the session goes on where it was. After any other end, another cycle is wanted.
        self.reopened = self.stopped.take().is_some_and(|(reason, _)| reason != Stop::UserAborted);
        (self.paused, self.held, self.paused_by) = (false, None, None);
        // Whoever reopens it takes back what ended it; other decisions stand.
        self.decisions.retain(|_, decision| !matches!(decision, Decision::Skip | Decision::Abort));
        // Failed and dropped seats get another chance, except in closed panels, which wait for nobody.
        let panels = &self.panels;
        self.dropped.retain(|(cycle, stage, _), _| *stage == Stage::Critique && panels.contains_key(cycle));
        let ended = self.calls.values().filter(|call| !matches!(call.outcome, Outcome::Running));
        self.retryable.extend(ended.map(|call| call.intent.call));
    }

    /// The status of the session.
    pub fn status(&self) -> SessionStatus {
        match &self.stopped {
            Some((_, status)) => *status,
            None if self.paused => SessionStatus::Paused,
            None if self.calls.is_empty() => SessionStatus::Initialized,
            None => SessionStatus::InProgress,
        }
    }

    /// The current cycle: 0 while there is no draft.
    pub fn cycle(&self) -> u32 {
        if self.versions.is_empty() { 0 } else { u32::try_from(self.closed.len()).unwrap_or(u32::MAX) + 1 }
    }

    /// Calls without an end: those in flight, and those that died with an earlier run.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|call| matches!(call.outcome, Outcome::Running))
    }

    /// What is spent or reserved: charges of calls that ended, reservations of those that run, and all that
    /// dead runs had set aside.
    pub(crate) fn used(&self) -> Amount {
        let of = |call: &Call| match &call.outcome {
            Outcome::Running => call.intent.reserved,
            Outcome::Answered(answer) => answer.charged,
            Outcome::Failed(failure) => failure.charged,
        };
        self.calls.values().map(of).fold(self.written_off, Amount::plus)
    }

    /// The document that `cycle` starts from: the latest one of an earlier cycle. Every critic of a cycle
    /// reads this one text, also when the synthesizer has written the next.
    pub(crate) fn base(&self, cycle: u32) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.cycle < cycle.max(1))
    }

    /// Findings of a cycle that wait for the synthesizer.
    pub(crate) fn to_decide(&self) -> Vec<FindingId> {
        self.ledger.open().map(|finding| finding.id).collect()
    }

    /// Findings that wait for the checker.
    pub(crate) fn to_check(&self) -> Vec<FindingId> {
        self.ledger.to_check().map(|finding| finding.id).collect()
    }

    /// What the user said up to the beginning of `cycle`, or in it.
    pub(crate) fn feedback(&self, cycle: u32) -> Vec<&str> {
        self.feedback.iter().filter(|(given, _)| *given <= cycle).map(|(_, text)| text.as_str()).collect()
    }

    /// What the user asked for once there was a document and that is no finding yet.
    pub(crate) fn new_feedback(&self) -> impl Iterator<Item = &str> {
        self.feedback.iter().skip(self.feedback_recorded).map(|(_, text)| text.as_str())
    }

    /// Whether the decisions of `cycle` have to be checked: the text changed, or a blocking finding was decided.
    pub(crate) fn needs_check(&self, cycle: u32) -> bool {
        let changed = self.versions.last().is_some_and(|version| version.cycle == cycle);
        self.plan.settings.mode.has_check() && (changed || self.ledger.to_check().next().is_some())
    }

    /// Findings that block and that the synthesis of this cycle got settled or, without a check, accepted.
    pub(crate) fn settled_blocking(&self) -> usize {
        let settled = |finding: &&crate::finding::Finding| {
            let done = match self.plan.settings.mode {
                Mode::Council | Mode::Judge => finding.state == FindingState::Settled,
                Mode::Direct | Mode::Review => {
                    matches!(finding.state, FindingState::Settled | FindingState::Accepted)
                }
            };
            done && finding.blocks()
        };
        self.ledger.findings().filter(settled).count()
    }

    /// Ends a call. One that has no intent is no call of this session, and is passed over.
    fn end(&mut self, key: CallKey, at: u64, outcome: Outcome) {
        if let Some(call) = self.calls.get_mut(&key) {
            call.ended = Some(at);
            call.outcome = outcome;
        }
    }

    /// Adds a version, written by whoever served the call.
    fn add_version(&mut self, key: CallKey, text: String, lost: u32) {
        let Some(call) = self.calls.get(&key) else { return };
        let asked = call.intent.participant.clone();
        let (author, cut_off) = match &call.outcome {
            // A revision applies whole edits, so that it is cut off only if the version before it was.
            Outcome::Answered(answer) if key.stage != Stage::Draft => {
                (answer.served.clone(), self.versions.last().is_some_and(|version| version.cut_off))
            }
            Outcome::Answered(answer) => (answer.served.clone(), is_cut_off(answer.stop_reason)),
            Outcome::Failed(_) => (asked.clone(), true),
            Outcome::Running => return,
        };
        let (asked, author) = (Some(asked), Some(author));
        let initial = Version::initial(text, &self.names);
        self.versions.push(Version { cycle: key.cycle, asked, author, cut_off, lost, ..initial });
    }
}
