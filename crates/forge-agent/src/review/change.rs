//! A change: files, hunks and lines of a diff.

/// The files of a diff in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Change {
    /// The files.
    pub files: Vec<FileChange>,
}

/// One file of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FileChange {
    /// Its path before; `None` if it is new.
    pub old: Option<String>,
    /// Its path afterwards; `None` if it is gone.
    pub new: Option<String>,
    /// What the diff has of it.
    pub content: Content,
    /// What changed in it, in the order of its lines.
    pub hunks: Vec<Hunk>,
}

/// What a diff has of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Content {
    /// Lines, or only another name or mode.
    #[default]
    Text,
    /// Nothing but that it changed.
    Binary,
    /// The commit of a repository inside.
    Submodule,
}

/// Lines that stand together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hunk {
    /// What git writes behind the numbers, mostly the head of a function.
    pub section: String,
    /// The lines in the order of the diff.
    pub lines: Vec<Line>,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What became of it.
    pub mark: Mark,
    /// Its text without the mark and the line feed.
    pub text: String,
    /// Its number before, from 1; of a new line, that of the next old one.
    pub old: u32,
    /// Its number afterwards, from 1; of a line that is gone, that of the next one that is there.
    pub new: u32,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a diff knows no other")]
pub enum Mark {
    /// It stays.
    Kept,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

impl Mark {
    /// The first character of its line in a diff.
    pub const fn as_char(self) -> char {
        match self {
            Self::Kept => ' ',
            Self::Added => '+',
            Self::Removed => '-',
        }
    }
}

impl FileChange {
    /// Its path afterwards, or before where it is gone.
    pub fn path(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }

    /// Lines that are new or gone.
    pub fn changed_lines(&self) -> usize {
        self.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.mark != Mark::Kept).count()
    }

    /// Whether the file is gone, so that there are no lines to read.
    pub fn is_deleted(&self) -> bool {
        self.new.is_none()
    }
}

impl Hunk {
    /// The head of the part `lines` of the hunk, as a diff has it.
    pub(crate) fn head(&self, lines: &[Line]) -> String {
        let count = |gone: Mark| lines.iter().filter(|line| line.mark != gone).count();
        let first = lines.first().map_or((0, 0), |line| (line.old, line.new));
        let section = if self.section.is_empty() { String::new() } else { format!(" {}", self.section) };
        let (old, new) = (count(Mark::Added), count(Mark::Removed));
        format!("@@ -{},{old} +{},{new} @@{section}", first.0, first.1)
    }
}

impl FileChange {
    /// Whether nothing in it could be read although it is there: only its name or mode changed, or it is gone.
    pub(crate) fn is_plain(&self) -> bool {
        self.content == Content::Text && (self.is_deleted() || self.hunks.is_empty())
    }
}
