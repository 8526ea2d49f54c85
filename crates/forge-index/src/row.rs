//! What answers are made of.

use serde::Serialize;

use crate::kind::{Confidence, Kind};

/// A line of the root's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// From the root, with `/` between folders.
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    /// The last line of a definition; `line` for a use.
    pub end_line: u32,
    /// What stands there.
    pub kind: Kind,
    /// The name of it.
    pub name: String,
    /// The type, module or function around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enclosing: Option<String>,
    /// The head of a definition, or the line of a use.
    pub text: String,
    /// The first paragraph of the documentation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// How sure it is that this is what was asked for.
    pub confidence: Confidence,
    /// The state of the root that the row is of; see [`Status::revision`].
    pub revision: String,
    /// The file has changed since it was read for this answer, so that the line may be another.
    pub stale: bool,
}

/// What every answer says of the index behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// A name of the state of the root: equal contents have equal names, in every process.
    pub revision: String,
    /// Files that the answer knows of.
    pub files: usize,
    /// Files that had to be read for this answer.
    pub read: usize,
    /// What was left out.
    pub skipped: Skipped,
}

/// Files and folders that are not in the index, counted by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// Files with a zero byte.
    pub binary: usize,
    /// Files above [`crate::Options::max_file_bytes`], and those above [`crate::Options::max_files`].
    pub too_large: usize,
    /// Files that say that a program wrote them, or that look like it.
    pub generated: usize,
    /// Folders of code that comes from elsewhere.
    pub vendored: usize,
    /// Links, which are not followed.
    pub links: usize,
    /// Files and folders that cannot be read, or whose names are no text.
    pub unreadable: usize,
    /// Files that the parser gave up.
    pub unparsed: usize,
}

impl Skipped {
    /// All of them.
    pub fn total(&self) -> usize {
        let Self { binary, too_large, generated, vendored, links, unreadable, unparsed } = self;
        binary + too_large + generated + vendored + links + unreadable + unparsed
    }
}

/// Rows, the surest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows above [`crate::Options::max_rows`].
    pub more: usize,
    /// The index behind them.
    pub status: Status,
}
