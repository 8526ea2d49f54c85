//! One connection of a client, from its first byte to its last.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    listen::{Ends, Socket},
    service::Service,
};

/// Serves a connection until it ends.
pub(crate) async fn serve(socket: Socket, service: Arc<Service>, watcher: Watcher) {
    let served = match socket {
        Socket::Tcp(stream) => match Ends::of(&stream) {
            // Its client is gone already.
            Err(error) => Err(error.into()),
            Ok(ends) => match &service.tls {
                None => answer(stream, Some(ends), &service, watcher).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream, Some(ends), &service, watcher).await,
                    Err(error) => Err(error.into()),
                },
            },
        },
        #[cfg(unix)]
        Socket::Unix(stream) => answer(stream, None, &service, watcher).await,
    };
    if let Err(error) = served {
        tracing::debug!(error, "a connection broke off");
    }
}

async fn answer<S>(
    stream: S,
    ends: Option<Ends>,
    service: &Arc<Service>,
    watcher: Watcher,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let respond = service_fn(|request| {
        let service = Arc::clone(service);
        async move { Ok::<_, Infallible>(service.respond(ends, request).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // A head that is not there by then does not come any more.
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(64 * 1024);
    server.http2().timer(TokioTimer::new());
    let connection = server.serve_connection(TokioIo::new(stream), respond);
    watcher.watch(connection).await
}
