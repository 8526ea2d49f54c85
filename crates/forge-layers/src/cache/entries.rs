//! The replies that are kept, and the calls whose replies may be.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    task::Waker,
    time::Instant,
};

use forge_core::StreamEvent;

use super::{CachePolicy, reply::Reply};

/// Replies by their key, and the keys in the order of their last use.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) replies: HashMap<Arc<str>, Entry>,
    pub(super) order: BTreeMap<u64, Arc<str>>,
    pub(super) bytes: usize,
    uses: u64,
    /// Calls that are under way whose reply may be kept, and who waits for it.
    pub(super) waiting: HashMap<Arc<str>, Waiting>,
}

pub(super) struct Entry {
    events: Arc<[StreamEvent]>,
    pub(super) bytes: usize,
    good_until: Option<Instant>,
    used: u64,
}

impl Entries {
    pub(super) fn find(&mut self, key: &str, now: Instant) -> Option<Arc<[StreamEvent]>> {
        if self.replies.get(key)?.good_until.is_some_and(|end| end <= now) {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        let entry = self.replies.get_mut(key)?;
        let key = self.order.remove(&entry.used)?;
        entry.used = self.uses;
        self.order.insert(self.uses, key);
        Some(Arc::clone(&entry.events))
    }

    pub(super) fn insert(&mut self, reply: Reply, policy: &CachePolicy, now: Instant) {
        self.remove(&reply.key);
        while self.replies.len() >= policy.max_entries || self.bytes + reply.bytes > policy.max_bytes {
            // Empty, and still no room: the reply is larger than the cache.
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += reply.bytes;
        self.order.insert(self.uses, Arc::clone(&reply.key));
        let entry = Entry {
            events: reply.events.into(),
            bytes: reply.bytes,
            good_until: now.checked_add(policy.time_to_live),
            used: self.uses,
        };
        self.replies.insert(reply.key, entry);
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.replies.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

/// Figures only: the entries are prompts and replies.
impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("replies", &self.replies.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Who waits for a call.
#[derive(Default)]
pub(super) struct Waiting(Vec<Waker>);

impl Waiting {
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    pub(super) fn wake(self) {
        for waker in self.0 {
            waker.wake();
        }
    }
}
