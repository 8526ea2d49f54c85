//! From a conversation to the topic of a session.

use std::fmt::Write as _;

use crate::{
    ModelRequest,
    request::{Message, MessageRole, Part},
    session::{Reference, ReferenceKind, Topic},
};

/// Characters of a title.
const TITLE: usize = 120;

/// The last text of the user is what the session is about; what stands before it, and what the system says, is what it works
/// from, with pictures and documents. `None` without a text of the user's.
pub(super) fn topic(request: &ModelRequest) -> Option<Topic> {
    let is_question =
        |message: &Message| message.role == MessageRole::User && !text_of(&message.parts).is_empty();
    let at = request.messages.iter().rposition(is_question)?;
    let question = text_of(&request.messages[at].parts);
    let title: String = question.lines().next().unwrap_or_default().chars().take(TITLE).collect();
    let description = if title == question { String::new() } else { question };
    let mut topic = Topic::new(title).with_description(description);
    let system = request.system_text();
    if !system.trim().is_empty() {
        topic = topic.with_reference(text("instructions", ReferenceKind::Spec, system.into_owned()));
    }
    let earlier = transcript(&request.messages[..at]);
    if !earlier.is_empty() {
        topic = topic.with_reference(text("conversation so far", ReferenceKind::Inline, earlier));
    }
    let media = request.messages.iter().flat_map(|message| &message.parts);
    let media = media.filter(|part| matches!(part, Part::Image { .. } | Part::Document { .. }));
    for (number, part) in media.enumerate() {
        let name = match part {
            Part::Document { name: Some(name), .. } => name.clone(),
            Part::Document { .. } => format!("document {}", number + 1),
            _ => format!("picture {}", number + 1),
        };
        topic = topic.with_reference(Reference::media(name, part.clone()));
    }
    Some(topic)
}

fn text(name: &str, kind: ReferenceKind, text: String) -> Reference {
    Reference { kind, ..Reference::file(name, text) }
}

/// The text of a turn, trimmed.
fn text_of(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The turns with who speaks. Thoughts are left out, which are nobody's word.
fn transcript(messages: &[Message]) -> String {
    let mut all = String::new();
    for message in messages {
        let mut said = text_of(&message.parts);
        for part in &message.parts {
            match part {
                Part::ToolUse { name, input, .. } => {
                    let input = serde_json::to_string(input).unwrap_or_default();
                    let _ = write!(said, "\n[calls {name}: {input}]");
                }
                Part::ToolResult { content, .. } => {
                    let _ = write!(said, "\n[result: {}]", text_of(content));
                }
                _ => {}
            }
        }
        let who = match message.role {
            MessageRole::User => "User",
            MessageRole::Assistant => "Assistant",
            MessageRole::System => "System",
        };
        if !said.trim().is_empty() {
            let _ = write!(all, "{who}: {}\n\n", said.trim());
        }
    }
    all.truncate(all.trim_end().len());
    all
}
