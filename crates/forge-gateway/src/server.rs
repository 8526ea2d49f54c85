//! The server: its places, its clocks, and an end in order.

use std::{
    convert::Infallible, future::poll_fn, io, net::SocketAddr, pin::Pin, sync::Arc, task::Poll,
    time::Duration,
};

use forge::{
    config::{AdminPlace, Listen, ServePlan},
    router::Router,
};
use forge_core::{
    storage::StorageError,
    watch::{ServerDraining, ServerEvent, ServerReloaded, ServerStarted},
};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    access::Access,
    admin::{self, AdminListener},
    connection,
    listen::{self, Listener},
    options::GatewayOptions,
    probes,
    service::Service,
    tls::{Tls, TlsError},
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a gateway does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// Others than this machine reach the place, and there are no keys.
    #[error("{0} is not an address of this machine alone, and nobody would be asked for a key")]
    Public(Listen),
    /// The keys cannot be read.
    #[error("the keys of the clients cannot be read")]
    Keys(#[source] StorageError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server cannot be watched where it is to be.
    #[error("the server cannot be watched at `{place}`")]
    Admin {
        /// The place.
        place: AdminPlace,
        /// Why.
        source: io::Error,
    },
    /// The place cannot be listened at.
    #[error("cannot listen on {place}")]
    Listen {
        /// The place.
        place: Listen,
        /// Why.
        source: io::Error,
    },
}

/// A server that listens.
#[derive(Debug)]
pub struct Gateway {
    listeners: Vec<Listener>,
    probes: Option<TcpListener>,
    admin: Option<AdminListener>,
    service: Arc<Service>,
    /// The version of the keys that were read.
    version: Option<u64>,
}

/// Changes a gateway that serves.
#[derive(Debug, Clone)]
pub struct GatewayHandle(Arc<Service>);

impl GatewayHandle {
    /// Serves by another plan from now on, and reads the certificate again. What is listened at, and how much at once, stays
    /// as it was at the start; connections that are open keep their certificate.
    ///
    /// # Errors
    /// The certificate cannot be used: everything stays as it was.
    pub fn reload(&self, plan: ServePlan) -> Result<(), TlsError> {
        if let (Some(tls), Some(files)) = (&self.0.tls, &plan.tls) {
            tls.reload(files)?;
        }
        self.0.set_plan(plan);
        publish(&self.0, ServerReloaded {});
        Ok(())
    }

    /// The figures of the server and of its accounts, in the text format of Prometheus: what `/metrics` of the probes shows.
    pub async fn metrics(&self) -> String {
        probes::figures(&self.0).await
    }
}

impl Gateway {
    /// Listens. Clients are answered from [`serve`](Self::serve) on.
    ///
    /// # Errors
    /// Keys or a certificate that cannot be read, a place that others reach without any key, or one that cannot be
    /// listened at.
    pub async fn bind(router: Router, mut options: GatewayOptions) -> Result<Self, GatewayError> {
        let (access, version) = Access::open(&options).await.map_err(GatewayError::Keys)?;
        let asks_for_keys = access.asks_for_keys();
        let private = |place: &Listen| {
            if asks_for_keys || !place.is_public() {
                Ok(())
            } else {
                Err(GatewayError::Public(place.clone()))
            }
        };
        let tls = options.plan.tls.as_ref().map(Tls::open).transpose()?;
        let mut listeners = Vec::new();
        for place in std::mem::take(&mut options.plan.listen) {
            private(&place)?;
            let opened = listen::open(&place).await;
            listeners.extend(opened.map_err(|source| GatewayError::Listen { place, source })?);
        }
        // What systemd has opened is known only now.
        listeners.iter().try_for_each(|listener| private(&listener.place()))?;
        let probes = match options.plan.probes {
            None => None,
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|source| GatewayError::Listen { place: Listen::Tcp(address), source })?,
            ),
        };
        let admin = watched_at(&options).await?;
        let service = Arc::new(Service::new(router, options, access, tls));
        Ok(Self { listeners, probes, admin, service, version })
    }

    /// Where it listens, in the order of the options; a port is the one that was given out where 0 was asked for.
    pub fn places(&self) -> Vec<Listen> {
        self.listeners.iter().map(Listener::place).collect()
    }

    /// The first address of the network at which it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|listener| match listener.place() {
            Listen::Tcp(address) => Some(address),
            _ => None,
        })
    }

    /// Where its probes are answered.
    pub fn probes_address(&self) -> Option<SocketAddr> {
        self.probes.as_ref()?.local_addr().ok()
    }

    /// Where it is watched, as somebody needs it: `unix:PATH`, or an address with its token.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(AdminListener::url)
    }

    /// Where it is watched, without any token.
    pub fn admin_place(&self) -> Option<Listen> {
        self.admin.as_ref().map(AdminListener::place)
    }

    /// Whether addresses of the network speak TLS.
    pub fn is_encrypted(&self) -> bool {
        self.service.tls.is_some()
    }

    /// Whether clients have to bring a key.
    pub fn asks_for_keys(&self) -> bool {
        self.service.access.asks_for_keys()
    }

    /// What changes the server while it serves.
    pub fn handle(&self) -> GatewayHandle {
        GatewayHandle(Arc::clone(&self.service))
    }

    /// Serves until `end` is ready, then takes no more connections, and waits for those that are open, at most for the
    /// grace of the options. Returns whether all of them had ended by then.
    pub async fn serve(self, end: impl Future<Output = ()> + Send) -> bool {
        self.apart(Box::pin(end)).await
    }

    /// Behind a pointer, so that all of the server is compiled here, once, and not with each program that serves.
    fn apart(self, end: BoxFuture<'_, ()>) -> BoxFuture<'_, bool> {
        Box::pin(self.until(end))
    }

    async fn until(self, end: BoxFuture<'_, ()>) -> bool {
        let started = ServerStarted {
            version: env!("CARGO_PKG_VERSION"),
            places: self.places().iter().map(ToString::to_string).collect(),
            keys: self.asks_for_keys(),
        };
        let Self { listeners, probes, admin, service, version } = self;
        publish(&service, started);
        // Ends with this future, wherever it is dropped.
        let mut background = JoinSet::new();
        let watching = Arc::clone(&service);
        background.spawn(async move { watching.access.watch(version).await });
        if let Some(responses) = service.responses.clone() {
            background.spawn(async move { responses.watch().await });
        }
        if let Some(listener) = probes {
            background.spawn(probes::serve(listener, Arc::clone(&service)));
        }
        let (watchers_end, end_of_watchers) = watch::channel(());
        let mut watchers = JoinSet::new();
        if let Some(admin) = admin {
            watchers.spawn(admin::serve(admin, Arc::clone(&service), end_of_watchers));
        }
        let connections = GracefulShutdown::new();
        tokio::select! {
            never = accept(&listeners, &service, &connections) => match never {},
            () = end => {}
        }
        // Before the wait: who comes now is told by the system that nobody listens.
        drop(listeners);
        service.capacity.drain();
        publish(&service, ServerDraining {});
        let in_time = in_grace(&service, connections).await;
        service.access.note().await;
        end_watchers(&service, &watchers_end, &mut watchers).await;
        in_time
    }
}

