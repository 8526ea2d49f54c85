//! Where the passages of findings stand in a document, found in one pass over it.

use std::{collections::BTreeMap, ops::Range};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::truncate;
use crate::{
    answer::{DispositionKind, FindingId},
    finding::Finding,
    result::SessionResult,
};

/// A new passage of fewer bytes is only trusted if it stands in the document once.
const TELLING: usize = 12;
/// Characters by which a passage is widened to the beginning of its first word.
const WORD: usize = 40;
/// Characters shown of a heading.
const HEADING: usize = 60;
/// Bytes by which passages are looked up.
const KEY: usize = 8;
/// As many as the upper twelve bits of a hash can name.
const BUCKETS: usize = 4096;

/// Where the passage of a finding stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) finding: FindingId,
    /// In bytes of the document.
    pub(super) range: Range<usize>,
    /// The headings above it; empty above the first one.
    pub(super) heading: String,
}

/// The passages of a result's findings: in its document, and of those that are gone from it, in its draft.
#[derive(Debug, Default)]
pub(super) struct Passages {
    /// In the order of the document.
    pub(super) here: Vec<Passage>,
    by_finding: BTreeMap<FindingId, (bool, String)>,
}

impl Passages {
    pub(super) fn of(result: &SessionResult) -> Self {
        let wanted: Vec<(FindingId, Vec<Candidate>)> =
            result.findings.iter().map(|one| (one.id, candidates(one, &result.findings))).collect();
        let here = locate(&result.document, &wanted);
        let mut by_finding: BTreeMap<FindingId, (bool, String)> =
            here.iter().map(|one| (one.finding, (true, one.heading.clone()))).collect();
        // In the draft only by its quote: what decisions brought in never stood there.
        let gone: Vec<(FindingId, Vec<Candidate>)> = result
            .findings
            .iter()
            .filter(|one| !by_finding.contains_key(&one.id))
            .map(|one| (one.id, vec![Candidate::quoted(&one.issue.quote)]))
            .collect();
        for one in locate(&result.draft, &gone) {
            by_finding.insert(one.finding, (false, one.heading));
        }
        Self { here, by_finding }
    }

    /// Whether the finding's passage stands in the document, or else in the draft, and the headings above it.
    pub(super) fn place(&self, finding: FindingId) -> Option<(bool, &str)> {
        self.by_finding.get(&finding).map(|(here, heading)| (*here, heading.as_str()))
    }
}

/// A passage to look for, without its white space.
#[derive(Debug)]
struct Candidate {
    solid: String,
    alone: bool,
}

impl Candidate {
    /// A passage as somebody quoted it, possibly within quotation marks.
    fn quoted(text: &str) -> Self {
        let bare = text.trim().trim_matches(['"', '“', '”', '`']);
        Self { solid: bare.chars().filter(|c| !c.is_whitespace()).collect(), alone: false }
    }

    /// A new passage. A short one, such as a number, may stand in many places and proves nothing there.
    fn new(text: &str) -> Self {
        let solid: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        Self { alone: solid.len() < TELLING, solid }
    }
}

/// The new passage before the quoted one; those of a duplicate before those of the finding that stands for it.
fn candidates(finding: &Finding, all: &[Finding]) -> Vec<Candidate> {
    let mut wanted = own(finding);
    let index = finding.duplicate_of().and_then(|id| all.binary_search_by_key(&id, |one| one.id).ok());
    wanted.extend(index.and_then(|index| all.get(index)).into_iter().flat_map(own));
    wanted
}

/// The passages of a finding itself, from the most telling one: what stands in the text now, then what was
/// quoted.
fn own(finding: &Finding) -> Vec<Candidate> {
    let quote = &finding.issue.quote;
    let accepted = finding.disposition.iter().filter(|given| given.decision == DispositionKind::Accept);
    let mut wanted = Vec::new();
    for given in accepted {
        for edit in given.edits.iter().filter(|edit| !edit.new.trim().is_empty()) {
            if !edit.old.is_empty() && quote.contains(&edit.old) {
                // The words around a small change tell which place is meant.
                wanted.push(Candidate::quoted(&quote.replacen(&edit.old, &edit.new, 1)));
            }
            wanted.push(Candidate::new(&edit.new));
        }
        wanted.push(Candidate::new(&given.changed_span));
    }
    wanted.push(Candidate::quoted(quote));
    wanted
}

/// The first candidate of each finding that stands in `text`.
fn locate(text: &str, wanted: &[(FindingId, Vec<Candidate>)]) -> Vec<Passage> {
    let needles: Vec<&str> =
        wanted.iter().flat_map(|(_, all)| all.iter().map(|one| one.solid.as_str())).collect();
    if text.is_empty() || needles.iter().all(|needle| needle.is_empty()) {
        return Vec::new();
    }
    let mut found = search(text, &needles).into_iter();
    let headings = headings(text);
    let mut all = Vec::new();
    for (finding, candidates) in wanted {
        // One result for each needle, in their order, also for an empty one.
        let places: Vec<Found> = found.by_ref().take(candidates.len()).collect();
        let fits = |(one, place): (&Candidate, Found)| place.first.filter(|_| !(one.alone && place.again));
        if let Some(range) = candidates.iter().zip(places).find_map(fits) {
            let range = from_word(text, range);
            let above = headings.partition_point(|(at, _)| *at <= range.start);
            let heading = above.checked_sub(1).and_then(|last| headings.get(last));
            let heading = heading.map(|(_, path)| path.clone()).unwrap_or_default();
            all.push(Passage { finding: *finding, range, heading });
        }
    }
    all.sort_by_key(|one| (one.range.start, one.finding));
    all
}

