//! What a gateway can be told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use forge::store::Store;
use forge_core::storage::access::{AccessStore, Allowance, AuditLog};

use crate::{listen::Listen, names::ModelNames, tls::TlsFiles};

/// How a gateway serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// Where it listens. Without keys, only places of this machine are taken.
    pub listen: Vec<Listen>,
    /// Where machines ask whether it lives, and for its figures, in plain HTTP. Nothing there is secret.
    pub probes: Option<SocketAddr>,
    /// The certificate for addresses of the network; without one they speak plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Host names beyond those of this machine under which it is reached.
    pub hosts: Vec<String>,
    /// Pages of browsers that may ask, by their exact origin, such as `https://chat.example.org`.
    pub origins: Vec<String>,
    /// What clients may call the models.
    pub models: ModelNames,
    /// The most bytes of a request.
    pub max_body: usize,
    /// The most bytes of all requests that are being read.
    pub max_bodies: usize,
    /// The most connections at once. Who comes beyond waits.
    pub connections: usize,
    /// The most calls under way at once. Who comes beyond is told to come again.
    pub in_flight: usize,
    /// The limits by the minute and at once of keys that have none of their own.
    pub per_key: Allowance,
    /// How long a call may take in all.
    pub whole: Duration,
    /// How long calls under way have to end when the server does; zero is for ever.
    pub grace: Duration,
    /// The keys of its clients. As soon as there is one, every client has to bring one.
    pub keys: Option<Arc<dyn AccessStore>>,
    /// Where keys that were refused are written down.
    pub audit: Option<Arc<dyn AuditLog>>,
    /// The accounts that `/metrics` shows.
    pub metrics: Option<Arc<Store>>,
}

impl Default for GatewayOptions {
    /// `127.0.0.1:4600`, bodies of 32 MiB and 256 MiB in all, 1,024 connections, 256 calls at once, each of 15 minutes at
    /// most, 30 s to end, no keys.
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp((Ipv4Addr::LOCALHOST, 4600).into())],
            probes: None,
            tls: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            models: ModelNames::default(),
            max_body: 32 * 1024 * 1024,
            max_bodies: 256 * 1024 * 1024,
            connections: 1_024,
            in_flight: 256,
            per_key: Allowance::default(),
            // Longer than the clients of the vendors wait.
            whole: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(30),
            keys: None,
            audit: None,
            metrics: None,
        }
    }
}
