//! A small HTTP/1.1 client that shows how a reply really ends.

use std::io::{ErrorKind, Read as _};
use std::time::Duration;

use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "sk-test-0123456789";

/// How the server ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// Closed before the framing's own end.
    Cut,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The chunks of a chunked body, as they were sent.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) end: End,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The data of every event; `[DONE]` comes as a string.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into()))
            .collect()
    }

    /// The lines of an NDJSON body.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn gunzipped(&self) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(self.body.as_slice()).read_to_string(&mut text).unwrap();
        text
    }
}

/// The body with more fields, or other values for fields it has.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

pub(crate) async fn start() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

pub(crate) async fn start_with(yaml: &str) -> Sim {
    Sim::start(SimConfig { scenario: Scenario::from_yaml(yaml).unwrap(), ..SimConfig::default() })
        .await
        .unwrap()
}

fn vendor_headers(vendor: Vendor) -> Vec<(&'static str, &'static str)> {
    match vendor {
        Vendor::Anthropic => vec![("x-api-key", KEY), ("anthropic-version", "2023-06-01")],
        Vendor::Google => vec![("x-goog-api-key", KEY)],
        _ => vec![("authorization", "Bearer sk-test-0123456789")],
    }
}

/// A POST with the vendor's credentials; `path` follows the vendor's base URL.
pub(crate) async fn post(sim: &Sim, vendor: Vendor, path: &str, body: &Value) -> Reply {
    let path = format!("{}{path}", vendor.base_path());
    let mut headers = vendor_headers(vendor);
    headers.push(("content-type", "application/json"));
    send(sim, "POST", &path, &headers, body.to_string().as_bytes()).await
}

pub(crate) async fn get(sim: &Sim, vendor: Vendor, path: &str) -> Reply {
    let path = format!("{}{path}", vendor.base_path());
    send(sim, "GET", &path, &vendor_headers(vendor), b"").await
}

/// One request on a connection of its own.
pub(crate) async fn send(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut stream = open(sim, method, path, headers, body).await;
    let mut raw = Vec::new();
    let reset = read_to_end(&mut stream, &mut raw).await;
    parse(&raw, reset)
}

/// Sends a request and leaves the reply unread.
pub(crate) async fn open(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> TcpStream {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

async fn read_to_end(stream: &mut TcpStream, raw: &mut Vec<u8>) -> bool {
    let reading = stream.read_to_end(raw);
    let limit = Duration::from_secs(20);
    match tokio::time::timeout(limit, reading).await.expect("a reply") {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) => panic!("{error}"),
    }
}

fn parse(raw: &[u8], reset: bool) -> Reply {
    let Some(end_of_head) = raw.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Reply {
            status: 0,
            headers: Vec::new(),
            body: raw.to_vec(),
            chunks: Vec::new(),
            end: if reset { End::Reset } else { End::Cut },
        };
    };
    let head = String::from_utf8(raw[..end_of_head].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let rest = &raw[end_of_head + 4..];
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map(|(_, value)| value.parse::<usize>().unwrap());
    let (chunks, complete) = match length {
        Some(length) => (vec![rest.to_vec()], rest.len() == length),
        None => unchunk(rest),
    };
    Reply {
        status: status.parse().unwrap(),
        headers,
        body: chunks.concat(),
        chunks,
        end: match (complete, reset) {
            (_, true) => End::Reset,
            (true, false) => End::Complete,
            (false, false) => End::Cut,
        },
    }
}

/// The chunks so far, and whether the closing one was there.
fn unchunk(mut rest: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
            return (chunks, false);
        };
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[line + 2..];
        if size == 0 {
            return (chunks, true);
        }
        chunks.push(rest[..size.min(rest.len())].to_vec());
        rest = rest.get(size + 2..).unwrap_or_default();
    }
}
