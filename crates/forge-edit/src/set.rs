//! What a text asks to be changed, whatever format it is written in.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// The edits of one text, in the order in which they stand there, and what each of its bytes is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EditSet {
    /// One for each file; blocks that update the same file are one edit.
    pub files: Vec<FileEdit>,
    /// The whole text in pieces, without gaps and in order.
    pub spans: Vec<Span>,
}

impl EditSet {
    /// Edits that no text has.
    pub fn of(files: Vec<FileEdit>) -> Self {
        Self { files, spans: Vec::new() }
    }
}

impl FileEdit {
    /// What is to happen to a file; reports name the line, from 1.
    pub fn new(path: impl Into<String>, line: usize, action: Action) -> Self {
        Self { path: path.into(), line, action }
    }
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// The edit that it is part of, as an index into [`EditSet::files`]; `None` for prose.
    pub edit: Option<usize>,
}

/// What is to happen to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileEdit {
    /// The file as the text names it. It is looked at by [`EditPath::new`](crate::EditPath::new) before anything is read.
    pub path: String,
    /// The line of the text, from 1, where the edit begins.
    pub line: usize,
    /// What is to happen.
    pub action: Action,
}

/// What is to happen to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A new file. One that is there already, and is not empty, is an error.
    Create {
        /// All of it.
        content: String,
    },
    /// The whole file, be it new or not.
    Write {
        /// All of it.
        content: String,
    },
    /// Some lines of a file that is there.
    Update {
        /// At least one.
        hunks: Vec<Hunk>,
    },
    /// The file goes away.
    Delete {
        /// Lines that it must consist of; none if the text does not say.
        hunks: Vec<Hunk>,
    },
    /// The file gets another name, and perhaps other lines. A file that has the name already is an error.
    Move {
        /// The new name.
        to: String,
        /// What changes on the way.
        hunks: Vec<Hunk>,
    },
}

/// Lines that stand together in a file, and what stands there afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hunk {
    /// The line of the text, from 1, where the hunk begins.
    pub line: usize,
    /// Lines in the order of the file.
    pub lines: Vec<HunkLine>,
    /// Lines of the file, the outer before the inner, that stand above the hunk; often the head of a function.
    pub anchors: Vec<String>,
    /// Whether the lines are the last ones of the file.
    pub at_end: bool,
    /// What becomes of the line end behind the last line of the file.
    pub final_newline: FinalNewline,
    /// Whether a kept line may have lost the blank that marks it, so that it may begin with one more blank in the file.
    pub unmarked: bool,
}

/// One line of a hunk, without its line feed. A carriage return before the line feed is part of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HunkLine {
    /// Stands there before and afterwards.
    Keep(String),
    /// Stands there before.
    Remove(String),
    /// Stands there afterwards.
    Add(String),
}

/// What becomes of the line end behind the last line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FinalNewline {
    /// It is there afterwards if it was before.
    #[default]
    Keep,
    /// It is there afterwards.
    Add,
    /// It is gone afterwards.
    Remove,
}

/// More pairs of lines than this are not compared with each other.
const LARGEST_COMPARISON: usize = 4_000_000;

impl Hunk {
    /// A hunk at this line of the text that puts `new` in the place of `old`. Lines that both have are kept, so that they stay
    /// as the file has them.
    pub fn replacing(line: usize, old: &[&str], new: &[&str]) -> Self {
        let mut lines = Vec::with_capacity(old.len() + new.len());
        let owned = |text: &&str| (*text).to_owned();
        if old.len().saturating_mul(new.len()) > LARGEST_COMPARISON {
            lines.extend(old.iter().map(owned).map(HunkLine::Remove));
            lines.extend(new.iter().map(owned).map(HunkLine::Add));
        } else {
            for op in capture_diff_slices(Algorithm::Myers, old, new) {
                if op.tag() == DiffTag::Equal {
                    lines.extend(old[op.old_range()].iter().map(owned).map(HunkLine::Keep));
                } else {
                    lines.extend(old[op.old_range()].iter().map(owned).map(HunkLine::Remove));
                    lines.extend(new[op.new_range()].iter().map(owned).map(HunkLine::Add));
                }
            }
        }
        Self { line, lines, ..Self::default() }
    }

    /// The lines that have to stand in the file.
    pub(crate) fn before(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| !matches!(line, HunkLine::Add(_)))
    }

    /// The text of a file that consists of the added lines.
    pub(crate) fn added_text(&self) -> String {
        let added = self.lines.iter().filter_map(|line| match line {
            HunkLine::Add(text) => Some(text.as_str()),
            _ => None,
        });
        let mut content = String::new();
        for line in added {
            content.push_str(line);
            content.push('\n');
        }
        if self.final_newline == FinalNewline::Remove {
            content.pop();
        }
        content
    }
}

impl HunkLine {
    pub(crate) fn text(&self) -> &str {
        let (Self::Keep(text) | Self::Remove(text) | Self::Add(text)) = self;
        text
    }
}
