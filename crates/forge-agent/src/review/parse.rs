//! From the text of a diff to a [`Change`]. What git writes is read, and what `diff -u` writes; text around it is passed over.

mod name;

use super::change::{Change, Content, FileChange, Hunk, Line, Mark};
use name::{Named, named, of_header};

/// Why a text is no diff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the diff: {what}")]
#[non_exhaustive]
pub struct DiffError {
    /// The line of the text, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a diff. A text of white space alone is a change without files.
///
/// # Errors
/// A hunk whose lines are not those that its head promises, a hunk without a file, the combined diff of a merge, a text
/// that is no diff at all.
pub fn parse(text: &str) -> Result<Change, DiffError> {
    let mut reader = Reader::default();
    let lines: Vec<&str> = text.split('\n').collect();
    // What follows the last line feed is no line.
    let lines = lines.strip_suffix(&[""]).unwrap_or(&lines);
    for (at, line) in lines.iter().enumerate() {
        reader.line(line).map_err(|what| DiffError { line: at + 1, what })?;
    }
    let end = |what: &str| DiffError { line: lines.len().max(1), what: what.to_owned() };
    if reader.left != (0, 0) {
        return Err(end("it ends in the middle of a hunk"));
    }
    if reader.change.files.is_empty() && !text.trim().is_empty() {
        return Err(DiffError { line: 1, what: "no diff begins anywhere in this text".to_owned() });
    }
    Ok(reader.change)
}

#[derive(Default)]
struct Reader {
    change: Change,
    /// Lines of the hunk that are still to come, before and afterwards.
    left: (u32, u32),
    /// The numbers of the next line, before and afterwards.
    at: (u32, u32),
    /// Whether a file of git is open, whose names come with `a/` and `b/`.
    is_git: bool,
    /// The `---` of a file that git did not write.
    before: Option<String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.left != (0, 0) {
            return self.in_hunk(line);
        }
        if let Some(rest) = line.strip_prefix("diff --git ") {
            let (old, new) = of_header(rest.trim_end_matches('\r'));
            self.is_git = true;
            self.change.files.push(FileChange { old, new, ..FileChange::default() });
            return Ok(());
        }
        if line.starts_with("diff --cc ") || line.starts_with("diff --combined ") {
            return Err("a merge is compared with several parents; compare it with one of them".to_owned());
        }
        if let Some(rest) = line.strip_prefix("@@ -") {
            return self.begin_hunk(rest);
        }
        self.header(line.trim_end_matches('\r'));
        Ok(())
    }

    /// A line between two hunks: what it says of the file, or text that belongs to no diff.
    fn header(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("--- ") {
            if !self.is_open() {
                // Not from git: the file begins with the next line.
                self.before = Some(rest.to_owned());
            } else if let (Named::Path(path), Some(file)) = (named(rest, true), self.change.files.last_mut())
            {
                file.old = Some(path);
            } else if let Some(file) = self.change.files.last_mut() {
                file.old = None;
            }
            return;
        }
        if let Some(rest) = line.strip_prefix("+++ ") {
            if let Some(before) = self.before.take() {
                let side = |text: &str, prefix| text.starts_with(prefix) || text.starts_with("/dev/null");
                let of_git = side(&before, "a/") && side(rest, "b/");
                let path = |text: &str| match named(text, of_git) {
                    Named::Path(path) => Some(path),
                    Named::Nothing => None,
                };
                self.is_git = false;
                let (old, new) = (path(&before), path(rest));
                self.change.files.push(FileChange { old, new, ..FileChange::default() });
            } else if let Some(file) = self.change.files.last_mut() {
                file.new = match named(rest, true) {
                    Named::Path(path) => Some(path),
                    Named::Nothing => None,
                };
            }
            return;
        }
        if let Some(file) = self.change.files.last_mut().filter(|file| file.hunks.is_empty()) {
            extended(file, line);
        }
    }

