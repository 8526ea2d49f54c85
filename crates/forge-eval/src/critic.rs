//! Whoever reads documents.

mod session;
mod simulated;

use std::time::Duration;

use forge_core::{Money, async_trait, storage::budget::Amount};
use forge_session::{Issue, SessionError};

pub use self::{session::SessionCritic, simulated::SimulatedCritic};
use crate::corpus::Document;

/// One text that a critic reads.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Assignment<'a> {
    /// The document.
    pub document: &'a Document,
    /// Whether its clean twin is read in its place.
    pub clean: bool,
    /// Which reading of this text it is, from 0: models do not answer twice alike.
    pub run: u32,
}

impl<'a> Assignment<'a> {
    /// A reading of a document, or of its clean twin.
    pub fn new(document: &'a Document, clean: bool, run: u32) -> Self {
        Self { document, clean, run }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        if self.clean { &self.document.twin } else { &self.document.text }
    }
}

/// What a reading is expected to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "every critic says all of it")]
pub struct Expected {
    /// What it is likely to use.
    pub likely: Amount,
    /// The most that it can use.
    pub most: Amount,
    /// Whether its price is known; if not, the amounts hold no money.
    pub priced: bool,
}

/// What came of a reading.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "every critic says all of it")]
pub struct Reading {
    /// The answer.
    pub outcome: Outcome,
    /// What it cost; `None` if that is unknown.
    pub cost: Option<Money>,
    /// What it takes from the cap: its cost, or the most that it may have cost.
    pub charged: Money,
    /// How long it took.
    pub took: Duration,
}

/// How a reading ended.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "an answer is one of these")]
pub enum Outcome {
    /// With findings, or with none.
    Findings(Vec<Issue>),
    /// With an answer that cannot be read. Whoever asked it has a critic less.
    Unreadable,
    /// Without an answer, for this reason.
    Failed(String),
}

/// Whoever reads documents and says what is wrong with them.
#[async_trait]
pub trait Critic: Send + Sync {
    /// Its name, as the configuration has it.
    fn name(&self) -> &str;

    /// What a reading is expected to use. Sends nothing.
    ///
    /// # Errors
    /// A reading that cannot be asked for at all.
    fn expected(&self, assignment: Assignment<'_>) -> Result<Expected, SessionError>;

    /// Reads a text. A critic that fails says so in its answer.
    async fn read(&self, assignment: Assignment<'_>) -> Reading;
}
