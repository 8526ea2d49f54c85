//! Events as a reader gets them (Server-Sent Events).

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use forge_core::{
    time::Timer,
    watch::{Event, Followed, Reader},
};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::reply_body::{KEEP_ALIVE, ReplyBody};

/// The body of what is answered.
pub(crate) enum AdminBody {
    Whole(ReplyBody),
    Events(Box<EventStream>),
}

/// The events that follow a number. It is polled by the reader's socket: nothing is gathered for one that does not read.
pub(crate) struct EventStream {
    reader: Reader,
    timer: Arc<dyn Timer>,
    silence: Pin<Box<Sleep>>,
    /// When more may be written. What happens until then goes out together.
    next: Pin<Box<Sleep>>,
    pace: Duration,
}

/// Time between two writes to a reader. Events that come alone go out at once; of many at once, a thousand readers would
/// otherwise cost more than the calls that they watch.
const PACE: Duration = Duration::from_millis(50);

/// How many readers there were.
static READERS: AtomicU64 = AtomicU64::new(0);

impl EventStream {
    pub(super) fn new(reader: Reader, timer: Arc<dyn Timer>) -> Self {
        let now = Instant::now();
        // Each has a pace of its own, so that those who began together do not write together for ever.
        let pace = PACE + Duration::from_millis(READERS.fetch_add(1, Ordering::Relaxed) % 50);
        let silence = Box::pin(sleep_until(now + KEEP_ALIVE));
        Self { reader, timer, silence, next: Box::pin(sleep_until(now)), pace }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let text = match self.reader.poll_next(cx) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(followed)) => self.written(followed),
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                b":\n\n".to_vec()
            }
        };
        let now = Instant::now();
        self.silence.as_mut().reset(now + KEEP_ALIVE);
        self.next.as_mut().reset(now + self.pace);
        Poll::Ready(Some(text.into()))
    }

    fn written(&self, followed: Followed) -> Vec<u8> {
        let mut text = Vec::new();
        match followed {
            Followed::Events(events) => {
                for event in events {
                    frame(&mut text, event.seq, event.name, &event.json);
                }
            }
            Followed::Lost(lost) => {
                let event = Event::new(lost.to, self.timer.now(), lost);
                // It is made of numbers, which can be written.
                let json = serde_json::to_vec(&event).unwrap_or_default();
                frame(&mut text, event.seq, event.what.name(), &json);
            }
        }
        text
    }
}

fn frame(text: &mut Vec<u8>, seq: u64, name: &str, json: &[u8]) {
    text.extend_from_slice(format!("id: {seq}\nevent: {name}\ndata: ").as_bytes());
    text.extend_from_slice(json);
    text.extend_from_slice(b"\n\n");
}

impl Body for AdminBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Events(events) => events.poll(cx).map(|text| text.map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{time::SystemTimer, watch::EventLog, watch::ServerReloaded};

    use super::*;

    async fn next(stream: &mut EventStream) -> Option<String> {
        let text = std::future::poll_fn(|cx| stream.poll(cx)).await;
        text.map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_is_told_that_the_server_is_there_and_of_what_it_lost() {
        let log = EventLog::with_limits(2, usize::MAX);
        let publish = || log.publish(chrono::DateTime::UNIX_EPOCH, ServerReloaded {});
        let mut stream = EventStream::new(Reader::new(log.clone(), 0).unwrap(), SystemTimer::shared());
        assert_eq!(next(&mut stream).await.as_deref(), Some(":\n\n"), "silence");
        (0..5).for_each(|_| publish());
        let lost = next(&mut stream).await.unwrap();
        assert!(lost.starts_with("id: 3\nevent: events.lost\ndata: {\"v\":1,\"seq\":3,"), "{lost}");
        assert!(lost.contains("\"from\":1,\"to\":3") && lost.ends_with("}\n\n"), "{lost}");
        let events = next(&mut stream).await.unwrap();
        assert_eq!(events.matches("event: server.reloaded\n").count(), 2, "{events}");
        log.close();
        assert_eq!(next(&mut stream).await, None);
    }
}
