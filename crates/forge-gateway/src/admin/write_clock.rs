//! A connection whose client has to take what it asked for.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::event_stream::BLOCKED;

/// A connection with a clock for writes that do not get on.
#[derive(Debug)]
pub(super) struct WriteClock<S> {
    stream: S,
    /// Set while the client takes nothing.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteClock<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, alarm: None }
    }

    /// What becomes of a write that has got on, or not.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.alarm = None;
            return written;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + BLOCKED)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteClock<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteClock<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut_and_one_that_is_slow_is_not() {
        let (client, server) = tokio::io::duplex(4);
        let mut writing = WriteClock::new(server);
        let (mut reading, text) = (client, *b"0123456789abcdef");
        let slowly = async {
            let mut taken = [0; 2];
            for _ in 0..8 {
                tokio::time::sleep(BLOCKED / 2).await;
                reading.read_exact(&mut taken).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(writing.write_all(&text), slowly);
        written.unwrap();
        let blocked = writing.write_all(&text).await.unwrap_err();
        assert_eq!(blocked.kind(), io::ErrorKind::TimedOut);
    }
}
