//! The events of a reply as they come, and how they become one.

mod accumulate;
mod observer;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use futures_core::Stream;

pub use self::{accumulate::Accumulator, observer::StreamObserver};
use crate::{error::ProviderError, event::StreamEvent};

/// The events of one reply. Dropping it cancels the call.
///
/// What a call holds travels with its stream, as [observers](Self::observed). They share one list, so that an event
/// passes many of them without being moved from stream to stream.
pub struct ResponseStream {
    /// Dropped before the observers: what a call holds is given back when nothing of it goes on.
    events: Pin<Box<dyn Stream<Item = Result<StreamEvent, ProviderError>> + Send>>,
    /// In the order in which they were added, from the vendor outwards.
    observers: Vec<Box<dyn StreamObserver>>,
    /// Events that were read and put back.
    head: vec::IntoIter<StreamEvent>,
    /// How many of the observers have seen those.
    seen: usize,
}

impl ResponseStream {
    /// Wraps any stream of events that keeps the contract of [`StreamEvent`].
    pub fn new(events: impl Stream<Item = Result<StreamEvent, ProviderError>> + Send + 'static) -> Self {
        Self { events: Box::pin(events), observers: Vec::new(), head: Vec::new().into_iter(), seen: 0 }
    }

    /// The same stream, whose events `observer` sees from here on.
    pub fn observed(mut self, observer: impl StreamObserver) -> Self {
        if self.observers.capacity() == 0 {
            // As many as a route has, so that the list is made once.
            self.observers.reserve(4);
        }
        self.observers.push(Box::new(observer));
        self
    }

    /// The same stream with `events` in front, which were read from it. Observers do not see them again; those that
    /// are added later do.
    pub fn with_head(mut self, events: Vec<StreamEvent>) -> Self {
        let events = if self.head.as_slice().is_empty() {
            events
        } else {
            events.into_iter().chain(self.head).collect()
        };
        self.head = events.into_iter();
        self.seen = self.observers.len();
        self
    }

    /// The events that were read and [put back](Self::with_head).
    pub fn head(&self) -> &[StreamEvent] {
        self.head.as_slice()
    }

    /// The same events, to be changed before they are handed out.
    pub fn head_mut(&mut self) -> &mut [StreamEvent] {
        self.head.as_mut_slice()
    }

    /// Shows what came to the observers from the one at `first`.
    fn show(&mut self, first: usize, item: &mut Option<Result<StreamEvent, ProviderError>>) {
        for observer in self.observers.iter_mut().skip(first) {
            match item {
                Some(Ok(event)) => observer.event(event),
                Some(Err(error)) => observer.failure(Some(error)),
                None => observer.failure(None),
            }
        }
        if !matches!(item, Some(Ok(event)) if !matches!(event, StreamEvent::Finished(_))) {
            self.end();
        }
    }

    /// Asks the observers whether to wait any longer.
    fn interrupted(&mut self, cx: &mut Context<'_>) -> Option<ProviderError> {
        let mut interruptions = self.observers.iter_mut().map(|observer| observer.pending(cx)).enumerate();
        let (at, error) = interruptions.find_map(|(at, error)| Some((at, error?)))?;
        let mut item = Some(Err(error));
        self.show(at + 1, &mut item);
        item?.err()
    }

    /// Lets go of the reply and then of what the call held, and not with the stream: its caller may keep that for long.
    fn end(&mut self) {
        self.events = Box::pin(Ready(std::iter::empty()));
        self.observers.clear();
        self.seen = 0;
    }

