//! Why edits cannot be made.

use std::fmt;

use crate::{
    ladder::{Excerpt, NoPlace},
    path::PathProblem,
};

/// Why a set of edits cannot be made; nothing was changed. As text, a paragraph for each reason, made to go back to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// At least one.
    pub refusals: Vec<Refusal>,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, refusal) in self.refusals.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{refusal}")?;
        }
        Ok(())
    }
}

/// Why one edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}, the edit at line {line}: {why}")]
#[non_exhaustive]
pub struct Refusal {
    /// The file as the text names it.
    pub path: String,
    /// The line of the text where the edit or its hunk begins, from 1.
    pub line: usize,
    /// Why not.
    pub why: Why,
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The path may not be named.
    #[error("{0}")]
    Path(PathProblem),
    /// The file cannot be read, for instance because it is a link.
    #[error("{0}")]
    Unreadable(String),
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// There is such a file.
    #[error("there is such a file already, and it is not empty")]
    Exists,
    /// The file is no text.
    #[error("the file is no UTF-8; it can only be written whole")]
    NotText,
    /// Another edit names the file.
    #[error("the edit at line {first} is of the same file; make one edit of them")]
    Twice {
        /// The line of the text where the other begins.
        first: usize,
    },
    /// Another edit names the file in upper or lower case.
    #[error("it differs from {other} only by upper and lower case")]
    Case {
        /// The other path.
        other: String,
    },
    /// The lines are not in the file.
    #[error("its lines are not in the file{}", shown(near))]
    Nowhere {
        /// What resembles them, best first; may be empty.
        near: Vec<Excerpt>,
    },
    /// The lines are in the file more than once.
    #[error(
        "its lines stand in the file {count} times, at the lines {}; add lines around them that stand there once",
        list(lines)
    )]
    Several {
        /// Where the first ones begin, from 1.
        lines: Vec<usize>,
        /// How often.
        count: usize,
    },
    /// There are no lines to find.
    #[error("it has only lines to add and nothing that says where; add the lines around them")]
    NothingToFind,
    /// The line behind `@@` is not in the file.
    #[error("the line `{0}` behind `@@` is not in the file")]
    Anchor(String),
    /// It would take too long.
    #[error("it repeats the same lines too often to be found; write a smaller edit")]
    TooLarge,
    /// Two hunks change the same lines.
    #[error("it changes the lines that the hunk at line {other} changes; make one hunk of them")]
    Overlap {
        /// The line of the text where the other hunk begins.
        other: usize,
    },
    /// A diff that deletes a file does not hold all of its lines.
    #[error("the file is to be deleted, and has more lines than the diff removes")]
    NotAll,
}

impl From<NoPlace> for Why {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Nowhere(near) => Self::Nowhere { near },
            NoPlace::Several(lines, count) => Self::Several { lines, count },
            NoPlace::NothingToFind => Self::NothingToFind,
            NoPlace::Anchor(anchor) => Self::Anchor(anchor),
            NoPlace::TooLarge => Self::TooLarge,
        }
    }
}

fn shown(near: &[Excerpt]) -> String {
    if near.is_empty() {
        return ", nor any that resemble them".to_owned();
    }
    let each: Vec<String> = near.iter().map(ToString::to_string).collect();
    format!("; the nearest are, as they stand there:{}", each.join("\n       ..."))
}

fn list(lines: &[usize]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
