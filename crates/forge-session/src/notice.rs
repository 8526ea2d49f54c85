//! Notices to the observer of a session.

use std::sync::Arc;

use forge_core::{Money, Participant};
use serde::Serialize;

use crate::{
    contribution::Deed,
    event::Event,
    stage::{CallKey, Stage},
    state::{Outcome, State},
    stop::{SessionStatus, Stop},
};

/// Called with every notice on the task that runs the session. It must not block.
pub type Observer = Arc<dyn Fn(&Notice) + Send + Sync>;

/// An event of interest to an observer. The journal has the full record. What stands there is told once it is
/// on disk; the pieces of an answer are told as they come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// The session started or was resumed.
    SessionStarted {
        /// Whether an earlier run started it.
        resumed: bool,
    },
    /// A participant is asked.
    StageStarted {
        /// The call.
        call: CallKey,
        /// The stage.
        stage: Stage,
        /// Who is asked.
        participant: Participant,
    },
    /// A stage is over.
    StageCompleted {
        /// The cycle.
        cycle: u32,
        /// The stage.
        stage: Stage,
    },
    /// A participant writes.
    ParticipantDelta {
        /// The call.
        call: CallKey,
        /// A piece of its text, as it came from the vendor: not cleaned, so that whoever shows it has to.
        text: String,
    },
    /// A participant is done.
    ParticipantDone {
        /// The call.
        call: CallKey,
        /// Who answered, or was asked in vain.
        participant: Participant,
        /// Tokens of its answer and prompt; `None` if unknown.
        tokens: Option<u64>,
        /// What it cost; `None` if unknown.
        #[serde(flatten, with = "forge_core::usage::cost")]
        cost: Option<Money>,
        /// Milliseconds.
        duration_ms: u64,
        /// What went wrong, if anything.
        error: Option<String>,
    },
    /// A finding is new, was raised again, or changed.
    Finding {
        /// Its label.
        finding: String,
        /// Its severity.
        severity: &'static str,
        /// What is wrong.
        claim: String,
        /// What became of it.
        state: &'static str,
    },
    /// The synthesizer decided a finding.
    Disposition {
        /// The finding's label.
        finding: String,
        /// The decision.
        decision: &'static str,
        /// Why.
        reason: String,
    },
    /// A part of the budget is used up.
    Budget {
        /// 50, 75 or 90.
        percent: u8,
        /// Money that is spent or set aside.
        #[serde(flatten, with = "forge_core::usage::cost")]
        cost: Money,
        /// Tokens that are spent or set aside.
        tokens: u64,
    },
    /// Something the user should know.
    Warning {
        /// What.
        message: String,
    },
    /// A cycle is over, and the session waits for somebody who decides what to do.
    Waiting {
        /// The cycle.
        cycle: u32,
    },
    /// Somebody did something.
    Contributed {
        /// Who, as those who attend are known.
        by: Option<String>,
        /// What.
        #[serde(flatten)]
        deed: Deed,
    },
    /// No further calls are made for now.
    Paused,
    /// The session ended.
    Completed {
        /// How.
        status: SessionStatus,
        /// Why.
        reason: Stop,
    },
}

impl Notice {
    /// The notices of an event that `state` already includes, in the order in which to tell them.
    pub(crate) fn of(event: &Event, state: &State) -> Vec<Self> {
        let completed = |cycle: u32, stage| Self::StageCompleted { cycle, stage };
        let mut notices = match event {
            Event::SessionStarted { .. } => vec![Self::SessionStarted { resumed: false }],
            Event::Resumed { .. } => {
                std::iter::once(Self::SessionStarted { resumed: true }).chain(waiting(state)).collect()
            }
            Event::CallIntended(intent) => vec![Self::StageStarted {
                call: intent.call,
                stage: intent.call.stage,
                participant: intent.participant.clone(),
            }],
            Event::CallFinished { call, .. } | Event::CallFailed { call, .. } => {
                participant_done(*call, state)
            }
            Event::SeatDropped { cycle, stage, seat, reason, .. } => {
                let reason = reason.describe();
                let message = format!("{stage} {} of cycle {cycle} is left out: {reason}", seat + 1);
                vec![Self::Warning { message }]
            }
            Event::DraftAccepted { .. } => vec![completed(0, Stage::Draft)],
            Event::PanelClosed { cycle, .. } => vec![completed(*cycle, Stage::Critique)],
            Event::DispositionsRecorded { cycle, dispositions, .. } => {
                let given = dispositions.iter().map(|given| Self::Disposition {
                    finding: given.finding.to_string(),
                    decision: given.decision.as_str(),
                    reason: given.reason.clone(),
                });
                std::iter::once(completed(*cycle, Stage::Synthesis)).chain(given).collect()
            }
            Event::Checked { cycle, .. } => vec![completed(*cycle, Stage::Check)],
            Event::Paused { budget, .. } => {
                let held = budget.iter().map(|hold| Self::Warning { message: hold.to_string() });
                held.chain([Self::Paused]).collect()
            }
            Event::Stopped { reason, status, .. } => {
                vec![Self::Completed { status: *status, reason: *reason }]
            }
            Event::CycleClosed { .. } => waiting(state).into_iter().collect(),
            Event::FindingsRecorded { .. }
            | Event::LabelsAssigned { .. }
            | Event::DecisionMade { .. }
            | Event::FeedbackGiven { .. }
            | Event::DraftEdited { .. }
            | Event::Unpaused { .. } => Vec::new(),
        };
        let deed = event.deed().map(|(by, deed)| Self::Contributed { by: by.cloned(), deed });
        notices.splice(0..0, deed);
        notices.extend(event.findings().iter().map(|finding| Self::Finding {
            finding: finding.id.to_string(),
            severity: finding.severity(),
            claim: finding.issue.claim.clone(),
            state: finding.state.as_str(),
        }));
        notices
    }
}

fn waiting(state: &State) -> Option<Notice> {
    state.waits_for().map(|cycle| Notice::Waiting { cycle })
}

/// The end of a call, and behind it the warnings that came with its answer.
fn participant_done(key: CallKey, state: &State) -> Vec<Notice> {
    let Some(call) = state.calls.get(&key) else { return Vec::new() };
    let asked = &call.intent.participant;
    let (participant, tokens, cost, duration_ms, error, warnings) = match &call.outcome {
        Outcome::Running => return Vec::new(),
        Outcome::Answered(answer) => {
            let tokens = answer.tokens.total_input().zip(answer.tokens.total_output()).map(|(i, o)| i + o);
            (&answer.served, tokens, answer.cost, answer.took, None, answer.warnings.clone())
        }
        Outcome::Failed(failure) => {
            (asked, None, None, failure.took, Some(failure.message.clone()), Vec::new())
        }
    };
    let participant = participant.clone();
    let participant_done =
        Notice::ParticipantDone { call: key, participant, tokens, cost, duration_ms, error };
    let warnings = warnings.into_iter().map(|message| Notice::Warning { message });
    std::iter::once(participant_done).chain(warnings).collect()
}
