//! Cuts a byte stream into lines, whatever the size of the pieces it comes in.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// Bytes that have arrived, and how far they have been cut. Lines end with LF, CR LF, or (where
/// allowed) CR alone.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    line: usize,
    /// How far the next line has been searched for its end.
    searched: usize,
    /// Everything before this may be thrown away.
    kept: usize,
    /// How many bytes were thrown away.
    dropped: usize,
    /// The last line ended with a CR at the end of the bytes; an LF that follows belongs to it.
    after_cr: bool,
    lone_cr: bool,
}

impl Lines {
    /// Lines that end with LF, CR LF or CR.
    pub(crate) fn with_lone_cr() -> Self {
        Self { lone_cr: true, ..Self::default() }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        if self.kept > 0 {
            self.bytes.drain(..self.kept);
            self.dropped += self.kept;
            self.line -= self.kept;
            self.searched -= self.kept;
            self.kept = 0;
        }
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole line, without its end. Its place is valid until the next [`push`](Self::push).
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        if self.after_cr && self.line < self.bytes.len() {
            self.after_cr = false;
            if self.bytes[self.line] == b'\n' {
                self.line += 1;
                self.searched = self.searched.max(self.line);
            }
        }
        let unseen = &self.bytes[self.searched..];
        let found = if self.lone_cr { memchr2(b'\n', b'\r', unseen) } else { memchr(b'\n', unseen) };
        let Some(offset) = found else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + offset;
        let mut content = self.line..end;
        if self.bytes[end] == b'\r' {
            self.after_cr = true;
        } else if !self.lone_cr && self.bytes[content.clone()].last() == Some(&b'\r') {
            content.end -= 1;
        }
        self.line = end + 1;
        self.searched = self.line;
        Some(content)
    }

    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Allows everything before the next line to be thrown away.
    pub(crate) fn release(&mut self) {
        self.kept = self.line;
    }

    /// How many bytes of the stream were cut into lines.
    pub(crate) fn consumed(&self) -> usize {
        self.dropped + self.line
    }

    /// How many bytes are held since the last [`release`](Self::release).
    pub(crate) fn held(&self) -> usize {
        self.bytes.len() - self.kept
    }

    /// How many bytes the last [`release`](Self::release) and the next [`push`](Self::push) will shift
    /// places by.
    pub(crate) fn shift(&self) -> usize {
        self.kept
    }
}
