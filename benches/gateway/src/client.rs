//! A client of HTTP/1.1 on one connection that costs little: a request is bytes that are there already, and of a reply
//! it keeps what is measured.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::mock::LONG;

/// A request, as it goes out.
pub(crate) type Bytes = Arc<[u8]>;

/// The dialect that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Anthropic's Messages.
    Messages,
    /// OpenAI's Chat Completions.
    Chat,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) model: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) stream: bool,
    /// Bytes of the prompt beyond a greeting.
    pub(crate) padding: usize,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(dialect: Dialect, model: &'a str) -> Self {
        Self { dialect, model, key: None, stream: false, padding: 0 }
    }

    pub(crate) fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    /// Asks for a long stream.
    pub(crate) fn streamed(mut self) -> Self {
        self.stream = true;
        self
    }

    pub(crate) fn padded(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// The request. Its `max_tokens` is spelled oddly, by which a body that was passed on unread is known.
    pub(crate) fn bytes(&self) -> Bytes {
        let mut prompt = if self.stream { LONG } else { "Hello" }.to_owned();
        while prompt.len() < self.padding {
            prompt.push_str(" and a sentence of a conversation that has become long;");
        }
        let mut body: Value = json!({
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
        });
        if self.stream {
            body["stream"] = true.into();
        }
        let mut body = body.to_string();
        body.truncate(body.len() - 1);
        body = format!("{body}, {ODD}}}");
        let path = match self.dialect {
            Dialect::Messages => "/v1/messages",
            Dialect::Chat => "/v1/chat/completions",
        };
        let key = self.key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             anthropic-version: 2023-06-01\r\n{key}content-length: {}\r\n\r\n",
            body.len()
        );
        (head + &body).into_bytes().into()
    }
}

/// How the most tokens are written.
pub(crate) const ODD: &str = r#""max_tokens":  256"#;

/// What a reply was.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// From the beginning to the first piece of the answer's text.
    pub(crate) content: Option<Duration>,
    pub(crate) took: Duration,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Whether it is an answer from its beginning to its end.
    pub(crate) fn is_good(&self) -> bool {
        let end = &self.body[self.body.len().saturating_sub(400)..];
        self.status == 200 && (contains(end, b"message_stop") || contains(end, b"[DONE]") || self.is_whole())
    }

    fn is_whole(&self) -> bool {
        contains(&self.body, b"Hello there")
            && !self.body.starts_with(b"event:")
            && !self.body.starts_with(b"data:")
    }
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A connection that is opened anew where the other side has closed it.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    raw: Vec<u8>,
}

/// Where the body of a reply ends.
enum End {
    Length(usize),
    Chunks,
    Close,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, raw: Vec::with_capacity(32 * 1024) }
    }

    /// Sends a request and reads its reply to the end; time counts from `begun`.
    pub(crate) async fn exchange(&mut self, request: &[u8], begun: Instant) -> io::Result<Reply> {
        let outcome = self.try_exchange(request, begun).await;
        if outcome.is_err() {
            self.stream = None;
        }
        outcome
    }

    /// Sends a request, reads for so long, and goes away.
    pub(crate) async fn abandon(&mut self, request: &[u8], after: Duration) {
        let _ = tokio::time::timeout(after, self.exchange(request, Instant::now())).await;
        self.stream = None;
    }

    async fn try_exchange(&mut self, request: &[u8], begun: Instant) -> io::Result<Reply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        self.raw.clear();
        let (head, mut reply, end, close) = self.head(&mut stream).await?;
        let mut at = head;
        loop {
            let over = match end {
                End::Length(length) => {
                    reply.body.extend_from_slice(&self.raw[at..]);
                    at = self.raw.len();
                    reply.body.len() >= length
                }
                End::Chunks => chunks(&self.raw, &mut at, &mut reply.body)?,
                End::Close => {
                    reply.body.extend_from_slice(&self.raw[at..]);
                    at = self.raw.len();
                    false
                }
            };
            if reply.content.is_none() && contains(&reply.body, b"word 0") {
                reply.content = Some(begun.elapsed());
            }
            if over {
                break;
            }
            if stream.read_buf(&mut self.raw).await? == 0 {
                if matches!(end, End::Close) {
                    break;
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        reply.took = begun.elapsed();
        if !close {
            self.stream = Some(stream);
        }
        Ok(reply)
    }

    /// Reads the head: where the body begins and ends, and whether the connection is closed behind it.
    async fn head(&mut self, stream: &mut TcpStream) -> io::Result<(usize, Reply, End, bool)> {
        let length = loop {
            if stream.read_buf(&mut self.raw).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(at) = self.raw.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.raw[..length]).to_ascii_lowercase();
        let field = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        let end = match field("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => End::Length(length),
            None if field("transfer-encoding").is_some() => End::Chunks,
            None => End::Close,
        };
        let close = field("connection") == Some("close") || matches!(end, End::Close);
        Ok((length, Reply { status, ..Reply::default() }, end, close))
    }
}

/// Takes the chunks that are there, from `at` on; whether the last one was among them.
fn chunks(raw: &[u8], at: &mut usize, body: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let rest = &raw[*at..];
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else { return Ok(false) };
        let size = std::str::from_utf8(&rest[..line]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size.split(';').next()?, 16).ok());
        let size = size.ok_or(io::ErrorKind::InvalidData)?;
        let end = line + 2 + size + 2;
        if rest.len() < end {
            return Ok(false);
        }
        body.extend_from_slice(&rest[line + 2..end - 2]);
        *at += end;
        if size == 0 {
            return Ok(true);
        }
    }
}

/// How often each status came; 0 is a connection that broke.
pub(crate) type Statuses = BTreeMap<u16, u64>;
