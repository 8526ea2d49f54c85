//! Where the lines of a hunk stand in a file: four steps, each of which forgives one thing more, and nothing fuzzier.

mod near;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    set::{Hunk, HunkLine},
    text::{BOM, Text, bare},
};

pub use self::near::Excerpt;
use self::near::nearest;

/// What had to be forgiven for the lines of a hunk to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MatchStep {
    /// Nothing.
    Exact,
    /// Carriage returns at the ends of lines; those of the file stay.
    LineEndings,
    /// White space at the ends of lines; that of kept lines stays.
    TrailingSpace,
    /// Indentation that differs by the same characters in every line; added lines get that of the file.
    Indentation,
}

impl MatchStep {
    /// From the strictest to the last.
    pub const ALL: [Self; 4] = [Self::Exact, Self::LineEndings, Self::TrailingSpace, Self::Indentation];

    /// The name of the step, as JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::LineEndings => "line_endings",
            Self::TrailingSpace => "trailing_space",
            Self::Indentation => "indentation",
        }
    }
}

impl fmt::Display for MatchStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The one place of a hunk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The first line, from 0.
    pub(crate) start: usize,
    pub(crate) step: MatchStep,
    pub(crate) shift: Shift,
}

/// How the indentation of a file differs from that of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shift {
    None,
    /// The file has this before each line.
    More(String),
    /// The hunk has this before each line.
    Less(String),
}

/// Why a hunk has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoPlace {
    Nowhere(Vec<Excerpt>),
    /// The first lines of the first places, from 1, and how many there are.
    Several(Vec<usize>, usize),
    /// There is no line to find.
    NothingToFind,
    Anchor(String),
    TooLarge,
}

/// More comparisons of lines than this are not made for one hunk; a search that repeats itself would take too long.
const MOST_COMPARISONS: usize = 20_000_000;
/// So many places are named.
const PLACES_NAMED: usize = 5;

/// Finds the one place of a hunk. The first step that finds any place decides: two places of a stricter step are not told apart by
/// a laxer one.
pub(crate) fn find(text: &Text<'_>, hunk: &Hunk) -> Result<Found, NoPlace> {
    let wanted: Vec<&HunkLine> = hunk.before().collect();
    if wanted.is_empty() {
        let start = if hunk.at_end || text.lines.is_empty() {
            text.lines.len()
        } else {
            return Err(NoPlace::NothingToFind);
        };
        return Ok(Found { start, step: MatchStep::Exact, shift: Shift::None });
    }
    let anchors = anchors(text, hunk)?;
    let mut search = Search { text, hunk, wanted: &wanted, comparisons: 0 };
    for step in MatchStep::ALL {
        let readings: &[bool] =
            if hunk.unmarked && step != MatchStep::Indentation { &[false, true] } else { &[false] };
        for unmarked in readings {
            let mut places = search.places(step, *unmarked)?;
            if !hunk.anchors.is_empty() {
                places.retain(|(start, _)| anchors.iter().any(|anchor| anchor.line < *start));
                if places.len() > 1
                    && places.iter().filter(|(start, _)| in_scope(&anchors, *start)).count() == 1
                {
                    places.retain(|(start, _)| in_scope(&anchors, *start));
                }
            }
            match places.len() {
                0 => {}
                1 => return Ok(places.remove(0)).map(|(start, shift)| Found { start, step, shift }),
                count => {
                    let named = places.iter().take(PLACES_NAMED).map(|(start, _)| start + 1).collect();
                    return Err(NoPlace::Several(named, count));
                }
            }
        }
    }
    Err(NoPlace::Nowhere(nearest(text, &wanted)))
}

/// A line that stands above a hunk, with the last line of what it is the head of.
#[derive(Debug)]
struct Anchor {
    line: usize,
    last: usize,
}

fn in_scope(anchors: &[Anchor], start: usize) -> bool {
    anchors.iter().any(|anchor| anchor.line < start && start <= anchor.last)
}

