//! What is answered to somebody who watches the server: the events after a number, as a stream or over a socket.

use forge::router::Router;
use forge_core::watch::Reader;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, request::Parts};
use serde_json::json;

use crate::{
    event_socket::EventSocket,
    event_stream::EventStream,
    reply::{self, Reply},
    reply_body::ReplyBody,
};

/// The number behind which a reader goes on that has lost its connection.
const LAST: &str = "last-event-id";

/// The one session that is followed, in the query.
pub(crate) const SESSION: &str = "session";

/// The events after the number that is named, or from now on. At the address of the clients, `until_draining`.
pub(crate) fn answer(router: &Router, head: &Parts, until_draining: bool) -> Reply {
    let reader = match reader(router, &head.headers, &head.uri) {
        Ok(reader) => reader,
        Err(refusal) => return *refusal,
    };
    let mut events = EventStream::new(reader, router.timer());
    if let Some(session) = in_query(&head.uri, SESSION) {
        events = events.of_session(session);
    }
    if until_draining {
        events = events.until_draining();
    }
    match EventSocket::accept(head, events) {
        Ok(switched) => switched,
        Err(events) => streamed(events),
    }
}

fn reader(router: &Router, headers: &HeaderMap, uri: &Uri) -> Result<Reader, Box<Reply>> {
    let none = || reply::refusal(StatusCode::NOT_FOUND, "this server keeps no events");
    let log = router.events().ok_or_else(none)?;
    // A browser that lost its connection asks under the address of the first time.
    let last = headers.get(LAST).map(|last| last.to_str().unwrap_or("?"));
    let after = match last.or_else(|| in_query(uri, "after")).map(str::parse) {
        None => log.newest(),
        Some(Ok(number)) => number,
        Some(Err(_)) => {
            let message = "`after` and `last-event-id` are the number of an event";
            return Err(reply::refusal(StatusCode::BAD_REQUEST, message).into());
        }
    };
    Reader::new(log.clone(), after).map_err(|gone| {
        let error = json!({"type": "events_gone", "message": gone.to_string(), "first": gone.first});
        reply::json(StatusCode::GONE, &json!({ "error": error })).into()
    })
}

fn streamed(events: EventStream) -> Reply {
    let mut reply = Response::new(ReplyBody::Events(Box::new(events)));
    // A proxy that gathers or keeps pieces would hold events back.
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The value of a name in the query of an address.
pub(crate) fn in_query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
