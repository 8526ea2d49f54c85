//! What a document has that its draft had not, and the other way round: by lines, and in them by words.

mod words;

use std::{collections::HashMap, fmt::Write as _, ops::Range};

use similar::{Algorithm, DiffTag, capture_diff_slices};

use self::words::words;

use crate::result::SessionResult;

/// Lines shown around a change.
const AROUND: usize = 1;
/// The largest number of pairs of lines, or of words, that are compared each with each. What is larger counts as
/// replaced as a whole, which keeps the time linear.
const PAIRS: usize = 250_000;

/// A part of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Same(String),
    Gone(String),
    New(String),
}

/// Lines that differ, by their numbers in both texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Two texts by their lines, and where they differ.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    changes: Vec<Change>,
}

impl<'a> Difference<'a> {
    /// What the report of this result shows; `None` where nothing differs or there is no draft.
    pub(super) fn of(result: &'a SessionResult) -> Option<Self> {
        match &result.proposal {
            Some(proposal) => Self::between(&result.document, proposal),
            None => Self::between(&result.draft, &result.document),
        }
    }

    /// What the difference is called.
    pub(super) const fn name(result: &SessionResult) -> &'static str {
        if result.proposal.is_some() {
            "What the confirmed faults would change"
        } else {
            "From the draft to the document"
        }
    }

    /// `None` where nothing differs or there is no draft.
    pub(super) fn between(draft: &'a str, document: &'a str) -> Option<Self> {
        if draft.is_empty() || document.is_empty() || draft.trim_end() == document.trim_end() {
            return None;
        }
        let (old, new): (Vec<&str>, Vec<&str>) = (draft.lines().collect(), document.lines().collect());
        let changes = changes(&old, &new);
        (!changes.is_empty()).then_some(Self { old, new, changes })
    }

    /// How many lines are gone, and how many are new.
    pub(super) fn lines(&self) -> (usize, usize) {
        let sum = |of: fn(&Change) -> usize| self.changes.iter().map(of).sum();
        (sum(|one| one.old.len()), sum(|one| one.new.len()))
    }

    /// How many bytes the changed lines have in both texts.
    pub(super) fn size(&self) -> usize {
        let size = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
        self.changes
            .iter()
            .map(|one| size(&self.old[one.old.clone()]) + size(&self.new[one.new.clone()]))
            .sum()
    }

    /// Changes that are near each other, with the lines around them.
    pub(super) fn hunks(&self) -> Vec<Vec<Piece>> {
        let groups = self.changes.chunk_by(|one, next| next.new.start - one.new.end <= 2 * AROUND);
        groups.map(|group| self.hunk(group)).collect()
    }

    fn hunk(&self, group: &[Change]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = group.first().map_or(0, |one| one.new.start.saturating_sub(AROUND));
        for one in group {
            pieces.extend(self.new[at..one.new.start].iter().map(|line| Piece::Same(format!("{line}\n"))));
            let lines = |lines: &[&str]| lines.iter().flat_map(|line| [*line, "\n"]).collect::<String>();
            pieces.extend(words(&lines(&self.old[one.old.clone()]), &lines(&self.new[one.new.clone()])));
            at = one.new.end;
        }
        let end = (at + AROUND).min(self.new.len());
        pieces.extend(self.new[at..end].iter().map(|line| Piece::Same(format!("{line}\n"))));
        pieces
    }

    /// The unified form, as `diff -u` writes it.
    pub(super) fn unified(&self) -> String {
        let mut out = String::new();
        for group in self.changes.chunk_by(|one, next| next.new.start - one.new.end <= 2 * AROUND) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            // Lines around a change are equal in both texts, so that one count of them serves both.
            let before = first.new.start.min(AROUND).min(first.old.start);
            let after = (self.new.len() - last.new.end).min(AROUND);
            let span =
                |start: usize, end: usize| format!("{},{}", start - before + 1, end + after + before - start);
            let heads = (span(first.old.start, last.old.end), span(first.new.start, last.new.end));
            let _ = writeln!(out, "@@ -{} +{} @@", heads.0, heads.1);
            let mut line = |sign: char, text: &str| {
                out.push(sign);
                out.push_str(text);
                out.push('\n');
            };
            let mut at = first.new.start - before;
            for one in group {
                self.new[at..one.new.start].iter().for_each(|text| line(' ', text));
                self.old[one.old.clone()].iter().for_each(|text| line('-', text));
                self.new[one.new.clone()].iter().for_each(|text| line('+', text));
                at = one.new.end;
            }
            self.new[at..at + after].iter().for_each(|text| line(' ', text));
        }
        out
    }
}

