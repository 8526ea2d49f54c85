//! What a person may do with a workflow, and when.

use forge_core::Money;
use serde::{Deserialize, Serialize};

use super::{event::Event, stage::Stage, state::State};

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Answer the clarifier's questions.
    Answer(String),
    /// Carry out the plan with this hash.
    Approve(String),
    /// Have another plan made.
    RequestChanges(String),
    /// Begin nothing new.
    Pause,
    /// Go on, with other money for all calls if it is given; also after a failure.
    Resume(Option<Money>),
    /// End it.
    Abort,
}

impl Command {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answer",
            Self::Approve(_) => "approve",
            Self::RequestChanges(_) => "request changes of",
            Self::Pause => "pause",
            Self::Resume(_) => "resume",
            Self::Abort => "abort",
        }
    }
}

/// Why a command is refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The workflow stands where this cannot be done.
    #[error("a workflow that is {stage}{} cannot be {}", if *.paused { " and paused" } else { "" }, past(.command))]
    Stage {
        /// The command.
        command: &'static str,
        /// Where it stands.
        stage: Stage,
        /// Whether it is paused.
        paused: bool,
    },
    /// The plan is another one than the one that was looked at.
    #[error("the plan has changed: it is {now}, and {approved} was approved")]
    OtherPlan {
        /// The hash that was approved.
        approved: String,
        /// The hash of the plan.
        now: String,
    },
}

fn past(command: &str) -> String {
    match command {
        "request changes of" => "asked for another plan".to_owned(),
        command if command.ends_with('e') => format!("{command}d"),
        "abort" => "aborted".to_owned(),
        command => format!("{command}ed"),
    }
}

impl State {
    /// What follows from a command.
    ///
    /// # Errors
    /// It cannot be done where the workflow stands, or is said of another plan.
    pub fn command(&self, command: Command, by: Option<String>) -> Result<Event, Refused> {
        let refused =
            Refused::Stage { command: command.name(), stage: self.stage, paused: self.paused.is_some() };
        let is_over = matches!(self.stage, Stage::Completed | Stage::Aborted);
        let goes = !is_over && self.stage != Stage::Failed;
        match command {
            Command::Answer(text) if self.stage == Stage::Clarifying && !self.questions.is_empty() => {
                Ok(Event::QuestionsAnswered { text, by })
            }
            Command::Approve(hash) if self.stage == Stage::AwaitingApproval => match self.plan_hash() {
                Some(now) if now == hash => Ok(Event::Approved { hash, by }),
                now => Err(Refused::OtherPlan { approved: hash, now: now.unwrap_or_default() }),
            },
            Command::RequestChanges(text) if self.stage == Stage::AwaitingApproval => {
                Ok(Event::ChangesRequested { text, by })
            }
            Command::Pause if goes && self.paused.is_none() => {
                Ok(Event::Paused { reason: "paused".to_owned(), by })
            }
            Command::Resume(money) if !is_over && (self.paused.is_some() || self.stage == Stage::Failed) => {
                Ok(Event::Resumed { by, money })
            }
            Command::Abort if !is_over => Ok(Event::Aborted { by }),
            _ => Err(refused),
        }
    }

    /// The hash of the plan that stands.
    pub fn plan_hash(&self) -> Option<String> {
        self.plan.as_ref().map(crate::plan::Plan::hash)
    }
}
