//! The stages of a deliberation, recognised from the prompt.

use forge_sim::responder::{Format, Rng, Turn};
use serde_json::Value;

use super::{change, document::document, prompt, remarks};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Draft,
    Critique,
    Synthesis,
    Check,
}

impl Stage {
    /// Looks at the schema's name, its properties, the first headings, and "You are the …".
    pub(super) fn of(turn: &Turn) -> Option<Self> {
        // A schema comes from the session alone; a heading may come from a document that is quoted.
        if let Format::Schema { name, schema } = &turn.format {
            let named = name.as_deref().and_then(Self::named);
            if let Some(stage) = named.or_else(|| Self::asked_by(schema)) {
                return Some(stage);
            }
        }
        let heading = |text: &str| text.lines().find(|line| line.starts_with('#')).and_then(Self::named);
        heading(&turn.system).or_else(|| Self::role(&turn.system)).or_else(|| heading(&turn.user))
    }

    fn named(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["critique", "critic", "findings"]) {
            Some(Self::Critique)
        } else if has(&["synthesis", "synthesize", "disposition", "judge"]) {
            Some(Self::Synthesis)
        } else if has(&["check", "verdict", "refute"]) {
            Some(Self::Check)
        } else if has(&["draft"]) {
            Some(Self::Draft)
        } else {
            None
        }
    }

    fn asked_by(schema: &Value) -> Option<Self> {
        let properties = schema.get("properties")?;
        let has = |name: &str| properties.get(name).is_some();
        if has("dispositions") {
            Some(Self::Synthesis)
        } else if has("settled") || has("new_findings") {
            Some(Self::Check)
        } else if has("findings") {
            Some(Self::Critique)
        } else {
            None
        }
    }

    fn role(system: &str) -> Option<Self> {
        let system = system.to_lowercase();
        let (_, after) = system.split_once("you are ")?;
        let role: String = after.chars().take(40).collect();
        Self::named(role.split(['.', '\n', ',']).next()?)
    }
}

/// A new version of the document in the prompt.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) document: String,
    /// The passages that are new, in the order of the document.
    pub(super) spans: Vec<String>,
}

/// Revises the sentences that findings quote, or adds a sentence where none is quoted.
pub(super) fn revised(turn: &Turn, rng: &mut Rng) -> Revision {
    let Some(draft) = prompt::document(&turn.user) else {
        return Revision { document: document(turn, rng), spans: Vec::new() };
    };
    let mut document = draft.to_owned();
    let mut spans = Vec::new();
    for sentence in prompt::sentences(draft) {
        // What the prompt holds more often than the draft does is quoted by a finding.
        let quoted = turn.user.matches(sentence).count() > draft.matches(sentence).count();
        if quoted {
            let span = format!("{sentence} {}", remarks::about(sentence).addition);
            document = document.replacen(sentence, &span, 1);
            spans.push(span);
        }
    }
    if spans.is_empty() {
        let addition = remarks::about("").addition;
        document += &format!("\n\n{addition}");
        spans.push(addition.to_owned());
    }
    document.push('\n');
    Revision { document, spans }
}

/// The edit for a finding: the addition behind the passage that it quotes, or at the end where it quotes none.
pub(super) fn edit(turn: &Turn, finding: &str) -> (String, String) {
    let document = prompt::document(&turn.user).unwrap_or_default();
    match prompt::quote_of(&turn.user, finding).filter(|quote| document.contains(quote)) {
        Some(quote) => (quote.to_owned(), format!("{quote} {}", remarks::about(quote).addition)),
        None => (String::new(), remarks::about("").addition.to_owned()),
    }
}

/// Whether the document in the prompt is a revision.
pub(super) fn is_revised(turn: &Turn) -> bool {
    prompt::document(&turn.user).is_some_and(remarks::is_revised)
}

/// Remarks on a document in prose, for a critic who was not asked for JSON.
pub(super) fn remarks(turn: &Turn, rng: &mut Rng) -> String {
    let mut text = String::from("# Findings\n\nSimulated remarks, written by a script.\n");
    for quote in quotes(turn, rng, 2) {
        let remark = remarks::about(&quote);
        text += &format!("\n## {}: {}\n\n> {quote}\n\n{}\n", remark.severity, remark.category, remark.claim);
    }
    text
}

/// Sentences of the document in the prompt, or of the whole prompt.
pub(super) fn quotes(turn: &Turn, rng: &mut Rng, count: usize) -> Vec<String> {
    let text = prompt::document(&turn.user).unwrap_or(&turn.user);
    if change::is_one(text) {
        return change::quotes(text, rng, count);
    }
    let mut left = prompt::sentences(text);
    // The first sentence of a section of the scripted document says nothing.
    left.retain(|sentence| !sentence.starts_with("On the subject of"));
    let mut quotes = Vec::new();
    while quotes.len() < count && !left.is_empty() {
        // Taken out, so that no critic raises the same fault twice.
        quotes.push(left.swap_remove(rng.below(left.len())).to_owned());
    }
    quotes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_known_by_name() {
        assert_eq!(Stage::named("forge_critique_v1"), Some(Stage::Critique));
        assert_eq!(Stage::named("## Synthesis"), Some(Stage::Synthesis));
        assert_eq!(Stage::named("check"), Some(Stage::Check));
        assert_eq!(Stage::named("Draft"), Some(Stage::Draft));
        assert_eq!(Stage::named("weather"), None);
    }

    #[test]
    fn the_role_in_the_system_text_decides_when_nothing_else_does() {
        assert_eq!(Stage::role("You are the drafter. Critics will read it."), Some(Stage::Draft));
        assert_eq!(Stage::role("You are helpful."), None);
    }
}
