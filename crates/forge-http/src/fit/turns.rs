//! Turns: none that is blank, no two of one speaker, no white space at the end of a prefill.

use std::borrow::Cow;

use forge_core::{
    Message,
    request::{MessageRole, Part},
};

use super::{INSTRUCTIONS, instructs_between};

/// A blank text may still carry state that its vendor wants back.
fn is_blank(part: &Part) -> bool {
    match part {
        Part::Text { text, opaque: None, .. } | Part::Refusal { text, .. } => text.trim().is_empty(),
        _ => false,
    }
}

/// Leaves out texts of nothing but white space, also those in results, and turns that hold nothing else.
pub(super) fn drop_blank_texts(messages: &mut Cow<'_, [Message]>) {
    let holds_blank = |part: &Part| match part {
        Part::ToolResult { content, .. } => content.iter().any(is_blank),
        part => is_blank(part),
    };
    let is_empty = |message: &Message| message.parts.is_empty();
    if !messages.iter().any(|message| is_empty(message) || message.parts.iter().any(holds_blank)) {
        return;
    }
    let messages = messages.to_mut();
    for message in &mut *messages {
        message.parts.retain(|part| !is_blank(part));
        for part in &mut message.parts {
            if let Part::ToolResult { content, .. } = part {
                content.retain(|part| !is_blank(part));
            }
        }
    }
    // A turn without parts is refused as much as a blank text.
    messages.retain(|message| !message.parts.is_empty());
}

/// Makes turns that alternate: instructions between them are the user's words, marked as what they are, and what a user
/// says beside results of tools belongs to the last of them.
pub(super) fn alternate(messages: &mut Cow<'_, [Message]>) {
    if instructs_between(messages) {
        let begun = messages.iter().take_while(|message| message.role == MessageRole::System).count();
        for message in &mut messages.to_mut()[begun..] {
            if message.role == MessageRole::System {
                message.role = MessageRole::User;
                message.parts.insert(0, Part::text(INSTRUCTIONS));
            }
        }
    }
    merge(messages);
    let is_text = |part: &Part| matches!(part, Part::Text { .. });
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    // Beside a picture, which no result of a tool may hold everywhere, the user's turn stays anyway.
    let is_mixed = |message: &Message| {
        let parts = || message.parts.iter();
        parts().any(is_result) && parts().any(is_text) && parts().all(|part| is_text(part) || is_result(part))
    };
    if !messages.iter().any(is_mixed) {
        return;
    }
    for message in messages.to_mut().iter_mut().filter(|message| is_mixed(message)) {
        let (texts, mut others): (Vec<Part>, Vec<Part>) = message.parts.drain(..).partition(is_text);
        if let Some(Part::ToolResult { content, .. }) = others.iter_mut().rfind(|part| is_result(part)) {
            content.extend(texts);
        }
        message.parts = others;
    }
}

/// Makes one turn of turns of one speaker that follow each other.
fn merge(messages: &mut Cow<'_, [Message]>) {
    if !messages.windows(2).any(|pair| pair[0].role == pair[1].role) {
        return;
    }
    let mut merged: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        match merged.last_mut().filter(|last| last.role == message.role) {
            Some(last) => last.parts.extend(message.parts.iter().cloned()),
            None => merged.push(message.clone()),
        }
    }
    *messages = Cow::Owned(merged);
}

/// Takes white space off the end of what the assistant is to go on with.
pub(super) fn trim_prefill(messages: &mut Cow<'_, [Message]>) {
    let ends_in_space =
        |part: &Part| matches!(part, Part::Text { text, .. } if text.ends_with(char::is_whitespace));
    let is_prefill = |message: &&Message| message.role == MessageRole::Assistant;
    if !messages.last().filter(is_prefill).and_then(|last| last.parts.last()).is_some_and(ends_in_space) {
        return;
    }
    let last = messages.to_mut().last_mut().and_then(|last| last.parts.last_mut());
    if let Some(Part::Text { text, .. }) = last {
        text.truncate(text.trim_end().len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(messages: &[Message]) -> String {
        let turn = |message: &Message| {
            let texts = message.parts.iter().map(|part| match part {
                Part::Text { text, .. } => text.as_str(),
                _ => "-",
            });
            format!("{:?}:{}", message.role, texts.collect::<Vec<_>>().join("+"))
        };
        messages.iter().map(turn).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn blank_texts_and_turns_are_left_out_and_those_of_one_speaker_are_one() {
        let written = [
            Message::user("a"),
            Message::user("b"),
            Message::assistant("\n"),
            Message::user("c"),
            Message::assistant(""),
            Message::assistant("d"),
        ];
        let mut messages = Cow::Borrowed(&written[..]);
        drop_blank_texts(&mut messages);
        assert_eq!(text(&messages), "User:a User:b User:c Assistant:d");
        merge(&mut messages);
        assert_eq!(text(&messages), "User:a+b+c Assistant:d");
    }

    #[test]
    fn a_prefill_loses_the_space_at_its_end_and_nothing_else_does() {
        for (written, expected) in [
            (vec![Message::user("q "), Message::assistant("Answer: \n")], "User:q  Assistant:Answer:"),
            (vec![Message::assistant("a "), Message::user("q ")], "Assistant:a  User:q "),
        ] {
            let mut messages = Cow::Borrowed(&written[..]);
            trim_prefill(&mut messages);
            assert_eq!(text(&messages), expected);
        }
    }

    #[test]
    fn a_strict_template_gets_results_as_the_users_turn_and_no_instructions_between() {
        let call = |id: &str| {
            Message::new(MessageRole::Assistant, vec![Part::tool_use(id, "f", serde_json::json!({}))])
        };
        let result = |id: &str| Part::tool_result(id, "r");
        let written = [
            Message::system("first"),
            Message::user("q"),
            call("a"),
            Message::new(MessageRole::User, vec![result("a"), Part::text("and be quick")]),
            Message::system("be kind"),
            Message::user("well?"),
        ];
        let mut messages = Cow::Borrowed(&written[..]);
        alternate(&mut messages);
        let roles: Vec<_> = messages.iter().map(|message| message.role).collect();
        assert_eq!(
            roles,
            [MessageRole::System, MessageRole::User, MessageRole::Assistant, MessageRole::User]
        );
        let [Part::ToolResult { content, .. }] = messages[3].parts.as_slice() else { panic!("{messages:?}") };
        let said: Vec<_> = content.iter().map(|part| format!("{part:?}")).collect();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[1].contains("be quick") && said[2].contains(INSTRUCTIONS), "{said:?}");
        assert!(said[3].contains("be kind") && said[4].contains("well?"), "{said:?}");
    }

    #[test]
    fn good_turns_are_not_copied() {
        let written = [Message::user("a"), Message::assistant("b"), Message::user("c")];
        let mut messages = Cow::Borrowed(&written[..]);
        drop_blank_texts(&mut messages);
        alternate(&mut messages);
        trim_prefill(&mut messages);
        assert!(matches!(messages, Cow::Borrowed(_)));
    }
}
