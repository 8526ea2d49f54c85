//! The state of a session: a pure fold over its journal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use forge_core::{Amount, Participant, StopReason};

use crate::{
    Answer, CallKey, Cast, Conflict, Decree, DropReason, Event, Failure, FindingId, FindingState, Intent,
    Label, Ledger, Mode, Plan, Purpose, Record, SessionStatus, Stage, Stop, Topic,
    parse::{self, Check, Critique, Reading, Revision},
    prompt::names::Names,
    stop::Closed,
};

/// The state of a session, folded from its journal.
#[derive(Debug, Clone)]
pub struct State {
    /// The plan, as changed by later runs.
    pub plan: Plan,
    /// When the session began.
    pub started: Option<DateTime<Utc>>,
    /// Every call so far, by cycle, stage, seat and step.
    pub calls: BTreeMap<CallKey, Call>,
    /// Every finding.
    pub ledger: Ledger,
    /// Every version of the document, the draft first.
    pub versions: Vec<Version>,
    /// Conflicts that a synthesizer resolved, with their cycle.
    pub conflicts: Vec<(u32, Conflict)>,
    /// Who was not asked, and why.
    pub dropped: BTreeMap<(u32, Stage, u32), DropReason>,
    /// The panels of past and present cycles.
    pub panels: BTreeMap<u32, Panel>,
    /// The labels under which the synthesizer saw the critics, by cycle.
    pub labels: BTreeMap<u32, Vec<Label>>,
    /// What the attendant decided, by cycle.
    pub decrees: BTreeMap<u32, Decree>,
    /// Why and how the session ended.
    pub stopped: Option<(Stop, SessionStatus)>,
    /// Whether calls are held back.
    pub paused: bool,
    /// Milliseconds for which the session had run at the last entry.
    pub at: u64,
    pub(crate) names: Names,
    /// What the answers say, read once.
    readings: BTreeMap<CallKey, Reading>,
    pub(crate) feedback: Vec<(u32, String)>,
    pub(crate) heard: BTreeSet<CallKey>,
    pub(crate) revised: BTreeSet<u32>,
    pub(crate) checked: BTreeSet<u32>,
    pub(crate) closed: Vec<Closed>,
    /// Calls that had ended when a later run began: whoever failed in them may be asked again.
    pub(crate) forgiven: BTreeSet<CallKey>,
    /// What calls of dead runs may have cost.
    pub(crate) lost: Amount,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// As it was intended.
    pub intent: Intent,
    /// When it began, in milliseconds of the session.
    pub begun: u64,
    /// When it ended.
    pub ended: Option<u64>,
    /// How it went.
    pub outcome: Outcome,
}

/// How a call went.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is under way, or was when its run died.
    Running,
    /// It was answered.
    Answered(Box<Answer>),
    /// It failed.
    Failed(Box<Failure>),
}

/// One version of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// The cycle that made it; 0 for the draft.
    pub cycle: u32,
    /// The text.
    pub text: String,
    /// Who was asked for it.
    pub asked: Participant,
    /// Who wrote it.
    pub author: Participant,
    /// Whether it was cut off at its token limit.
    pub cut_off: bool,
}

/// The critics of one cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// Critiques that count.
    pub counted: Vec<CallKey>,
    /// Seats whose calls were still under way.
    pub late: Vec<u32>,
}

