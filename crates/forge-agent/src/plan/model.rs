//! What a plan consists of.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How a task is to be carried out, as a planner proposes it. In JSON as it stands here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Plan {
    /// The whole in a few sentences.
    pub summary: String,
    /// What is to be done, in the order in which it is applied.
    pub tasks: Vec<PlanTask>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// What only the person who asks can decide.
    pub questions: Vec<String>,
    /// What was taken for granted because nobody was there to answer.
    pub assumptions: Vec<String>,
}

/// One piece of work, small enough for one answer of an editor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PlanTask {
    /// Its name within the plan: letters, digits, `-` and `_`.
    pub id: String,
    /// What it is, in a line.
    pub title: String,
    /// What is to be done, for an editor that knows nothing else of the plan.
    pub detail: String,
    /// What kind of work it is, such as `code`, `test` or `docs`.
    pub kind: String,
    /// The files that it reads and writes.
    pub files: TaskFiles,
    /// The tasks that come first.
    pub depends_on: Vec<String>,
    /// What has to be true afterwards.
    pub acceptance: Vec<String>,
    /// How much work it is.
    pub size: TaskSize,
}

/// Files by their paths in the workspace, with `/` between folders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TaskFiles {
    /// Files to look at.
    pub read: Vec<String>,
    /// Files to write, new ones among them. Nothing else may be written.
    pub write: Vec<String>,
}

/// How much work a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "three words that every model understands")]
pub enum TaskSize {
    /// A few lines.
    Small,
    /// Some functions.
    #[default]
    Medium,
    /// Many files.
    Large,
}

impl Plan {
    /// What an approval is given for: the first 12 hexadecimal digits of the SHA-256 over the plan as JSON.
    pub fn hash(&self) -> String {
        // The members of a struct are written in their order, so that equal plans have equal texts.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(text);
        let first = digest.iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{first:012x}")
    }
}
