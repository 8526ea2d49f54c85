//! Lines of a file that resemble those that were not found.

use std::{cmp::Reverse, collections::HashSet, fmt};

use crate::{set::HunkLine, text::Text};

/// Some lines of a file as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The number of the first line, from 1.
    pub line: usize,
    /// The lines, long ones cut.
    pub lines: Vec<String>,
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in (self.line..).zip(&self.lines) {
            write!(f, "\n{number:>6} | {line}")?;
        }
        Ok(())
    }
}

/// So many places are shown.
const PLACES: usize = 3;
/// So many lines of each.
const LINES: usize = 12;
/// So many characters of each.
const WIDTH: usize = 160;

/// The places that have most in common with the lines, best first: each line that is the same but for white space at its ends
/// counts where it would stand. Where no line is the same, words decide for the longest line.
pub(super) fn nearest(text: &Text<'_>, wanted: &[&HunkLine]) -> Vec<Excerpt> {
    let mut scores = vec![0_usize; text.lines.len()];
    // A line that the file has often says little of a place, and would make the search long.
    let rare = wanted.iter().enumerate().filter(|(_, line)| line.text().trim().len() > 2).take(LINES * 4);
    for (offset, line) in rare {
        let wanted = line.text().trim();
        for (at, _) in text.lines.iter().enumerate().filter(|(_, line)| line.raw.trim() == wanted) {
            scores[at.saturating_sub(offset)] += 2;
        }
    }
    if scores.iter().all(|score| *score == 0) {
        by_words(text, wanted, &mut scores);
    }
    let mut best: Vec<usize> = (0..scores.len()).filter(|line| scores[*line] > 0).collect();
    best.sort_by_key(|line| (Reverse(scores[*line]), *line));
    let mut shown: Vec<usize> = Vec::new();
    for line in best {
        if shown.len() < PLACES && shown.iter().all(|other| other.abs_diff(line) >= wanted.len().min(LINES)) {
            shown.push(line);
        }
    }
    shown.into_iter().map(|line| excerpt(text, line, wanted.len())).collect()
}

fn by_words(text: &Text<'_>, wanted: &[&HunkLine], scores: &mut [usize]) {
    let Some((offset, longest)) = wanted.iter().enumerate().max_by_key(|(_, line)| line.text().trim().len())
    else {
        return;
    };
    let looked_for: HashSet<&str> = words(longest.text()).collect();
    for (at, line) in text.lines.iter().enumerate() {
        let common = words(line.raw).filter(|word| looked_for.contains(word)).count();
        if common * 2 >= looked_for.len().max(2) {
            scores[at.saturating_sub(offset)] += common;
        }
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn excerpt(text: &Text<'_>, line: usize, count: usize) -> Excerpt {
    let lines = text.lines[line..].iter().take(count.min(LINES));
    Excerpt { line: line + 1, lines: lines.map(|line| line.raw.chars().take(WIDTH).collect()).collect() }
}
