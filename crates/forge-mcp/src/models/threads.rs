//! Conversations that go on.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use forge::{call::CallId, request::Message};

/// Conversations that are remembered, the least recently used gone first.
const REMEMBERED: usize = 200;
/// Bytes of one, after which it does not go on.
const MAX_BYTES: usize = 2 << 20;

/// Conversations of this process. Each belongs to the key that began it.
#[derive(Debug, Default)]
pub(super) struct Threads(Mutex<VecDeque<Thread>>);

#[derive(Debug)]
struct Thread {
    id: String,
    owner: String,
    messages: Vec<Message>,
    bytes: usize,
}

impl Threads {
    /// What was said so far; `None` if there is no such conversation of this owner's, and nobody is told which.
    pub(super) fn messages(&self, id: &str, owner: &str) -> Option<Vec<Message>> {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads
            .iter()
            .find(|thread| thread.id == id && thread.owner == owner)
            .map(|thread| thread.messages.clone())
    }

    /// Remembers a conversation under its name, a new one if it has none yet. One that has grown too long is forgotten.
    pub(super) fn remember(
        &self,
        id: Option<String>,
        owner: &str,
        messages: Vec<Message>,
        bytes: usize,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Option<String> {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = id.as_ref().and_then(|id| threads.iter().position(|thread| thread.id == *id));
        let before = before.and_then(|at| threads.remove(at)).map_or(0, |thread| thread.bytes);
        let bytes = before + bytes;
        if bytes > MAX_BYTES {
            return None;
        }
        while threads.len() >= REMEMBERED {
            threads.pop_front();
        }
        // An id has 74 random bits, which nobody guesses.
        let id = id.unwrap_or_else(|| CallId::new(now).to_string());
        threads.push_back(Thread { id: id.clone(), owner: owner.to_owned(), messages, bytes });
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    #[test]
    fn a_conversation_belongs_to_its_owner_and_the_oldest_is_forgotten_first() {
        let threads = Threads::default();
        let begin =
            |owner: &str| threads.remember(None, owner, vec![Message::user("a")], 1, Utc::now()).unwrap();
        let first = begin("one");
        assert_eq!(threads.messages(&first, "one").unwrap().len(), 1);
        assert_eq!(threads.messages(&first, "other"), None);
        let longer = vec![Message::user("a"), Message::assistant("b")];
        assert_eq!(threads.remember(Some(first.clone()), "one", longer, 1, Utc::now()), Some(first.clone()));
        assert_eq!(threads.messages(&first, "one").unwrap().len(), 2);
        for _ in 0..REMEMBERED {
            begin("one");
        }
        assert_eq!(threads.messages(&first, "one"), None);
        assert_eq!(threads.remember(None, "one", Vec::new(), MAX_BYTES + 1, Utc::now()), None);
    }
}
