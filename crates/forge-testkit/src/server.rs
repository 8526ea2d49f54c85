//! A server that says exactly the bytes it is told to say, and misbehaves where it is told to.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A scripted server on loopback. It ends with the value.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    state: Arc<State>,
    hung_up: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    hung_up: watch::Sender<usize>,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method and the path with its query, such as `POST /v1/messages`.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null if there was none.
    pub body: Value,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a connection does after the bytes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Waits for the next request.
    KeepAlive,
    /// Closes.
    Close,
    /// Resets.
    Reset,
    /// Stays silent until the client hangs up.
    Hold,
}

/// The bytes of one reply, head included.
#[derive(Debug, Clone)]
pub struct Reply {
    bytes: Vec<u8>,
    pieces: usize,
    then: Then,
}

impl Reply {
    /// Exactly these bytes, then the connection closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), pieces: usize::MAX, then: Then::Close }
    }

    /// A whole reply.
    pub fn whole(status: u16, content_type: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let head = head(status, content_type, headers);
        let bytes = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        Self { then: Then::KeepAlive, ..Self::raw(bytes) }
    }

    /// A whole reply of JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::whole(status, "application/json", &[], body)
    }

    /// A stream of server-sent events, in one chunk.
    pub fn sse(body: &str) -> Self {
        Self::stream("text/event-stream", &[], body)
    }

    /// A stream, in one chunk.
    pub fn stream(content_type: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let head = head(200, content_type, headers);
        let chunk = if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) };
        let bytes = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
        Self { then: Then::KeepAlive, ..Self::raw(bytes) }
    }

    /// The same reply, broken off after this many bytes of its body's chunk; the connection closes.
    pub fn cut_body(self, at: usize) -> Self {
        let body = self.body_start();
        Self { bytes: self.bytes[..(body + at).min(self.bytes.len())].to_vec(), then: Then::Close, ..self }
    }

    /// The same reply, sent in pieces of this many bytes.
    pub fn in_pieces(self, pieces: usize) -> Self {
        Self { pieces, ..self }
    }

    /// The same reply with another ending.
    pub fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// Where the text of the body begins: after the head, and after the first chunk's size.
    fn body_start(&self) -> usize {
        let find = |from: usize, what: &[u8]| {
            let rest = &self.bytes[from..];
            rest.windows(what.len())
                .position(|window| window == what)
                .map_or(self.bytes.len(), |at| from + at + what.len())
        };
        let head = find(0, b"\r\n\r\n");
        if self.bytes[..head].ends_with(b"chunked\r\n\r\n") { find(head, b"\r\n") } else { head }
    }
}

fn head(status: u16, content_type: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head
}

impl ScriptedServer {
    /// Starts a server that answers the first request with the first reply and so on; the last reply
    /// is repeated.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, hung_up) = watch::channel(0);
        let script = Mutex::new(script.into_iter().collect());
        let state = Arc::new(State {
            script,
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            hung_up: sender,
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                state.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    // A client that breaks off is part of many scripts.
                    let _ = serve(connection, &state).await;
                });
            }
        });
        Ok(Self { address, state, hung_up, task })
    }

    /// The server's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Waits until a client has hung up on a reply that was held.
    pub async fn client_hung_up(&mut self) {
        // The sender lives as long as the server.
        let _ = self.hung_up.wait_for(|count| *count > 0).await;
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut connection: TcpStream, state: &State) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut connection, &mut buffer).await? {
        lock(&state.requests).push(request);
        let reply = {
            let mut script = lock(&state.script);
            if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
        };
        let Some(reply) = reply else { return Ok(()) };
        for piece in reply.bytes.chunks(reply.pieces) {
            connection.write_all(piece).await?;
        }
        match reply.then {
            Then::KeepAlive => {}
            Then::Close => return Ok(()),
            Then::Reset => return connection.set_zero_linger(),
            Then::Hold => {
                while connection.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
                state.hung_up.send_modify(|count| *count += 1);
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn read_request(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some((length, request)) = parse(buffer) {
            buffer.drain(..length);
            return Ok(Some(request));
        }
        if connection.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(usize, Request)> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let body = bytes.get(head_end..head_end + length)?;
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    Some((head_end + length, Request { line, headers, body }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
