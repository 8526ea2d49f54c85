//! Events over a WebSocket (RFC 6455).

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use ring::digest;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    event_stream::{BLOCKED, EventStream},
    reply::{self, Reply},
    reply_body::ReplyBody,
};

/// What a server adds to the key of a client to show that it has read it.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a client may say: nobody listens, but for what the protocol itself asks.
const LONGEST: usize = 4 * 1024;

/// A connection that becomes a socket once its answer is written.
#[derive(Clone)]
pub(crate) struct EventSocket(Arc<Mutex<Option<Pending>>>);

struct Pending {
    upgrade: OnUpgrade,
    events: EventStream,
}

impl EventSocket {
    /// The answer that makes a socket of the connection, if the client asks for one; else the events again.
    pub(crate) fn accept(head: &Parts, events: EventStream) -> Result<Reply, EventStream> {
        let headers = &head.headers;
        if !asks(headers) || head.version != Version::HTTP_11 {
            return Err(events);
        }
        let Some(upgrade) = head.extensions.get::<OnUpgrade>().cloned() else { return Err(events) };
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_known(headers));
        let Some(key) = key else {
            let mut old = reply::refusal(StatusCode::UPGRADE_REQUIRED, "this is version 13 of WebSocket");
            old.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return Ok(old);
        };
        let mut switched = Response::new(ReplyBody::Whole(None));
        *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let told = switched.headers_mut();
        told.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        told.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        told.extend(proof(key).map(|proof| (header::SEC_WEBSOCKET_ACCEPT, proof)));
        let pending = Pending { upgrade, events };
        switched.extensions_mut().insert(Self(Arc::new(Mutex::new(Some(pending)))));
        Ok(switched)
    }

    /// The socket that this reply makes of its connection.
    pub(crate) fn of(reply: &mut Reply) -> Option<Self> {
        reply.extensions_mut().remove()
    }

    /// Sends the events, until none follow or the client goes.
    pub(crate) async fn serve(self) {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Pending { upgrade, mut events }) = pending else { return };
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST))
            .max_frame_size(Some(LONGEST))
            .read_buffer_size(LONGEST)
            .write_buffer_size(16 * 1024);
        let mut socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        if let Err(error) = send(&mut socket, &mut events).await {
            tracing::debug!(%error, "a socket of somebody who watches broke off");
        }
    }
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

async fn send(socket: &mut Socket, events: &mut EventStream) -> Result<(), Error> {
    let mut batch = VecDeque::new();
    loop {
        let told = poll_fn(|cx| {
            events.poll_tell(cx, &mut |_, _, json| {
                // It is JSON, which is text.
                batch.extend(Utf8Bytes::try_from(json).map(Message::Text));
            })
        });
        let told = tokio::select! {
            told = told => told,
            // Nobody listens to what is said; pings and the end are answered by the library.
            said = socket.next() => match said {
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        };
        let has_ended = told.is_none();
        if has_ended {
            batch.push_back(Message::Close(None));
        } else if batch.is_empty() {
            batch.push_back(Message::Ping(bytes::Bytes::new()));
        }
        let sent = async {
            while let Some(message) = batch.pop_front() {
                socket.feed(message).await?;
            }
            socket.flush().await
        };
        match tokio::time::timeout(BLOCKED, sent).await {
            Err(_) => {
                return Err(Error::Io(std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "the client takes nothing",
                )));
            }
            Ok(Err(error)) => return Err(error),
            Ok(Ok(())) if has_ended => return Ok(()),
            Ok(Ok(())) => {}
        }
    }
}

fn asks(headers: &HeaderMap) -> bool {
    let has = |name, word: &str| {
        let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|one: &str| one.trim().eq_ignore_ascii_case(word))
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13")
}

fn proof(key: &HeaderValue) -> Option<HeaderValue> {
    let text = [key.as_bytes(), GUID.as_bytes()].concat();
    // The protocol's own choice; nothing is kept secret by it.
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    HeaderValue::from_str(&STANDARD.encode(digest)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_standard() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(proof(&key).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