/// Where the lines differ. Lines that stand once in both texts are the fixed points; only what lies between two of
/// them is compared each with each.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    let mut from = (0, 0);
    // The ends of both texts are the last fixed point.
    for (at_old, at_new) in fixed_points(old, new).into_iter().chain([(old.len(), new.len())]) {
        gap(old, new, from.0..at_old, from.1..at_new, &mut all);
        from = (at_old + 1, at_new + 1);
    }
    all
}

/// Adds the changes between two fixed points. Changes that touch are one.
fn gap(
    old: &[&str],
    new: &[&str],
    mut of_old: Range<usize>,
    mut of_new: Range<usize>,
    all: &mut Vec<Change>,
) {
    // Equal lines at both ends go first: what is left may be small enough to be compared closely.
    while !of_old.is_empty() && !of_new.is_empty() && old[of_old.start] == new[of_new.start] {
        (of_old.start, of_new.start) = (of_old.start + 1, of_new.start + 1);
    }
    while !of_old.is_empty() && !of_new.is_empty() && old[of_old.end - 1] == new[of_new.end - 1] {
        (of_old.end, of_new.end) = (of_old.end - 1, of_new.end - 1);
    }
    if of_old.is_empty() && of_new.is_empty() {
        return;
    }
    let mut add = |change: Change| match all.last_mut() {
        Some(last) if last.old.end == change.old.start && last.new.end == change.new.start => {
            (last.old.end, last.new.end) = (change.old.end, change.new.end);
        }
        _ => all.push(change),
    };
    if of_old.len().saturating_mul(of_new.len()) > PAIRS {
        return add(Change { old: of_old, new: of_new });
    }
    let ops = capture_diff_slices(Algorithm::Myers, &old[of_old.clone()], &new[of_new.clone()]);
    // The places in the operations are not to be relied on after they were made smaller; their lengths are.
    let mut at = (of_old.start, of_new.start);
    for op in ops {
        let end = (at.0 + op.old_range().len(), at.1 + op.new_range().len());
        if op.tag() != DiffTag::Equal {
            add(Change { old: at.0..end.0, new: at.1..end.1 });
        }
        at = end;
    }
}

/// The longest row of lines that stand once in each text, in the order of both.
fn fixed_points(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let mut seen: HashMap<&str, [(usize, usize); 2]> = HashMap::new();
    for (side, lines) in [old, new].into_iter().enumerate() {
        for (at, line) in lines.iter().enumerate() {
            let (count, last) = &mut seen.entry(line).or_default()[side];
            (*count, *last) = (*count + 1, at);
        }
    }
    let once = |line: &&str| match seen.get(line) {
        Some([(1, old), (1, new)]) => Some((*old, *new)),
        _ => None,
    };
    // The anchors of the patience diff (Bram Cohen), in the longest order that both texts share.
    let pairs: Vec<(usize, usize)> = old.iter().filter_map(once).collect();
    // For each length the row that ends first, and for each pair the one before it in its row.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    for (index, (_, at)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *at);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(index) = next {
        row.push(pairs[index]);
        next = before[index];
    }
    row.reverse();
    row
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(hunks: &[Vec<Piece>], of_new: bool) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Same(text) => Some(text.clone()),
            Piece::Gone(text) => (!of_new).then(|| text.clone()),
            Piece::New(text) => of_new.then(|| text.clone()),
        };
        hunks.iter().flatten().filter_map(text).collect()
    }

    #[test]
    fn a_changed_word_is_all_that_is_marked() {
        let difference =
            Difference::between("# A\n\nTokens never expire.\n", "# A\n\nTokens always expire.\n");
        let pieces = difference.unwrap().hunks().concat();
        let marked: Vec<&Piece> = pieces.iter().filter(|one| !matches!(one, Piece::Same(_))).collect();
        assert_eq!(marked, [&Piece::Gone("never".into()), &Piece::New("always".into())]);
    }

    #[test]
    fn texts_without_a_common_word_stand_one_after_the_other() {
        let pieces = words("one two three\n", "four five six\n");
        assert_eq!(pieces, [Piece::Gone("one two three\n".into()), Piece::New("four five six\n".into())]);
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_difference_are_those_of_both_texts(
            old in "([ab] ?){1,6}(\n([ab] ?){0,6}){0,6}",
            new in "([ab] ?){1,6}(\n([abc] ?){0,6}){0,6}",
        ) {
            if let Some(difference) = Difference::between(&old, &new) {
                let (hunks, mut from) = (difference.hunks(), (0, 0));
                let (lines_old, lines_new) = (format!("{old}\n"), format!("{new}\n"));
                for hunk in hunks {
                    for (of_new, text) in [(false, &lines_old), (true, &lines_new)] {
                        let shown = side(std::slice::from_ref(&hunk), of_new);
                        let at = if of_new { &mut from.1 } else { &mut from.0 };
                        prop_assert!(text[*at..].contains(&shown), "{shown:?} in {text:?}");
                        *at += text[*at..].find(&shown).unwrap_or(0);
                    }
                }
            }
        }
    }
}
