//! Unified diffs, also such that models have damaged: wrong counts, `@@` without numbers, kept lines without their blank.
//! Line numbers are not looked at.

use crate::set::{Action, Hunk};

use super::{
    body::{Body, changes},
    draft::Draft,
    error::{ParseError, Problem},
    fence::Fence,
    names::{header_path, sides},
    source::Source,
};

pub(super) fn parse(source: &Source<'_>, draft: &mut Draft<'_, '_>) -> Result<(), ParseError> {
    // The fence that is open, where it was opened, and whether it holds diffs.
    let mut fence: Option<(Fence, usize, bool)> = None;
    let mut line = 0;
    while line < source.len() {
        let text = source.line(line);
        if begins_file(source, line) {
            let diff = Diff { source, fence: fence.map(|(fence, ..)| fence), first: line };
            let (path, action, next) = diff.read()?;
            draft.edit(line..next, &path, action);
            fence = fence.map(|(fence, opened, _)| (fence, opened, true));
            line = next;
            continue;
        }
        match fence {
            Some((open, ..)) if open.closes(text) => fence = None,
            Some((_, _, true)) if text.starts_with("@@") => return Err(Problem::HunkWithoutFile.at(line + 1)),
            None => {
                let opened = Fence::opening(text);
                fence = opened.map(|(fence, info)| (fence, line, matches!(info, "diff" | "patch" | "udiff")));
            }
            _ => {}
        }
        line += 1;
    }
    match fence {
        Some((fence, opened, true)) => Err(Problem::Unclosed { end: fence.end() }.at(opened + 1)),
        _ => Ok(()),
    }
}

/// Whether the diff of a file begins at the line.
fn begins_file(source: &Source<'_>, line: usize) -> bool {
    let text = source.line(line);
    text.starts_with("diff --git ") || text.starts_with("--- ") && source.line(line + 1).starts_with("+++ ")
}

/// The numbers of lines before and afterwards that the head of a hunk names.
pub(super) fn counts(head: &str) -> Option<(usize, usize)> {
    let mut words = head.strip_prefix("@@ ")?.split(' ');
    let mut count = |sign: char| {
        let numbers = words.next()?.strip_prefix(sign)?;
        let (first, count) = numbers.split_once(',').unwrap_or((numbers, "1"));
        first.parse::<usize>().ok()?;
        count.parse().ok()
    };
    let counts = (count('-')?, count('+')?);
    words.next().is_some_and(|word| word.starts_with("@@")).then_some(counts)
}

/// The diff of one file.
struct Diff<'s, 't> {
    source: &'s Source<'t>,
    /// The fence around it.
    fence: Option<Fence>,
    first: usize,
}

/// What stands above the hunks.
#[derive(Default)]
struct Head {
    /// Behind `---` and `+++`.
    names: Option<(String, String)>,
    /// Behind `rename from` and `rename to`.
    renamed: (Option<String>, Option<String>),
    /// Whether the file is new, or goes away, as git says it.
    created: bool,
    deleted: bool,
}

impl Diff<'_, '_> {
    /// The path, what is to happen, and the line behind it.
    fn read(&self) -> Result<(String, Action, usize), ParseError> {
        let (head, mut line) = self.head()?;
        let mut hunks = Vec::new();
        while self.source.line(line).starts_with("@@") {
            let (hunk, next) = self.hunk(line)?;
            hunks.push(hunk);
            line = next;
        }
        let (path, action) = self.action(head, hunks)?;
        Ok((path, action, line))
    }

    fn head(&self) -> Result<(Head, usize), ParseError> {
        let mut head = Head::default();
        let mut line = self.first;
        while line < self.source.len() {
            let text = self.source.line(line);
            if text.starts_with("--- ") && self.source.line(line + 1).starts_with("+++ ") {
                let next = self.source.line(line + 1);
                head.names = Some((header_path(&text[4..]), header_path(&next[4..])));
                return Ok((head, line + 2));
            }
            if line > self.first && !head.take(text) {
                break;
            }
            // A new file is a plain one: links and programs are no texts.
            let plain = text.strip_prefix("new file mode ").is_none_or(|mode| mode.trim_end() == "100644");
            let refused = ["old mode ", "copy from ", "Binary files ", "GIT binary patch"];
            if !plain || refused.iter().any(|word| text.starts_with(word)) {
                return Err(Problem::Unsupported(text.trim_end().to_owned()).at(line + 1));
            }
            line += 1;
        }
        Ok((head, line))
    }

