//! What stands in front of a server and remembers what it was asked.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// The bodies of the requests for answers, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<Value>>>);

impl Asked {
    pub(crate) fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, body: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
}

/// Opens a way to `server`, an address such as `http://127.0.0.1:4711`, and gives its address. Bytes pass in both
/// directions as they are, and a client that goes away is gone for the server too.
pub(crate) fn gate(server: &str, asked: &Asked) -> String {
    let behind: SocketAddr = server.trim_start_matches("http://").parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = asked.clone();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            thread::spawn(move || {
                // A connection that breaks is the business of its two ends.
                let _ = pass(&client, behind, &asked);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    url
}

fn pass(client: &TcpStream, behind: SocketAddr, asked: &Asked) -> io::Result<()> {
    let server = TcpStream::connect(behind)?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let outcome = requests(client, &server, asked);
    let _ = server.shutdown(Shutdown::Both);
    outcome
}

/// Passes requests on until the client ends.
fn requests(client: &TcpStream, mut server: &TcpStream, asked: &Asked) -> io::Result<()> {
    let mut client = BufReader::new(client);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let begun = head.len();
            if client.read_line(&mut head)? == 0 {
                return Ok(());
            }
            let line = head[begun..].trim().to_ascii_lowercase();
            assert!(!line.starts_with("transfer-encoding"), "the length of a body is said: {head}");
            if let Some(number) = line.strip_prefix("content-length:") {
                length = number.trim().parse().map_err(io::Error::other)?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        client.read_exact(&mut body)?;
        if head.lines().next().is_some_and(|line| line.contains("/completions ")) {
            asked.add(serde_json::from_slice(&body)?);
        }
        server.write_all(head.as_bytes())?;
        server.write_all(&body)?;
    }
}
