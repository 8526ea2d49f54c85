//! The loss rule: lines that a revision dropped without a reason.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use crate::{answer::Edit, passage::QuoteIndex};

/// The most lines of both texts together that are compared line by line, since the time grows with their square.
const MOST_LINES: usize = 20_000;

/// Lines that a revision lost although no accepted finding is about them. Models shorten documents unasked, and a shorter
/// document reads well, so that only a count shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Loss {
    /// Lines with text that are gone and have no replacement.
    pub(crate) lines: usize,
    /// Lines with text before the revision.
    pub(crate) of: usize,
    /// Whether a mark such as `[... unchanged ...]` replaced text.
    pub(crate) elided: bool,
}

impl Loss {
    /// What edits lost of `text`. Each edit counts by itself: what one adds does not make up for what another removes.
    pub(super) fn of_edits<'a>(
        text: &str,
        edits: &[&Edit],
        quotes: &(impl Iterator<Item = &'a str> + Clone),
    ) -> Self {
        let whole = Self { of: text.lines().filter(|line| has_text(line)).count(), ..Self::default() };
        edits.iter().filter(|edit| !edit.old.trim().is_empty()).fold(whole, |sum, edit| {
            let old = (edit.old.as_str(), &QuoteIndex::of(&edit.old));
            let one = Self::between(old, &edit.new, quotes.clone());
            Self { lines: sum.lines + one.lines, elided: sum.elided || one.elided, ..sum }
        })
    }

    /// What `new` lost of `old`, which comes with its index, apart from lines that overlap one of `quotes`.
    pub(super) fn between<'a>(
        (old, solid): (&str, &QuoteIndex),
        new: &str,
        quotes: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let of = old.lines().filter(|line| has_text(line)).count();
        if old == new {
            return Self { of, ..Self::default() };
        }
        let quoted: Vec<_> = quotes.clone().flat_map(|quote| solid.find_all(quote)).collect();
        let quotes: Vec<QuoteIndex> = quotes.map(QuoteIndex::of).collect();
        if old.lines().count() + new.lines().count() > MOST_LINES {
            return Self { lines: missing(old, new), of, elided: false };
        }
        let diff = TextDiff::from_lines(old, new);
        // A deleted line that is inserted elsewhere has moved and is not lost.
        let mut moved: BTreeMap<&str, usize> = BTreeMap::new();
        let mut deleted = BTreeSet::new();
        for change in diff.iter_all_changes() {
            match change.tag() {
                ChangeTag::Insert => *moved.entry(change.value().trim()).or_default() += 1,
                ChangeTag::Delete => {
                    deleted.insert(change.value().trim());
                }
                ChangeTag::Equal => {}
            }
        }
        let mut loss = Self { of, ..Self::default() };
        let mut hunk = Hunk::default();
        let mut at = 0;
        for change in diff.iter_all_changes() {
            let line = change.value();
            match change.tag() {
                ChangeTag::Equal => loss.add(&std::mem::take(&mut hunk)),
                // A line that moved replaces nothing but itself.
                ChangeTag::Insert if deleted.contains(line.trim()) => {}
                ChangeTag::Insert => hunk.insert(line),
                ChangeTag::Delete if has_text(line) => {
                    hunk.deleted += 1;
                    let end = at + line.len();
                    // An accepted finding is about this line: it may go without a replacement.
                    let is_quoted = quoted.iter().any(|quote| quote.start < end && at < quote.end)
                        || quotes.iter().any(|quote| quote.find(line).is_some());
                    match moved.get_mut(line.trim()).filter(|left| **left > 0) {
                        Some(left) => *left -= 1,
                        None if !is_quoted => hunk.missing += 1,
                        None => {}
                    }
                }
                ChangeTag::Delete => {}
            }
            if change.tag() != ChangeTag::Insert {
                at += line.len();
            }
        }
        loss.add(&hunk);
        loss
    }

    /// Adds the loss of adjacent changes. Each run counts by itself: what is new in one place makes up for
    /// nothing in another.
    fn add(&mut self, hunk: &Hunk) {
        // Inserted lines first replace the lines that findings are about, and only the rest makes up for other lines.
        let about = hunk.deleted - hunk.missing;
        self.lines += hunk.missing.saturating_sub(hunk.inserted.saturating_sub(about));
        self.elided |= hunk.mark && hunk.deleted > hunk.inserted;
    }

    /// Whether the loss is too large to be intended: more than a tenth of the lines, or an elision.
    pub(crate) const fn is_too_much(self) -> bool {
        self.elided || self.lines * 10 > self.of
    }
}

/// Adjacent changes.
#[derive(Debug, Default)]
struct Hunk {
    /// Deleted lines.
    deleted: usize,
    /// Deleted lines that no finding is about.
    missing: usize,
    inserted: usize,
    mark: bool,
}

