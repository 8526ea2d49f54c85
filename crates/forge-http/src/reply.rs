//! A reply that has begun: its head is read, its body is on the way.

use std::{borrow::Cow, io::Read, pin::Pin};

use bytes::{Bytes, BytesMut};
use forge_core::{
    ErrorKind, ProviderError, ResponseStream, StreamEvent, error::Phase, event::Warning, request::Schema,
};
use http::HeaderMap;
use http_body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;

use crate::{
    answer::AnswerCheck,
    clients::Lease,
    clocks::{Clocks, describe_timeout},
    decode::Events,
    failure::{Failure, is_web_page, readable},
    json::from_json,
    origin::Origin,
    relay::replace_parts,
    sound::{self, sound, without_repeats},
};

/// The most bytes of a whole reply, packed and unpacked: far beyond what a model writes, far below what a
/// process can hold.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A successful reply whose body has not been read yet. Dropped unread, it costs its connection (HTTP/1.1) or
/// resets its stream (HTTP/2).
#[derive(Debug)]
pub struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: reqwest::Body,
    pub(crate) origin: Origin,
    pub(crate) clocks: Clocks,
    /// Held until the reply is read or dropped.
    #[expect(dead_code, reason = "only its drop matters")]
    pub(crate) lease: Lease,
}

/// What the events of a reply need beside its body.
#[derive(Debug, Default)]
pub struct EventOptions {
    /// Warnings to hand out after the first event, in their order: what the mapping of the request left out.
    pub warnings: Vec<Warning>,
    /// Keep the vendor's text and hand it out with the last event, as it came: of a stream, the data of its
    /// frames, one a line.
    pub keep_raw: bool,
    /// What the answer is checked against, where the vendor was given a weaker schema; `None` if it need not
    /// be. An answer that breaks it brings a warning and no error.
    pub schema: Option<Schema>,
}

impl Reply {
    /// The whole reply as events, decoded from its body by `decode`. The events are the same as those of a
    /// stream.
    ///
    /// # Errors
    /// What [`bytes`](Self::bytes) fails with, a web page in the place of JSON, and what `decode` fails with.
    pub async fn whole(
        mut self,
        options: EventOptions,
        decode: impl Fn(&str, &mut Events) -> Result<(), Failure>,
    ) -> Result<ResponseStream, ProviderError> {
        let body = self.bytes().await?;
        let events = self.read(&body, options, decode)?;
        Ok(ResponseStream::from_events(events.into_iter().map(Ok)))
    }

    /// The whole reply as it came, byte for byte. `decode` reads it beside, for usage and for the end; the parts that it
    /// reads are left out.
    ///
    /// # Errors
    /// Those of [`whole`](Self::whole).
    pub async fn relayed_whole(
        mut self,
        decode: impl Fn(&str, &mut Events) -> Result<(), Failure>,
    ) -> Result<ResponseStream, ProviderError> {
        let body = self.bytes().await?;
        let mut events = self.read(&body, EventOptions::default(), decode)?;
        replace_parts(&mut events, body);
        Ok(ResponseStream::from_events(events.into_iter().map(Ok)))
    }

    fn read(
        &mut self,
        body: &Bytes,
        mut options: EventOptions,
        decode: impl Fn(&str, &mut Events) -> Result<(), Failure>,
    ) -> Result<Events, ProviderError> {
        let mut events = Events::with_capacity(8);
        let made = sound(body);
        if matches!(made, Cow::Owned(_)) {
            options.warnings.push(sound::warning());
        }
        let decoded = if is_web_page(made.as_bytes()) {
            Err(Failure::new(ErrorKind::Decode, readable(made.as_bytes())))
        } else {
            decode(&made, &mut events).or_else(|failure| {
                let plain = without_repeats(&made, &failure).ok_or(failure)?;
                // What the first reading has left would stand there twice.
                events.clear();
                decode(&plain, &mut events)
            })
        };
        decoded.map_err(|failure| self.origin.error(failure, Phase::BeforeOutput))?;
        if let Some(StreamEvent::Started(started)) = events.front_mut() {
            started.request_id = self.origin.request_id.take();
            started.rate_limit = self.origin.rate_limit.take();
        }
        if let Some(mut check) = options.schema.map(AnswerCheck::new) {
            options.warnings.extend(events.iter().filter_map(|event| check.event(event)));
        }
        // Nothing comes before `Started`.
        for (warning, at) in options.warnings.into_iter().zip(1..) {
            events.insert(at, StreamEvent::from(warning));
        }
        if let Some(StreamEvent::Finished(finished)) = events.back_mut().filter(|_| options.keep_raw) {
            finished.raw_response = Some(String::from_utf8_lossy(body).into_owned());
        }
        Ok(events)
    }

