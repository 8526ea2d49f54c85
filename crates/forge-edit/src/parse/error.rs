//! Why a text cannot be read as edits.

/// Why a text cannot be read as edits. The words are made to go back to the model that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct ParseError {
    /// The line of the text, from 1; for a block without an end, where it begins.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong at a line of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A block is begun and not ended.
    #[error("the block that begins here has no end; it ends with `{end}`")]
    Unclosed {
        /// The line that would end it.
        end: String,
    },
    /// A line that ends or divides a block stands outside of one.
    #[error("`{0}` stands outside of a block")]
    Stray(String),
    /// A search block has no divider.
    #[error("the block has no line `{0}` between the lines to find and their replacement")]
    NoDivider(String),
    /// A search block has two dividers.
    #[error(
        "`{0}` stands twice in one block; if it is part of the file, write all three marks of the block longer"
    )]
    SecondDivider(String),
    /// No line above a block names its file.
    #[error(
        "no file is named for this block; write its path alone on the line above, in backticks if it holds blanks"
    )]
    NoPath,
    /// A hunk stands where no file is named.
    #[error("the hunk belongs to no file; write `--- a/PATH` and `+++ b/PATH` above it")]
    HunkWithoutFile,
    /// A file is named and nothing is to happen to it.
    #[error("nothing is to be changed in {0}")]
    NoHunk(String),
    /// A hunk changes nothing.
    #[error("the hunk has no line that begins with `+` or `-`")]
    NoChange,
    /// A diff names two files and says nothing of a move.
    #[error("the diff names two files, {old} and {new}, without `rename from` and `rename to`")]
    TwoNames {
        /// Behind `---`.
        old: String,
        /// Behind `+++`.
        new: String,
    },
    /// A diff asks for what is no edit of a text.
    #[error("`{0}` is not supported; edits change texts, names and nothing else")]
    Unsupported(String),
    /// A line has no place in the format.
    #[error("`{found}` is not expected here; {expected}")]
    Unexpected {
        /// The beginning of the line.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
}

impl Problem {
    pub(super) fn at(self, line: usize) -> ParseError {
        ParseError { line, problem: self }
    }

    pub(super) fn unexpected(line: &str, expected: &'static str) -> Self {
        Self::Unexpected { found: line.chars().take(60).collect(), expected }
    }
}
