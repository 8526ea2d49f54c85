//! The border up to which a call may start over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use forge_core::{ErrorKind, ProviderError, ResponseStream, StreamEvent};
use futures_core::Stream;

/// Reads a stream up to its first content, or to its end if there is none, and hands it back whole.
///
/// Until then nothing of the answer has reached the caller, so a failure, also one inside a reply that
/// began well, may be answered by another attempt.
///
/// # Errors
/// As [`Head::read`].
pub async fn open(provider: &str, stream: ResponseStream) -> Result<ResponseStream, ProviderError> {
    let Head { events, rest } = Head::read(provider, stream).await?;
    Ok(ResponseStream::new(Opened { head: events.into_iter(), rest }))
}

/// A reply, read up to its first content or its end.
#[derive(Debug)]
pub struct Head {
    /// What has been read. The last event is the first content, or
    /// [`Finished`](StreamEvent::Finished).
    pub events: Vec<StreamEvent>,
    /// What comes after it.
    pub rest: ResponseStream,
}

impl Head {
    /// Reads up to the border.
    ///
    /// # Errors
    /// Whatever the stream fails with before its first content; [`ErrorKind::Truncated`] if it just ends.
    pub async fn read(provider: &str, mut rest: ResponseStream) -> Result<Self, ProviderError> {
        let mut events = Vec::with_capacity(4);
        loop {
            match rest.next().await {
                Some(Ok(event)) => {
                    let border = event.is_content() || matches!(event, StreamEvent::Finished(_));
                    events.push(event);
                    if border {
                        return Ok(Self { events, rest });
                    }
                }
                Some(Err(error)) => return Err(error),
                None => {
                    let message = "the reply ended without a stop reason";
                    return Err(ProviderError::new(ErrorKind::Truncated, provider, message));
                }
            }
        }
    }
}

struct Opened {
    head: std::vec::IntoIter<StreamEvent>,
    rest: ResponseStream,
}

impl Stream for Opened {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.head.next() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => Pin::new(&mut self.rest).poll_next(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{Delta, Finished, PartKind, Started, StopReason};
    use futures_util::FutureExt as _;

    use super::*;

    fn events(failing_at: usize) -> ResponseStream {
        let finished = Finished::new(StopReason::EndTurn);
        let events = [
            StreamEvent::from(Started::default()),
            StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
            StreamEvent::PartDelta { index: 0, delta: Delta::Text("Hi".into()) },
            finished.into(),
        ];
        let fail = move |(at, event)| {
            if at == failing_at {
                Err(ProviderError::new(ErrorKind::Server, "p", "broke"))
            } else {
                Ok(event)
            }
        };
        ResponseStream::from_events(events.into_iter().enumerate().map(fail))
    }

    #[test]
    fn a_failure_before_content_comes_out_at_once_and_a_later_one_in_its_place() {
        let opened = |failing_at| open("p", events(failing_at)).now_or_never().unwrap();
        assert_eq!(opened(1).unwrap_err().kind, ErrorKind::Server);
        let mut late = opened(2).unwrap();
        let read: Vec<bool> =
            std::iter::from_fn(|| late.next().now_or_never().unwrap()).map(|event| event.is_ok()).collect();
        assert_eq!(read, [true, true, false, true]);
        let empty = open("p", ResponseStream::from_events([])).now_or_never().unwrap();
        assert_eq!(empty.unwrap_err().kind, ErrorKind::Truncated);
    }
}
