//! The listener of machines that look after the server: whether it lives, whether it takes requests, and its figures.
//! Nothing of it is secret, and none of it asks for a key.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    metrics, process,
    reply::{self, Reply},
    service::Service,
};

/// Answers for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>) {
    // They end with the server.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(connect(stream, Arc::clone(&service)))),
            // Too many open files, mostly, which pass.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(stream: TcpStream, service: Arc<Service>) {
    let respond = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(respond(&service, request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new());
    if let Err(error) = server.serve_connection(TokioIo::new(stream), respond).await {
        tracing::debug!(%error, "a connection of a probe broke off");
    }
}

async fn respond(service: &Arc<Service>, request: Request<Incoming>) -> Reply {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method");
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "forge\n"),
        "/readyz" if service.capacity.is_draining() => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        "/readyz" => text(StatusCode::OK, "ready\n"),
        "/metrics" => {
            let text = figures(service).await.into_bytes();
            reply::body(StatusCode::OK, "text/plain; version=0.0.4", text)
        }
        path => reply::refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {path}")),
    }
}

/// All figures, in the text format of Prometheus.
pub(crate) async fn figures(service: &Service) -> String {
    let mut body = service.capacity.figures();
    body.push_str(&metrics::build());
    body.push_str(&process::figures());
    body.push_str(&service.replies.figures());
    body.push_str(&metrics::circuits(&service.router));
    body.push_str(&metrics::cache(service.router.cache_figures()));
    if let Some(figures) = &service.mounted_figures {
        body.push_str(&(figures.0)());
    }
    if let Some(store) = service.metrics.clone() {
        // They read files.
        let read = move || (metrics::store(&store), forge::store::prometheus::render(&store));
        match tokio::task::spawn_blocking(read).await {
            Ok((state, accounts)) => {
                body.push_str(&state);
                match accounts {
                    Ok(accounts) => body.push_str(&accounts),
                    // The server's own figures are there all the same.
                    Err(error) => tracing::warn!(%error, "the accounts cannot be read"),
                }
            }
            Err(error) => tracing::warn!(%error, "the accounts cannot be read"),
        }
    }
    body
}

fn text(status: StatusCode, text: &str) -> Reply {
    reply::body(status, "text/plain", text.as_bytes().to_vec())
}
