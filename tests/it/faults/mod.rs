//! Faults and attacks that concern the whole, and the table of all of them: `docs/faults.md`.

mod accounts;
mod ends;
mod keys;
mod open;
mod paths;
mod project;
mod rows;
mod screen;
mod smuggling;
mod spellings;
mod stalls;
mod table;

use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts who connects to it, and the bytes they send; answers nobody.
struct Trap {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

impl Trap {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, bytes) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (seen, read) = (Arc::clone(&connections), Arc::clone(&bytes));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                seen.fetch_add(1, Ordering::Relaxed);
                let count = connection.read(&mut [0; 4_096]).unwrap_or(0);
                read.fetch_add(count, Ordering::Relaxed);
            }
        });
        Self { address, connections, bytes }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections and bytes so far.
    fn caught(&self) -> (usize, usize) {
        (self.connections.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}
