//! Events as a reader gets them.

use std::{
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
use memchr::memmem;
use tokio::time::{Instant, Sleep, sleep_until};

/// Silence after which a stream is told to be alive, below the shortest idle time of usual proxies.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reader that takes nothing for so long is cut.
pub(crate) const BLOCKED: Duration = Duration::from_secs(30);

/// The events that follow a number, at the pace of one reader. It is polled by the reader's socket: nothing is gathered for
/// one that does not read.
pub(crate) struct EventStream {
    reader: Reader,
    timer: Arc<dyn Timer>,
    silence: Pin<Box<Sleep>>,
    /// When more may be written. What happens until then goes out together.
    next: Pin<Box<Sleep>>,
    pace: Duration,
    /// Whether it ends once the server takes no more requests.
    until_draining: bool,
    /// How events of the one session that is followed name it.
    session: Option<String>,
    has_ended: bool,
}

/// Time between two writes to a reader. Events that come alone go out at once; of many at once, a thousand readers would
/// otherwise cost more than the calls that they watch.
const PACE: Duration = Duration::from_millis(50);

/// The event by which a server says that it takes no more requests.
const DRAINING: &str = "server.draining";

/// How many readers there were.
static READERS: AtomicU64 = AtomicU64::new(0);

impl EventStream {
    pub(crate) fn new(reader: Reader, timer: Arc<dyn Timer>) -> Self {
        let now = Instant::now();
        // Each has a pace of its own, so that those who began together do not write together for ever.
        let pace = PACE + Duration::from_millis(READERS.fetch_add(1, Ordering::Relaxed) % 50);
        let silence = Box::pin(sleep_until(now + KEEP_ALIVE));
        let next = Box::pin(sleep_until(now));
        Self { reader, timer, silence, next, pace, until_draining: false, session: None, has_ended: false }
    }

    /// Has it end once the server takes no more requests, so that nobody waits for the end of its connection.
    pub(crate) fn until_draining(mut self) -> Self {
        self.until_draining = true;
        self
    }

    /// Has it tell what this session does and what is done on its behalf, and nothing of others.
    pub(crate) fn of_session(mut self, session: &str) -> Self {
        // As every event writes it, and no text of others can: quotes within a text are escaped.
        self.session = Some(format!("\"session\":{}", serde_json::Value::from(session)));
        self
    }

    /// Tells the events that come next, by number, name and JSON; none of them after a time of silence. `None` once no event
    /// follows.
    pub(crate) fn poll_tell(
        &mut self,
        cx: &mut Context<'_>,
        tell: &mut dyn FnMut(u64, &str, Bytes),
    ) -> Poll<Option<()>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            match self.reader.poll_next(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(followed)) => {
                    // All of them may be of others, and so may be the next ones.
                    if self.tell(followed, tell) {
                        break;
                    }
                }
                Poll::Pending => {
                    ready!(self.silence.as_mut().poll(cx));
                    break;
                }
            }
        }
        let now = Instant::now();
        self.silence.as_mut().reset(now + KEEP_ALIVE);
        self.next.as_mut().reset(now + self.pace);
        Poll::Ready(Some(()))
    }

    /// Whether there was anything to tell.
    fn tell(&mut self, followed: Followed, tell: &mut dyn FnMut(u64, &str, Bytes)) -> bool {
        match followed {
            Followed::Events(events) => {
                let mut has_told = false;
                for event in events {
                    self.has_ended |= self.until_draining && event.name == DRAINING;
                    if event.name == DRAINING || self.is_followed(&event.json) {
                        tell(event.seq, event.name, event.json);
                        has_told = true;
                    }
                }
                has_told
            }
            Followed::Lost(lost) => {
                let event = Event::new(lost.to, self.timer.now(), lost);
                // It is made of numbers, which can be written.
                let json = serde_json::to_vec(&event).unwrap_or_default();
                tell(event.seq, event.what.name(), json.into());
                true
            }
        }
    }

    fn is_followed(&self, json: &[u8]) -> bool {
        let Some(session) = &self.session else { return true };
        memmem::find(json, session.as_bytes()).is_some()
    }

    /// The same as Server-Sent Events.
    pub(crate) fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut text = Vec::new();
        let told = ready!(self.poll_tell(cx, &mut |seq, name, json| frame(&mut text, seq, name, &json)));
        if text.is_empty() {
            text.extend_from_slice(b":\n\n");
        }
        Poll::Ready(told.map(|()| text.into()))
    }
}

fn frame(text: &mut Vec<u8>, seq: u64, name: &str, json: &[u8]) {
    text.extend_from_slice(format!("id: {seq}\nevent: {name}\ndata: ").as_bytes());
    text.extend_from_slice(json);
    text.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use forge_core::{
        time::SystemTimer,
        watch::{EventLog, ServerDraining, ServerReloaded, SessionStarted},
    };

    use super::*;

    async fn next(stream: &mut EventStream) -> Option<String> {
        let text = std::future::poll_fn(|cx| stream.poll_frames(cx)).await;
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

    #[tokio::test(start_paused = true)]
    async fn whoever_follows_a_session_is_told_nothing_of_others() {
        let log = EventLog::default();
        let started = |session: &str| {
            let started = SessionStarted { session: session.to_owned(), resumed: false };
            log.publish(chrono::DateTime::UNIX_EPOCH, started);
        };
        let reader = Reader::new(log.clone(), 0).unwrap();
        let mut stream = EventStream::new(reader, SystemTimer::shared()).of_session("s-1");
        ["s-2", "s-1", "s-11", "s-1\",\"session\":\"s-1"].into_iter().for_each(started);
        let told = next(&mut stream).await.unwrap();
        assert!(told.starts_with("id: 2\n") && told.matches("event: ").count() == 1, "{told}");
        started("s-2");
        assert_eq!(next(&mut stream).await.as_deref(), Some(":\n\n"));
        started("s-1");
        assert!(next(&mut stream).await.unwrap().starts_with("id: 6\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_a_connection_that_is_waited_for_ends_with_the_server() {
        let log = EventLog::default();
        log.publish(chrono::DateTime::UNIX_EPOCH, ServerDraining {});
        let stream =
            |log: &EventLog| EventStream::new(Reader::new(log.clone(), 0).unwrap(), SystemTimer::shared());
        let mut waited_for = stream(&log).until_draining();
        assert!(next(&mut waited_for).await.unwrap().contains("event: server.draining\n"));
        assert_eq!(next(&mut waited_for).await, None);
        let mut other = stream(&log);
        assert!(next(&mut other).await.is_some());
        assert_eq!(next(&mut other).await.as_deref(), Some(":\n\n"));
    }
}
