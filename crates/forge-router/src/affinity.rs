//! Which route holds the prompt cache of a conversation.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::ProviderId;

/// As long as vendors keep a prompt cache that is not used.
const TIME_TO_LIVE: Duration = Duration::from_secs(5 * 60);

/// Conversations that are remembered.
const CAPACITY: usize = 4_096;

/// Remembers for each conversation the provider whose replies said that its prefix is cached there.
#[derive(Debug, Default)]
pub(crate) struct Affinity(Mutex<HashMap<Prefix, (ProviderId, Instant)>>);

/// The beginning of a conversation, which stays the same while the conversation grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Prefix(pub(crate) u64);

impl Affinity {
    /// The provider that most likely holds the cache; `None` once it must have lapsed. A wrong guess costs
    /// uncached input.
    pub(crate) fn find(&self, prefix: Prefix, now: Instant) -> Option<ProviderId> {
        let map = self.lock();
        let (provider, since) = map.get(&prefix)?;
        (now.saturating_duration_since(*since) < TIME_TO_LIVE).then(|| provider.clone())
    }

    /// Notes that `provider` holds the cache, and that it was used just now, which renews it at the vendor.
    pub(crate) fn remember(&self, prefix: Prefix, provider: ProviderId, now: Instant) {
        let mut map = self.lock();
        if map.len() >= CAPACITY && !map.contains_key(&prefix) {
            // Only a full map is searched, so that this costs nothing in everyday use.
            map.retain(|_, (_, since)| now.saturating_duration_since(*since) < TIME_TO_LIVE);
            let oldest = map.iter().min_by_key(|(_, (_, since))| *since).map(|(prefix, _)| *prefix);
            if map.len() >= CAPACITY
                && let Some(oldest) = oldest
            {
                map.remove(&oldest);
            }
        }
        map.insert(prefix, (provider, now));
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<Prefix, (ProviderId, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use forge_core::time::{Clock as _, SystemTimer};

    use super::*;

    #[test]
    fn the_memory_is_bounded_and_ends_with_the_cache() {
        let (affinity, now) = (Affinity::default(), SystemTimer.instant());
        for at in 0..2 * CAPACITY as u64 {
            affinity.remember(Prefix(at), "p".into(), now + Duration::from_millis(at));
        }
        assert_eq!(affinity.lock().len(), CAPACITY);
        let newest = Prefix(2 * CAPACITY as u64 - 1);
        assert_eq!(affinity.find(newest, now).unwrap(), "p");
        assert!(affinity.find(Prefix(0), now).is_none());
        assert!(affinity.find(newest, now + Duration::from_secs(310)).is_none());
    }
}
