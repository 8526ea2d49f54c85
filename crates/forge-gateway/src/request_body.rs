//! Bodies of requests, read whole and held to limits.

use std::{pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::capacity::Capacity;

/// A body that was read.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Its part of what may be in memory at once, held until it is dropped.
    pub(crate) room: Vec<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// So much of others is in memory that there is no room for it.
    Crowded,
    /// It comes too slowly, or not at all.
    TooSlow,
    /// Its client has gone.
    Broken,
}

/// How slowly a body may come: so many bytes in each of these spans, the first of which is longer.
const FIRST: Duration = Duration::from_secs(30);
const SPAN: Duration = Duration::from_secs(10);
const LEAST: usize = 4 * 1024 * 10;
/// What a body without a length takes at a time.
const SHARE: usize = 256 * 1024;

/// The whole body, at most `most` bytes of it.
pub(crate) async fn read(mut body: Incoming, most: usize, capacity: &Capacity) -> Result<Body, Unread> {
    // What the client says of its length is enough to refuse it, before a byte of it is kept.
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > most {
        return Err(Unread::TooLarge);
    }
    let mut room = vec![capacity.body(said).ok_or(Unread::Crowded)?];
    let mut held = said;
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let (mut until, mut wanted) = (Instant::now() + FIRST, 1);
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let frame = match timeout_at(until, frame).await {
            Err(_) => return Err(Unread::TooSlow),
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(|_| Unread::Broken)?,
        };
        let Ok(data) = frame.into_data() else { continue };
        // A body that comes in one piece is taken without a copy.
        if first.is_empty() && joined.is_empty() {
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&data);
        }
        let length = first.len().max(joined.len());
        if length > most {
            return Err(Unread::TooLarge);
        }
        if length > held {
            // A body without a length takes its room as it comes.
            let more = (length - held).max(SHARE);
            room.push(capacity.body(more).ok_or(Unread::Crowded)?);
            held += more;
        }
        if length >= wanted {
            (until, wanted) = (Instant::now() + SPAN, length + LEAST);
        }
    }
    let bytes = if joined.is_empty() { first } else { joined.freeze() };
    Ok(Body { bytes, room })
}
