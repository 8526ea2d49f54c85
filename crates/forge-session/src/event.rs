//! The entries of a session's journal.

mod call;

use chrono::{DateTime, Utc};
use forge_core::storage::journal::{Entry, StreamName};
use serde::{Deserialize, Serialize};

pub use self::call::{Answer, Attempt, Failure, Intent};
use crate::{
    answer::{Conflict, Disposition, Verdict},
    budget::BudgetHold,
    contribution::Deed,
    error::SessionError,
    finding::Finding,
    plan::Plan,
    stage::{CallKey, Label, Stage},
    stop::{PanelQuality, SessionStatus, Stop},
};

/// The version of the journal's entries. A newer one is refused.
pub(crate) const VERSION: u32 = 3;

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds for which the session had run; time between two runs is not counted.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// An event of a session. The state is a fold over the events.
///
/// Journals of released versions are read for ever, so that a field that is added has a default. Cycles count
/// from 1; the draft belongs to cycle 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The session began.
    SessionStarted {
        /// The version of the journal.
        version: u32,
        /// When.
        started: DateTime<Utc>,
        /// The plan.
        plan: Box<Plan>,
    },
    /// A later run continues the session with these settings. One that only goes on after a kill leaves no
    /// such entry.
    Resumed {
        /// What is changed in the plan's settings from here on.
        settings: Box<crate::plan::Settings>,
    },
    /// A call is about to be made. A second intent for the same call means that the first run died in it.
    CallIntended(Box<Intent>),
    /// A call was answered.
    CallFinished {
        /// The call.
        call: CallKey,
        /// The answer.
        answer: Box<Answer>,
    },
    /// A call failed.
    CallFailed {
        /// The call.
        call: CallKey,
        /// How.
        failure: Box<Failure>,
    },
    /// Nobody is asked at this seat any more, in this cycle.
    SeatDropped {
        /// The cycle.
        cycle: u32,
        /// The stage.
        stage: Stage,
        /// The seat.
        seat: u32,
        /// Why.
        reason: DropReason,
        /// Who skipped it, if somebody did who attends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// There is a first version.
    DraftAccepted {
        /// The call that wrote it.
        call: CallKey,
    },
    /// No further critique is waited for in this cycle.
    PanelClosed {
        /// The cycle.
        cycle: u32,
        /// The critiques that count.
        counted: Vec<CallKey>,
        /// The seats whose calls are still under way; their answers join this cycle if its synthesis has not
        /// begun, else the next.
        late: Vec<u32>,
    },
    /// Critiques were read into the ledger.
    FindingsRecorded {
        /// The cycle in which they count.
        cycle: u32,
        /// The critiques.
        calls: Vec<CallKey>,
        /// How many wishes of the person who asked for the document became findings.
        #[serde(default)]
        wishes: u32,
        /// Every finding that is new or was raised again, as it stands now; the fold puts them in place
        /// without judging again.
        findings: Vec<Finding>,
    },
    /// The critics got the labels under which the synthesizer sees them, in the order in which it does.
    LabelsAssigned {
        /// The cycle.
        cycle: u32,
        /// The labels.
        labels: Vec<Label>,
    },
    /// The findings were decided. What the host did not confirm stays open in `findings`, whatever
    /// `dispositions` say.
    DispositionsRecorded {
        /// The cycle.
        cycle: u32,
        /// The call that decided them.
        call: CallKey,
        /// The new version; `None` if the text stays as it was.
        #[serde(default)]
        document: Option<String>,
        /// Lines that it lost although no accepted finding is about them.
        #[serde(default)]
        lost: u32,
        /// The decisions, as given.
        dispositions: Vec<Disposition>,
        /// Conflicts and how they were resolved.
        conflicts: Vec<Conflict>,
        /// Every finding that changed, as it stands now.
        findings: Vec<Finding>,
    },
    /// The new version was checked.
    Checked {
        /// The cycle.
        cycle: u32,
        /// The call.
        call: CallKey,
        /// The verdicts, as given.
        verdicts: Vec<Verdict>,
        /// Every finding that is new or changed, as it stands now.
        findings: Vec<Finding>,
    },
    /// A cycle is over.
    CycleClosed {
        /// The cycle.
        cycle: u32,
        /// Critical and major findings that are open.
        open: u32,
        /// Critical and major findings that this cycle settled.
        settled: u32,
        /// What its panel was worth.
        #[serde(default)]
        panel: Option<PanelQuality>,
    },
    /// The approver decided.
    #[serde(rename = "attended")]
    DecisionMade {
        /// The cycle that had ended.
        cycle: u32,
        /// The decision.
        decision: crate::decision::Decision,
        /// Who, as the one who attends is known; `None` for whoever runs the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The user has something to say to the next stage.
    FeedbackGiven {
        /// What.
        text: String,
        /// Who, as the one who attends is known; `None` for whoever runs the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Somebody wrote the document anew between two stages. Its next panel reads this text.
    DraftEdited {
        /// The number of the version that was changed, which was the newest one.
        base: u32,
        /// The new version.
        text: String,
        /// Who, as the one who attends is known; `None` for whoever runs the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// No further calls are made: the user wants it so, or a budget that is not the session's own has no room.
    Paused {
        /// That budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<BudgetHold>,
        /// Who, as the one who attends is known; `None` for whoever runs the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Calls are made again.
    Unpaused {
        /// Who, as the one who attends is known; `None` for whoever runs the session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// The session ended.
    Stopped {
        /// Why.
        reason: Stop,
        /// How.
        status: SessionStatus,
        /// Who aborted it, if somebody did who attends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
}

impl Record {
    /// The entry as JSON: the members of the event, with `at` beside them.
    pub(crate) fn encode(at: u64, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            at: u64,
            #[serde(flatten)]
            event: &'a Event,
        }
        serde_json::to_vec(&Borrowed { at, event })
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// An entry that is no event, one that says it is of a later version, or a first one that begins no session.
    pub(crate) fn read(session: &StreamName, entry: &Entry) -> Result<Self, SessionError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            version: Option<u32>,
            #[serde(default, rename = "type")]
            kind: Option<String>,
        }
        let bad = |source| SessionError::Entry { session: session.clone(), sequence: entry.sequence, source };
        // The version first: what a later version wrote is to be refused as such and not as damaged.
        let head: Head = serde_json::from_slice(&entry.payload).map_err(bad)?;
        if let Some(found) = head.version.filter(|found| *found > VERSION) {
            return Err(SessionError::Version { session: session.clone(), found, known: VERSION });
        }
        // Every session begins so. What begins otherwise is whole, and something else: nothing is damaged.
        if entry.sequence == 0 && head.kind.is_none_or(|kind| kind != "session_started") {
            return Err(SessionError::Foreign(session.clone()));
        }
        serde_json::from_slice(&entry.payload).map_err(bad)
    }
}

/// Why nobody is asked at a seat any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Its calls do not fit into the budget, or would leave too little for the later stages.
    Budget,
    /// Nobody in its chain can judge: each of them wrote the text, or sits at another seat.
    OwnText,
    /// The user skipped the stage.
    Skipped,
}

impl DropReason {
    /// Why nobody is asked, in words.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Budget => "the budget has no room for it",
            Self::OwnText => "nobody is left who did not write the text and does not sit at another seat",
            Self::Skipped => "the user skipped it",
        }
    }
}

impl Event {
    /// Whether it uses the answer of a model.
    pub(crate) const fn consumes_answer(&self) -> bool {
        matches!(
            self,
            Self::DraftAccepted { .. }
                | Self::FindingsRecorded { .. }
                | Self::DispositionsRecorded { .. }
                | Self::Checked { .. }
        )
    }

    /// What somebody did by it, and who, if somebody did.
    pub(crate) fn deed(&self) -> Option<(Option<&String>, Deed)> {
        Some(match self {
            Self::DecisionMade { decision, by, .. } => {
                (by.as_ref(), Deed::Decided { decision: decision.clone() })
            }
            Self::FeedbackGiven { text, by } => (by.as_ref(), Deed::Feedback { text: text.clone() }),
            Self::DraftEdited { base, by, .. } => (by.as_ref(), Deed::Edited { version: base + 1 }),
            // The host pauses and ends sessions as well. One command skips every seat of a stage, the first one too.
            Self::SeatDropped { stage, seat: 0, by: Some(by), .. } => {
                (Some(by), Deed::Skipped { stage: *stage })
            }
            Self::Paused { by: Some(by), .. } => (Some(by), Deed::Paused),
            Self::Unpaused { by: Some(by) } => (Some(by), Deed::Resumed),
            Self::Stopped { by: Some(by), .. } => (Some(by), Deed::Aborted),
            _ => return None,
        })
    }

    /// The findings that the event changes, as they are after it.
    pub(crate) fn findings(&self) -> &[Finding] {
        match self {
            Self::FindingsRecorded { findings, .. }
            | Self::DispositionsRecorded { findings, .. }
            | Self::Checked { findings, .. } => findings,
            Self::SessionStarted { .. }
            | Self::Resumed { .. }
            | Self::CallIntended(_)
            | Self::CallFinished { .. }
            | Self::CallFailed { .. }
            | Self::SeatDropped { .. }
            | Self::DraftAccepted { .. }
            | Self::PanelClosed { .. }
            | Self::LabelsAssigned { .. }
            | Self::CycleClosed { .. }
            | Self::DecisionMade { .. }
            | Self::FeedbackGiven { .. }
            | Self::DraftEdited { .. }
            | Self::Paused { .. }
            | Self::Unpaused { .. }
            | Self::Stopped { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_the_user_is_written_and_read_as_it_always_was() {
        let paused = br#"{"at":7,"type":"paused"}"#;
        let record: Record = serde_json::from_slice(paused).unwrap();
        assert_eq!(record.event, Event::Paused { budget: None, by: None });
        assert_eq!(Record::encode(7, &record.event).unwrap(), paused);
        let unpaused = br#"{"at":9,"type":"unpaused"}"#;
        let record: Record = serde_json::from_slice(unpaused).unwrap();
        assert_eq!(record.event, Event::Unpaused { by: None });
        assert_eq!(Record::encode(9, &record.event).unwrap(), unpaused);
    }
}
