//! What the journal of a workflow holds. Journals are read for ever: a name or a form that is written here keeps its meaning.

use std::{fmt, path::PathBuf};

use chrono::{DateTime, Utc};
use forge_edit::{Checkpoint, Intent};
use serde::{Deserialize, Serialize};

use super::brief::Brief;
use crate::{agent::AgentEvent, plan::Plan};

/// The version of the entries.
pub const VERSION: u32 = 1;

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A workflow begins.
    Started {
        /// The version of the entries.
        version: u32,
        /// When.
        at: DateTime<Utc>,
        /// What is asked.
        brief: Box<Brief>,
    },
    /// The host begins to do something.
    Begun {
        /// What.
        act: Act,
    },
    /// The host has done it.
    Ended {
        /// What.
        act: Act,
        /// What came of it.
        outcome: Box<Outcome>,
    },
    /// An agent and the host say something to each other.
    Agent {
        /// Which.
        agent: AgentId,
        /// What.
        event: AgentEvent,
    },
    /// The clarifier has its questions; there may be none.
    Clarified {
        /// The questions.
        questions: Vec<String>,
    },
    /// A person answers the questions.
    QuestionsAnswered {
        /// In their words.
        text: String,
        /// Who.
        by: Option<String>,
    },
    /// There is a plan.
    Proposed {
        /// The plan, checked.
        plan: Plan,
    },
    /// A person wants another plan.
    ChangesRequested {
        /// In their words.
        text: String,
        /// Who.
        by: Option<String>,
    },
    /// The plan may be carried out.
    Approved {
        /// The hash of the plan that this is said of.
        hash: String,
        /// Who said it.
        by: Option<String>,
    },
    /// A task is given up, and what it wrote is undone next.
    GivenUp {
        /// The task.
        task: String,
        /// Why.
        reason: String,
    },
    /// A task has come to its end.
    TaskEnded {
        /// The task.
        task: String,
        /// How.
        end: TaskEnd,
    },
    /// The change was read.
    Reviewed {
        /// Which reading, from 1.
        round: u32,
        /// In a few sentences.
        summary: String,
        /// What was found.
        findings: Vec<ReviewFinding>,
    },
    /// Nothing new begins.
    Paused {
        /// Why.
        reason: String,
        /// Who, if it was somebody.
        by: Option<String>,
    },
    /// It goes on, also after a failure.
    Resumed {
        /// Who.
        by: Option<String>,
        /// Other money for all calls.
        #[serde(rename = "money_nano_usd", default, skip_serializing_if = "Option::is_none")]
        money: Option<forge_core::Money>,
    },
    /// It is over because somebody wants it so.
    Aborted {
        /// Who.
        by: Option<String>,
    },
    /// It cannot go on.
    Failed {
        /// Why.
        reason: String,
    },
    /// The result is about to be brought to the user.
    Merging {
        /// What will happen to the files of the user's folder.
        intent: Box<Intent>,
        /// Their state before.
        before: Checkpoint,
    },
    /// The user has the result.
    Merged {
        /// Where: in the working tree, or on a branch.
        into: MergedInto,
        /// The state of the user's folder right afterwards, if it was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Checkpoint>,
        /// Who wanted it.
        by: Option<String>,
    },
    /// The result was taken back out of the user's folder.
    Unmerged {
        /// Who wanted it.
        by: Option<String>,
    },
}

/// Where a result is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MergedInto {
    /// In the working tree, not committed.
    WorkingTree,
    /// In a commit of this branch.
    Branch(String),
}

/// An agent within a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentId {
    /// Asks what is open.
    Clarifier,
    /// Makes the plan.
    Planner,
    /// Does this task.
    Editor(String),
    /// Reads the change for the first, second, ... time.
    Reviewer(u32),
}

impl AgentId {
    /// The kind of agent, as settings and prompts name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Clarifier => "clarifier",
            Self::Planner => "planner",
            Self::Editor(_) => "editor",
            Self::Reviewer(_) => "reviewer",
        }
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clarifier | Self::Planner => f.write_str(self.kind()),
            Self::Editor(task) => write!(f, "editor:{task}"),
            Self::Reviewer(round) => write!(f, "reviewer:{round}"),
        }
    }
}

/// Something that the host does. Doing it once more after a kill is safe for each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// Make the folder to work in.
    Prepare,
    /// Gather what an agent is told at first.
    Open(AgentId),
    /// Run a tool for an agent; the call of the tool, as the model names it.
    Tool(AgentId, String),
    /// Find the places of a task's edits.
    Resolve(String),
    /// Write them.
    Apply(String),
    /// Run a check before the first edit, by its number.
    Baseline(usize),
    /// Run a check after a task, by its number.
    Check(String, usize),
    /// Undo what a task wrote.
    Rollback(String),
    /// Compare what is there with what was.
    Diff(u32),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare => f.write_str("prepare"),
            Self::Open(agent) => write!(f, "open {agent}"),
            Self::Tool(agent, id) => write!(f, "tool {id} of {agent}"),
            Self::Resolve(task) => write!(f, "resolve {task}"),
            Self::Apply(task) => write!(f, "apply {task}"),
            Self::Baseline(number) => write!(f, "check {number} before"),
            Self::Check(task, number) => write!(f, "check {number} after {task}"),
            Self::Rollback(task) => write!(f, "roll back {task}"),
            Self::Diff(round) => write!(f, "diff {round}"),
        }
    }
}

/// What came of something that the host did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// There is a folder to work in.
    Prepared {
        /// The folder.
        root: PathBuf,
        /// Its state.
        base: Checkpoint,
        /// Files of the user that are not committed and are part of it.
        dirty: Vec<String>,
    },
    /// An agent was told something, or a tool said something.
    Said(AgentEvent),
    /// Every edit has its place.
    Resolved {
        /// What will be done.
        intent: Box<Intent>,
        /// The state before.
        before: Checkpoint,
    },
    /// The answer is no set of edits, or does not fit.
    Unfit {
        /// What is wrong.
        problem: String,
        /// The same in words for the model, with what to do next.
        told: String,
    },
    /// It is done.
    Done,
    /// Edits are written.
    Applied {
        /// The state right afterwards: what differs from it later is not the workflow's.
        after: Checkpoint,
        /// What a hook has against them.
        objection: Option<CheckReport>,
    },
    /// A check ended.
    Checked(CheckReport),
    /// The change as a diff.
    Diff {
        /// The diff.
        text: String,
    },
    /// The host could not do it.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a check said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The command as it was run.
    pub command: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// How it ended, in words.
    pub ended: String,
    /// The end of what it wrote.
    pub output: String,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskEnd {
    /// Its edits are written and the checks succeed.
    Done,
    /// It was given up, and nothing of it is left.
    Failed(String),
    /// It waits for one that failed.
    Skipped(String),
}

/// What a reviewer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReviewFinding {
    /// How bad it is: `critical`, `major`, `minor` or `nit`.
    pub severity: String,
    /// What is wrong.
    pub claim: String,
    /// The passage that it is about.
    pub quote: String,
    /// Where the passage stands, as `path:line`; `None` if nowhere in the change.
    pub place: Option<String>,
    /// What to do about it.
    pub suggestion: String,
}

impl ReviewFinding {
    /// Whether the change has to be mended first: it is bad, and the host knows where it stands.
    pub fn is_blocking(&self) -> bool {
        self.place.is_some() && matches!(self.severity.as_str(), "critical" | "major")
    }
}
