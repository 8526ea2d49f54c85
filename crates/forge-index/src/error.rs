//! Why there is no answer.

use std::{io, path::PathBuf};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The root is not there, is no folder or cannot be read.
    #[error("{} cannot be indexed: {why}", path.display())]
    Root {
        /// The root as it was given.
        path: PathBuf,
        /// What the system says.
        #[source]
        why: io::Error,
    },
    /// A pattern is no regular expression, or too large a one.
    #[error("`{pattern}` is no regular expression: {why}")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A symbol has no name in it.
    #[error("`{0}` is no symbol")]
    Symbol(String),
    /// A path is outside of the root, or nothing of the index.
    #[error("{path} is not in the index: {why}")]
    Path {
        /// As it was given.
        path: String,
        /// Why not.
        why: String,
    },
    /// A text is no unified diff.
    #[error("the diff names no file: {0}")]
    Diff(String),
}
