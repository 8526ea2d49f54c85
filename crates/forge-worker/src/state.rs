//! The words for how a worker is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a worker is, in the seven words that other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "the seven are a contract with programs that read the status file"
)]
pub enum WorkerStatus {
    /// Works on a task, or waits for a person to go on with it.
    Active,
    /// Runs without a task.
    Idle,
    /// Gets ready.
    Starting,
    /// Takes no new task, or is frozen.
    Paused,
    /// Has crashed.
    Failed,
    /// Was stopped on purpose.
    Stopped,
    /// Nothing reliable is known.
    Error,
}

impl WorkerStatus {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Active, Self::Idle, Self::Starting, Self::Paused, Self::Failed, Self::Stopped, Self::Error];

    /// Whether all is as it should be.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Active | Self::Idle | Self::Starting | Self::Paused)
    }

    /// The sign for a dashboard.
    #[must_use]
    pub const fn indicator(self) -> &'static str {
        match self {
            Self::Active => "✅",
            Self::Idle => "💤",
            Self::Starting => "🔄",
            Self::Paused => "⏸️",
            Self::Failed => "❌",
            Self::Stopped => "⏹️",
            Self::Error => "⚠️",
        }
    }

    /// The sign for terminals without emoji.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Active => 'A',
            Self::Idle => 'I',
            Self::Starting => 'S',
            Self::Paused => 'P',
            Self::Failed => 'F',
            Self::Stopped => 'X',
            Self::Error => '!',
        }
    }

    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }

    /// The status that a word of an older file means, in any case of letters.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let older = match word.as_str() {
            "running" | "working" | "busy" => Some(Self::Active),
            "ready" | "waiting" => Some(Self::Idle),
            "spawning" | "initializing" => Some(Self::Starting),
            "crashed" | "dead" => Some(Self::Failed),
            "exited" | "terminated" => Some(Self::Stopped),
            _ => None,
        };
        Self::ALL.into_iter().find(|status| status.as_str() == word).or(older)
    }
}

impl fmt::Display for WorkerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// A person must allow a tool.
    Permission,
    /// A person must answer.
    Question,
    /// A limit of the vendor.
    Limit,
    /// A dialog of the program itself, such as trust in a folder.
    Dialog,
}

/// How a worker is, as Forge itself distinguishes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerState {
    /// The agent does not take a prompt yet.
    Starting,
    /// The agent takes a prompt.
    Ready,
    /// A turn is under way.
    Working,
    /// The turn goes on only after something from outside.
    Waiting(WaitReason),
    /// A text was put in and the agent has no record of it.
    Undelivered,
    /// The last turn ended in an error, of this kind.
    TurnFailed(String),
    /// Takes no new task.
    Paused,
    /// Every process of it is stopped.
    Frozen,
    /// Has been asked to end.
    Stopping,
    /// Has ended.
    Exited {
        /// The exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
        /// Whether it was asked to.
        asked: bool,
    },
    /// Its shim has ended without a word, and processes of it still run.
    Orphaned,
    /// Its shim has ended without a word, and nothing of it runs.
    Lost,
    /// Nothing reliable is known.
    Unknown,
}

impl WorkerState {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Working => "working",
            Self::Waiting(WaitReason::Permission) => "waiting_permission",
            Self::Waiting(WaitReason::Question) => "waiting_question",
            Self::Waiting(WaitReason::Limit) => "waiting_limit",
            Self::Waiting(WaitReason::Dialog) => "waiting_dialog",
            Self::Undelivered => "undelivered",
            Self::TurnFailed(_) => "turn_failed",
            Self::Paused => "paused",
            Self::Frozen => "frozen",
            Self::Stopping => "stopping",
            Self::Exited { .. } => "exited",
            Self::Orphaned => "orphaned",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }

    /// The same in the seven words of [`WorkerStatus`].
    #[must_use]
    pub const fn status(&self) -> WorkerStatus {
        match self {
            Self::Starting => WorkerStatus::Starting,
            Self::Ready => WorkerStatus::Idle,
            // A failed turn is tried again; a text that did not arrive is a warning.
            Self::Working | Self::Waiting(_) | Self::Undelivered | Self::TurnFailed(_) => {
                WorkerStatus::Active
            }
            Self::Paused | Self::Frozen => WorkerStatus::Paused,
            Self::Exited { asked: true, .. } | Self::Exited { code: Some(0), .. } | Self::Stopping => {
                WorkerStatus::Stopped
            }
            Self::Exited { .. } | Self::Orphaned | Self::Lost => WorkerStatus::Failed,
            Self::Unknown => WorkerStatus::Error,
        }
    }

    /// Whether the agent, as far as is known, does not run any more.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Exited { .. } | Self::Lost)
    }
}

/// Who says so, the most reliable first. A later one never overrules an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StateSource {
    /// The kernel, the lock, and what the shim has written.
    Shim,
    /// The agent's own events.
    Hook,
    /// The status file of a worker that writes its own.
    StatusFile,
    /// The title of the terminal.
    Title,
    /// The screen.
    Pane,
}

impl StateSource {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shim => "shim",
            Self::Hook => "hook",
            Self::StatusFile => "status_file",
            Self::Title => "title",
            Self::Pane => "pane",
        }
    }
}

/// What an event or a pattern of a definition means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reported {
    /// It gets ready.
    Starting,
    /// It takes a prompt.
    Ready,
    /// A turn is under way.
    Working,
    /// A person must allow a tool.
    Permission,
    /// A person must answer.
    Question,
    /// A limit of the vendor.
    Limit,
    /// A dialog of the program itself.
    Dialog,
    /// The turn ended in an error.
    Failed,
    /// Nothing can be said.
    #[default]
    Unknown,
}

impl Reported {
    /// The state, with the kind of a failure where it is one.
    #[must_use]
    pub fn state(self, failure: Option<&str>) -> WorkerState {
        match self {
            Self::Starting => WorkerState::Starting,
            Self::Ready => WorkerState::Ready,
            Self::Working => WorkerState::Working,
            Self::Permission => WorkerState::Waiting(WaitReason::Permission),
            Self::Question => WorkerState::Waiting(WaitReason::Question),
            Self::Limit => WorkerState::Waiting(WaitReason::Limit),
            Self::Dialog => WorkerState::Waiting(WaitReason::Dialog),
            Self::Failed => WorkerState::TurnFailed(failure.unwrap_or("unknown").to_owned()),
            Self::Unknown => WorkerState::Unknown,
        }
    }
}
