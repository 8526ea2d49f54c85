//! One connection of a client, from its first byte to its last.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    event_socket::EventSocket,
    head_clock::{HeadClock, IDLE, Requests, UnderWay},
    listen::{Ends, Socket},
    reply::Reply,
    reply_body::ReplyBody,
    request_log::Noted,
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
    let requests = Requests::default();
    let stream = HeadClock::new(stream, requests.clone());
    let socket = Arc::new(OnceLock::new());
    let respond = service_fn(|request| {
        let (service, under_way, upgraded) = (Arc::clone(service), requests.begin(), Arc::clone(&socket));
        async move {
            let (mut reply, noted) = respond(service, ends, request).await;
            // A connection becomes a socket once, and answers nothing after it.
            if let Some(one) = EventSocket::of(&mut reply) {
                let _ = upgraded.set(one);
            }
            Ok::<_, Infallible>(reply.map(|body| Answering { body, _under_way: under_way, _noted: noted }))
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(64 * 1024);
    server.http2().timer(TokioTimer::new());
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), respond);
    watcher.watch(connection).await?;
    if let Some(socket) = socket.get() {
        // What the client says now is no head that has to be there soon.
        let _under_way = requests.begin();
        socket.clone().serve().await;
    }
    Ok(())
}

/// Answers a request; if the plan says so, also when its client goes away.
async fn respond(
    service: Arc<Service>,
    ends: Option<Ends>,
    request: Request<Incoming>,
) -> (Reply, Option<Noted>) {
    if !service.plan().finishes_alone {
        return service.respond(ends, request).await;
    }
    let alone = tokio::spawn(async move { service.respond(ends, request).await });
    // A panic ends the connection, as it does without a task.
    alone.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The body of a reply, until it is written.
struct Answering {
    body: ReplyBody,
    _under_way: UnderWay,
    _noted: Option<Noted>,
}

impl Body for Answering {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
