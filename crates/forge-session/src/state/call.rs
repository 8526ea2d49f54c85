//! Calls, versions and panels as the state has them.

use std::borrow::Cow;

use forge_core::{Participant, error::Phase};
use forge_prompt::Pseudonyms;

use crate::{
    event::{Answer, Failure, Intent},
    prompt::shown,
    stage::CallKey,
};

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// As it was intended.
    pub intent: Intent,
    /// When it began, in milliseconds of the session.
    pub begun: u64,
    /// When it ended, in milliseconds of the session; `None` while it has not.
    pub ended: Option<u64>,
    /// The outcome.
    pub outcome: Outcome,
}

impl Call {
    pub(super) fn key(&self) -> CallKey {
        self.intent.call
    }

    /// Whether it failed before anything was sent.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(&self.outcome, Outcome::Failed(failure) if failure.phase == Phase::BeforeSend)
    }
}

/// The outcome of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is in flight, or was when its run died. Its reservation counts as used.
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
    /// The text, with the names back in place that prompts hide.
    pub text: String,
    /// Who was asked for it; `None` if it was there before the session.
    pub asked: Option<Participant>,
    /// Who wrote it, as served; `None` if it was there before the session.
    pub author: Option<Participant>,
    /// Whether it was cut off, at its token limit or by the clock. A revision of such a text is cut off as
    /// well.
    pub cut_off: bool,
    /// Lines that it lost although no accepted finding is about them.
    pub lost: u32,
    /// Whether a person wrote it, between two stages.
    pub edited: bool,
    /// What prompts show of the text, where that differs: each of many prompts would make it again.
    pub(crate) shown: Option<String>,
}

impl Version {
    /// A text that existed before the session, in prompts without these names.
    pub(crate) fn initial(text: String, names: &Pseudonyms) -> Self {
        let shown = match shown(names, &text) {
            Cow::Owned(shown) => Some(shown),
            Cow::Borrowed(_) => None,
        };
        Self { cycle: 0, text, asked: None, author: None, cut_off: false, lost: 0, edited: false, shown }
    }

    /// The text as prompts show it.
    pub(crate) fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.text)
    }
}

/// The critics of one cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// Critiques that count, in the order of the seats.
    pub counted: Vec<CallKey>,
    /// Seats whose calls were still under way when it closed.
    pub late: Vec<u32>,
}
