//! Where the faults of a document stand, and the text without them.

use std::{collections::BTreeSet, ops::Range};

use super::problems::Problems;

/// A fault as it is written down, without what is said of it.
pub(super) struct Planted<'a> {
    pub(super) id: &'a str,
    pub(super) span: &'a str,
    pub(super) right: &'a str,
    pub(super) partners: &'a [String],
}

/// The places of a fault: its span, and its partners.
type Places = (Range<usize>, Vec<Range<usize>>);

/// The clean twin of a text, and the places of each fault.
pub(super) fn plant(
    text: &str,
    faults: &[Planted<'_>],
    problems: &mut Problems<'_>,
) -> (String, Vec<Places>) {
    let mut ids = BTreeSet::new();
    let mut spans = Vec::new();
    for (at, fault) in faults.iter().enumerate() {
        if !ids.insert(fault.id) {
            problems.of(at, fault.id, "another fault has this id", "give each fault its own");
        }
        if fault.right.trim().is_empty() || fault.right == fault.span {
            problems.of(
                at,
                fault.id,
                "`right` is empty or the span itself",
                "write what stands there in the twin",
            );
        }
        if let Some(span) = once(at, fault, text, problems) {
            spans.push((span, at));
        }
    }
    spans.sort_by_key(|(span, _)| span.start);
    let before = problems.found.len();
    for pair in spans.windows(2) {
        if let [(one, first), (other, second)] = pair
            && other.start < one.end
        {
            let what = format!("its span overlaps with that of {}", faults[*first].id);
            problems.of(*second, faults[*second].id, what, "make the spans smaller");
        }
    }
    // Without one of two spans that overlap there is no twin to compare with.
    let is_whole = problems.found.len() == before;
    let twin = without(text, faults, &spans);
    let places = faults.iter().enumerate().map(|(at, fault)| {
        let partners = fault
            .partners
            .iter()
            .filter_map(|partner| self::partner(at, fault, partner, text, &twin, problems));
        let partners = partners.collect();
        let span = spans.iter().find(|(_, of)| *of == at).map(|(span, _)| span.clone()).unwrap_or_default();
        if is_whole && !span.is_empty() && twin.contains(fault.span) {
            let next = "write a longer span, or say it differently in the twin";
            problems.of(at, fault.id, "its span stands in the twin too", next);
        }
        (span, partners)
    });
    (twin.clone(), places.collect())
}

/// The only place of the span of the fault at this place.
fn once(at: usize, fault: &Planted<'_>, text: &str, problems: &mut Problems<'_>) -> Option<Range<usize>> {
    let next = match (fault.span.is_empty(), count(text, fault.span)) {
        (false, 1) => return text.find(fault.span).map(|start| start..start + fault.span.len()),
        (true, _) | (_, 0) => "copy it from the text, line breaks included",
        _ => "write a longer span, which occurs once",
    };
    let what = format!("its span occurs {} in the text: {:?}", times(text, fault.span), short(fault.span));
    problems.of(at, fault.id, what, next);
    None
}

/// Where a partner stands, which has to be there with and without the fault.
fn partner(
    at: usize,
    fault: &Planted<'_>,
    partner: &str,
    text: &str,
    twin: &str,
    problems: &mut Problems<'_>,
) -> Option<Range<usize>> {
    if !partner.is_empty() && count(text, partner) == 1 && count(twin, partner) == 1 {
        return text.find(partner).map(|start| start..start + partner.len());
    }
    let [here, there] = [text, twin].map(|text| times(text, partner));
    let what = format!("its partner occurs {here} in the text and {there} in the twin: {:?}", short(partner));
    problems.of(at, fault.id, what, "a partner stands once in each, outside of every span");
    None
}

/// The text with what is right in the place of each span. Spans that overlap are a problem that is told elsewhere.
fn without(text: &str, faults: &[Planted<'_>], spans: &[(Range<usize>, usize)]) -> String {
    let (mut twin, mut at) = (String::with_capacity(text.len()), 0);
    for (span, fault) in spans.iter().filter(|(span, _)| !span.is_empty()) {
        if span.start >= at {
            twin.push_str(&text[at..span.start]);
            twin.push_str(faults[*fault].right);
            at = span.end;
        }
    }
    twin.push_str(&text[at..]);
    twin
}

/// How often a passage occurs, places that overlap counted.
fn count(text: &str, passage: &str) -> usize {
    text.char_indices().filter(|(at, _)| text[*at..].starts_with(passage)).count()
}

fn times(text: &str, passage: &str) -> String {
    match if passage.is_empty() { 0 } else { count(text, passage) } {
        0 => "nowhere".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
