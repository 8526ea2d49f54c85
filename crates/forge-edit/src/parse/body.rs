//! The lines of a hunk in a diff or an envelope.

use crate::set::{FinalNewline, Hunk, HunkLine};

/// What diffs write below a last line without a line end.
const NO_NEWLINE: &str = "\\ No newline";

/// Takes lines with their marks. A line without any mark is a kept one that has lost its blank.
#[derive(Debug, Default)]
pub(super) struct Body {
    lines: Vec<HunkLine>,
    /// Whether the last line before, and the last one afterwards, has no line end.
    open: (bool, bool),
}

impl Body {
    pub(super) fn of(lines: &[&str]) -> Self {
        let mut body = Self::default();
        for line in lines {
            body.take(line);
        }
        body
    }

    fn take(&mut self, line: &str) {
        if line.starts_with(NO_NEWLINE) {
            match self.lines.last() {
                Some(HunkLine::Remove(_)) => self.open.0 = true,
                Some(HunkLine::Add(_)) => self.open.1 = true,
                _ => self.open = (true, true),
            }
            return;
        }
        let owned = |text: &str| text.to_owned();
        self.lines.push(match line.as_bytes().first() {
            Some(b'+') => HunkLine::Add(owned(&line[1..])),
            Some(b'-') => HunkLine::Remove(owned(&line[1..])),
            Some(b' ') => HunkLine::Keep(owned(&line[1..])),
            _ => HunkLine::Keep(owned(line)),
        });
    }

    pub(super) fn hunk(self, line: usize) -> Hunk {
        let final_newline = match self.open {
            (true, false) => FinalNewline::Add,
            (false, true) => FinalNewline::Remove,
            _ => FinalNewline::Keep,
        };
        let at_end = self.open.0 || self.open.1;
        Hunk { line, lines: self.lines, at_end, final_newline, unmarked: true, ..Hunk::default() }
    }
}

/// Whether the hunk changes something.
pub(super) fn changes(hunk: &Hunk) -> bool {
    hunk.lines.iter().any(|line| !matches!(line, HunkLine::Keep(_)))
}
