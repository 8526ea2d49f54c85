//! A connection whose client may say nothing for long, and may not be slow for long.
//!
//! hyper has one clock for both: the wait for a head. Pools of clients keep idle connections for a minute, and a head that
//! is on its way comes at once.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// A head that is not there this long after its first byte does not come any more.
pub(crate) const HEAD: Duration = Duration::from_secs(10);
/// Above the minute after which proxies and pools of clients let go of an idle connection, so that they do it first: a
/// server that does may cross the next request.
pub(crate) const IDLE: Duration = Duration::from_secs(75);

/// What the first bytes of HTTP/2 are, which has clocks of its own.
const HTTP2: &[u8] = b"PRI";

/// What the server tells of the requests of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    /// A head has come since the clock looked last.
    came: AtomicBool,
    /// Its answer is not written yet.
    under_way: AtomicBool,
}

impl Requests {
    /// A head has come; its answer is written when what is returned is dropped.
    pub(crate) fn begin(&self) -> UnderWay {
        self.0.came.store(true, Relaxed);
        self.0.under_way.store(true, Relaxed);
        UnderWay(Arc::clone(&self.0))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Told>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.store(false, Relaxed);
    }
}

/// A connection with a clock for its heads.
#[derive(Debug)]
pub(crate) struct HeadClock<S> {
    stream: S,
    requests: Requests,
    /// Whether a head has begun that has to be there before the alarm.
    is_due: bool,
    alarm: Pin<Box<Sleep>>,
    is_new: bool,
    is_http2: bool,
}

impl<S> HeadClock<S> {
    pub(crate) fn new(stream: S, requests: Requests) -> Self {
        // The first head counts from the beginning: nobody opens a connection to say nothing.
        let alarm = Box::pin(sleep_until(Instant::now() + HEAD));
        Self { stream, requests, is_due: true, alarm, is_new: true, is_http2: false }
    }

    fn look(&mut self) {
        if self.requests.0.came.swap(false, Relaxed) {
            self.is_due = false;
        }
    }

    fn came_in(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.is_new) {
            self.is_http2 = bytes.starts_with(HTTP2);
        }
        // What comes while a request is answered is its body, which has a clock of its own.
        if !self.is_due && !self.requests.0.under_way.load(Relaxed) {
            self.is_due = true;
            self.alarm.as_mut().reset(Instant::now() + HEAD);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadClock<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.look();
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            this.came_in(&buf.filled()[before..]);
            return Poll::Ready(read);
        }
        if this.is_due && !this.is_http2 {
            ready!(this.alarm.as_mut().poll(cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "a head did not come")));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadClock<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::sleep,
    };

    use super::*;

    fn connection() -> (DuplexStream, HeadClock<DuplexStream>, Requests) {
        let (client, server) = duplex(1_024);
        let requests = Requests::default();
        (client, HeadClock::new(server, requests.clone()), requests)
    }

    /// Seconds until a read fails, and how it does.
    async fn cut(server: &mut HeadClock<DuplexStream>) -> (u64, io::ErrorKind) {
        let (begun, mut bytes) = (Instant::now(), [0; 64]);
        loop {
            if let Err(error) = server.read(&mut bytes).await {
                return (begun.elapsed().as_secs(), error.kind());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_is_cut() {
        let (_client, mut server, _) = connection();
        assert_eq!(cut(&mut server).await, (10, io::ErrorKind::TimedOut), "nothing at all");
        let (mut client, mut server, _) = connection();
        let trickle = async {
            loop {
                client.write_all(b"a").await.unwrap();
                sleep(Duration::from_secs(3)).await;
            }
        };
        tokio::select! {
            cut = cut(&mut server) => assert_eq!(cut, (10, io::ErrorKind::TimedOut), "byte by byte"),
            () = trickle => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_be_idle_between_two_requests() {
        let (mut client, mut server, requests) = connection();
        let mut bytes = [0; 64];
        for _ in 0..2 {
            client.write_all(b"a head").await.unwrap();
            assert_eq!(server.read(&mut bytes).await.unwrap(), 6);
            drop(requests.begin());
            server.write_all(b"a reply").await.unwrap();
            let idle = tokio::time::timeout(Duration::from_secs(70), server.read(&mut bytes)).await;
            assert!(idle.is_err(), "the client lets go of it first");
        }
        client.write_all(b"a h").await.unwrap();
        assert_eq!(cut(&mut server).await, (10, io::ErrorKind::TimedOut), "a later head is due as well");
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_and_http2_have_clocks_of_their_own() {
        let (mut client, mut server, requests) = connection();
        let mut bytes = [0; 64];
        client.write_all(b"a head").await.unwrap();
        assert_eq!(server.read(&mut bytes).await.unwrap(), 6);
        let _under_way = requests.begin();
        // As to a client that asks whether it shall send its body.
        server.write_all(b"go on").await.unwrap();
        for _ in 0..5 {
            sleep(Duration::from_secs(9)).await;
            client.write_all(b"body").await.unwrap();
            assert_eq!(server.read(&mut bytes).await.unwrap(), 4);
        }
        let waits = tokio::time::timeout(Duration::from_secs(600), server.read(&mut bytes)).await;
        assert!(waits.is_err(), "an answer takes as long as it takes");
        let (mut client, mut server, _) = connection();
        client.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
        assert_eq!(server.read(&mut bytes).await.unwrap(), 16);
        assert!(tokio::time::timeout(Duration::from_secs(600), server.read(&mut bytes)).await.is_err());
    }
}
