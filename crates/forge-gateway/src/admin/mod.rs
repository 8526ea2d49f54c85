//! Where a person watches the server: a socket that this user alone may open, or an address of this machine with a token.

mod place;
mod respond;
mod write_clock;

use std::{
    convert::Infallible,
    future::poll_fn,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

pub(crate) use self::place::AdminListener;
use self::{respond::respond, write_clock::WriteClock};
use crate::{event_socket::EventSocket, listen::Socket, service::Service};

/// The most connections. Each may hold a stream of events, which takes some memory.
const CONNECTIONS: usize = 2_048;

/// Answers until `end` changes, and then until those that read have what is there.
pub(crate) async fn serve(admin: AdminListener, service: Arc<Service>, mut end: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let admin = Arc::new(admin);
    loop {
        // Beyond the limit, clients wait in the queue of the system.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = poll_fn(|cx| admin.listener.poll_accept(cx)) => accepted,
            _ = end.changed() => break,
        };
        match accepted {
            Ok(socket) => {
                connections.spawn(connect(socket, Arc::clone(&admin), Arc::clone(&service), place));
            }
            // Too many open files, mostly, which pass.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}

async fn connect(
    socket: Socket,
    admin: Arc<AdminListener>,
    service: Arc<Service>,
    _place: OwnedSemaphorePermit,
) {
    match socket {
        Socket::Tcp(stream) => answer(stream, admin, service).await,
        #[cfg(unix)]
        Socket::Unix(stream) => answer(stream, admin, service).await,
    }
}

async fn answer<S>(stream: S, admin: Arc<AdminListener>, service: Arc<Service>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = OnceLock::new();
    let answer = service_fn(|request: Request<Incoming>| async {
        let (head, body) = request.into_parts();
        let mut reply = respond(&admin, &service, &head, body).await;
        // A connection becomes a socket once, and answers nothing after it.
        if let Some(one) = EventSocket::of(&mut reply) {
            let _ = socket.set(one);
        }
        Ok::<_, Infallible>(reply)
    });
    let connection = server().serve_connection(TokioIo::new(WriteClock::new(stream)), answer);
    if let Err(error) = connection.with_upgrades().await {
        tracing::debug!(%error, "a connection of somebody who watches broke off");
    }
    if let Some(socket) = socket.into_inner() {
        socket.serve().await;
    }
}

fn server() -> http1::Builder {
    let mut server = http1::Builder::new();
    // What is written and not yet taken is no more than this.
    server.timer(TokioTimer::new()).max_buf_size(64 * 1024);
    server
}

#[cfg(test)]
mod tests {
    use forge_core::{
        time::SystemTimer,
        watch::{EventLog, Reader, ServerReloaded},
    };
    use http::Response;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::{event_stream::EventStream, reply_body::ReplyBody};

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut() {
        let log = EventLog::default();
        let (mut client, stream) = tokio::io::duplex(1_024);
        let following = log.clone();
        let answer = service_fn(move |_| {
            let reader = Reader::new(following.clone(), 0).unwrap();
            let events = EventStream::new(reader, SystemTimer::shared());
            async move { Ok::<_, Infallible>(Response::new(ReplyBody::Events(Box::new(events)))) }
        });
        let connection = server().serve_connection(TokioIo::new(WriteClock::new(stream)), answer);
        let connection = tokio::spawn(connection);
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        for _ in 0..1_000 {
            log.publish(chrono::DateTime::UNIX_EPOCH, ServerReloaded {});
        }
        let cut = connection.await.unwrap().unwrap_err();
        let cause = std::error::Error::source(&cut).unwrap().to_string();
        assert_eq!(cause, "the client takes nothing");
    }
}
