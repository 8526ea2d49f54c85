//! What keys are for, and what they ask for.

use crate::source::Action;

/// What keys are for at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Commands.
    #[default]
    Browse,
    /// The help is open.
    Help,
    /// A line is typed.
    Typing { purpose: Purpose, text: String },
    /// A yes or no.
    Confirm { action: Action, question: String },
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Search,
    Spawn,
    Send { worker: String },
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Quit,
    Refresh,
    Act(Action),
    /// First the question, with what is at stake.
    Confirm(Action, String),
    Attach(String),
}