    fn action(&self, head: Head, hunks: Vec<Hunk>) -> Result<(String, Action), ParseError> {
        let line = self.first + 1;
        if let (Some(from), Some(to)) = head.renamed {
            return Ok((from, Action::Move { to, hunks }));
        }
        let names = head.names.or_else(|| git_names(self.source.line(self.first)));
        let (old, new) = names.ok_or_else(|| Problem::NoPath.at(line))?;
        match sides(&old, &new) {
            (None, None) => Err(Problem::NoPath.at(line)),
            (None, Some(path)) => Ok((path, created(&hunks))),
            (Some(_), Some(path)) if head.created && hunks.is_empty() => Ok((path, created(&hunks))),
            (Some(path), None) => Ok((path, Action::Delete { hunks })),
            (Some(path), Some(_)) if head.deleted => Ok((path, Action::Delete { hunks })),
            (Some(old), Some(new)) if old != new => Err(Problem::TwoNames { old, new }.at(line)),
            (Some(path), _) if hunks.is_empty() => Err(Problem::NoHunk(path).at(line)),
            (Some(path), _) => Ok((path, Action::Update { hunks })),
        }
    }

    /// Reads the hunk at the line, and gives the line behind it.
    fn hunk(&self, head: usize) -> Result<(Hunk, usize), ParseError> {
        let first = head + 1;
        let counted = counts(self.source.line(head)).and_then(|counts| self.counted_end(first, counts));
        let (body, end) = match counted {
            Some(end) => (Body::of(&self.source.lines(first..end)), end),
            None => {
                let end = (first..self.source.len())
                    .find(|line| self.is_border(*line))
                    .unwrap_or(self.source.len());
                let mut last = end;
                // An empty line at the end divides: a kept one has a blank, and a lost one only made the place more certain.
                while last > first && self.source.line(last - 1).trim_end_matches('\r').is_empty() {
                    last -= 1;
                }
                (Body::of(&self.source.lines(first..last)), end)
            }
        };
        let hunk = body.hunk(head + 1);
        if changes(&hunk) { Ok((hunk, end)) } else { Err(Problem::NoChange.at(head + 1)) }
    }

    /// Whether a hunk cannot go on at the line.
    fn is_border(&self, line: usize) -> bool {
        let text = self.source.line(line);
        line >= self.source.len()
            || text.starts_with("@@")
            || begins_file(self.source, line)
            || self.fence.is_some_and(|fence| fence.closes(text))
    }

    /// Where a hunk ends by its counts. They are believed only where they come out even: each line has its mark, and behind them
    /// the hunk is over. So a removed line that looks like the head of a file stays one.
    fn counted_end(&self, first: usize, (mut old, mut new): (usize, usize)) -> Option<usize> {
        let mut line = first;
        while old > 0 || new > 0 {
            let (before, after) = match self.source.line(line).as_bytes().first() {
                _ if line >= self.source.len() => return None,
                None | Some(b' ' | b'\r') => (1, 1),
                Some(b'-') => (1, 0),
                Some(b'+') => (0, 1),
                Some(b'\\') => (0, 0),
                Some(_) => return None,
            };
            old = old.checked_sub(before)?;
            new = new.checked_sub(after)?;
            line += 1;
        }
        if self.source.line(line).starts_with("\\ ") {
            line += 1;
        }
        let text = self.source.line(line);
        // What mail from git has behind the last hunk.
        if self.is_border(line) || text.trim_end() == "--" {
            return Some(line);
        }
        if self.fence.is_none() {
            return (!text.starts_with(['+', '-', ' '])).then_some(line);
        }
        let next = self.source.find(line, |text| !text.trim_end_matches('\r').is_empty());
        next.is_none_or(|next| self.is_border(next)).then_some(line)
    }
}

impl Head {
    /// Takes a line that git writes above `---`; false if it is none.
    fn take(&mut self, text: &str) -> bool {
        if let Some(path) = text.strip_prefix("rename from ") {
            self.renamed.0 = Some(header_path(path));
        } else if let Some(path) = text.strip_prefix("rename to ") {
            self.renamed.1 = Some(header_path(path));
        } else if text.starts_with("new file mode ") {
            self.created = true;
        } else if text.starts_with("deleted file mode ") {
            self.deleted = true;
        } else {
            let known = [
                "index ",
                "similarity index ",
                "dissimilarity index ",
                "old mode ",
                "new mode ",
                "copy from ",
            ];
            return known
                .iter()
                .chain(&["Binary files ", "GIT binary patch"])
                .any(|word| text.starts_with(word));
        }
        true
    }
}

/// The names behind `diff --git` where they are the same, which is the only case in which they can be told apart.
fn git_names(head: &str) -> Option<(String, String)> {
    let names = head.strip_prefix("diff --git ")?.trim_end_matches('\r');
    if names.starts_with('"') {
        let (old, new) = names.split_once("\" \"")?;
        return Some((header_path(&format!("{old}\"")), header_path(&format!("\"{new}"))));
    }
    let (old, new) = (names.get(..names.len() / 2)?, names.get(names.len() / 2 + 1..)?);
    let same = old == new || old.strip_prefix("a/")? == new.strip_prefix("b/")?;
    same.then(|| (old.to_owned(), new.to_owned()))
}

fn created(hunks: &[Hunk]) -> Action {
    Action::Create { content: hunks.iter().map(Hunk::added_text).collect() }
}
