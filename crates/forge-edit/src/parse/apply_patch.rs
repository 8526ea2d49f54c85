//! The envelope `*** Begin Patch`.

use crate::set::{Action, Hunk};

use super::{
    body::{Body, changes},
    draft::Draft,
    error::{ParseError, Problem},
    source::Source,
    udiff,
};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";

pub(super) fn parse(source: &Source<'_>, draft: &mut Draft<'_, '_>) -> Result<(), ParseError> {
    let mut line = 0;
    while line < source.len() {
        let text = source.line(line).trim_end();
        if text == BEGIN {
            line = envelope(source, line, draft)?;
        } else if text == END || [ADD, DELETE, UPDATE].iter().any(|head| text.starts_with(head)) {
            return Err(Problem::Stray(text.to_owned()).at(line + 1));
        } else {
            line += 1;
        }
    }
    Ok(())
}

/// Reads an envelope, and gives the line behind it. The first edit begins with the envelope, the last one ends with it.
fn envelope(source: &Source<'_>, begin: usize, draft: &mut Draft<'_, '_>) -> Result<usize, ParseError> {
    let closed = |line: &str| matches!(line.trim_end(), END | BEGIN);
    let end = source
        .find(begin + 1, closed)
        .filter(|end| source.line(*end).trim_end() == END)
        .ok_or_else(|| Problem::Unclosed { end: END.to_owned() }.at(begin + 1))?;
    let (mut line, mut start) = (begin + 1, begin);
    while line < end {
        let text = source.line(line).trim_end();
        if text.is_empty() {
            line += 1;
            continue;
        }
        let next = source
            .find(line + 1, |text| {
                [ADD, DELETE, UPDATE].iter().any(|head| text.starts_with(head)) || text.trim_end() == END
            })
            .unwrap_or(end);
        let section = Section { source, head: line, end: next };
        let (path, action) = section.read(text)?;
        let stop = if next == end { end + 1 } else { next };
        draft.edit(start..stop, path, action);
        (line, start) = (next, next);
    }
    Ok(end + 1)
}

/// The lines from the head of a file to the next one.
struct Section<'s, 't> {
    source: &'s Source<'t>,
    head: usize,
    end: usize,
}

impl Section<'_, '_> {
    fn read<'h>(&self, head: &'h str) -> Result<(&'h str, Action), ParseError> {
        let (path, action) = if let Some(path) = head.strip_prefix(ADD) {
            (path, Action::Create { content: self.content()? })
        } else if let Some(path) = head.strip_prefix(DELETE) {
            let rest = (self.head + 1..self.end).find(|line| !self.source.line(*line).trim().is_empty());
            if let Some(line) = rest {
                let expected = "nothing follows the head of a file that is deleted";
                return Err(Problem::unexpected(self.source.line(line), expected).at(line + 1));
            }
            (path, Action::Delete { hunks: Vec::new() })
        } else if let Some(path) = head.strip_prefix(UPDATE) {
            (path, self.update(path.trim())?)
        } else {
            let expected = "a file begins with `*** Add File: `, `*** Update File: ` or `*** Delete File: `";
            return Err(Problem::unexpected(head, expected).at(self.head + 1));
        };
        Ok((path.trim(), action))
    }

    /// The lines of a new file, each behind a `+`.
    fn content(&self) -> Result<String, ParseError> {
        let mut content = String::new();
        for line in self.head + 1..self.end {
            let text = self.source.line(line);
            let expected = "each line of a new file begins with `+`";
            let text =
                text.strip_prefix('+').ok_or_else(|| Problem::unexpected(text, expected).at(line + 1))?;
            content.push_str(text);
            content.push('\n');
        }
        Ok(content)
    }

    fn update(&self, path: &str) -> Result<Action, ParseError> {
        let mut line = self.head + 1;
        let to = self.source.line(line).strip_prefix(MOVE).filter(|_| line < self.end);
        line += usize::from(to.is_some());
        let mut hunks = Vec::new();
        while line < self.end {
            let (hunk, next) = self.hunk(line)?;
            hunks.extend(hunk);
            line = next;
        }
        match to {
            Some(to) => Ok(Action::Move { to: to.trim().to_owned(), hunks }),
            None if hunks.is_empty() => Err(Problem::NoHunk(path.to_owned()).at(self.head + 1)),
            None => Ok(Action::Update { hunks }),
        }
    }

    /// The hunk at a line, and the line behind it; none where only empty lines are left.
    fn hunk(&self, first: usize) -> Result<(Option<Hunk>, usize), ParseError> {
        let mut line = first;
        let mut anchors = Vec::new();
        while line < self.end && self.source.line(line).starts_with("@@") {
            // Models that know diffs write numbers here, which say nothing.
            let anchor = self.source.line(line)[2..].trim();
            let numbers =
                udiff::counts(self.source.line(line)).is_some() || matches!(anchor, "" | "@@" | "... @@");
            if !numbers {
                anchors.push(anchor.to_owned());
            }
            line += 1;
        }
        let is_end = |text: &str| text.starts_with("@@") || text.trim_end() == END_OF_FILE;
        let stop = self.source.find(line, is_end).map_or(self.end, |stop| stop.min(self.end));
        let mut last = stop;
        // An empty line at the end divides this file from the next.
        while last > line && self.source.line(last - 1).is_empty() {
            last -= 1;
        }
        let at_end = stop < self.end && self.source.line(stop).trim_end() == END_OF_FILE;
        let next = stop + usize::from(at_end);
        if last == line && anchors.is_empty() && !at_end {
            return Ok((None, next));
        }
        let mut hunk = Body::of(&self.source.lines(line..last)).hunk(first + 1);
        if !changes(&hunk) {
            return Err(Problem::NoChange.at(first + 1));
        }
        hunk.anchors = anchors;
        hunk.at_end |= at_end;
        Ok((Some(hunk), next))
    }
}
