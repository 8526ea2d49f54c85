//! A line for each request, once its reply has ended.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, request::Parts};
use serde::Serialize;

use crate::{listen::Ends, reply::Reply};

/// A request and what became of it. Nothing of it is a secret, and nothing of its body is in it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RequestLine {
    /// When its head was there.
    pub at: DateTime<Utc>,
    /// Where it came from, by the word of trusted proxies; a local socket has no address.
    pub client: Option<IpAddr>,
    /// The name of its key.
    pub key: Option<Arc<str>>,
    /// Its method.
    pub method: String,
    /// Its address, without a query, which may hold a key.
    pub path: String,
    /// The status of the reply.
    pub status: u16,
    /// The id of the call, as the reply names it.
    pub request_id: Option<String>,
    /// The provider that answered.
    pub route: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Milliseconds until the head of the reply.
    pub head_ms: u64,
    /// Milliseconds until the reply had ended, or its client was gone.
    pub ms: u64,
}

/// Takes the lines as they come. It is called on the threads that serve, and must not wait.
#[derive(Clone)]
pub struct RequestLog(Arc<dyn Fn(&RequestLine) + Send + Sync>);

impl RequestLog {
    /// Hands each line to `take`.
    pub fn new(take: impl Fn(&RequestLine) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLog").finish_non_exhaustive()
    }
}

/// The name of the key that a request came with, on its way from the one who knows it.
#[derive(Debug, Clone)]
pub(crate) struct KeyName(pub(crate) Arc<str>);

/// A request that is to be logged.
pub(crate) struct Noting {
    log: RequestLog,
    begun: Instant,
    client: Option<IpAddr>,
    at: DateTime<Utc>,
    method: Method,
    path: String,
}

impl Noting {
    pub(crate) fn begin(log: &RequestLog, head: &Parts, ends: Option<Ends>) -> Self {
        Self {
            log: log.clone(),
            begun: Instant::now(),
            client: ends.map(|ends| ends.peer),
            at: Utc::now(),
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
        }
    }

    /// The line is written when what is returned is dropped, with the body of the reply.
    pub(crate) fn answered(self, reply: &Reply) -> Noted {
        let headers = reply.headers();
        let line = RequestLine {
            at: self.at,
            client: self.client,
            key: reply.extensions().get::<KeyName>().map(|name| Arc::clone(&name.0)),
            method: self.method.to_string(),
            path: self.path,
            status: reply.status().as_u16(),
            request_id: text(headers, "request-id").or_else(|| text(headers, "x-request-id")),
            route: text(headers, "x-forge-route"),
            model: text(headers, "x-forge-model"),
            head_ms: millis(self.begun.elapsed()),
            ms: 0,
        };
        Noted { log: self.log, begun: self.begun, line }
    }
}

/// A reply that is under way.
pub(crate) struct Noted {
    log: RequestLog,
    begun: Instant,
    line: RequestLine,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.line.ms = millis(self.begun.elapsed());
        (self.log.0)(&self.line);
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
