//! What a critique in Markdown says in praise.

use forge_prompt::{markdown::passage, normalize};

use super::super::{Strength, words};
use super::line::Field;

/// Headings above praise, in several languages.
const HEADINGS: [&str; 14] = [
    "strengths",
    "positives",
    "whatworks",
    "whatisgood",
    "stärken",
    "fortalezas",
    "puntosfuertes",
    "pointsforts",
    "pontosfortes",
    "сильныестороны",
    "优点",
    "優点",
    "強み",
    "良い点",
];

/// `Strengths`, `Key strengths of the draft`; not a fault in the strength of something.
pub(super) fn is_heading(text: &str) -> bool {
    let name = normalize(text);
    name == "strength"
        || (text.split_whitespace().count() <= 5
            && HEADINGS.iter().any(|heading| name.contains(&normalize(heading))))
}

/// Adds a line of praise. One of running text counts if it names a passage.
pub(super) fn add(strengths: &mut Vec<Strength>, text: &str, is_item: bool) {
    let passage = passage(text).to_owned();
    match (Field::split(text), strengths.last_mut()) {
        (Some((Field::Quote, _, value)), _) => quote(strengths, &value),
        (Some((Field::Claim, _, value)), Some(last)) if last.claim.is_empty() => last.claim = value,
        (Some((Field::Claim, _, claim)), _) => strengths.push(Strength { quote: passage, claim }),
        (None, Some(last)) if !is_item && last.claim.is_empty() => text.clone_into(&mut last.claim),
        // Running text without a passage may be about anything.
        _ if (is_item || !passage.is_empty()) && !words::is_nothing(text) => {
            strengths.push(Strength { quote: passage, claim: text.to_owned() });
        }
        _ => {}
    }
}

/// Adds the passage that the last line of praise is about, or that the next one will be.
pub(super) fn quote(strengths: &mut Vec<Strength>, text: &str) {
    let text = text.trim_matches(['"', '“', '”']);
    match strengths.last_mut().filter(|last| last.quote.is_empty()) {
        Some(last) => text.clone_into(&mut last.quote),
        None => strengths.push(Strength { quote: text.to_owned(), ..Strength::default() }),
    }
}
