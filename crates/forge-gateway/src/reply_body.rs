//! Bodies of replies: whole ones, and streams that are written as their events come.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use forge_core::{ErrorKind, ProviderError, ResponseStream, StreamEvent};
use forge_http::ingress::Render;
use futures_core::Stream as _;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    event_stream::{EventStream, KEEP_ALIVE},
    sealing::Sealing,
};

/// Bytes that are gathered for one write; more is left to the next.
const FULL: usize = 64 * 1024;

/// The call behind a stream whose head had to go out before anything of an answer was there.
pub(crate) type Call = Pin<Box<dyn Future<Output = Result<ResponseStream, ProviderError>> + Send>>;

/// What is done at the end of a reply, before its last bytes go out.
pub(crate) type Last = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of a reply.
pub(crate) enum ReplyBody {
    Whole(Option<Bytes>),
    Stream(Streaming),
    /// What happens at the server.
    Events(Box<EventStream>),
    /// What a mounted service says.
    Mounted(Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>),
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").finish_non_exhaustive()
    }
}

impl From<Vec<u8>> for ReplyBody {
    fn from(body: Vec<u8>) -> Self {
        Bytes::from(body).into()
    }
}

impl From<Bytes> for ReplyBody {
    fn from(body: Bytes) -> Self {
        Self::Whole((!body.is_empty()).then_some(body))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Stream(Streaming(stream)) => match stream {
                Some(stream) => stream.poll(cx).map(|body| body.map(|body| Ok(Frame::data(body)))),
                None => Poll::Ready(None),
            },
            Self::Mounted(body) => body.as_mut().poll_frame(cx),
            Self::Events(events) => events.poll_frames(cx).map(|text| text.map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) | Self::Events(_) | Self::Mounted(_) => SizeHint::default(),
        }
    }
}

/// A stream in the hands of its client.
pub(crate) struct Streaming(Option<Box<StreamBody>>);

impl From<StreamBody> for ReplyBody {
    fn from(body: StreamBody) -> Self {
        Self::Stream(Streaming(Some(Box::new(body))))
    }
}

impl Streaming {
    /// The call goes on to its end when its client goes away.
    pub(crate) fn finish_alone(&mut self) {
        if let Some(body) = &mut self.0 {
            body.finishes_alone = true;
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let body = self.0.take().filter(|body| body.finishes_alone && !body.is_over());
        // Without a runtime the process is at its end, and so are its calls.
        if let Some((body, runtime)) = body.zip(tokio::runtime::Handle::try_current().ok()) {
            runtime.spawn(body.finish());
        }
    }
}

/// Events, written in the client's dialect. It is polled by the client's socket, so that a client that reads slowly
/// slows the vendor down; dropped with the client's connection, it cancels the call.
pub(crate) struct StreamBody {
    source: Source,
    reply: Box<dyn Render>,
    /// `None` for a reply without state.
    sealing: Option<Sealing>,
    out: Vec<u8>,
    silence: Pin<Box<Sleep>>,
    last: Option<Last>,
    /// Whether the call goes on once nobody reads it.
    finishes_alone: bool,
}

enum Source {
    Call(Call),
    Events(ResponseStream),
    /// Everything is written.
    Done,
}

impl StreamBody {
    /// A reply that has begun.
    pub(crate) fn of_events(
        events: ResponseStream,
        reply: Box<dyn Render>,
        sealing: Option<Sealing>,
    ) -> Self {
        Self::new(Source::Events(events), reply, sealing, Vec::new())
    }

    /// A reply of which nothing is there yet. Its client learns at once that it is waited for.
    pub(crate) fn of_call(call: Call, mut reply: Box<dyn Render>, sealing: Option<Sealing>) -> Self {
        let mut out = Vec::new();
        reply.keep_alive(&mut out);
        Self::new(Source::Call(call), reply, sealing, out)
    }

    /// A reply that is nothing but this failure.
    pub(crate) fn of_failure(error: &ProviderError, mut reply: Box<dyn Render>) -> Self {
        let mut out = Vec::new();
        reply.failure(error, &mut out);
        Self::new(Source::Done, reply, None, out)
    }

    fn new(source: Source, reply: Box<dyn Render>, sealing: Option<Sealing>, out: Vec<u8>) -> Self {
        let silence = Box::pin(sleep_until(Instant::now() + KEEP_ALIVE));
        Self { source, reply, sealing, out, silence, last: None, finishes_alone: false }
    }

    /// The same, which does `last` at its end.
    pub(crate) fn with_last(self, last: impl Into<Option<Last>>) -> Self {
        Self { last: last.into(), ..self }
    }

    /// Reads the call to its end, for nobody.
    pub(crate) async fn finish(mut self: Box<Self>) {
        while std::future::poll_fn(|cx| self.poll(cx)).await.is_some() {}
    }

    fn is_over(&self) -> bool {
        matches!(self.source, Source::Done) && self.last.is_none()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Everything that is there goes out in one write.
        while self.out.len() < FULL && !matches!(self.source, Source::Done) {
            if self.advance(cx).is_pending() {
                self.release();
                break;
            }
        }
        // A client that has the end of a reply may go on from it at once.
        if let Some(last) = self.last.as_mut().filter(|_| matches!(self.source, Source::Done)) {
            ready!(last.as_mut().poll(cx));
            self.last = None;
        }
        if self.out.is_empty() {
            if matches!(self.source, Source::Done) {
                return Poll::Ready(None);
            }
            ready!(self.silence.as_mut().poll(cx));
            self.reply.keep_alive(&mut self.out);
        }
        self.silence.as_mut().reset(Instant::now() + KEEP_ALIVE);
        // A task that has set a new alarm has to be woken by it.
        let _ = self.silence.as_mut().poll(cx);
        Poll::Ready(Some(std::mem::take(&mut self.out).into()))
    }

