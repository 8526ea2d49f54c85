//! A server that says exactly the bytes it is told to say, and misbehaves where it is told to.
//!
//! It reads no more of HTTP than adapters send: a head, a length, a body. It writes what it has, right or
//! wrong.

mod reply;

use std::{
    collections::VecDeque,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use forge_core::TokenCount;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub use reply::{Reply, Then};

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
    script: Script,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    hung_up: watch::Sender<usize>,
}

/// Where replies come from.
enum Script {
    Replies(Mutex<VecDeque<Reply>>),
    Answers(Box<dyn Fn(&Request) -> Reply + Send + Sync>),
}

impl Script {
    fn next(&self, request: &Request) -> Option<Reply> {
        match self {
            Self::Answers(answer) => Some(answer(request)),
            Self::Replies(replies) => {
                let mut replies = lock(replies);
                // The last reply stays: a client may retry more often than a script foresees.
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            }
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replies(replies) => replies.fmt(f),
            Self::Answers(_) => f.write_str("Answers"),
        }
    }
}

/// A request that arrived.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method and the path with its query, such as `POST /v1/messages`.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null if there was none, or if it was no JSON.
    pub body: Value,
    /// What the reply bills, where it is known; see [`Reply::billing`].
    pub billed: Option<TokenCount>,
}

impl Request {
    /// The value of a header; `name` is in lower case. Of several, the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl ScriptedServer {
    /// Starts a server that answers the first request with the first reply and so on; the last reply
    /// is repeated. With an empty script, every connection is closed without a reply.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        Self::play(Script::Replies(Mutex::new(script.into_iter().collect()))).await
    }

    /// Starts a server that answers each request with what `answer` makes of it, on whichever connection it
    /// comes.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn answering(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::play(Script::Answers(Box::new(answer))).await
    }

    async fn play(script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, hung_up) = watch::channel(0);
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

    /// The server's base URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, of all connections, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Waits until a client has hung up on a reply that was held; for ever if none does.
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

/// Answers one connection, request by request, until the script or the client ends it.
async fn serve(mut connection: TcpStream, state: &State) -> io::Result<()> {
    // Each piece leaves by itself, or the form of the bytes would not reach the client.
    connection.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(mut request) = read_request(&mut connection, &mut buffer).await? {
        let reply = state.script.next(&request);
        request.billed = reply.as_ref().and_then(|reply| reply.billed);
        // Noted before the reply leaves: a client that has its answer finds its request here.
        lock(&state.requests).push(request);
        let Some(reply) = reply else { return Ok(()) };
        for piece in reply.bytes.chunks(reply.pieces) {
            connection.write_all(piece).await?;
        }
        match reply.then {
            Then::KeepAlive => {}
            Then::Close => return Ok(()),
            // Without lingering, closing sends a reset.
            Then::Reset => return connection.set_zero_linger(),
            Then::Hold => {
                // Read on, whatever it sends: only so is its end seen.
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

/// The first request in `bytes`, with its length; `None` while a part of it is missing. Bodies have a
/// `content-length`, as those of adapters do.
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
    Some((head_end + length, Request { line, headers, body, billed: None }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
