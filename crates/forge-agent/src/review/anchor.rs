//! From the passage that a finding quotes to its lines. Numbers that models give decide nothing but between equal passages.

use super::{
    change::{Change, FileChange, Hunk, Line, Mark},
    finding::{Anchor, Place, Side},
};

/// A quote of fewer characters stands anywhere.
const SHORTEST: usize = 3;

/// What a finding says of its place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said<'a> {
    /// The passage.
    pub(crate) quote: &'a str,
    /// The place in its own words.
    pub(crate) location: &'a str,
    /// What is wrong.
    pub(crate) claim: &'a str,
}

/// Where a finding stands, and the text that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchored {
    pub(crate) anchor: Anchor,
    pub(crate) place: Option<Place>,
    /// The lines at the place, as they are on its side.
    pub(crate) lines: Vec<String>,
}

impl Anchored {
    const fn nowhere(anchor: Anchor) -> Self {
        Self { anchor, place: None, lines: Vec::new() }
    }
}

/// Lines that follow each other on one side of a hunk and hold the quote.
#[derive(Debug, Clone)]
struct Match<'c> {
    file: &'c FileChange,
    hunk: &'c Hunk,
    side: Side,
    lines: Vec<&'c Line>,
    /// Whether whole lines are quoted.
    whole: bool,
}

impl Match<'_> {
    fn is_changed(&self) -> bool {
        self.lines.iter().any(|line| line.mark != Mark::Kept)
    }

    fn place(&self) -> Place {
        let number = |line: &Line| if self.side == Side::New { line.new } else { line.old };
        let path = match self.side {
            Side::New => self.file.path(),
            Side::Old => self.file.old.as_deref().unwrap_or(self.file.path()),
        };
        let line = self.lines.first().map_or(0, |line| number(line));
        let end_line = self.lines.last().map_or(line, |line| number(line));
        let shown_line = self.lines.first().map_or(1, |line| line.new).max(1);
        Place { path: path.to_owned(), side: self.side, line, end_line, shown_line }
    }

    fn anchored(&self) -> Anchored {
        let lines = self.lines.iter().map(|line| line.text.clone()).collect();
        Anchored { anchor: Anchor::Placed, place: Some(self.place()), lines }
    }
}

/// The place of a finding.
pub(crate) fn anchor(change: &Change, said: Said<'_>) -> Anchored {
    let found = narrowed(matches(change, said.quote), said);
    let Some(first) = found.first() else { return Anchored::nowhere(Anchor::Unanchored) };
    if found.len() > 1 {
        return Anchored::nowhere(Anchor::Ambiguous);
    }
    if first.is_changed() {
        return first.anchored();
    }
    // The fault shows where nothing changed: it counts where it names the line that causes it.
    match caused_by(change, said).as_slice() {
        [cause] => cause.anchored(),
        _ => Anchored::nowhere(Anchor::Outside),
    }
}

/// Changed lines that the claim or the location quotes between back quotes.
fn caused_by<'c>(change: &'c Change, said: Said<'_>) -> Vec<Match<'c>> {
    let spans = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let quoted = spans(said.claim).into_iter().chain(spans(said.location));
    // A name stands in many lines; a line has several words.
    let lines = quoted.filter(|span| span.split_whitespace().count() > 1);
    for span in lines {
        let found: Vec<Match<'c>> = matches(change, &span).into_iter().filter(Match::is_changed).collect();
        let found = narrowed(found, Said { quote: &span, ..said });
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Those that the rest of the finding does not exclude. A step that would leave none is passed over.
fn narrowed<'c>(mut found: Vec<Match<'c>>, said: Said<'_>) -> Vec<Match<'c>> {
    let keep = |found: &mut Vec<Match<'c>>, fits: &dyn Fn(&Match<'c>) -> bool| {
        if found.len() > 1 && found.iter().any(fits) {
            found.retain(|one| fits(one));
        }
    };
    keep(&mut found, &|one| names_file(said.location, one.file.path()));
    keep(&mut found, &|one| names_file(said.claim, one.file.path()));
    keep(&mut found, &|one| one.whole);
    keep(&mut found, &|one| one.is_changed());
    // The new side is what a reader has before him.
    keep(&mut found, &|one| one.side == Side::New);
    keep(&mut found, &|one| names_function(said, &one.hunk.section));
    let numbers = numbers(said.location);
    keep(&mut found, &|one| {
        let place = one.place();
        numbers.iter().any(|number| (place.line..=place.end_line).contains(number))
    });
    found
}

fn names_file(text: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    text.contains(path) || (name.len() > 3 && text.contains(name))
}

/// Whether a word of the head of the function stands in the finding.
fn names_function(said: Said<'_>, section: &str) -> bool {
    let words = section.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let mut names = words.filter(|word| {
        word.len() > 3 && !matches!(*word, "impl" | "func" | "function" | "class" | "void" | "async")
    });
    let has = |text: &str, name: &str| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
    };
    names.any(|name| has(said.location, name) || has(said.claim, name))
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// Every place of the quote, as it is or without the marks of a diff.
fn matches<'c>(change: &'c Change, quote: &str) -> Vec<Match<'c>> {
    let plain = folded(quote, false);
    let stripped = folded(quote, true);
    let mut found = of_lines(change, &plain);
    if found.is_empty() && stripped != plain {
        found = of_lines(change, &stripped);
    }
    found
}

/// The lines of a quote that say something, with single blanks.
fn folded(quote: &str, without_marks: bool) -> Vec<String> {
    let lines = quote.lines().map(|line| {
        let line = line.strip_prefix(['+', '-']).filter(|_| without_marks).unwrap_or(line);
        fold(line)
    });
    lines.filter(|line| !line.is_empty() && !line.starts_with("```")).collect()
}

fn fold(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_lines<'c>(change: &'c Change, quote: &[String]) -> Vec<Match<'c>> {
    if quote.iter().map(|line| line.chars().count()).sum::<usize>() < SHORTEST {
        return Vec::new();
    }
    let mut found: Vec<Match<'c>> = Vec::new();
    for file in &change.files {
        for hunk in &file.hunks {
            for (side, gone) in [(Side::New, Mark::Removed), (Side::Old, Mark::Added)] {
                let lines: Vec<(&Line, String)> = hunk
                    .lines
                    .iter()
                    .filter(|line| line.mark != gone)
                    .map(|line| (line, fold(&line.text)))
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                for window in lines.windows(quote.len()) {
                    let Some(whole) = fits(window, quote) else { continue };
                    let lines: Vec<&Line> = window.iter().map(|(line, _)| *line).collect();
                    // Lines that stay are on both sides, and are found on the new one.
                    if side == Side::Old && lines.iter().all(|line| line.mark == Mark::Kept) {
                        continue;
                    }
                    found.push(Match { file, hunk, side, lines, whole });
                }
            }
        }
    }
    found
}

/// Whether the lines hold the quote, which may begin and end within a line; and whether it is all of them.
fn fits(window: &[(&Line, String)], quote: &[String]) -> Option<bool> {
    let last = quote.len().checked_sub(1)?;
    let mut whole = true;
    for (at, ((_, text), quoted)) in window.iter().zip(quote).enumerate() {
        let holds = match (at == 0, at == last) {
            (true, true) => text.contains(quoted.as_str()),
            (true, false) => text.ends_with(quoted.as_str()),
            (false, true) => text.starts_with(quoted.as_str()),
            (false, false) => text == quoted,
        };
        if !holds {
            return None;
        }
        whole &= text == quoted;
    }
    Some(whole)
}

#[cfg(test)]
mod tests;
