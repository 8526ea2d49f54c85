//! What was asked and how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use crate::usage::Usage;
use crate::vendor::Vendor;

/// One request, as `GET /__sim/requests` and [`Sim::journal`](crate::Sim::journal) give it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedRequest {
    /// Position since the start or the last reset, from 1.
    pub seq: u64,
    /// Milliseconds since the start or the last reset.
    pub at_ms: u64,
    /// The vendor, unless the path names none.
    pub vendor: Option<Vendor>,
    /// HTTP method, in capitals.
    pub method: String,
    /// Path with its query, the vendor's prefix included; keys are masked.
    pub path: String,
    /// Headers by lower-case name; keys are masked.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; a string where it is not JSON, null where it is empty.
    pub body: Value,
    /// How it ended; absent while it is going on.
    pub outcome: Option<Outcome>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Outcome {
    /// HTTP status; absent when the connection was reset before it.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<String>,
    /// The tokens that the reply reports.
    pub usage: Option<Usage>,
    /// The model that the reply names.
    pub model_served: Option<String>,
    /// The client went away before the end.
    pub client_disconnected: bool,
    /// Milliseconds from the request's head to the end of the reply.
    pub took_ms: u64,
}

/// Requests in memory: at most `capacity` of them and 64 MiB of bodies, the oldest go first.
#[derive(Debug)]
pub(crate) struct Journal {
    capacity: usize,
    log: Mutex<Log>,
}

/// The most bytes of bodies that are kept together.
const BODY_BYTES: usize = 64 << 20;

#[derive(Debug)]
struct Log {
    started: Instant,
    last: u64,
    /// Changes with each reset, so that a request from before does not settle a later one.
    generation: u64,
    bytes: usize,
    entries: VecDeque<(usize, RecordedRequest)>,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            log: Mutex::new(Log {
                started: Instant::now(),
                last: 0,
                generation: 0,
                bytes: 0,
                entries: VecDeque::new(),
            }),
        }
    }

    /// Notes a request; the ticket settles it, at the latest when it is dropped.
    pub(crate) fn open(
        self: &Arc<Self>,
        mut request: RecordedRequest,
        body_bytes: usize,
        arrived: Instant,
    ) -> Ticket {
        let mut log = self.lock();
        log.last += 1;
        request.seq = log.last;
        request.at_ms = millis(arrived.saturating_duration_since(log.started));
        let ticket = Ticket {
            journal: Arc::clone(self),
            generation: log.generation,
            seq: request.seq,
            arrived,
            // Until the reply comes to its end: a ticket that is dropped before has lost its client.
            outcome: Outcome { client_disconnected: true, ..Outcome::default() },
        };
        log.bytes += body_bytes;
        log.entries.push_back((body_bytes, request));
        // The newest one always stays, however large it is.
        while log.entries.len() > self.capacity.max(1) || (log.bytes > BODY_BYTES && log.entries.len() > 1) {
            if let Some((bytes, _)) = log.entries.pop_front() {
                log.bytes -= bytes;
            }
        }
        ticket
    }

    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        let log = self.lock();
        log.entries.iter().map(|(_, entry)| entry.clone()).collect()
    }

    pub(crate) fn reset(&self) {
        let mut log = self.lock();
        *log = Log {
            started: Instant::now(),
            last: 0,
            generation: log.generation + 1,
            bytes: 0,
            entries: VecDeque::new(),
        };
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Travels with the reply and settles its journal entry on the end or on drop.
#[derive(Debug)]
pub(crate) struct Ticket {
    journal: Arc<Journal>,
    generation: u64,
    seq: u64,
    arrived: Instant,
    pub(crate) outcome: Outcome,
}

impl Ticket {
    /// The reply came to the end that was planned for it.
    pub(crate) fn finish(&mut self) {
        self.outcome.client_disconnected = false;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.outcome.took_ms = millis(self.arrived.elapsed());
        let mut log = self.journal.lock();
        // Numbers have no gaps, so that the distance from the first entry is the index.
        if log.generation == self.generation
            && let Some(first) = log.entries.front().map(|(_, entry)| entry.seq)
            && let Some(index) = self.seq.checked_sub(first)
            && let Some((_, entry)) = usize::try_from(index).ok().and_then(|index| log.entries.get_mut(index))
        {
            entry.outcome = Some(std::mem::take(&mut self.outcome));
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Headers as text, with keys masked.
pub(crate) fn masked_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            // Whoever reaches the port can read the journal, and tests print it.
            let shown = match name.as_str() {
                "authorization" => match text.split_once(' ') {
                    Some((scheme, key)) => format!("{scheme} {}", mask(key)),
                    None => mask(&text),
                },
                "x-api-key" | "x-goog-api-key" | "api-key" | "cookie" | "proxy-authorization" => mask(&text),
                _ => text.into_owned(),
            };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}

/// At most the first seven characters, never more than half, and the length.
pub(crate) fn mask(key: &str) -> String {
    let length = key.chars().count();
    let shown: String = key.chars().take((length / 2).min(7)).collect();
    format!("{shown}…({length})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RecordedRequest {
        RecordedRequest {
            seq: 0,
            at_ms: 0,
            vendor: None,
            method: "GET".into(),
            path: "/".into(),
            headers: BTreeMap::new(),
            body: Value::Null,
            outcome: None,
        }
    }

    #[test]
    fn keys_are_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer sk-test-1234567890".parse().unwrap());
        headers.insert("x-api-key", "abcd".parse().unwrap());
        let shown = masked_headers(&headers);
        assert_eq!(shown["authorization"], "Bearer sk-test…(18)");
        assert_eq!(shown["x-api-key"], "ab…(4)");
    }

    #[test]
    fn a_dropped_ticket_means_that_the_client_left() {
        let journal = Arc::new(Journal::new(10));
        let mut finished = journal.open(request(), 0, Instant::now());
        let dropped = journal.open(request(), 0, Instant::now());
        finished.finish();
        drop((finished, dropped));
        let left: Vec<bool> =
            journal.requests().into_iter().map(|entry| entry.outcome.unwrap().client_disconnected).collect();
        assert_eq!(left, [false, true]);
    }

    #[test]
    fn the_oldest_requests_go_first() {
        let journal = Arc::new(Journal::new(2));
        let tickets: Vec<_> = (0..3).map(|_| journal.open(request(), 0, Instant::now())).collect();
        let kept: Vec<u64> = journal.requests().iter().map(|entry| entry.seq).collect();
        assert_eq!(kept, [2, 3]);
        drop(tickets);
        assert!(journal.requests().iter().all(|entry| entry.outcome.is_some()));
        let big = journal.open(request(), BODY_BYTES + 1, Instant::now());
        assert_eq!(journal.requests().len(), 1);
        drop(big);
    }

    #[test]
    fn a_ticket_from_before_a_reset_settles_nothing() {
        let journal = Arc::new(Journal::new(10));
        let old = journal.open(request(), 0, Instant::now());
        journal.reset();
        let new = journal.open(request(), 0, Instant::now());
        drop(old);
        assert_eq!(journal.requests()[0].outcome, None);
        drop(new);
    }
}