    /// One step further: the call that answers, or one event.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.source {
            Source::Done => {}
            Source::Call(call) => match ready!(call.as_mut().poll(cx)) {
                Ok(events) => self.source = Source::Events(events),
                Err(error) => self.fail(&error),
            },
            Source::Events(events) => match ready!(Pin::new(events).poll_next(cx)) {
                Some(Ok(event)) => {
                    if matches!(event, StreamEvent::Finished(_)) {
                        self.source = Source::Done;
                    }
                    let mut write = |event| self.reply.event(&event, &mut self.out);
                    match &mut self.sealing {
                        Some(sealing) => sealing.event(event, &mut write),
                        None => write(event),
                    }
                }
                Some(Err(error)) => self.fail(&error),
                None => {
                    self.fail(&ProviderError::new(ErrorKind::Truncated, "gateway", "the reply broke off"));
                }
            },
        }
        Poll::Ready(())
    }

    /// Writes what waits for more of the reply than is there.
    fn release(&mut self) {
        if let Some(sealing) = &mut self.sealing {
            sealing.release(&mut |event| self.reply.event(&event, &mut self.out));
        }
    }

    fn fail(&mut self, error: &ProviderError) {
        tracing::debug!(%error, "a stream broke off");
        self.release();
        self.reply.failure(error, &mut self.out);
        self.source = Source::Done;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forge_core::{
        ModelResponse,
        event::{Finished, PartKind, Started, StopReason},
    };

    use super::*;

    /// Writes a letter for each thing that it is told.
    #[derive(Debug)]
    struct Letters;

    impl Render for Letters {
        fn whole(&mut self, _: &ModelResponse) -> Vec<u8> {
            Vec::new()
        }

        fn event(&mut self, event: &StreamEvent, out: &mut Vec<u8>) {
            out.push(match event {
                StreamEvent::Started(_) => b's',
                StreamEvent::Finished(_) => b'f',
                _ => b'd',
            });
        }

        fn failure(&mut self, _: &ProviderError, out: &mut Vec<u8>) {
            out.push(b'x');
        }

        fn keep_alive(&mut self, out: &mut Vec<u8>) {
            out.push(b'.');
        }
    }

    /// Everything that a client gets, a word for each write.
    async fn writes(mut body: StreamBody) -> String {
        let mut words = Vec::new();
        while let Some(bytes) = std::future::poll_fn(|cx| body.poll(cx)).await {
            words.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        words.join(" ")
    }

    /// A reply whose content comes after so many seconds.
    fn late(seconds: u64, end: impl Into<Option<StreamEvent>>) -> ResponseStream {
        let end = end.into();
        let begun = ResponseStream::from_events([
            Ok(Started::default().into()),
            Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
        ]);
        let mut rest = end.map(Ok).into_iter();
        let mut pause = Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
        let rest = futures_util::stream::poll_fn(move |cx| pause.as_mut().poll(cx).map(|()| rest.next()));
        ResponseStream::new(futures_util::StreamExt::chain(begun, rest))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_kept_alive_and_ends_once() {
        let finished = || StreamEvent::from(Finished::new(StopReason::EndTurn));
        let body = StreamBody::of_events(late(40, finished()), Box::new(Letters), None);
        assert_eq!(writes(body).await, "sd . . f");
        let body = StreamBody::of_events(late(1, None), Box::new(Letters), None);
        assert_eq!(writes(body).await, "sd x", "one that just ends has broken off");
        let call: Call = Box::pin(async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Ok(late(0, StreamEvent::from(Finished::new(StopReason::EndTurn))))
        });
        assert_eq!(writes(StreamBody::of_call(call, Box::new(Letters), None)).await, ". . sdf");
        let failure = ProviderError::new(ErrorKind::ContentFiltered, "p", "no");
        assert_eq!(writes(StreamBody::of_failure(&failure, Box::new(Letters))).await, "x");
    }

    /// Gemini's clients take a comment or the name of an event for a broken reply.
    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_of_gemini_has_nothing_but_empty_lines() {
        let reply = |end: &str| {
            let body = bytes::Bytes::from(r#"{"contents": [{"parts": [{"text": "Hi"}]}]}"#);
            let uri = format!("/v1beta/models/m:streamGenerateContent{end}").parse().unwrap();
            let head =
                forge_http::ingress::ReplyHead { id: "1".into(), created: chrono::DateTime::UNIX_EPOCH };
            (forge::ingress::GEMINI.parse)(&body, &uri, &head).unwrap().reply
        };
        let call = || -> Call {
            Box::pin(async {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(late(40, StreamEvent::from(Finished::new(StopReason::EndTurn))))
            })
        };
        let stream = writes(StreamBody::of_call(call(), reply("?alt=sse"), None)).await;
        let (silence, frame) = stream.split_once("data: ").unwrap();
        assert!(silence.len() > 10 && silence.chars().all(|sign| sign == '\n' || sign == ' '), "{silence:?}");
        assert!(frame.contains("\"finishReason\":\"STOP\""), "{frame}");
        let list = writes(StreamBody::of_call(call(), reply(""), None)).await;
        let frames: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        assert_eq!(frames.len(), 1, "{list}");
    }
}