/// How a seat stands.
pub(crate) enum Seat<'a> {
    /// Its answer, from the last of its calls.
    Answered(CallKey, Reading),
    Running,
    /// The next call to make.
    Ready {
        step: u32,
        participant: &'a Participant,
        purpose: Purpose,
    },
    /// Nobody is left to ask.
    Exhausted,
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
            decrees: BTreeMap::new(),
            stopped: None,
            paused: false,
            at: 0,
            names: Names::default(),
            readings: BTreeMap::new(),
            feedback: Vec::new(),
            heard: BTreeSet::new(),
            revised: BTreeSet::new(),
            checked: BTreeSet::new(),
            closed: Vec::new(),
            forgiven: BTreeSet::new(),
            lost: Amount::default(),
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

    /// Goes on by one entry. Pure: no clock, no chance, nothing from outside.
    pub fn apply(&mut self, record: &Record) {
        self.at = self.at.max(record.at);
        self.ledger.set(record.event.findings());
        match &record.event {
            Event::SessionStarted { started, plan, .. } => {
                self.started = Some(*started);
                self.names = Names::of(plan);
                self.plan = (**plan).clone();
            }
            Event::Resumed { settings } => {
                self.plan.settings = (**settings).clone();
                self.stopped = None;
                self.paused = false;
                // What failed or did not fit may be tried again, except in panels that are closed.
                let panels = &self.panels;
                self.dropped
                    .retain(|(cycle, stage, _), _| *stage == Stage::Critique && panels.contains_key(cycle));
                let ended = self.calls.values().filter(|call| !matches!(call.outcome, Outcome::Running));
                self.forgiven.extend(ended.map(|call| call.intent.call));
            }
            Event::CallIntended(intent) => {
                let call = Call {
                    intent: (**intent).clone(),
                    begun: record.at,
                    ended: None,
                    outcome: Outcome::Running,
                };
                if let Some(dead) = self.calls.insert(intent.call, call) {
                    self.lost = plus(self.lost, dead.intent.reserved);
                }
            }
            Event::CallFinished { call, answer } => {
                let reading = parse::read(call.stage, &self.names.reveal(&answer.raw_content));
                self.readings.insert(*call, reading);
                self.end(*call, record.at, Outcome::Answered(answer.clone()));
            }
            Event::CallFailed { call, failure } => {
                self.end(*call, record.at, Outcome::Failed(failure.clone()));
            }
            Event::SeatDropped { cycle, stage, seat, reason } => {
                self.dropped.insert((*cycle, *stage, *seat), *reason);
            }
            Event::DraftAccepted { call } => {
                if let Reading::Document(text) = self.reading(*call) {
                    self.add_version(*call, text);
                }
            }
            Event::PanelClosed { cycle, counted, late } => {
                self.panels.insert(*cycle, Panel { counted: counted.clone(), late: late.clone() });
            }
            Event::FindingsRecorded { calls, .. } => self.heard.extend(calls),
            Event::LabelsAssigned { cycle, labels } => {
                self.labels.insert(*cycle, labels.clone());
            }
            Event::DispositionsRecorded { cycle, call, conflicts, .. } => {
                self.revised.insert(*cycle);
                self.conflicts.extend(conflicts.iter().map(|conflict| (*cycle, conflict.clone())));
                if let Some(text) = self.revision(*cycle).and_then(|revision| revision.document) {
                    self.add_version(*call, text);
                }
            }
            Event::Checked { cycle, .. } => {
                self.checked.insert(*cycle);
            }
            Event::CycleClosed { cycle, open, settled } => {
                let checked = self.checked.contains(cycle) || !self.revised.contains(cycle);
                self.closed.push(Closed { open: *open, settled: *settled, checked });
            }
            Event::Attended { cycle, decision } => {
                if let Some(text) = decision.instruction() {
                    self.feedback.push((*cycle, text));
                }
                self.decrees.insert(*cycle, decision.clone());
            }
            Event::FeedbackGiven { text } => self.feedback.push((self.cycle(), text.clone())),
            Event::Paused => self.paused = true,
            Event::Unpaused => self.paused = false,
            Event::Stopped { reason, status } => self.stopped = Some((*reason, *status)),
        }
    }

    /// How the session stands.
    pub fn status(&self) -> SessionStatus {
        match &self.stopped {
            Some((_, status)) => *status,
            None if self.paused => SessionStatus::Paused,
            None if self.calls.is_empty() => SessionStatus::Initialized,
            None => SessionStatus::InProgress,
        }
    }

    /// The cycle under way: 0 while there is no draft.
    pub fn cycle(&self) -> u32 {
        if self.versions.is_empty() { 0 } else { u32::try_from(self.closed.len()).unwrap_or(u32::MAX) + 1 }
    }

    /// Whether a live call of this run or a dead one of an earlier run is under way.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|call| matches!(call.outcome, Outcome::Running))
    }

    /// What is spent or set aside.
    pub(crate) fn used(&self) -> Amount {
        let of = |call: &Call| match &call.outcome {
            Outcome::Running => call.intent.reserved,
            Outcome::Answered(answer) => answer.charged,
            Outcome::Failed(failure) => failure.charged,
        };
        self.calls.values().map(of).fold(self.lost, plus)
    }

    /// The document that `cycle` starts from.
    pub(crate) fn base(&self, cycle: u32) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.cycle < cycle.max(1))
    }

    /// Findings of a cycle that wait for the synthesizer.
    pub(crate) fn to_decide(&self) -> Vec<FindingId> {
        self.ledger.open().map(|finding| finding.id).collect()
    }

    /// Findings that wait for the checker.
    pub(crate) fn to_check(&self) -> Vec<FindingId> {
        let accepted = self.ledger.findings().filter(|finding| finding.state == FindingState::Accepted);
        accepted.map(|finding| finding.id).collect()
    }

    /// What the user said up to the beginning of `cycle`, or in it.
    pub(crate) fn feedback(&self, cycle: u32) -> Vec<&str> {
        self.feedback.iter().filter(|(given, _)| *given <= cycle).map(|(_, text)| text.as_str()).collect()
    }

    /// Whether the user asked for something that no synthesis has seen.
    pub(crate) fn has_new_feedback(&self, cycle: u32) -> bool {
        self.feedback.iter().any(|(given, _)| *given + 1 >= cycle)
    }

    pub(crate) fn at_seat(
        &self,
        cycle: u32,
        stage: Stage,
        seat: u32,
    ) -> impl DoubleEndedIterator<Item = &Call> {
        let key = |step| CallKey { cycle, stage, seat, step };
        self.calls.range(key(0)..=key(u32::MAX)).map(|(_, call)| call)
    }

    /// Whether anybody was asked in this stage of the cycle.
    pub(crate) fn has_begun(&self, cycle: u32, stage: Stage) -> bool {
        self.at_seat(cycle, stage, 0).next().is_some()
    }

    /// How a seat stands, and whom to ask next of `chain`.
    pub(crate) fn seat<'a>(
        &'a self,
        cycle: u32,
        stage: Stage,
        seat: u32,
        chain: &[&'a Participant],
    ) -> Seat<'a> {
        let calls: Vec<&Call> = self.at_seat(cycle, stage, seat).collect();
        let answer = self.combined(&calls);
        if let Some(last) = calls.last()
            && let Outcome::Running = last.outcome
        {
            return if self.dropped.contains_key(&(cycle, stage, seat)) && stage != Stage::Critique {
                Seat::Exhausted
            } else {
                Seat::Running
            };
        }
        let dropped = self.dropped.contains_key(&(cycle, stage, seat));
        let complete = answer.as_ref().is_some_and(|(_, reading)| self.is_complete(stage, reading));
        let step = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let repaired = calls.iter().any(|call| call.intent.purpose == Purpose::Repair);
        let repairable =
            calls.last().filter(|call| !complete && !dropped && !repaired && can_be_repaired(stage, call));
        if let Some(last) = repairable {
            return Seat::Ready { step, participant: &last.intent.participant, purpose: Purpose::Repair };
        }
        if let Some((key, reading)) = answer {
            return Seat::Answered(key, reading);
        }
        let tried = |call: &&&Call| {
            call.intent.purpose == Purpose::Answer && !self.forgiven.contains(&call.intent.call)
        };
        let asked = calls.iter().filter(tried).count();
        match chain.get(asked) {
            Some(participant) if !dropped => Seat::Ready { step, participant, purpose: Purpose::Answer },
            _ => Seat::Exhausted,
        }
    }

    /// What the calls at one seat say together: a repair completes the answer before it.
    fn combined(&self, calls: &[&Call]) -> Option<(CallKey, Reading)> {
        let mut whole: Option<(CallKey, Reading)> = None;
        for call in calls {
            let Outcome::Answered(answer) = &call.outcome else { continue };
            if !is_usable(answer.stop_reason, call.intent.call.stage) {
                continue;
            }
            let reading = self.reading(call.intent.call);
            whole = match (whole, reading) {
                (Some((key, Reading::Revision(first))), Reading::Revision(second)) => {
                    Some((key, Reading::Revision(joined(first, second))))
                }
                (Some((key, Reading::Check(first))), Reading::Check(second)) => {
                    let known: Vec<_> = first.verdicts.iter().map(|verdict| verdict.finding).collect();
                    let more =
                        second.verdicts.into_iter().filter(|verdict| !known.contains(&verdict.finding));
                    let verdicts = first.verdicts.iter().cloned().chain(more).collect();
                    Some((key, Reading::Check(Check { verdicts, ..first })))
                }
                (whole, Reading::Unreadable) => whole,
                (_, reading) => Some((call.intent.call, reading)),
            };
        }
        // A synthesis without a document is none.
        whole.filter(|(_, reading)| !matches!(reading, Reading::Revision(Revision { document: None, .. })))
    }

    fn is_complete(&self, stage: Stage, reading: &Reading) -> bool {
        match reading {
            Reading::Revision(revision) if stage == Stage::Synthesis => {
                let given: Vec<_> = revision.dispositions.iter().map(|given| given.finding).collect();
                crate::event::missing(&self.to_decide(), &given).is_empty()
            }
            Reading::Check(check) => {
                let given: Vec<_> = check.verdicts.iter().map(|verdict| verdict.finding).collect();
                crate::event::missing(&self.to_check(), &given).is_empty()
            }
            Reading::Document(_) | Reading::Critique(_) | Reading::Revision(_) => true,
            Reading::Unreadable => false,
        }
    }

    /// What an answered call says, with the names back in place.
    pub(crate) fn reading(&self, key: CallKey) -> Reading {
        self.readings.get(&key).cloned().unwrap_or(Reading::Unreadable)
    }

    /// What a critic said.
    pub(crate) fn critique(&self, key: CallKey) -> Critique {
        match self.reading(key) {
            Reading::Critique(critique) => critique,
            _ => Critique::default(),
        }
    }

    pub(crate) fn revision(&self, cycle: u32) -> Option<Revision> {
        let calls: Vec<&Call> = self.at_seat(cycle, Stage::Synthesis, 0).collect();
        match self.combined(&calls) {
            Some((_, Reading::Revision(revision))) => Some(revision),
            _ => None,
        }
    }

    /// Critiques that came too late for their cycle and are not in the ledger yet.
    pub(crate) fn unheard(&self) -> Vec<CallKey> {
        let late =
            self.panels.iter().flat_map(|(cycle, panel)| panel.late.iter().map(|seat| (*cycle, *seat)));
        let answered = late.filter_map(|(cycle, seat)| {
            let calls: Vec<&Call> = self.at_seat(cycle, Stage::Critique, seat).collect();
            self.combined(&calls).map(|(key, _)| key)
        });
        answered.filter(|key| !self.heard.contains(key)).collect()
    }

    /// Findings that block and that the synthesis of this cycle got settled or, without a check, accepted.
    pub(crate) fn settled_blocking(&self) -> usize {
        let settled = |finding: &&crate::Finding| {
            let done = match self.plan.settings.mode {
                Mode::Council => finding.state == FindingState::Settled,
                Mode::Direct | Mode::Review => {
                    matches!(finding.state, FindingState::Settled | FindingState::Accepted)
                }
            };
            done && finding.blocks()
        };
        self.ledger.findings().filter(settled).count()
    }

    fn end(&mut self, key: CallKey, at: u64, outcome: Outcome) {
        if let Some(call) = self.calls.get_mut(&key) {
            call.ended = Some(at);
            call.outcome = outcome;
        }
    }

    fn add_version(&mut self, key: CallKey, text: String) {
        let Some(call) = self.calls.get(&key) else { return };
        let Outcome::Answered(answer) = &call.outcome else { return };
        self.versions.push(Version {
            cycle: key.cycle,
            text,
            asked: call.intent.participant.clone(),
            author: answer.served.clone(),
            cut_off: answer.stop_reason == StopReason::MaxTokens,
        });
    }
}