    /// The body as a JSON value of the vendor's own type, for calls beside those of models.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if it is not one, and what [`bytes`](Self::bytes) fails with.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, ProviderError> {
        let body = self.bytes().await?;
        from_json(&body)
            .map_err(|error| self.origin.error(Failure::decode("the reply", &error), Phase::BeforeOutput))
    }

    /// The whole body, at most [`MAX_BODY_BYTES`], unpacked if it came as gzip.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a body that is too large or packed otherwise, [`ErrorKind::Truncated`] for
    /// one that breaks off, [`ErrorKind::Timeout`] for one that is not there by the deadline.
    pub async fn bytes(&mut self) -> Result<Bytes, ProviderError> {
        let deadline = self.clocks.deadline;
        // One byte more than allowed tells a body that is too large from one that just fits.
        let read = timeout_at(deadline, self.read_up_to(MAX_BODY_BYTES + 1)).await;
        let failure = match read {
            Ok(Ok(body)) if body.len() <= MAX_BODY_BYTES => match self.encoding() {
                None => return Ok(body),
                // Nobody asks for it; some proxies pack replies all the same.
                Some("gzip") => match gunzip(&body) {
                    Ok(body) => return Ok(body),
                    Err(failure) => failure,
                },
                Some(other) => unknown_encoding(other),
            },
            Ok(Ok(_)) => {
                let message = format!("the reply is larger than {} MiB", MAX_BODY_BYTES / 1024 / 1024);
                Failure::new(ErrorKind::Decode, message)
            }
            Ok(Err(error)) => {
                let source = Box::new(error.without_url());
                let truncated = self.origin.error(Failure::truncated(), Phase::BeforeOutput);
                return Err(truncated.with(|facts| facts.source = Some(source)));
            }
            Err(_) => {
                let patience = deadline - self.clocks.begun;
                Failure::new(ErrorKind::Timeout, describe_timeout("the reply was not complete", patience))
            }
        };
        Err(self.origin.error(failure, Phase::BeforeOutput))
    }

    /// How the body is packed; `None` if it is not.
    pub(crate) fn encoding(&self) -> Option<&str> {
        let encoding = self.headers.get(http::header::CONTENT_ENCODING)?.to_str().unwrap_or("?");
        Some(encoding.trim()).filter(|encoding| *encoding != "identity")
    }

    /// The body up to `most` bytes; what is beyond is left unread.
    pub(crate) async fn read_up_to(&mut self, most: usize) -> Result<Bytes, reqwest::Error> {
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            let Ok(data) = frame?.into_data() else { continue };
            // A body that comes in one piece is handed on without a copy.
            if first.is_empty() {
                first = data;
            } else {
                if joined.is_empty() {
                    joined.extend_from_slice(&first);
                }
                joined.extend_from_slice(&data);
            }
            if first.len().max(joined.len()) >= most {
                break;
            }
        }
        let mut body = if joined.is_empty() { first } else { joined.freeze() };
        body.truncate(most);
        Ok(body)
    }
}

pub(crate) fn unknown_encoding(encoding: &str) -> Failure {
    Failure::new(
        ErrorKind::Decode,
        format!("the reply has the content encoding `{encoding}`, which was not requested"),
    )
}

fn gunzip(packed: &[u8]) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    // A few kilobytes of gzip can unpack to gigabytes.
    let limit = MAX_BODY_BYTES as u64 + 1;
    flate2::read::GzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut body)
        .map_err(|error| Failure::new(ErrorKind::Decode, format!("the reply is not valid gzip: {error}")))?;
    if body.len() > MAX_BODY_BYTES {
        let message =
            format!("the reply is larger than {} MiB when decompressed", MAX_BODY_BYTES / 1024 / 1024);
        return Err(Failure::new(ErrorKind::Decode, message));
    }
    Ok(body.into())
}
