use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::app::App;
use crate::error::SimError;
use crate::journal::RecordedRequest;
use crate::scenario::Scenario;
use crate::service;
use crate::transport::{Connection, Socket};
use crate::vendor::Vendor;

/// How a simulator is started.
#[derive(Debug, Clone, PartialEq)]
pub struct SimConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Decides every id, signature and word.
    pub seed: u64,
    /// Faults, limits and pace.
    pub scenario: Scenario,
    /// How many requests the journal keeps.
    pub journal_capacity: usize,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            scenario: Scenario::default(),
            journal_capacity: 10_000,
        }
    }
}

/// A running simulator. Dropping it closes every connection.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    app: Arc<App>,
    task: JoinHandle<()>,
}

impl Sim {
    /// Opens the port and starts to answer. Needs a tokio runtime with I/O and time.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        config.scenario.check()?;
        let listen = |source| SimError::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let app = Arc::new(App::new(config.seed, config.scenario, config.journal_capacity));
        let task = tokio::spawn(accept(listener, Arc::clone(&app)));
        Ok(Self { addr, app, task })
    }

    /// Where the simulator listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client of this vendor takes as its base URL.
    pub fn base_url(&self, vendor: Vendor) -> String {
        format!("http://{}{}", self.addr, vendor.base_path())
    }

    /// Requests so far, as `GET /__sim/requests` gives them.
    pub fn journal(&self) -> Vec<RecordedRequest> {
        self.app.journal.requests()
    }

    /// Plays another scenario from now on; counters and limits start anew.
    pub fn set_scenario(&self, scenario: Scenario) {
        self.app.set_scenario(scenario);
    }

    /// Forgets requests, prompt caches and limits, and starts the scenario anew.
    pub fn reset(&self) {
        self.app.reset();
    }

    /// Stops and waits until every connection is closed.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The only possible error is the abort itself.
        let _ = (&mut self.task).await;
    }

    /// Waits until the server ends by itself, which it does not do while all is well.
    pub async fn run(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Owns the connections, so that the end of this task is theirs too.
async fn accept(listener: TcpListener, app: Arc<App>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&app)));
            }
            // Out of file descriptors, or a client that left early: others go on.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn converse(stream: TcpStream, app: Arc<App>) {
    let connection = Arc::new(Connection::default());
    let Ok(socket) = Socket::new(stream, Arc::clone(&connection)) else {
        return;
    };
    let service =
        service_fn(move |request| service::serve(Arc::clone(&app), Arc::clone(&connection), request));
    // Errors of one connection, scripted or not, concern only its client.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service).await;
}