impl Hunk {
    fn insert(&mut self, line: &str) {
        if is_elision(line) {
            self.mark = true;
        } else if has_text(line) {
            self.inserted += 1;
        }
    }
}

/// Lines of `old` that `new` does not have, wherever they stand.
fn missing(old: &str, new: &str) -> usize {
    let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
    for line in new.lines() {
        *kept.entry(line.trim()).or_default() += 1;
    }
    let is_missing = |line: &&str| match kept.get_mut(line.trim()).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            false
        }
        None => has_text(line),
    };
    old.lines().filter(is_missing).count()
}

/// Whether a line says anything. Rules and blank lines come and go without a loss.
fn has_text(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

/// `...`, `[…]`, `// ... existing code ...`, `(sections 2 to 9 unchanged)`.
fn is_elision(line: &str) -> bool {
    const WORDS: [&str; 9] = [
        "unchanged",
        "omitted",
        "remains the same",
        "remain the same",
        "existing code",
        "rest of the",
        "as before",
        "same as above",
        "no changes",
    ];
    let dots = line.contains("...") || line.contains('…');
    let bracketed = line.contains(['[', '(', '<', '{']) && line.contains([']', ')', '>', '}']);
    let words = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let ends_in_dots = ["...", "…"].iter().any(|dots| {
        let bare = line.trim().trim_matches(|c| {
            matches!(c, '[' | ']' | '(' | ')' | '<' | '>' | '!' | '/' | '*' | '#' | '-' | ' ')
        });
        bare.starts_with(dots) || bare.ends_with(dots)
    });
    // Dots at an end stand for something that is left out. Inside of a line they need a word that says so.
    ends_in_dots || ((dots || bracketed) && WORDS.iter().any(|word| words.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> String {
        let lines: Vec<String> = (0..200).map(|at| format!("Line {at} says something.")).collect();
        format!("# Title\n\n{}\n", lines.join("\n"))
    }

    fn loss(old: &str, new: &str, quotes: &[&str]) -> Loss {
        Loss::between((old, &QuoteIndex::of(old)), new, quotes.iter().copied())
    }

    #[test]
    fn an_elided_document_is_too_much_whatever_the_words() {
        for mark in [
            "# Title [... sections unchanged ...]",
            "# Title\n\n...",
            "# Title\n\n[…]",
            "# Title\n\n<!-- rest of the document unchanged -->",
            "# Title\n\n// ... existing code ...",
            "# Title\n\n(the remaining sections are omitted)",
        ] {
            let found = loss(&long(), mark, &[]);
            assert!(found.elided && found.is_too_much(), "{mark}: {found:?}");
        }
    }

    #[test]
    fn a_small_elision_is_seen_too() {
        let new =
            long().replace("Line 5 says something.\nLine 6 says something.\nLine 7 says something.", "...");
        let found = loss(&long(), &new, &[]);
        assert!(found.elided && found.lines == 3, "{found:?}");
    }

    #[test]
    fn lines_that_others_replace_and_lines_that_move_are_not_lost() {
        let old = long();
        assert_eq!(loss(&old, &old.replace("says", "claims"), &[]).lines, 0);
        let moved = format!("{}Line 5 says something.\n", old.replace("Line 5 says something.\n", ""));
        assert_eq!(loss(&old, &moved, &[]).lines, 0);
        let more =
            old.replace("Line 5 says something.", "Line 5 says this.\nAnd this.\nfor i in 0..3 { ... }");
        assert_eq!((loss(&old, &more, &[]).lines, loss(&old, &more, &[]).elided), (0, false));
    }

    #[test]
    fn what_takes_the_place_of_a_quoted_line_makes_up_for_no_other() {
        let old = long();
        let new = old.replace(
            "Line 5 says something.\nLine 6 says something.\nLine 7 says something.",
            "Line 5 says more.",
        );
        assert_eq!(loss(&old, &new, &["Line 5 says something."]).lines, 2);
        let moved = format!("{}Line 5 says something.\n", old.replace("Line 5 says something.\n", ""));
        let moved = moved.replace("Line 199 says something.\n", "");
        assert_eq!(loss(&old, &moved, &[]).lines, 1);
    }

    #[test]
    fn lines_that_an_accepted_finding_quotes_may_go() {
        let old = long();
        let new = old.replace("Line 5 says something.\nLine 6 says something.\n", "");
        assert_eq!(loss(&old, &new, &[]).lines, 2);
        assert_eq!(loss(&old, &new, &["Line 5 says something. Line 6"]).lines, 0);
        assert!(!loss(&old, &new, &[]).is_too_much());
        assert!(loss(&old, "# Title\n\nShort.\n", &["Line 5"]).is_too_much());
    }
}
