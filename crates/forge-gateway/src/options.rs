//! What a gateway can be told.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use forge_core::storage::access::{AccessStore, AuditLog};

/// How a gateway serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// Where it listens. Without keys, only an address of this machine is taken.
    pub listen: SocketAddr,
    /// Host names beyond those of this machine under which it is reached.
    pub hosts: Vec<String>,
    /// The most bytes of a request.
    pub max_body: usize,
    /// How long a call may take in all.
    pub whole: Duration,
    /// How long calls under way have to end when the server does.
    pub grace: Duration,
    /// The keys of its clients. As soon as there is one, every client has to bring one.
    pub keys: Option<Arc<dyn AccessStore>>,
    /// Where keys that were refused are written down.
    pub audit: Option<Arc<dyn AuditLog>>,
}

impl Default for GatewayOptions {
    /// `127.0.0.1:4600`, bodies of 32 MiB, calls of 15 minutes, 30 s to end, no keys.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4600)),
            hosts: Vec::new(),
            max_body: 32 * 1024 * 1024,
            // Longer than the clients of the vendors wait.
            whole: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(30),
            keys: None,
            audit: None,
        }
    }
}