    /// A stream of events that are already there.
    pub fn from_events<I>(events: I) -> Self
    where
        I: IntoIterator<Item = Result<StreamEvent, ProviderError>>,
        I::IntoIter: Send + 'static,
    {
        Self::new(Ready(events.into_iter()))
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, ProviderError>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for ResponseStream {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.head.next() {
            let (first, mut item) = (self.seen, Some(Ok(event)));
            self.show(first, &mut item);
            return Poll::Ready(item);
        }
        match self.events.as_mut().poll_next(cx) {
            Poll::Ready(mut item) => {
                if !self.observers.is_empty() {
                    self.show(0, &mut item);
                }
                Poll::Ready(item)
            }
            Poll::Pending => {
                self.interrupted(cx).map_or(Poll::Pending, |error| Poll::Ready(Some(Err(error))))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (ahead, (least, most)) = (self.head.len(), self.events.size_hint());
        // An upper bound that does not fit is none, and a lower one may always be too low.
        (least.saturating_add(ahead), most.and_then(|most| most.checked_add(ahead)))
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").finish_non_exhaustive()
    }
}

struct Ready<I>(I);

impl<I> Unpin for Ready<I> {}

impl<I: Iterator> Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        error::ErrorKind,
        event::{Delta, Finished, Started, StopReason},
    };

    type Log = Arc<Mutex<Vec<String>>>;

    struct Noting(&'static str, Log);

    impl Noting {
        fn note(&self, what: &str) {
            self.1.lock().unwrap().push(format!("{} {what}", self.0));
        }
    }

    impl StreamObserver for Noting {
        fn event(&mut self, event: &StreamEvent) {
            self.note(match event {
                StreamEvent::Started(_) => "started",
                StreamEvent::Finished(_) => "finished",
                _ => "delta",
            });
        }

        fn failure(&mut self, error: Option<&mut ProviderError>) {
            self.note(if error.is_some() { "failed" } else { "ended" });
        }
    }

    impl Drop for Noting {
        fn drop(&mut self) {
            self.note("dropped");
        }
    }

    fn reply(end: Option<Result<StreamEvent, ProviderError>>) -> ResponseStream {
        let delta = StreamEvent::PartDelta { index: 0, delta: Delta::Text("a".into()) };
        ResponseStream::from_events([Ok(Started::default().into()), Ok(delta)].into_iter().chain(end))
    }

    fn next(stream: &mut ResponseStream) -> Option<Result<StreamEvent, ProviderError>> {
        stream.next().now_or_never().expect("nothing to wait for")
    }

    #[test]
    fn each_observer_sees_each_event_once_although_some_were_read_and_put_back() {
        let log = Log::default();
        let finished = StreamEvent::from(Finished::new(StopReason::EndTurn));
        let mut stream = reply(Some(Ok(finished))).observed(Noting("inner", Arc::clone(&log)));
        let head = vec![next(&mut stream).unwrap().unwrap()];
        let stream = stream.with_head(head).observed(Noting("outer", Arc::clone(&log)));
        assert_eq!(stream.size_hint().0, 1);
        // Read and put back once more, further out.
        let mut stream = stream;
        let head = vec![next(&mut stream).unwrap().unwrap(), next(&mut stream).unwrap().unwrap()];
        let mut stream = stream.with_head(head).observed(Noting("last", Arc::clone(&log)));
        while next(&mut stream).is_some() {}
        let seen = std::mem::take(&mut *log.lock().unwrap());
        let expected = [
            "inner started",
            "outer started",
            "inner delta",
            "outer delta",
            "last started",
            "last delta",
            "inner finished",
            "outer finished",
            "last finished",
            "inner dropped",
            "outer dropped",
            "last dropped",
        ];
        assert_eq!(seen, expected);
        drop(stream);
        assert!(log.lock().unwrap().is_empty(), "they were dropped with the last event");
    }

    /// Ends a reply that is not there.
    struct Impatient;

    impl StreamObserver for Impatient {
        fn event(&mut self, _: &StreamEvent) {}

        fn failure(&mut self, _: Option<&mut ProviderError>) {
            panic!("it is told of what it did itself");
        }

        fn pending(&mut self, _: &mut Context<'_>) -> Option<ProviderError> {
            Some(ProviderError::new(ErrorKind::Timeout, "p", "too late"))
        }
    }

    #[test]
    fn an_observer_that_waits_no_longer_ends_the_reply_and_those_further_out_see_it() {
        let log = Log::default();
        let silent = ResponseStream::new(futures_util::stream::pending());
        let mut stream = silent
            .observed(Noting("inner", Arc::clone(&log)))
            .observed(Impatient)
            .observed(Noting("outer", Arc::clone(&log)));
        assert_eq!(next(&mut stream).unwrap().unwrap_err().kind, ErrorKind::Timeout);
        assert_eq!(*log.lock().unwrap(), ["outer failed", "inner dropped", "outer dropped"]);
        assert!(next(&mut stream).is_none(), "the reply is let go of");
    }

    #[test]
    fn a_failure_or_a_plain_end_is_the_last_that_observers_see() {
        let broken = ProviderError::new(ErrorKind::Server, "p", "broke");
        for (end, last) in [(Some(Err(broken)), "one failed"), (None, "one ended")] {
            let log = Log::default();
            let mut stream = reply(end).observed(Noting("one", Arc::clone(&log)));
            while matches!(next(&mut stream), Some(Ok(_))) {}
            assert_eq!(log.lock().unwrap()[2..], [last, "one dropped"]);
            assert!(next(&mut stream).is_none() && log.lock().unwrap().len() == 4);
        }
        let log = Log::default();
        drop(reply(None).observed(Noting("one", Arc::clone(&log))));
        assert_eq!(*log.lock().unwrap(), ["one dropped"], "a caller that goes away says nothing");
    }
}
