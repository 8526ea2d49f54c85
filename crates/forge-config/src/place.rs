//! Where something stands in a text.

/// A place in the text: line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters and not in bytes, as editors count.
    pub column: usize,
}
