//! Events over a `WebSocket`, and at the address of the clients.

use std::sync::Arc;

use chrono::Utc;
use forge::{
    System,
    storage::{
        access::{AccessChange, AccessStore as _, ClientKey, KeyScope},
        memory::MemoryAccess,
    },
    watch::EventLog,
};
use forge_core::ExposeSecret as _;
use forge_gateway::MintedKey;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::{
    client::{get, read, send},
    folder::Folder,
    server::Server,
};

/// A server with a socket at which it is watched, and with the key `fk-...` of a scope if there is one.
struct Watched {
    server: Server,
    folder: Folder,
    key: String,
}

impl Watched {
    async fn start(name: &str, log: EventLog, scopes: Option<Vec<KeyScope>>) -> Self {
        let folder = Folder::new(&format!("sockets-{name}"));
        let builder = System::builder(|_| None).in_memory().events(log);
        let keys = Arc::new(MemoryAccess::default());
        let mut text = String::new();
        if let Some(scopes) = scopes {
            let minted = MintedKey::new().unwrap();
            let mut key = ClientKey::new(minted.id.clone(), "watcher", minted.digest, Utc::now());
            key.allowance.scopes = scopes;
            keys.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
            minted.text.expose_secret().clone_into(&mut text);
        }
        let server = Server::built(
            "{}",
            builder,
            |_| {},
            |_, options| {
                options.keys = Some(keys as _);
                options.run = Some(folder.0.clone());
                options.plan.admin = Some("unix".parse().unwrap());
            },
        );
        Self { server: server.await, folder, key: text }
    }

    async fn unix(&self) -> UnixStream {
        UnixStream::connect(self.folder.0.join("admin.sock")).await.unwrap()
    }

    async fn call(&self) {
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let body = json!({"model": "provider:google", "max_tokens": 200, "messages": messages});
        let headers = format!("content-type: application/json\r\nx-api-key: {}\r\n", self.key);
        let reply =
            read(send(self.server.address, "POST /v1/messages", &headers, &body.to_string()).await).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Opens a socket at the address of the clients.
    async fn open(&self, query: &str) -> Result<WebSocketStream<TcpStream>, Error> {
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let mut request = format!("ws://127.0.0.1/v1/forge/events{query}").into_client_request()?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.key)).unwrap();
        request.headers_mut().insert("authorization", bearer);
        Ok(client_async(request, stream).await?.0)
    }
}

/// The next event; `None` once the server has closed the socket as it should be.
async fn next<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Option<Value> {
    loop {
        match socket.next().await?.unwrap() {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => return None,
            other => assert!(other.is_ping() || other.is_pong(), "{other}"),
        }
    }
}

fn refused<S>(opened: Result<WebSocketStream<S>, Error>) -> (u16, String) {
    match opened.map(|_| ()) {
        Err(Error::Http(reply)) => {
            let body = reply.body().as_deref().unwrap_or_default();
            (reply.status().as_u16(), String::from_utf8_lossy(body).into_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_socket_gets_every_event_once_and_is_closed_at_the_end() {
    let watched = Watched::start("admin", EventLog::default(), None).await;
    let open = async |after: u64| {
        let url = format!("ws://localhost/v1/forge/events?after={after}");
        client_async(url, watched.unix().await).await.unwrap().0
    };
    let mut socket = open(0).await;
    for _ in 0..200 {
        watched.call().await;
    }
    // What a client says harms nothing, and is answered where the protocol asks for it.
    socket.send(Message::text("hello")).await.unwrap();
    socket.send(Message::Ping("x".into())).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 401 {
        seen.push(next(&mut socket).await.unwrap()["seq"].as_u64().unwrap());
    }
    assert_eq!(seen, (1..=401).collect::<Vec<_>>());
    drop(socket);
    let mut again = open(399).await;
    assert_eq!(next(&mut again).await.unwrap()["seq"], 400, "it goes on by number");
    assert!(watched.server.end().await);
    let last = [next(&mut again).await, next(&mut again).await, next(&mut again).await];
    assert_eq!(
        last.map(|event| event.map(|event| event["type"].clone())),
        [Some(json!("call.ended")), Some(json!("server.draining")), None]
    );
}

#[tokio::test]
async fn pages_of_other_addresses_see_nothing() {
    let watched = Watched::start("pages", EventLog::default(), None).await;
    for (origin, is_served) in [
        ("http://localhost", true),
        ("http://LOCALHOST", true),
        ("http://localhost:3000", false),
        ("https://example.org", false),
        ("null", false),
    ] {
        let mut request = "ws://localhost/v1/forge/events".into_client_request().unwrap();
        request.headers_mut().insert("origin", HeaderValue::from_static(origin));
        let opened = client_async(request, watched.unix().await).await.map(|(socket, _)| socket);
        if is_served {
            assert!(opened.is_ok(), "{origin}");
        } else {
            assert_eq!(refused(opened).0, 403, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_key_of_the_scope_sees_what_happens_until_the_server_drains() {
    let watched = Watched::start("scope", EventLog::default(), Some(vec![KeyScope::Events])).await;
    let mut socket = watched.open("?after=0").await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["type"], "server.started");
    watched.call().await;
    assert_eq!(next(&mut socket).await.unwrap()["type"], "call.started");
    assert_eq!(next(&mut socket).await.unwrap()["type"], "call.ended");
    // The same as a stream, which nobody waits for when the server ends.
    let key = format!("x-api-key: {}\r\n", watched.key);
    let mut stream = send(watched.server.address, "GET /v1/forge/events?after=0", &key, "").await;
    let mut streamed = String::new();
    while !streamed.contains("event: call.ended\n") {
        let mut piece = [0; 1_024];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "{streamed}");
        streamed += std::str::from_utf8(&piece[..read]).unwrap();
    }
    let mut ended = Vec::new();
    assert!(watched.server.end().await);
    while let Some(event) = next(&mut socket).await {
        ended.push(event["type"].clone());
    }
    assert_eq!(ended, ["server.draining"]);
    stream.read_to_string(&mut streamed).await.unwrap();
    assert!(
        streamed.starts_with("HTTP/1.1 200 ") && streamed.contains("event: server.draining\n"),
        "{streamed}"
    );
}

#[tokio::test]
async fn who_may_not_watch_is_told_what_for() {
    for scopes in [None, Some(Vec::new())] {
        let watched = Watched::start("denied", EventLog::default(), scopes).await;
        let (status, why) = refused(watched.open("").await);
        assert!(status == 403 && why.contains("--scope events"), "{status} {why}");
    }
    let watched = Watched::start("wrong", EventLog::default(), Some(vec![KeyScope::Events])).await;
    let (status, why) = refused(watched.open("?after=7").await);
    assert!(status == 410 && why.contains("events_gone"), "{status} {why}");
    assert_eq!(refused(watched.open("?after=x").await).0, 400);
    let old = format!(
        "authorization: Bearer {}\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-version: 8\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        watched.key
    );
    let reply = get(watched.server.address, "/v1/forge/events", &old).await;
    assert_eq!((reply.status, reply.header("sec-websocket-version")), (426, Some("13")));
}