/// The range from the beginning of its first word, so that no mark begins inside one.
fn from_word(text: &str, range: Range<usize>) -> Range<usize> {
    let before = text[..range.start].char_indices().rev().take(WORD);
    let start = before.take_while(|(_, c)| c.is_alphanumeric()).last().map_or(range.start, |(at, _)| at);
    start..range.end
}

/// Where a needle stands first, and whether it stands there again.
#[derive(Debug, Clone, Default)]
struct Found {
    first: Option<Range<usize>>,
    again: bool,
}

/// Where each needle stands in `text`, whatever the white space. Each place of the text is looked up by its next
/// bytes, so that the time does not grow with the number of needles.
fn search(text: &str, needles: &[&str]) -> Vec<Found> {
    let mut solid = Vec::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        let end = at + c.len_utf8();
        solid.extend_from_slice(&text.as_bytes()[at..end]);
        places.extend(at..end);
    }
    let mut buckets: Vec<Vec<usize>> = vec![Vec::new(); BUCKETS];
    let mut lengths = [false; KEY + 1];
    for (index, needle) in needles.iter().enumerate().filter(|(_, needle)| !needle.is_empty()) {
        let length = needle.len().min(KEY);
        lengths[length] = true;
        let key = needle.bytes().take(KEY).fold(0, |key, byte| key << 8 | u64::from(byte));
        buckets[bucket(key, length)].push(index);
    }
    let lengths: Vec<usize> = (1..=KEY).filter(|length| lengths[*length]).collect();
    let mut found = vec![Found::default(); needles.len()];
    let mut window = 0_u64;
    for (at, byte) in solid.iter().enumerate() {
        // The last eight bytes as one number.
        window = window << 8 | u64::from(*byte);
        for length in lengths.iter().filter(|length| **length <= at + 1) {
            let list = &mut buckets[bucket(window & u64::MAX >> (64 - 8 * length), *length)];
            let start = at + 1 - length;
            // A needle that was found twice says no more.
            list.retain(|index| {
                let needle = needles[*index];
                if needle.len().min(KEY) != *length || !solid[start..].starts_with(needle.as_bytes()) {
                    return true;
                }
                let one = &mut found[*index];
                one.again = one.first.is_some();
                one.first.get_or_insert(places[start]..places[start + needle.len() - 1] + 1);
                !one.again
            });
        }
    }
    found
}

/// Multiplicative hashing by the golden ratio (Knuth, "The Art of Computer Programming", 6.4): the upper
/// twelve bits depend on all of the key. The length takes part, since a short needle may begin a longer one.
const fn bucket(key: u64, length: usize) -> usize {
    ((key ^ (length as u64) << 61).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize % BUCKETS
}

/// Where each heading begins, and its path; the title above everything is left out of the others' paths.
fn headings(text: &str) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut stack: Vec<(u8, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match (event, &mut open) {
            (Event::Start(Tag::Heading { .. }), _) => open = Some((range.start, String::new())),
            (Event::Text(words) | Event::Code(words), Some((_, title))) => title.push_str(&words),
            (Event::End(TagEnd::Heading(level)), _) => {
                let Some((at, title)) = open.take() else { continue };
                stack.retain(|(above, _)| *above < level as u8);
                stack.push((level as u8, truncate(&title, HEADING)));
                let skip = usize::from(stack.len() > 1 && stack[0].0 == 1);
                let path: Vec<&str> = stack[skip..].iter().map(|(_, title)| title.as_str()).collect();
                all.push((at, path.join(" › ")));
            }
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_needle_is_found_where_it_first_stands() {
        let text = "# Öl\n\nOne hundred\nrequests. One hundred.\n";
        let needles = ["Onehundred", "requests.", "Öl", "", "two", "O", "hundredrequests."];
        let found = search(text, &needles);
        let words: Vec<Option<&str>> =
            found.iter().map(|one| one.first.clone().map(|place| &text[place])).collect();
        let hundred = Some("One hundred");
        let long = Some("hundred\nrequests.");
        assert_eq!(words, [hundred, Some("requests."), Some("Öl"), None, None, Some("O"), long]);
        assert!(found[0].again && !found[1].again);
    }

    #[test]
    fn a_heading_knows_those_above_it_but_not_the_title() {
        let paths: Vec<String> =
            headings("# T\n\n## A\n\n### `b`\n\n## C\n").into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, ["T", "A", "A › b", "C"]);
    }
}
