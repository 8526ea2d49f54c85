//! Listens in on one connection.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy on loopback that keeps what the server says, of all connections in the order in which it came. It
/// ends with the value.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    said: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Starts a proxy in front of `server`, on a free port.
    ///
    /// # Errors
    /// No port can be opened. A server that cannot be reached shows in the calls.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&said);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A broken connection ends one recording, not the recorder.
                let _ = relay(client, server, &kept).await;
            }
        });
        Ok(Self { address, said, task })
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server has said so far, heads included.
    pub fn said(&self) -> Vec<u8> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(client: TcpStream, server: SocketAddr, said: &Mutex<Vec<u8>>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    let answering = async {
        let mut piece = vec![0; 16 * 1024];
        loop {
            let read = from_server.read(&mut piece).await?;
            if read == 0 {
                return io::Result::Ok(());
            }
            // Kept before it is passed on: whoever has the reply finds it here.
            said.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..read]);
            to_client.write_all(&piece[..read]).await?;
        }
    };
    tokio::select! {
        result = answering => result,
        result = asking => result.map(|_| ()),
    }
}
