//! Every call has its result in the turn after it, and every result its call in the turn before.

use std::borrow::Cow;

use forge_core::{Message, MessageRole, Part};

use super::Unfit;

/// What a model is told of a call that was never answered, such as one of a turn that was broken off.
const NO_RESULT: &str = "This call was not carried out.";

/// Puts the results of one turn together, and adds those that are missing as failed calls.
pub(super) fn complete(messages: &mut Cow<'_, [Message]>) -> Result<(), Unfit> {
    gather(messages);
    let mut missing = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.role == MessageRole::Assistant {
            if !open.is_empty() {
                missing.push((at, take(&mut open)));
            }
            open.extend(message.parts.iter().filter_map(called));
            continue;
        }
        for id in message.parts.iter().filter_map(answered) {
            let Some(place) = open.iter().position(|call| *call == id) else {
                return Err(Unfit::ResultWithoutCall { id: id.to_owned() });
            };
            open.remove(place);
        }
        if !open.is_empty() {
            missing.push((at, take(&mut open)));
        }
    }
    // A last turn that asks for tools is a turn that breaks off.
    if !open.is_empty() {
        missing.push((messages.len(), take(&mut open)));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let messages = messages.to_mut();
    for (at, ids) in missing.into_iter().rev() {
        let results = ids.into_iter().map(|id| Part::tool_result(id, NO_RESULT).failed());
        match messages.get_mut(at).filter(|message| message.role == MessageRole::User) {
            // In front: some vendors want results before anything else of the turn.
            Some(message) => drop(message.parts.splice(0..0, results)),
            None => messages.insert(at, Message::new(MessageRole::User, results.collect())),
        }
    }
    Ok(())
}

/// Makes one turn of user turns that share the results of a turn of calls, the results in front.
fn gather(messages: &mut Cow<'_, [Message]>) {
    let holds_results = |message: &Message| message.parts.iter().any(|part| answered(part).is_some());
    let belong_together = |one: &Message, next: &Message| {
        one.role == MessageRole::User && next.role == MessageRole::User && holds_results(next)
    };
    if !messages.windows(2).any(|pair| belong_together(&pair[0], &pair[1])) {
        return;
    }
    let mut gathered: Vec<Message> = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        match gathered.last_mut().filter(|last| belong_together(last, message)) {
            Some(last) => {
                last.parts.extend(message.parts.iter().cloned());
                last.parts.sort_by_key(|part| answered(part).is_none());
            }
            None => gathered.push(message.clone()),
        }
    }
    *messages = Cow::Owned(gathered);
}

fn take(open: &mut Vec<&str>) -> Vec<String> {
    open.drain(..).map(str::to_owned).collect()
}

fn called(part: &Part) -> Option<&str> {
    match part {
        Part::ToolUse { id, .. } => Some(id),
        _ => None,
    }
}

fn answered(part: &Part) -> Option<&str> {
    match part {
        Part::ToolResult { tool_use_id, .. } => Some(tool_use_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(ids: &[&str]) -> Message {
        let uses = ids.iter().map(|id| Part::tool_use(*id, "f", json!({})));
        Message::new(MessageRole::Assistant, uses.collect())
    }

    fn results(ids: &[&str]) -> Message {
        Message::new(MessageRole::User, ids.iter().map(|id| Part::tool_result(*id, "r")).collect())
    }

    /// Such as `A:a,b U:a!,b,text`; a `!` marks a failed result.
    fn completed(messages: &[Message]) -> Result<String, Unfit> {
        let mut messages = Cow::Borrowed(messages);
        complete(&mut messages)?;
        let turn = |message: &Message| {
            let role = if message.role == MessageRole::Assistant { "A" } else { "U" };
            let parts = message.parts.iter().map(|part| match part {
                Part::ToolUse { id, .. } => id.clone(),
                Part::ToolResult { tool_use_id, is_error: true, .. } => format!("{tool_use_id}!"),
                Part::ToolResult { tool_use_id, .. } => tool_use_id.clone(),
                _ => "text".into(),
            });
            format!("{role}:{}", parts.collect::<Vec<_>>().join(","))
        };
        Ok(messages.iter().map(turn).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn calls_that_were_never_answered_get_a_result_that_says_so() {
        for (messages, expected) in [
            (vec![calls(&["a"]), results(&["a"])], "A:a U:a"),
            (vec![calls(&["a", "b"]), Message::user("stop")], "A:a,b U:a!,b!,text"),
            (vec![calls(&["a", "b"]), results(&["b"])], "A:a,b U:a!,b"),
            (vec![calls(&["a", "b"]), results(&["b"]), results(&["a"])], "A:a,b U:b,a"),
            (vec![calls(&["a"]), Message::user("stop"), results(&["a"])], "A:a U:a,text"),
            (vec![calls(&["a"]), calls(&["b"]), results(&["b"])], "A:a U:a! A:b U:b"),
            (vec![calls(&["a"])], "A:a U:a!"),
        ] {
            assert_eq!(completed(&messages).unwrap(), expected);
        }
    }

    #[test]
    fn a_result_without_a_call_is_refused() {
        let late = [calls(&["a"]), results(&["a"]), Message::assistant("so"), results(&["a"])];
        for messages in [&[results(&["a"])][..], &late, &[calls(&["a"]), results(&["b"])]] {
            assert!(matches!(completed(messages), Err(Unfit::ResultWithoutCall { .. })), "{messages:?}");
        }
    }
}
