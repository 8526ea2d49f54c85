//! The newest events of a server, by number.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    io::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::event::{EVENT_VERSION, ServerEvent};

/// How many events are kept.
const EVENTS: usize = 10_000;
/// How many bytes of them.
const BYTES: usize = 8 << 20;
/// Bytes that the version and the number take at most.
const NUMBERS: usize = 40;
/// Bytes that most events are shorter than.
const USUAL: usize = 768;
/// How many events a reader is handed at once, so that what it holds is small.
const BATCH: usize = 128;

/// The newest events of a server, numbered from 1: 10,000 of them and 8 MiB at most. Clones share everything.
///
/// An event is written once, when it is published, and shared by its readers. Publishing takes one short lock, and wakes
/// the readers that wait; it waits for none of them.
#[derive(Clone)]
pub struct EventLog(Arc<Shared>);

struct Shared {
    ring: Mutex<Ring>,
    /// The most events and bytes.
    limits: (usize, usize),
}

struct Ring {
    events: VecDeque<Published>,
    bytes: usize,
    /// The number of the next event.
    next: u64,
    /// Readers that wait for the next event, by their numbers.
    waiting: HashMap<u64, Waker>,
    /// How many readers there were.
    readers: u64,
    is_closed: bool,
}

/// An event that was published. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Its number.
    pub seq: u64,
    /// The name of its type.
    pub name: &'static str,
    /// The whole of it, as one line of JSON.
    pub json: Bytes,
}

/// No events follow this number: those are gone already, or the number is none of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the events after {after} are not there; the first that is there is {first}")]
#[non_exhaustive]
pub struct Gone {
    /// The number that was asked for.
    pub after: u64,
    /// The number of the first event that is there, or that comes next where there is none.
    pub first: u64,
}

impl Default for EventLog {
    fn default() -> Self {
        Self::with_limits(EVENTS, BYTES)
    }
}

/// An event before it has a number.
#[derive(Serialize)]
struct Unnumbered<'a> {
    at: DateTime<Utc>,
    #[serde(flatten)]
    what: &'a ServerEvent,
}

impl EventLog {
    /// A log of so many events and bytes at most. The newest event is there in any case.
    pub fn with_limits(events: usize, bytes: usize) -> Self {
        let ring = Ring {
            events: VecDeque::new(),
            bytes: 0,
            next: 1,
            waiting: HashMap::new(),
            readers: 0,
            is_closed: false,
        };
        Self(Arc::new(Shared { ring: Mutex::new(ring), limits: (events, bytes) }))
    }

    /// Adds an event. Waits for nobody.
    pub fn publish(&self, at: DateTime<Utc>, what: impl Into<ServerEvent>) {
        let what = what.into();
        // Written before the lock is taken, so that those who publish at once do so side by side.
        let mut text = Vec::with_capacity(USUAL);
        if serde_json::to_writer(&mut text, &Unnumbered { at, what: &what }).is_err() {
            // An event is made of texts and numbers, which can be written.
            return;
        }
        let mut ring = self.ring();
        let seq = ring.next;
        let mut json = Vec::with_capacity(text.len() + NUMBERS);
        let _ = write!(json, r#"{{"v":{EVENT_VERSION},"seq":{seq},"#);
        json.extend_from_slice(text.get(1..).unwrap_or_default());
        ring.push(Published { seq, name: what.name(), json: json.into() }, self.0.limits);
        let waiting = std::mem::take(&mut ring.waiting);
        drop(ring);
        // Outside of the lock: whoever is woken may run at once and take it.
        waiting.into_values().for_each(Waker::wake);
    }

    /// Ends the readers, once they have read what is there.
    pub fn close(&self) {
        let mut ring = self.ring();
        ring.is_closed = true;
        let waiting = std::mem::take(&mut ring.waiting);
        drop(ring);
        waiting.into_values().for_each(Waker::wake);
    }

    /// The number of the newest event; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.ring().next - 1
    }

    /// How many bytes its events take.
    pub fn bytes(&self) -> usize {
        self.ring().bytes
    }

    /// The number of a new reader, if nothing is missing between `after` and the events that are there.
    pub(super) fn enter(&self, after: u64) -> Result<u64, Gone> {
        let mut ring = self.ring();
        if !(ring.first()..=ring.next).contains(&after.saturating_add(1)) {
            return Err(Gone { after, first: ring.first() });
        }
        ring.readers += 1;
        Ok(ring.readers)
    }

    /// The reader of this number is gone.
    pub(super) fn leave(&self, reader: u64) {
        self.ring().waiting.remove(&reader);
    }

    /// The number of the first event after `after` that is there, and those from it on, a part of them at most.
    pub(super) fn after(&self, after: u64) -> (u64, Vec<Published>) {
        self.ring().after(after)
    }

    /// The same, but where nothing is there `waker` is woken by the next event; `None` if none will come.
    pub(super) fn after_or_wait(
        &self,
        reader: u64,
        after: u64,
        waker: &Waker,
    ) -> Option<(u64, Vec<Published>)> {
        let mut ring = self.ring();
        let found = ring.after(after);
        if found.1.is_empty() {
            if ring.is_closed {
                return None;
            }
            ring.waiting.insert(reader, waker.clone());
        }
        Some(found)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing panics while the lock is held, so a poisoned one is still whole.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn first(&self) -> u64 {
        self.events.front().map_or(self.next, |first| first.seq)
    }

    fn push(&mut self, event: Published, (events, bytes): (usize, usize)) {
        self.next += 1;
        self.bytes += event.json.len();
        self.events.push_back(event);
        while self.events.len() > events.max(1) || (self.bytes > bytes && self.events.len() > 1) {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.json.len();
        }
    }

    fn after(&self, after: u64) -> (u64, Vec<Published>) {
        let first = self.first().max(after.saturating_add(1));
        // Numbers have no gaps, so that the place follows from the number.
        let skipped = usize::try_from(first - self.first()).unwrap_or(usize::MAX);
        (first, self.events.iter().skip(skipped).take(BATCH).cloned().collect())
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.ring();
        let (first, next, bytes) = (ring.first(), ring.next, ring.bytes);
        f.debug_struct("EventLog").field("first", &first).field("next", &next).field("bytes", &bytes).finish()
    }
}