    /// Whether the last file is one of git that has no hunk yet.
    fn is_open(&self) -> bool {
        self.is_git && self.change.files.last().is_some_and(|file| file.hunks.is_empty())
    }

    fn begin_hunk(&mut self, rest: &str) -> Result<(), String> {
        let head = || "this is no head of a hunk, such as `@@ -1,2 +1,3 @@`".to_owned();
        let (numbers, section) = rest.split_once(" @@").ok_or_else(head)?;
        let (old, new) = numbers.split_once(" +").ok_or_else(head)?;
        let range = |text: &str| {
            let (at, count) = text.split_once(',').unwrap_or((text, "1"));
            at.parse().ok().zip(count.parse().ok())
        };
        let (old, new): ((u32, u32), (u32, u32)) = range(old).zip(range(new)).ok_or_else(head)?;
        let file = self.change.files.last_mut().ok_or("a hunk stands before any file")?;
        // An empty side is named by the line before it.
        self.at = (old.0 + u32::from(old.1 == 0), new.0 + u32::from(new.1 == 0));
        self.left = (old.1, new.1);
        file.hunks.push(Hunk { section: section.trim().to_owned(), lines: Vec::new() });
        Ok(())
    }

    fn in_hunk(&mut self, line: &str) -> Result<(), String> {
        let (mark, text) = match line.as_bytes().first() {
            Some(b'+') => (Mark::Added, &line[1..]),
            Some(b'-') => (Mark::Removed, &line[1..]),
            Some(b' ') => (Mark::Kept, &line[1..]),
            // Mail and editors take the blank from an empty line.
            None => (Mark::Kept, line),
            Some(b'\r') if line.len() == 1 => (Mark::Kept, line),
            // The file has no line feed at its end.
            Some(b'\\') => return Ok(()),
            Some(_) => {
                return Err(format!(
                    "the hunk is to go on for {} old and {} new lines, and this is none of them",
                    self.left.0, self.left.1
                ));
            }
        };
        let (old, new) = (u32::from(mark != Mark::Added), u32::from(mark != Mark::Removed));
        let more = "the hunk has more lines than its head says";
        self.left.0 = self.left.0.checked_sub(old).ok_or(more)?;
        self.left.1 = self.left.1.checked_sub(new).ok_or(more)?;
        let place = Line { mark, text: text.to_owned(), old: self.at.0, new: self.at.1 };
        self.at = (self.at.0.saturating_add(old), self.at.1.saturating_add(new));
        if let Some(hunk) = self.change.files.last_mut().and_then(|file| file.hunks.last_mut()) {
            hunk.lines.push(place);
        }
        Ok(())
    }
}

/// What the lines behind `diff --git` say.
fn extended(file: &mut FileChange, line: &str) {
    const SUBMODULE: &str = "160000";
    let path = |rest: &str| match named(rest, false) {
        Named::Path(path) => Some(path),
        Named::Nothing => None,
    };
    if let Some(rest) = line.strip_prefix("rename from ").or_else(|| line.strip_prefix("copy from ")) {
        file.old = path(rest);
    } else if let Some(rest) = line.strip_prefix("rename to ").or_else(|| line.strip_prefix("copy to ")) {
        file.new = path(rest);
    } else if let Some(mode) = line.strip_prefix("new file mode ") {
        file.old = None;
        mark_submodule(file, mode == SUBMODULE);
    } else if let Some(mode) = line.strip_prefix("deleted file mode ") {
        file.new = None;
        mark_submodule(file, mode == SUBMODULE);
    } else if line.starts_with("index ") {
        mark_submodule(file, line.ends_with(" 160000"));
    } else if line.starts_with("Binary files ") || line == "GIT binary patch" {
        file.content = Content::Binary;
    }
}

fn mark_submodule(file: &mut FileChange, is_one: bool) {
    if is_one {
        file.content = Content::Submodule;
    }
}

#[cfg(test)]
mod tests;