fn joined(first: Revision, second: Revision) -> Revision {
    let known: Vec<FindingId> = first.dispositions.iter().map(|given| given.finding).collect();
    let more = second.dispositions.into_iter().filter(|given| !known.contains(&given.finding));
    let dispositions = first.dispositions.iter().cloned().chain(more).collect();
    let conflicts = if first.conflicts.is_empty() { second.conflicts } else { first.conflicts };
    Revision { document: first.document.or(second.document), dispositions, conflicts }
}

/// Whether an answer that ended so can be used. Structured answers are judged by what can be read of them.
pub(crate) fn is_usable(reason: StopReason, stage: Stage) -> bool {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse | StopReason::Other => true,
        StopReason::MaxTokens | StopReason::ContextWindow => stage != Stage::Draft,
        StopReason::Refusal | StopReason::ContentFiltered | StopReason::Paused | StopReason::Error => false,
    }
}

fn can_be_repaired(stage: Stage, call: &Call) -> bool {
    let Outcome::Answered(answer) = &call.outcome else { return false };
    stage != Stage::Draft && is_usable(answer.stop_reason, stage) && !answer.raw_content.trim().is_empty()
}

pub(crate) fn plus(one: Amount, other: Amount) -> Amount {
    Amount { money: one.money + other.money, tokens: one.tokens.saturating_add(other.tokens) }
}
