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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_the_user_are_the_topic_and_the_rest_is_what_it_works_from() {
        let request = ModelRequest::new("Be brief.\nNo lists.")
            .with_user_message("Which database?")
            .with_message(Message::new(
                MessageRole::Assistant,
                vec![
                    Part::text("One of two."),
                    Part::tool_use("1", "look", serde_json::json!({"at": "docs"})),
                ],
            ))
            .with_message(Message::new(MessageRole::User, vec![Part::tool_result("1", "SQLite is there")]))
            .with_message(Message::new(
                MessageRole::User,
                vec![Part::image_base64("image/png", "iVBORw0KGgo="), Part::text("Decide.\nSay why.")],
            ));
        let topic = topic(&request).unwrap();
        assert_eq!((&*topic.title, &*topic.description), ("Decide.", "Decide.\nSay why."));
        let references: Vec<_> =
            topic.references.iter().map(|one| (one.kind, &*one.name, &*one.text)).collect();
        let said = "User: Which database?\n\nAssistant: One of two.\n[calls look: {\"at\":\"docs\"}]\n\nUser: [result: SQLite is there]";
        assert_eq!(
            references,
            [
                (ReferenceKind::Spec, "instructions", "Be brief.\nNo lists."),
                (ReferenceKind::Inline, "conversation so far", said),
                (ReferenceKind::File, "picture 1", ""),
            ]
        );
    }

    #[test]
    fn without_a_word_of_the_user_there_is_no_topic() {
        assert_eq!(topic(&ModelRequest::new("Be brief.")), None);
        assert_eq!(topic(&ModelRequest::new("").with_user_message(" \n")), None);
        // A result alone asks nothing: what was asked before it still holds.
        let result = Message::new(MessageRole::User, vec![Part::tool_result("1", "done")]);
        let request = ModelRequest::new("").with_user_message("Which?").with_message(result);
        assert_eq!(topic(&request).unwrap().title, "Which?");
    }
}
