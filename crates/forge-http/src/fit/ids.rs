//! Ids of tool calls: each stands once, and has the length and the signs that the vendor takes.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
};

use forge_core::{Message, request::Part};

/// Which ids a vendor takes.
///
/// Exhaustive on purpose: an adapter has to say each of them.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "an adapter has to say each of them")]
pub struct IdRule {
    /// The most bytes.
    pub longest: usize,
    /// The signs of which an id is made.
    pub allows: fn(u8) -> bool,
}

impl IdRule {
    fn takes(self, id: &str) -> bool {
        !id.is_empty() && id.len() <= self.longest && id.bytes().all(self.allows)
    }

    /// An id that the vendor takes and that is not `used`, made from another one in the same way every time.
    fn mint(self, id: &str, used: &HashSet<String>) -> String {
        let kept: String =
            id.bytes().filter(|byte| byte.is_ascii() && (self.allows)(*byte)).map(char::from).collect();
        let stem = if kept.is_empty() { "call" } else { &kept };
        // The number goes at the end, so that an id that is too long still differs from others that begin alike.
        (1..=used.len() + 1)
            .map(|number| {
                let number = number.to_string();
                let stem = &stem[..stem.len().min(self.longest.saturating_sub(number.len() + 1))];
                let joined = format!("{stem}_{number}");
                if self.takes(&joined) { joined } else { format!("{stem}{number}") }
            })
            // One more candidate than there are ids, so that one of them is free.
            .find(|minted| !used.contains(minted))
            .unwrap_or_default()
    }
}

/// Gives every call an id that stands once and that the vendor takes, and its result the same. A result belongs to the
/// oldest call of its id that has none yet.
pub(super) fn assign(messages: &mut Cow<'_, [Message]>, rule: IdRule) {
    let mut used: HashSet<String> = HashSet::new();
    let mut open: HashMap<String, VecDeque<String>> = HashMap::new();
    let mut changes = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        for (place, part) in message.parts.iter().enumerate() {
            let (old, new) = match part {
                Part::ToolUse { id, .. } => {
                    let new =
                        if rule.takes(id) && !used.contains(id) { id.clone() } else { rule.mint(id, &used) };
                    used.insert(new.clone());
                    open.entry(id.clone()).or_default().push_back(new.clone());
                    (id, new)
                }
                Part::ToolResult { tool_use_id: id, .. } => {
                    // Servers give one id to several calls of a conversation; their results come in the same
                    // order.
                    let Some(new) = open.get_mut(id).and_then(VecDeque::pop_front) else { continue };
                    (id, new)
                }
                _ => continue,
            };
            if *old != new {
                changes.push((at, place, new));
            }
        }
    }
    if changes.is_empty() {
        return;
    }
    let messages = messages.to_mut();
    for (at, place, new) in changes {
        match &mut messages[at].parts[place] {
            Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } => *id = new,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RULE: IdRule =
        IdRule { longest: 64, allows: |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' };

    fn call(ids: &[&str]) -> Message {
        let uses = ids.iter().map(|id| Part::tool_use(*id, "f", json!({})));
        Message::new(forge_core::request::MessageRole::Assistant, uses.collect())
    }

    fn results(ids: &[&str]) -> Message {
        let results = ids.iter().map(|id| Part::tool_result(*id, "r"));
        Message::new(forge_core::request::MessageRole::User, results.collect())
    }

    fn assigned(messages: &[Message]) -> Vec<String> {
        let mut messages = Cow::Borrowed(messages);
        assign(&mut messages, RULE);
        let parts = messages.iter().flat_map(|message| &message.parts);
        let ids = parts.map(|part| match part {
            Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } => id.clone(),
            other => panic!("{other:?}"),
        });
        ids.collect()
    }

    #[test]
    fn good_ids_stay_and_nothing_is_copied() {
        let messages = [call(&["a", "b"]), results(&["b", "a"])];
        let mut fitted = Cow::Borrowed(&messages[..]);
        assign(&mut fitted, RULE);
        assert!(matches!(fitted, Cow::Borrowed(_)));
    }

    #[test]
    fn an_id_that_comes_again_is_another_one_for_the_call_and_its_result() {
        let messages = [call(&["call_0"]), results(&["call_0"]), call(&["call_0"]), results(&["call_0"])];
        assert_eq!(assigned(&messages), ["call_0", "call_0", "call_0_1", "call_0_1"]);
        let twice = [call(&["x", "x"]), results(&["x", "x"])];
        assert_eq!(assigned(&twice), ["x", "x_1", "x", "x_1"]);
    }

    #[test]
    fn foreign_signs_go_and_long_ids_are_cut_apart_from_each_other() {
        let long = "a".repeat(70);
        let other = format!("{long}b");
        let messages = [call(&["functions.add:0", &long, &other, "", "ä"])];
        let ids = assigned(&messages);
        assert_eq!(ids[0], "functionsadd0_1");
        assert_eq!((ids[1].len(), ids[2].len()), (64, 64));
        assert_ne!(ids[1], ids[2]);
        assert_eq!(ids[3..], ["call_1", "call_2"]);
    }

    proptest! {
        #[test]
        fn any_ids_become_good_ones_and_what_is_added_changes_nothing_before(
            turns in proptest::collection::vec(proptest::collection::vec("[a-c.:ä]{0,3}|call_[01]|x{62,70}", 1..4), 1..6),
        ) {
            let messages: Vec<Message> = turns
                .iter()
                .flat_map(|ids| {
                    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                    [call(&ids), results(&ids)]
                })
                .collect();
            let ids = assigned(&messages);
            let mut seen = HashSet::new();
            let mut at = 0;
            for turn in &turns {
                let (calls, results) = ids[at..at + 2 * turn.len()].split_at(turn.len());
                prop_assert_eq!(calls, results);
                for id in calls {
                    prop_assert!(RULE.takes(id), "{}", id);
                    prop_assert!(seen.insert(id.clone()), "{} twice", id);
                }
                at += 2 * turn.len();
            }
            let before = assigned(&messages[..messages.len() - 2]);
            prop_assert_eq!(&ids[..before.len()], &before[..]);
        }
    }
}
