//! The words. None of them claims anything about the world beyond general engineering sense.

use super::topic::topic;
use crate::seed::Rng;
use crate::turn::Turn;
use crate::vendor::Vendor;

/// A reply to a plain question, 40 to 150 words.
pub fn plain(turn: &Turn, rng: &mut Rng) -> String {
    let topic = topic(&turn.user);
    let name = turn.vendor.display_name();
    let mut text = format!("Simulated reply from {name}: ");
    match turn.vendor {
        Vendor::Anthropic => {
            text += &format!("you asked about “{topic}”. ");
            text += &sentences(rng, 4).join(" ");
            text += "\n\nNo model was asked; this text comes from a script.";
        }
        Vendor::OpenAi => {
            text += &format!("a short plan for “{topic}” →\n\n");
            for (index, sentence) in sentences(rng, 4).iter().enumerate() {
                text += &format!("{}. {sentence}\n", index + 1);
            }
            text += "\nThese steps are scripted and stand for a real answer.";
        }
        Vendor::Google => {
            text += &format!("key points on “{topic}”:\n\n");
            for sentence in sentences(rng, 4) {
                text += &format!("• {sentence}\n");
            }
            text += "\nSummary: the points above are scripted, not researched.";
        }
        Vendor::Compatible(_) => {
            text += &format!("on “{topic}”: ");
            text += &sentences(rng, 4).join(" ");
            text += " All of this is scripted.";
        }
        Vendor::Ollama | Vendor::LlamaCpp | Vendor::Vllm | Vendor::LmStudio => {
            text += &format!("about “{topic}” – ");
            text += &sentences(rng, 3).join(" ");
            text += " (A script wrote this on your own machine.)";
        }
    }
    text
}

pub(super) fn thinking(turn: &Turn) -> String {
    format!(
        "Simulated thinking: the question is about “{}”. First what must hold, then what may go \
         wrong, then the shortest answer that serves.",
        topic(&turn.user)
    )
}

/// Some vendors say a word before they call a tool.
pub(super) const fn before_call(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::Anthropic => Some("Simulated reply: a tool is needed for this."),
        _ => None,
    }
}

pub(super) fn after_tools(turn: &Turn) -> String {
    let mut text = format!(
        "Simulated reply from {}: with the results of the tools the answer is complete.",
        turn.vendor.display_name()
    );
    for result in &turn.tool_results {
        let name = result.name.as_deref().unwrap_or("The tool");
        let shown: String = result.text.chars().take(200).collect();
        text += &format!("\n- {name} said: {shown}");
    }
    text
}

/// At most so many different sentences of general engineering sense, in an order of their own.
pub fn sentences(rng: &mut Rng, count: usize) -> Vec<&'static str> {
    let mut left = SENTENCES.to_vec();
    (0..count.min(left.len())).map(|_| left.swap_remove(rng.below(left.len()))).collect()
}

const SENTENCES: [&str; 18] = [
    "State the limits first, with their units, because every later choice rests on them.",
    "Keep one source of truth and derive the rest from it.",
    "Each request carries an id, so that a repeated one does no harm.",
    "Measure before you tune, and keep the figures beside the code.",
    "A queue without a bound only moves the overload somewhere else.",
    "Refuse early and say when to come back; a fast refusal is cheaper than a slow failure.",
    "The slowest tenth of calls decides how the whole feels, so watch it rather than the mean.",
    "Secrets stay out of logs, out of errors and out of addresses.",
    "Failures of a neighbour are normal; plan the second path before the first one breaks.",
    "Small steps that can be undone beat one large step that cannot.",
    "Names should say what a thing is for, not how it is built.",
    "Every timeout needs a reason and an owner → otherwise nobody dares to change it.",
    "Write down what was left out on purpose, and why.",
    "State that nobody reads should not be kept.",
    "A test that cannot fail protects nothing.",
    "Users notice consistency long before they notice speed.",
    "Defaults are decisions – choose the one that does least harm when forgotten.",
    "The naïve version goes first; it shows where the real difficulty lies.",
];
