//! What a gateway can be told.

use std::{net::SocketAddr, time::Duration};

/// How a gateway serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// Where it listens. Only addresses of this machine are taken: nobody is asked for a key.
    pub listen: SocketAddr,
    /// Host names beyond those of this machine under which it is reached.
    pub hosts: Vec<String>,
    /// The most bytes of a request.
    pub max_body: usize,
    /// How long a call may take in all.
    pub whole: Duration,
    /// How long calls under way have to end when the server does.
    pub grace: Duration,
}

impl Default for GatewayOptions {
    /// `127.0.0.1:4600`, bodies of 32 MiB, calls of 15 minutes, 30 s to end.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4600)),
            hosts: Vec::new(),
            max_body: 32 * 1024 * 1024,
            // Longer than the clients of the vendors wait.
            whole: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(30),
        }
    }
}
