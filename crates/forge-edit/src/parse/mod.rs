//! From a text to its edits. Nothing here reads or writes a file.

mod apply_patch;
mod body;
mod draft;
mod error;
mod fence;
mod names;
mod search_replace;
mod source;
mod udiff;
mod whole;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::set::EditSet;

pub use self::error::{ParseError, Problem};
use self::{draft::Draft, source::Source};

/// A format in which models write edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EditFormat {
    /// Blocks of `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE` below the path of their file.
    SearchReplace,
    /// Unified diffs, as `git diff` and `diff -u` write them, or nearly so.
    Udiff,
    /// Fenced blocks with a whole file each, directly below the path.
    Whole,
    /// The envelope `*** Begin Patch` ... `*** End Patch`.
    ApplyPatch,
}

impl EditFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::SearchReplace, Self::Udiff, Self::Whole, Self::ApplyPatch];

    /// The name of the format, as configurations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SearchReplace => "search_replace",
            Self::Udiff => "udiff",
            Self::Whole => "whole",
            Self::ApplyPatch => "apply_patch",
        }
    }
}

impl fmt::Display for EditFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that no format has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format of edits; there are search_replace, udiff, whole, apply_patch")]
pub struct UnknownFormat(pub String);

impl FromStr for EditFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|one| one.as_str() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Reads the edits in a text. What is no edit is prose, and a text without any edit is a set without files.
///
/// The first block that is begun and is not as its format has it is an error, because the rest would be a guess.
pub fn parse(text: &str, format: EditFormat) -> Result<EditSet, ParseError> {
    let source = Source::of(text);
    let mut draft = Draft::new(&source);
    match format {
        EditFormat::SearchReplace => search_replace::parse(&source, &mut draft)?,
        EditFormat::Udiff => udiff::parse(&source, &mut draft)?,
        EditFormat::Whole => whole::parse(&source, &mut draft)?,
        EditFormat::ApplyPatch => apply_patch::parse(&source, &mut draft)?,
    }
    Ok(draft.finish())
}

#[cfg(test)]
mod tests;