/// The lines that equal the innermost anchor below one that equals each outer one.
fn anchors(text: &Text<'_>, hunk: &Hunk) -> Result<Vec<Anchor>, NoPlace> {
    let mut first = 0;
    let mut found = Vec::new();
    for anchor in &hunk.anchors {
        let same = |line: &usize| text.lines[*line].raw.trim() == anchor.trim();
        found = (first..text.lines.len()).filter(same).collect();
        first = 1 + *found.first().ok_or_else(|| NoPlace::Anchor(anchor.clone()))?;
    }
    let indent = |line: usize| text.lines[line].raw.len() - text.lines[line].raw.trim_start().len();
    let last = |line: usize| {
        let ends = |next: &usize| !text.lines[*next].raw.trim().is_empty() && indent(*next) <= indent(line);
        (line + 1..text.lines.len()).find(ends).unwrap_or(text.lines.len())
    };
    Ok(found.into_iter().map(|line| Anchor { line, last: last(line) }).collect())
}

struct Search<'s, 't> {
    text: &'s Text<'t>,
    hunk: &'s Hunk,
    wanted: &'s [&'s HunkLine],
    comparisons: usize,
}

impl Search<'_, '_> {
    /// Every place where the lines stand at this step.
    fn places(&mut self, step: MatchStep, unmarked: bool) -> Result<Vec<(usize, Shift)>, NoPlace> {
        let Some(last) = self.text.lines.len().checked_sub(self.wanted.len()) else { return Ok(Vec::new()) };
        let starts = if self.hunk.at_end { last..=last } else { 0..=last };
        let mut places = Vec::new();
        for start in starts {
            let shift = if step == MatchStep::Indentation {
                self.shifted(start)
            } else {
                self.equal(start, step, unmarked).then_some(Shift::None)
            };
            places.extend(shift.map(|shift| (start, shift)));
            if self.comparisons > MOST_COMPARISONS {
                return Err(NoPlace::TooLarge);
            }
        }
        Ok(places)
    }

    fn equal(&mut self, start: usize, step: MatchStep, unmarked: bool) -> bool {
        let normal = |line: &'_ str| -> usize {
            match step {
                MatchStep::Exact => line.len(),
                MatchStep::LineEndings => bare(line).len(),
                _ => line.trim_end().len(),
            }
        };
        (0..self.wanted.len()).all(|at| {
            self.comparisons += 1;
            let wanted = self.wanted(start, at);
            let (file, wanted_end) = (self.text.lines[start + at].raw, normal(wanted));
            let (file, wanted) = (&file[..normal(file)], &wanted[..wanted_end]);
            let lost = unmarked && matches!(self.wanted[at], HunkLine::Keep(_));
            file == wanted || lost && file.strip_prefix(' ') == Some(wanted)
        })
    }

    /// The one difference of the indentation of all lines that are not blank; white space at their ends does not count.
    fn shifted(&mut self, start: usize) -> Option<Shift> {
        let mut shift: Option<Shift> = None;
        for at in 0..self.wanted.len() {
            self.comparisons += 1;
            let (file, wanted) =
                (self.text.lines[start + at].raw.trim_end(), self.wanted(start, at).trim_end());
            if file.is_empty() && wanted.is_empty() {
                continue;
            }
            let here = difference(file, wanted)?;
            match &shift {
                Some(shift) if *shift != here => return None,
                Some(_) => {}
                None => shift = Some(here),
            }
        }
        shift.filter(|shift| self.can_shift_added(shift))
    }

    /// Whether each added line has the indentation that it would lose.
    fn can_shift_added(&self, shift: &Shift) -> bool {
        let Shift::Less(less) = shift else { return true };
        self.hunk.lines.iter().all(|line| match line {
            HunkLine::Add(text) => text.trim().is_empty() || text.starts_with(less.as_str()),
            _ => true,
        })
    }

    /// A line to find; a mark of UTF-8 at the beginning of the file is not part of it.
    fn wanted(&self, start: usize, at: usize) -> &str {
        let text = self.wanted[at].text();
        if start + at == 0 && self.text.bom { text.strip_prefix(BOM).unwrap_or(text) } else { text }
    }
}

/// How the indentation of two lines differs, if nothing else does and it does.
fn difference(file: &str, wanted: &str) -> Option<Shift> {
    let blank = |text: &&str| !text.is_empty() && text.trim().is_empty();
    if let Some(more) = file.strip_suffix(wanted).filter(blank) {
        return (!wanted.is_empty()).then(|| Shift::More(more.to_owned()));
    }
    let less = wanted.strip_suffix(file).filter(blank)?;
    (!file.is_empty()).then(|| Shift::Less(less.to_owned()))
}

#[cfg(test)]
mod tests;
