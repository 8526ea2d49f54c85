//! The documents that simulated drafters write.

use forge_sim::{
    Vendor,
    responder::{Rng, Turn, sentences, topic},
};

use super::prompt;

/// A document with sections about the topic. It names no vendor, since peers read it.
pub(super) fn document(turn: &Turn, rng: &mut Rng) -> String {
    let topic = topic(&turn.user);
    let headings: [&str; 4] = match turn.vendor {
        Vendor::Anthropic => ["Purpose", "Design", "What can go wrong", "Open questions"],
        Vendor::OpenAi => ["Summary", "Requirements", "Approach", "Risks"],
        Vendor::Google => ["Overview", "Components", "Operation", "Limits"],
        _ => ["Goal", "Plan", "Details", "Caveats"],
    };
    let mut text =
        format!("# {topic}\n\n{} this document was written by a script, without a model.\n", prompt::MARK);
    let mut sentences = sentences(rng, headings.len() * 2).into_iter();
    for heading in headings {
        text += &format!(
            "\n## {heading}\n\nOn the subject of {topic}, {} comes down to two points. ",
            heading.to_lowercase()
        );
        text += &sentences.by_ref().take(2).collect::<Vec<_>>().join(" ");
        text += "\n";
    }
    text
}
