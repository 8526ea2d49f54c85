use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The names of the events of a stream, in order.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    /// The data of the events of this name.
    pub(crate) fn data(&self, name: &str) -> Vec<Value> {
        let frames =
            self.body.split("\n\n").filter_map(|frame| frame.strip_prefix("event: ")?.split_once("\ndata: "));
        frames
            .filter(|(known, _)| *known == name)
            .map(|(_, data)| serde_json::from_str(data).unwrap())
            .collect()
    }
}

/// Opens a connection and sends a request, whose head ends with `headers`.
pub(crate) async fn send(address: SocketAddr, start: &str, headers: &str, body: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{start} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses the head need not read on.
    let _ = socket.write_all(body.as_bytes()).await;
    socket
}

pub(crate) async fn read(mut socket: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A server that has refused may reset what it has not read.
    let _ = socket.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunked(rest) } else { rest.to_owned() };
    Reply { status, head: head.to_owned(), body }
}

fn dechunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, data)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body.push_str(&data[..length]);
        rest = &data[length + 2..];
    }
    body
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    let socket =
        send(address, &format!("POST {path}"), "content-type: application/json\r\n", &body.to_string()).await;
    read(socket).await
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &str) -> Reply {
    read(send(address, &format!("GET {path}"), headers, "").await).await
}
