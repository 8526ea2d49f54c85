use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::app::App;
use crate::compatible::Server;
use crate::context::lock;
use crate::error::SimError;
use crate::journal::RecordedRequest;
use crate::responder::{Plain, Responder};
use crate::scenario::Scenario;
use crate::service;
use crate::transport::{Connection, Socket};
use crate::vendor::Vendor;

/// How a simulator is started.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Where to listen; by default the loopback address and a free port, which port 0 stands for. The
    /// simulator speaks plain HTTP/1.1.
    pub listen: SocketAddr,
    /// Decides every id, signature and word; 0 by default. Two simulators with one seed take each other's
    /// signatures.
    pub seed: u64,
    /// Faults, limits and pace; by default none.
    pub scenario: Scenario,
    /// Servers beside those that the simulator brings along.
    pub servers: Vec<&'static Server>,
    /// Who answers in the place of the models.
    pub responder: Arc<dyn Responder>,
    /// How many requests the journal keeps, 10,000 by default; the oldest go first. Their bodies take 64 MiB
    /// at most.
    pub journal_capacity: usize,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            scenario: Scenario::default(),
            servers: Vec::new(),
            responder: Arc::new(Plain),
            journal_capacity: 10_000,
        }
    }
}

/// A running simulator. Dropping it closes every connection.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    app: Arc<App>,
    /// Opens the connections, which end when the last owner of the set is gone.
    task: JoinHandle<()>,
    connections: Connections,
}

type Connections = Arc<Mutex<JoinSet<()>>>;

impl Sim {
    /// Opens the port and starts to answer. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// A port that is not free, a rule that can do nothing, or a server that no request would reach.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        config.scenario.check()?;
        check(&config.servers)?;
        let listen = |source| SimError::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let SimConfig { seed, responder, scenario, servers, journal_capacity, .. } = config;
        let app = Arc::new(App::new(seed, responder, scenario, servers, journal_capacity));
        let connections = Connections::default();
        let task = tokio::spawn(accept(listener, Arc::clone(&app), Arc::clone(&connections)));
        Ok(Self { addr, app, task, connections })
    }

    /// Where the simulator listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client of this vendor takes as its base URL, without a slash at its end.
    pub fn base_url(&self, vendor: Vendor) -> String {
        format!("http://{}{}", self.addr, vendor.base_path())
    }

    /// Requests so far, as `GET /__sim/requests` gives them.
    pub fn journal(&self) -> Vec<RecordedRequest> {
        self.app.journal.requests()
    }

    /// Plays another scenario from now on; counters and limits start anew.
    ///
    /// # Errors
    /// See [`Scenario::from_yaml`]: a rule that can do nothing. The old scenario goes on.
    pub fn set_scenario(&self, scenario: Scenario) -> Result<(), SimError> {
        scenario.check()?;
        self.app.set_scenario(scenario);
        Ok(())
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
        let mut connections = std::mem::take(&mut *lock(&self.connections));
        connections.shutdown().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Refuses servers that no request would reach.
fn check(servers: &[&'static Server]) -> Result<(), SimError> {
    for (index, server) in servers.iter().enumerate() {
        let is_taken = Vendor::known(&servers[..index]).any(|vendor| vendor.id() == server.id);
        let taken = is_taken.then_some("has the id of another one");
        if let Some(problem) = server.problem().or(taken) {
            return Err(SimError::Server { id: server.id, problem });
        }
    }
    Ok(())
}

async fn accept(listener: TcpListener, app: Arc<App>, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let mut connections = lock(&connections);
                // Connections that have ended are taken out here, else the set would grow with every client.
                while connections.try_join_next().is_some() {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn after_a_shutdown_no_connection_is_left() {
        let sim = Sim::start(SimConfig::default()).await.unwrap();
        let app = Arc::clone(&sim.app);
        let mut clients = Vec::new();
        for _ in 0..200 {
            clients.push(TcpStream::connect(sim.addr()).await.unwrap());
        }
        while lock(&sim.connections).len() < clients.len() {
            tokio::task::yield_now().await;
        }
        sim.shutdown().await;
        assert_eq!(Arc::strong_count(&app), 1, "every connection holds one");
    }
}
