use std::sync::{Arc, Mutex};

use forge::router::ProviderPlan;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A vendor that keeps what it was sent, byte for byte, and answers with what it was given, in this order.
pub(crate) struct Recorded {
    at: String,
    asked: Asked,
}

/// The heads, in lower case, and the bodies of requests.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

impl Recorded {
    /// Each reply is its type and the pieces of its body.
    pub(crate) async fn start(replies: &[(&str, &[&str])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let asked = Asked::default();
        let (noted, replies) = (Arc::clone(&asked), owned(replies));
        tokio::spawn(async move {
            for (kind, pieces) in replies {
                let (mut socket, _) = listener.accept().await.unwrap();
                let request = read(&mut socket).await;
                noted.lock().unwrap().push(request);
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\n\r\n");
                socket.write_all(head.as_bytes()).await.unwrap();
                for piece in pieces {
                    socket.write_all(piece.as_bytes()).await.unwrap();
                    socket.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        Self { at, asked }
    }

    /// Sends the calls of this provider here.
    pub(crate) fn take(&self, providers: &mut [ProviderPlan], id: &str) {
        let plan = providers.iter_mut().find(|plan| plan.id == *id).unwrap();
        plan.endpoint = Some(format!("http://{}", self.at));
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(head, body)| (head.clone(), String::from_utf8(body.clone()).unwrap())).collect()
    }
}

fn owned(replies: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let texts = |pieces: &[&str]| pieces.iter().map(|piece| (*piece).to_owned()).collect();
    replies.iter().map(|(kind, pieces)| ((*kind).to_owned(), texts(pieces))).collect()
}

async fn read(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        socket.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let whole = end + 4 + length.parse::<usize>().unwrap();
        while bytes.len() < whole {
            socket.read_buf(&mut bytes).await.unwrap();
        }
        return (head, bytes.split_off(end + 4));
    }
}