/// Waits for what is under way as long as the plan says, and ends what is left of the calls in the background. Returns whether all
/// had ended by itself.
async fn in_grace(service: &Service, connections: GracefulShutdown) -> bool {
    let ended = async {
        connections.shutdown().await;
        if let Some(responses) = &service.responses {
            responses.idle().await;
        }
    };
    let grace = service.plan().grace;
    let in_time = tokio::time::timeout(if grace.is_zero() { Duration::MAX } else { grace }, ended).await;
    if let Some(responses) = &service.responses {
        responses.end().await;
    }
    in_time.is_ok()
}

/// Those who watch get what is there, and at most so much time to take it.
const LAST_EVENTS: Duration = Duration::from_secs(1);

async fn end_watchers(service: &Service, end: &watch::Sender<()>, watchers: &mut JoinSet<()>) {
    if let Some(log) = service.router.events() {
        log.close();
    }
    end.send_replace(());
    // Whoever has not taken it by then is cut.
    let _ = tokio::time::timeout(LAST_EVENTS, watchers.join_next()).await;
}

fn publish(service: &Service, event: impl Into<ServerEvent>) {
    if let Some(log) = service.router.events() {
        log.publish(service.router.timer().now(), event);
    }
}

/// Opens the place at which the server is watched. Where none is asked for, one that cannot be had is missed by nobody.
async fn watched_at(options: &GatewayOptions) -> Result<Option<AdminListener>, GatewayError> {
    let (place, run) = (options.plan.admin, options.run.as_deref());
    let wanted = if run.is_some() { AdminPlace::Unix } else { AdminPlace::Off };
    match (AdminListener::open(place.unwrap_or(wanted), run).await, place) {
        (Ok(admin), _) => Ok(admin),
        (Err(source), Some(place)) => Err(GatewayError::Admin { place, source }),
        (Err(error), None) => {
            tracing::warn!(%error, "the server cannot be watched: its socket is not open");
            Ok(None)
        }
    }
}

/// Takes connections for as long as it is polled.
async fn accept(
    listeners: &[Listener],
    service: &Arc<Service>,
    connections: &GracefulShutdown,
) -> Infallible {
    loop {
        // Beyond the limit, clients wait in the queue of the system.
        let place = service.capacity.connection().await;
        let socket = poll_fn(|cx| {
            let mut accepted = listeners.iter().map(|listener| listener.poll_accept(cx));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        match socket.await {
            Ok(socket) => {
                let connection = connection::serve(socket, Arc::clone(service), connections.watcher());
                tokio::spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            // Too many open files, mostly: the ones that are there end, and others can be taken.
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
