//! The HTTP clients behind a connection.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use rustls_platform_verifier::{BuilderVerifierExt, Verifier};

/// Servers allow about 100 streams on one HTTP/2 connection, and a client has one connection to a
/// host: further calls would queue inside it, unseen. Before that happens another client is opened.
const CALLS_PER_CLIENT: usize = 80;

/// As many clients as the calls under way need.
#[derive(Debug)]
pub(crate) struct Clients {
    settings: ClientSettings,
    open: Mutex<Vec<(Client, Arc<AtomicUsize>)>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    pub(crate) connect_timeout: std::time::Duration,
    pub(crate) proxy: Option<reqwest::Proxy>,
    /// The server is reached without TLS.
    pub(crate) plain: bool,
    /// Authorities that are trusted beside those of the system.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

/// One call's place in a client; given back on drop.
#[derive(Debug)]
pub(crate) struct Lease(Arc<AtomicUsize>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Clients {
    pub(crate) fn new(settings: ClientSettings) -> Self {
        Self { settings, open: Mutex::default() }
    }

    /// A client with room for one more call.
    // The first client with room and not the emptiest: calls gather on few connections, and the others fall
    // idle and are closed.
    pub(crate) fn lease(&self) -> Result<(Client, Lease), Box<dyn std::error::Error + Send + Sync>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let roomy = open.iter().find(|(_, calls)| calls.load(Ordering::Relaxed) < CALLS_PER_CLIENT);
        let (client, calls) = match roomy {
            Some(found) => found.clone(),
            None => {
                let fresh = (self.settings.build()?, Arc::default());
                open.push(fresh.clone());
                fresh
            }
        };
        // Relaxed: places are taken under the lock, and a drop beside it only makes room.
        calls.fetch_add(1, Ordering::Relaxed);
        Ok((client, Lease(calls)))
    }
}

impl ClientSettings {
    /// Redirects are off, because credentials in custom headers would follow them to another host;
    /// retries are off, because the router has the only retry loop; the environment is not read.
    fn build(&self) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Without the second, every request is cloned for a retry that never comes.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .referer(false)
            .connect_timeout(self.connect_timeout)
            // A request is one small write; held back for more, it would wait for an acknowledgement.
            .tcp_nodelay(true)
            .tls_backend_preconfigured(self.tls()?)
            .no_proxy();
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        Ok(builder.build()?)
    }

    fn tls(&self) -> Result<ClientConfig, rustls::Error> {
        static PLATFORM: OnceLock<ClientConfig> = OnceLock::new();
        if self.plain {
            // Never used, and much cheaper to make than one with the platform's certificates.
            let config = base_config()?.with_root_certificates(RootCertStore::empty());
            return Ok(config.with_no_client_auth());
        }
        // To read the platform's certificates takes longer than all else at the start, and every provider
        // needs the same.
        if let Some(config) = PLATFORM.get().filter(|_| self.authorities.is_empty()) {
            return Ok(config.clone());
        }
        let builder = base_config()?;
        let mut config = if self.authorities.is_empty() {
            builder.with_platform_verifier()?.with_no_client_auth()
        } else {
            let provider = Arc::clone(builder.crypto_provider());
            let verifier = Verifier::new_with_extra_roots(self.authorities.clone(), provider)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        };
        // A preconfigured backend offers no protocols by itself, and without an offer every call is HTTP/1.1.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(if self.authorities.is_empty() { PLATFORM.get_or_init(|| config).clone() } else { config })
    }
}

fn base_config() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    // Named, so that nothing depends on which provider some other crate has installed for the process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_client_is_left_for_another_and_comes_back() {
        let connect_timeout = std::time::Duration::from_secs(1);
        let clients = Clients::new(ClientSettings {
            connect_timeout,
            proxy: None,
            plain: true,
            authorities: Vec::new(),
        });
        let count = || clients.open.lock().unwrap().len();
        let mut leases: Vec<_> = (0..CALLS_PER_CLIENT).map(|_| clients.lease().unwrap().1).collect();
        assert_eq!(count(), 1);
        leases.push(clients.lease().unwrap().1);
        assert_eq!(count(), 2);
        leases.clear();
        let _lease = clients.lease().unwrap();
        assert_eq!(count(), 2);
        assert_eq!(clients.open.lock().unwrap()[0].1.load(Ordering::Relaxed), 1);
    }
}
