//! A server on loopback that says what it is told to, and one exchange with it.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use forge_core::{
    Adapter, CallContext, ModelRequest, Participant, Provider as _, ProviderError, StreamEvent,
    provider::AdapterSettings,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::LocalSet,
};

/// Shows up nowhere.
pub(crate) const KEY: &str = "sk-test-canary-7b1f";

/// Opens an adapter.
pub(crate) type Open = fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError>;

/// An adapter and the server that it asks.
pub(crate) struct Wire {
    runtime: Runtime,
    tasks: LocalSet,
    reply: Rc<RefCell<Rc<Reply>>>,
    adapter: Arc<dyn Adapter>,
    participant: Participant,
}

/// The next reply, head included.
#[derive(Default)]
struct Reply {
    bytes: Vec<u8>,
    closes: bool,
}

/// What came of a call: its events, and the error that ended them.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<StreamEvent>,
    pub(crate) error: Option<ProviderError>,
}

impl Wire {
    pub(crate) fn new(open: Open, participant: Participant) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tasks = LocalSet::new();
        let reply = Rc::<RefCell<Rc<Reply>>>::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let replies = Rc::clone(&reply);
        tasks.spawn_local(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::task::spawn_local(serve(connection, Rc::clone(&replies)));
            }
        });
        let settings = AdapterSettings {
            base_url: Some(url),
            api_key: Some(KEY.into()),
            ..AdapterSettings::new("fuzzed")
        };
        let adapter = open(settings).expect("the settings are good");
        Self { runtime, tasks, reply, adapter, participant }
    }

    pub(crate) fn context(&self) -> CallContext {
        CallContext::new(self.participant.clone())
    }

    /// A reply with a good status whose body comes in pieces of this size. One that is `cut` ends without the end
    /// that its framing promises.
    pub(crate) fn body(&self, request: &ModelRequest, body: &[u8], piece: usize, cut: bool) -> Outcome {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in body.chunks(piece.max(1)) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        if !cut {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        self.exchange(request, Reply { bytes, closes: cut })
    }

    /// A whole reply with this head, which ends with its last header.
    pub(crate) fn whole(&self, request: &ModelRequest, head: &str, body: &[u8]) -> Outcome {
        let mut bytes = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        self.exchange(request, Reply { bytes, closes: false })
    }

    fn exchange(&self, request: &ModelRequest, reply: Reply) -> Outcome {
        *self.reply.borrow_mut() = Rc::new(reply);
        let mut outcome = Outcome { events: Vec::new(), error: None };
        self.tasks.block_on(&self.runtime, async {
            let mut stream = match self.adapter.stream(&self.context(), Arc::new(request.clone())).await {
                Ok(stream) => stream,
                Err(error) => {
                    outcome.error = Some(error);
                    return;
                }
            };
            while let Some(event) = stream.next().await {
                assert!(outcome.error.is_none(), "{event:?} after an error");
                match event {
                    Ok(event) => outcome.events.push(event),
                    Err(error) => outcome.error = Some(error),
                }
            }
        });
        outcome
    }
}

/// Gives every request the reply of the moment. A client that breaks off is part of the game.
async fn serve(mut connection: TcpStream, replies: Rc<RefCell<Rc<Reply>>>) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut buffer = Vec::new();
    loop {
        while !is_whole(&buffer) {
            let read = connection.read_buf(&mut buffer).await.ok()?;
            (read > 0).then_some(())?;
        }
        buffer.clear();
        let reply = Rc::clone(&replies.borrow());
        connection.write_all(&reply.bytes).await.ok()?;
        (!reply.closes).then_some(())?;
    }
}

/// Whether the one request that is under way is there with its body.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    bytes.len() >= head.len() + 4 + length
}
