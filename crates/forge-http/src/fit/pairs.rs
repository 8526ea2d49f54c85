//! Every call has its result in the turn after it, and every result its call in the turn before.

use std::borrow::Cow;

use forge_core::{
    Message,
    request::{MessageRole, Part},
};

use super::Unfit;

/// The result that a model is given for a call that was never answered, such as one of a turn that broke off.
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
                // A call made up for it would put words into the model's mouth; a result left out, the caller
                // would miss.
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
    // From the end, so that the places before stay valid.
    for (at, ids) in missing.into_iter().rev() {
        // Failed, so that the model does not take the text for what the tool has said.
        let results = ids.into_iter().map(|id| Part::tool_result(id, NO_RESULT).failed());
        match messages.get_mut(at).filter(|message| message.role == MessageRole::User) {
            // In front: some vendors want results before anything else of the turn.
            Some(message) => drop(message.parts.splice(0..0, results)),
            None => messages.insert(at, Message::new(MessageRole::User, results.collect())),
        }
    }
    Ok(())
}

/// Puts the results of a turn of calls into one turn right behind it, in front of the user's words. What else stood
/// between the calls and their last result goes behind: instructions keep their turns.
fn gather(messages: &mut Cow<'_, [Message]>) {
    let mut at = 0;
    while at < messages.len() {
        let from = at + 1;
        let until = messages[from..].iter().position(|next| next.role == MessageRole::Assistant);
        let until = until.map_or(messages.len(), |next| from + next);
        let is_call = messages[at].parts.iter().any(|part| called(part).is_some());
        let last = messages[from..until].iter().rposition(|message| results(message).next().is_some());
        if let Some(last) = last.map(|last| from + last).filter(|_| is_call)
            && !(last == from && has_results_first(&messages[from]))
        {
            let (mut turn, mut instructions) = (Vec::new(), Vec::new());
            for message in messages.to_mut().drain(from..=last) {
                match message.role {
                    MessageRole::System => instructions.push(message),
                    MessageRole::User | MessageRole::Assistant => turn.extend(message.parts),
                }
            }
            // Stable: results stay in their order, and so do the user's words behind them.
            turn.sort_by_key(|part| answered(part).is_none());
            let turn = Message::new(MessageRole::User, turn);
            messages.to_mut().splice(from..from, std::iter::once(turn).chain(instructions));
        }
        at = until;
    }
}

fn results(message: &Message) -> impl Iterator<Item = &str> {
    message.parts.iter().filter_map(answered)
}

fn has_results_first(message: &Message) -> bool {
    message.parts.is_sorted_by_key(|part| answered(part).is_none())
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
            let role = match message.role {
                MessageRole::Assistant => "A",
                MessageRole::User => "U",
                MessageRole::System => "S",
            };
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
            // Instructions and words between calls and results go behind the results.
            (vec![calls(&["a"]), Message::system("s"), results(&["a"])], "A:a U:a S:text"),
            (
                vec![
                    calls(&["a"]),
                    Message::system("s"),
                    Message::user("u"),
                    Message::system("s"),
                    results(&["a"]),
                ],
                "A:a U:a,text S:text S:text",
            ),
            (
                vec![
                    calls(&["a", "b"]),
                    results(&["b"]),
                    Message::system("s"),
                    results(&["a"]),
                    Message::user("u"),
                ],
                "A:a,b U:b,a S:text U:text",
            ),
            (vec![calls(&["a"]), Message::system("s"), Message::user("stop")], "A:a U:a! S:text U:text"),
            (
                vec![
                    calls(&["a"]),
                    Message::new(MessageRole::User, vec![Part::text("u"), Part::tool_result("a", "r")]),
                ],
                "A:a U:a,text",
            ),
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
