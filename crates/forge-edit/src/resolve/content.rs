//! The bytes of a file after its hunks. What no hunk changes stays byte for byte.

use std::ops::Range;

use crate::{
    ladder::{Found, Shift, find},
    set::{FinalNewline, Hunk, HunkLine},
    text::{BOM, Ending, Line, Text, bare},
};

use super::{MatchedHunk, Whys, refusal::Why};

/// A whole file that is written over another: its mark of UTF-8, its carriage returns if all lines have one, and the absence of a
/// line end behind the last line stay, because a block in a text cannot express them.
pub(super) fn written(before: Option<&[u8]>, content: &str) -> Vec<u8> {
    let mut after = content.to_owned();
    if let Some(before) = before.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
        let old = Text::of(before);
        if old.is_crlf() && !after.contains('\r') {
            after = after.replace('\n', "\r\n");
        }
        if !old.is_ended() && after.ends_with('\n') {
            after.pop();
            after.truncate(bare(&after).len());
        }
        if old.bom && !after.starts_with(BOM) {
            after.insert(0, BOM);
        }
    }
    after.into_bytes()
}

/// After so many hunks of a file without a place, the others are not looked for: a model that has another file in mind has all wrong.
const MOST_REFUSALS: usize = 20;

/// Lines of a file, and what takes their place.
struct Splice {
    lines: Range<usize>,
    added: Vec<String>,
    /// The line of the text where the hunk begins.
    hunk: usize,
}

/// The file after all hunks, each found in the file as it was.
pub(super) fn updated(
    before: &[u8],
    hunks: &[Hunk],
    line: usize,
) -> Result<(Vec<u8>, Vec<MatchedHunk>), Whys> {
    if hunks.is_empty() {
        return Ok((before.to_vec(), Vec::new()));
    }
    let text = std::str::from_utf8(before).map_err(|_| vec![(line, Why::NotText)])?;
    let text = Text::of(text);
    let (mut whys, mut matched, mut splices) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bom, mut ended) = (text.bom, text.is_ended());
    for hunk in hunks {
        match find(&text, hunk) {
            Err(_) if whys.len() >= MOST_REFUSALS => break,
            Err(why) => whys.push((hunk.line, why.into())),
            Ok(found) => {
                matched.push(MatchedHunk { line: hunk.line, at: found.start + 1, step: found.step });
                splices.extend(Added { text: &text, hunk, found: &found }.splices());
                if found.start == 0 && removes_bom(hunk) {
                    bom = false;
                }
                match hunk.final_newline {
                    FinalNewline::Keep => {}
                    FinalNewline::Add => ended = true,
                    FinalNewline::Remove => ended = false,
                }
            }
        }
    }
    splices.sort_by_key(|splice| (splice.lines.start, splice.lines.end));
    for pair in splices.windows(2) {
        let same_place = pair[0].lines == pair[1].lines && pair[0].lines.is_empty();
        if pair[1].lines.start < pair[0].lines.end || same_place {
            whys.push((pair[1].hunk, Why::Overlap { other: pair[0].hunk }));
        }
    }
    if whys.is_empty() { Ok((assemble(&text, &splices, bom, ended), matched)) } else { Err(whys) }
}

/// Whether the hunk names the mark of UTF-8 itself: then it says whether there is one afterwards.
fn removes_bom(hunk: &Hunk) -> bool {
    matches!(hunk.before().next(), Some(HunkLine::Remove(text)) if text.starts_with(BOM))
}

struct Added<'a> {
    text: &'a Text<'a>,
    hunk: &'a Hunk,
    found: &'a Found,
}

impl Added<'_> {
    fn splices(&self) -> Vec<Splice> {
        let mut splices: Vec<Splice> = Vec::new();
        let mut at = self.found.start;
        let mut open = false;
        for line in &self.hunk.lines {
            if matches!(line, HunkLine::Keep(_)) {
                (at, open) = (at + 1, false);
                continue;
            }
            if !open {
                splices.push(Splice { lines: at..at, added: Vec::new(), hunk: self.hunk.line });
                open = true;
            }
            if let (Some(splice), HunkLine::Add(text)) = (splices.last_mut(), line) {
                splice.added.push(self.line(text, at));
            } else if let Some(splice) = splices.last_mut() {
                at += 1;
                splice.lines.end = at;
            }
        }
        splices
    }

    /// An added line as it will stand before the line `at` of the file.
    fn line(&self, text: &str, at: usize) -> String {
        let ending = match text.ends_with('\r') {
            returned if self.is_explicit() => {
                if returned {
                    Ending::CrLf
                } else {
                    Ending::Lf
                }
            }
            _ => self.ending_near(at),
        };
        let text = bare(text);
        let shifted = match &self.found.shift {
            _ if text.trim().is_empty() => text.to_owned(),
            Shift::None => text.to_owned(),
            Shift::More(more) => format!("{more}{text}"),
            Shift::Less(less) => text.strip_prefix(less.as_str()).unwrap_or(text).to_owned(),
        };
        shifted + ending.as_str()
    }

    /// Whether the hunk says how its lines end: it has carriage returns, and just where the file has them.
    fn is_explicit(&self) -> bool {
        let returned = |text: &str| text.ends_with('\r');
        let file = self.text.lines[self.found.start..].iter();
        self.hunk.lines.iter().any(|line| returned(line.text()))
            && self.hunk.before().zip(file).all(|(line, file)| returned(line.text()) == returned(file.raw))
    }

    /// The end of the matched line above, else of the one below, else of most lines.
    fn ending_near(&self, at: usize) -> Ending {
        let ending = |line: usize| self.text.lines.get(line).and_then(Line::ending);
        let above = (self.found.start..at).rev().find_map(ending);
        above.or_else(|| ending(at)).unwrap_or_else(|| self.text.ending())
    }
}

fn assemble(text: &Text<'_>, splices: &[Splice], bom: bool, ended: bool) -> Vec<u8> {
    let mut after = String::new();
    if bom {
        after.push(BOM);
    }
    let kept = |after: &mut String, lines: Range<usize>| {
        for line in &text.lines[lines] {
            // What stood last stands last no more.
            if !after.is_empty() && !after.ends_with(['\n', BOM]) {
                after.push_str(text.last_ending().as_str());
            }
            after.push_str(line.raw);
            after.push_str(if line.ended { "\n" } else { "" });
        }
    };
    let mut next = 0;
    for splice in splices {
        kept(&mut after, next..splice.lines.start);
        for line in &splice.added {
            if !after.is_empty() && !after.ends_with(['\n', BOM]) {
                after.push_str(text.last_ending().as_str());
            }
            after.push_str(line);
        }
        next = splice.lines.end;
    }
    kept(&mut after, next..text.lines.len());
    // An added line has an end, so that one is never missing.
    if !ended && after.ends_with('\n') {
        after.pop();
        after.truncate(bare(&after).len());
    }
    after.into_bytes()
}
