//! The server: connections, their clocks, and an end in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use forge::router::Router;
use forge_core::storage::StorageError;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{access::Access, options::GatewayOptions, service::Service};

/// Why a gateway does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The address is not one of this machine alone, and there are no keys.
    #[error("{0} is not an address of this machine alone, and nobody would be asked for a key")]
    Public(SocketAddr),
    /// The keys cannot be read.
    #[error("the keys of the clients cannot be read")]
    Keys(#[source] StorageError),
    /// The address cannot be listened to.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A server that listens.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    service: Arc<Service>,
    /// The version of the keys that were read.
    version: Option<u64>,
}

impl Gateway {
    /// Listens. Clients are answered from [`serve`](Self::serve) on.
    ///
    /// # Errors
    /// Keys that cannot be read, an address that others reach without any, or one that cannot be listened to.
    pub async fn bind(router: Router, options: GatewayOptions) -> Result<Self, GatewayError> {
        let address = options.listen;
        let (access, version) = Access::open(&options).await.map_err(GatewayError::Keys)?;
        if !address.ip().is_loopback() && !access.asks_for_keys() {
            return Err(GatewayError::Public(address));
        }
        let refuse = |source| GatewayError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let bound = listener.local_addr().map_err(refuse)?;
        let service = Arc::new(Service { router, options, bound, access });
        Ok(Self { listener, service, version })
    }

    /// Whether clients have to bring a key.
    pub fn asks_for_keys(&self) -> bool {
        self.service.access.asks_for_keys()
    }

    /// Where it listens; the port is the one that was given out where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.service.bound
    }

    /// Serves until `end` is ready, then takes no more connections, and waits for those that are open, at most for the
    /// grace of the options. Returns whether all of them had ended by then.
    pub async fn serve(self, end: impl Future<Output = ()>) -> bool {
        let Self { listener, service, version } = self;
        let connections = GracefulShutdown::new();
        // Ends with this future, wherever it is dropped.
        let mut background = JoinSet::new();
        background.spawn({
            let service = Arc::clone(&service);
            async move { service.access.watch(version).await }
        });
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut end => break,
            };
            match accepted {
                Ok((stream, peer)) => connect(stream, peer, &service, &connections),
                // Too many open files, mostly: the ones that are there end, and others can be taken.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // Before the wait: who comes now is told by the system that nobody listens.
        drop(listener);
        let ended = tokio::time::timeout(service.options.grace, connections.shutdown()).await.is_ok();
        service.access.note().await;
        ended
    }
}

fn connect(stream: TcpStream, peer: SocketAddr, service: &Arc<Service>, connections: &GracefulShutdown) {
    // Each write is a piece that a client waits for.
    let _ = stream.set_nodelay(true);
    let service = Arc::clone(service);
    let respond = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(service.respond(peer.ip(), request).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // A head that is not there by then does not come any more.
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(64 * 1024);
    server.http2().timer(TokioTimer::new());
    let connection = server.serve_connection(TokioIo::new(stream), respond).into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error, "a connection broke off");
        }
    });
}
