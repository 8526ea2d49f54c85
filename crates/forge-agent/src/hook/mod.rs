//! Programs of the user's that are asked, or told, at fixed points of the work.
//!
//! A hook is given the event as JSON on standard input, by the contract that hooks of other coding agents have, so that
//! their scripts can be used as they are. [`HookManager::fire`] runs those of an event and says what follows from them.

mod answer;
mod event;
mod input;
mod manager;
mod preset;
mod seal;

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

pub use self::{
    event::{HookEvent, HookSubject},
    input::{HookInput, HookTool},
    manager::{HookManager, HookObserver},
    preset::Preset,
};
use crate::process::Exit;

/// What a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "these are all ways to say it")]
pub enum HookAction {
    /// A program and its arguments.
    Program(Vec<String>),
    /// A line for `sh -c`.
    Shell(String),
    /// A check that is built in.
    Preset(Preset),
}

/// A hook as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever makes one says all of it")]
pub struct Hook {
    /// What reports call it.
    pub name: String,
    /// When it runs.
    pub event: HookEvent,
    /// For which tools or paths, by [`HookEvent::subject`]; for all if it is `None`. `*` and `?` are wildcards, `|` stands
    /// between alternatives.
    pub matcher: Option<String>,
    /// What is run.
    pub action: HookAction,
    /// It is ended, with everything that it started, after this time.
    pub timeout: Duration,
    /// Whether it guards: where it fails, what it stands in front of does not happen.
    pub required: bool,
    /// The scripts of the project that it runs. It does not run where one of them is another one now.
    pub scripts: Vec<Script>,
    /// Where it is written, for people.
    pub origin: String,
}

/// A script of the project, as it was when the configuration was read: models change files, and nobody has read those.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a file and its digest")]
pub struct Script {
    /// Its path, seen from the project's folder.
    pub path: PathBuf,
    /// The SHA-256 of its bytes in hexadecimal digits.
    pub sha256: String,
}

/// What follows from the hooks of an event. The strictest says it: deny, ask, allow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "every caller tells them apart")]
pub enum HookDecision {
    /// Nobody objects. Permissions hold as ever.
    #[default]
    Allow,
    /// A person has to agree.
    Ask {
        /// Why, in the words of the hook.
        reason: String,
    },
    /// It does not happen.
    Deny {
        /// Why, for the model and for people.
        reason: String,
    },
}

/// How a hook ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HookRun {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub origin: String,
    /// How long it took.
    pub took: Duration,
    /// How it ended; `None` if it could not be started, and for a preset that runs no program.
    pub exit: Option<Exit>,
    /// What it says about the event.
    pub decision: HookDecision,
}

/// What came of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HookOutcome {
    /// What is to be done.
    pub decision: HookDecision,
    /// Whether the whole work is to stop, not this step alone. The decision is a denial then.
    pub is_over: bool,
    /// What the model is told.
    pub context: Vec<String>,
    /// What people are told.
    pub warnings: Vec<String>,
    /// The hooks that ran, in their order. Those after a denial did not.
    pub runs: Vec<HookRun>,
}

#[cfg(test)]
mod tests;
