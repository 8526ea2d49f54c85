//! Decodes a body into events: framing, clocks, caps, and the end that the vendor has to state.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use forge_core::{
    ErrorKind, ProviderError, ResponseStream, StreamEvent,
    error::Phase,
    event::{PartKind, Warning},
};
use futures_core::Stream;
use http_body::Body as _;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    answer::AnswerCheck,
    clocks::{Clocks, describe_timeout},
    decode::{Decode, Events, Passage},
    failure::{Failure, is_web_page, readable},
    frames::{EventTooLarge, Frame, MAX_EVENT_BYTES, MAX_STREAM_BYTES, NdjsonDecoder, SseDecoder},
    relay::Passed,
    reply::{self, EventOptions, Reply},
    sound::{self, sound, without_repeats},
};

/// How long the connection of a finished reply may take to come to its end, so that it can be used again: the
/// rest of a stream that is over is a few bytes, and a server that keeps it open costs one connection.
const DRAIN: Duration = Duration::from_secs(1);

/// How a stream is cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events, as [`SseDecoder`] reads them.
    Sse,
    /// One JSON value a line, as [`NdjsonDecoder`] reads them.
    Ndjson,
}

enum Frames {
    Sse(SseDecoder),
    Ndjson(NdjsonDecoder),
}

impl Reply {
    /// The reply as a stream of events, decoded frame by frame. It ends with `Finished`, or with an error if
    /// the decoder finds none by the end of the body, if a clock runs out, or if a cap is exceeded. Once
    /// content has been handed out, errors are of the phase [`Phase::AfterOutput`].
    pub fn events<D: Decode>(self, framing: Framing, decoder: D, options: EventOptions) -> ResponseStream {
        ResponseStream::new(EventStream::new(self, framing, decoder, options))
    }

    /// The reply as the server-sent events that it came as, byte for byte. `decoder` reads beside it what they mean, for
    /// usage, for the end, and for whether they hold content; the parts that it reads are left out. A frame in which it
    /// finds an error is not handed on.
    pub fn relayed<D: Decode>(self, decoder: D) -> ResponseStream {
        let mut stream = EventStream::new(self, Framing::Sse, decoder, EventOptions::default());
        stream.passed = Some(Passed::default());
        ResponseStream::new(stream)
    }
}

impl Frames {
    fn push(&mut self, piece: &[u8]) {
        match self {
            Self::Sse(decoder) => decoder.push(piece),
            Self::Ndjson(decoder) => decoder.push(piece),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Sse(decoder) => decoder.close(),
            Self::Ndjson(decoder) => decoder.close(),
        }
    }

    fn next(&mut self) -> Result<Option<Frame<'_, [u8]>>, EventTooLarge> {
        match self {
            Self::Sse(decoder) => decoder.next_frame(),
            Self::Ndjson(decoder) => decoder.next_frame(),
        }
    }

    /// How many bytes of the stream belong to the frames so far. Lines of JSON are not passed on.
    fn consumed(&self) -> usize {
        match self {
            Self::Sse(decoder) => decoder.consumed(),
            Self::Ndjson(_) => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes may come.
    Reading,
    /// The body is at its end; frames may still be in the decoder.
    Closed,
    /// `Finished` is decoded; the body may not be at its end.
    Finished,
    /// Nothing more comes.
    Done,
}

/// The events of one reply.
struct EventStream<D: Decode> {
    reply: Reply,
    frames: Frames,
    decoder: D,
    events: Events,
    state: State,
    error: Option<ProviderError>,
    warnings: Vec<Warning>,
    raw: Option<String>,
    check: Option<AnswerCheck>,
    /// The bytes of a reply that is passed on.
    passed: Option<Passed>,
    bytes: usize,
    /// The first event has gone out.
    started: bool,
    /// The caller knows that a text was repaired.
    repaired: bool,
    content_seen: bool,
    /// A part of thoughts is open. Vendors that hide thoughts are silent meanwhile.
    thinking: bool,
    /// Since when the caller has been waiting for content.
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<D: Decode> EventStream<D> {
    pub(crate) fn new(reply: Reply, framing: Framing, decoder: D, options: EventOptions) -> Self {
        let mut stream = Self {
            frames: match framing {
                Framing::Sse => Frames::Sse(SseDecoder::new()),
                Framing::Ndjson => Frames::Ndjson(NdjsonDecoder::new()),
            },
            decoder,
            events: Events::with_capacity(8),
            state: State::Reading,
            error: None,
            warnings: options.warnings,
            raw: options.keep_raw.then(String::new),
            check: options.schema.map(AnswerCheck::new),
            passed: None,
            bytes: 0,
            started: false,
            repaired: false,
            content_seen: false,
            thinking: false,
            waiting_since: None,
            alarm: None,
            reply,
        };
        // No packing is asked for, and a stream is not unpacked.
        if let Some(failure) = stream.reply.encoding().map(reply::unknown_encoding) {
            stream.fail(failure);
        }
        stream
    }

    /// Events that were decoded before the failure still go out first.
    fn fail(&mut self, failure: Failure) {
        let content = self.content_seen || self.events.iter().any(StreamEvent::is_content);
        let phase = if content { Phase::AfterOutput } else { Phase::BeforeOutput };
        self.error = Some(self.reply.origin.error(failure, phase));
        self.state = State::Done;
    }

    /// Decodes what has arrived until there is an event to hand out or nothing left to decode.
    fn decode(&mut self) {
        while self.events.is_empty() && matches!(self.state, State::Reading | State::Closed) {
            let closed = self.state == State::Closed;
            let result = match self.frames.next() {
                // The front page of a proxy whose base URL lacks a part; another attempt would bring it again.
                Ok(Some(frame)) if !self.started && is_web_page(frame.data()) => {
                    Err(Failure::new(ErrorKind::Decode, readable(frame.data())))
                }
                Ok(Some(frame)) => {
                    if let Some(raw) = &mut self.raw {
                        keep(raw, frame);
                    }
                    let data = sound(frame.data());
                    if let Some(passed) = self.passed.as_mut().filter(|_| self.started)
                        && let Some(text) = self.decoder.added_text(frame.with_text(&data))
                    {
                        passed.add(self.frames.consumed(), text);
                        continue;
                    }
                    if matches!(data, Cow::Owned(_)) && !std::mem::replace(&mut self.repaired, true) {
                        // Nothing may come before the first event.
                        if self.started {
                            self.events.push_back(sound::warning().into());
                        } else {
                            self.warnings.push(sound::warning());
                        }
                    }
                    let read = self.decoder.frame(frame.with_text(&data), &mut self.events);
                    // Read again only after it has failed: the look for fields that stand twice costs as much
                    // as the reading.
                    let read = read.or_else(|failure| {
                        let plain = without_repeats(&data, &failure).ok_or(failure)?;
                        self.decoder.frame(frame.with_text(&plain), &mut self.events)
                    });
                    match read {
                        // The last frame was not closed by its server: it is cut off, not wrong.
                        Err(failure) if closed && failure.kind == ErrorKind::Decode => {
                            Err(Failure::truncated())
                        }
                        result => result,
                    }
                }
                Ok(None) if !closed => {
                    self.hand_out();
                    return;
                }
                Ok(None) => self.decoder.end(&mut self.events),
                Err(EventTooLarge) => {
                    let message = format!("one event is larger than {} MiB", MAX_EVENT_BYTES / 1024 / 1024);
                    Err(Failure::new(ErrorKind::Decode, message))
                }
            };
            match result {
                Err(failure) => {
                    self.hand_out();
                    self.fail(failure);
                }
                Ok(()) => {
                    self.pass_on();
                    if matches!(self.events.back(), Some(StreamEvent::Finished(_))) {
                        self.state = State::Finished;
                    }
                }
            }
        }
    }

    /// Hands out the frames that were only looked at.
    fn hand_out(&mut self) {
        if let Some(passed) = &mut self.passed {
            passed.hand_out(&mut self.events);
        }
    }

    /// Puts the bytes of the last frame in the place of what was read from it.
    fn pass_on(&mut self) {
        let Some(passed) = &mut self.passed else { return };
        for event in &self.events {
            match event {
                StreamEvent::PartStarted { kind, .. } => self.thinking = *kind == PartKind::Thinking,
                StreamEvent::PartEnded { .. } => self.thinking = false,
                _ => {}
            }
        }
        // What comes before the beginning of the reply goes out with it.
        let begins = matches!(self.events.front(), Some(StreamEvent::Started(_)));
        if self.started || begins {
            let is_over = matches!(self.events.back(), Some(StreamEvent::Finished(_)));
            let passage = if is_over { Passage::Now } else { self.decoder.passage() };
            passed.replace(self.frames.consumed(), passage, &mut self.events);
        }
    }

    /// The last touch before an event goes out.
    fn stamp(&mut self, mut event: StreamEvent) -> StreamEvent {
        match &mut event {
            StreamEvent::Started(started) => {
                self.started = true;
                started.request_id.clone_from(&self.reply.origin.request_id);
                started.rate_limit = self.reply.origin.rate_limit.take();
                for warning in self.warnings.drain(..).rev() {
                    self.events.push_front(StreamEvent::from(warning));
                }
            }
            StreamEvent::PartStarted { kind, .. } => self.thinking = *kind == PartKind::Thinking,
            StreamEvent::PartEnded { .. } => self.thinking = false,
            StreamEvent::Finished(finished) => finished.raw_response = self.raw.take(),
            _ => {}
        }
        if event.is_content() {
            self.content_seen = true;
            self.waiting_since = None;
        }
        event
    }

    /// Bytes, or the end of the body, or a failure: all end up in the state.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.reply.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.bytes += data.len();
                    self.frames.push(data);
                    if let Some(passed) = &mut self.passed {
                        passed.push(data);
                    }
                }
                // A stream without end would otherwise grow the caller's memory until the deadline.
                if self.bytes > MAX_STREAM_BYTES {
                    let message = format!("the stream is larger than {} MiB", MAX_STREAM_BYTES / 1024 / 1024);
                    self.fail(Failure::new(ErrorKind::Decode, message));
                }
                Poll::Ready(())
            }
            Poll::Ready(Some(Err(error))) => {
                // Whatever breaks the body, the reply is cut off; the reason becomes the source.
                self.fail(Failure::truncated());
                let source = Box::new(error.without_url());
                self.error = self.error.take().map(|error| error.with(|facts| facts.source = Some(source)));
                Poll::Ready(())
            }
            Poll::Ready(None) => {
                self.frames.close();
                self.state = State::Closed;
                Poll::Ready(())
            }
            Poll::Pending => self.poll_clocks(cx),
        }
    }

    fn poll_clocks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        // The gap begins when the caller waits: time in which it asks for nothing is not the vendor's.
        let since = *self.waiting_since.get_or_insert(now);
        let Clocks { begun, first_event, gap, deadline } = self.reply.clocks;
        let (at, what, patience) = if !self.content_seen {
            (begun + first_event, "no content came", first_event)
        } else if self.thinking {
            // Vendors that hide thoughts send nothing meanwhile, so that silence is no stall.
            (since + first_event, "the model showed no progress while thinking", first_event)
        } else {
            (since + gap, "nothing more came", gap)
        };
        let (at, what, patience) = if deadline < at {
            (deadline, "the reply was not complete", deadline - begun)
        } else {
            (at, what, patience)
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        // An alarm that rings early is set again then; moving it at every event would cost more.
        if at < alarm.deadline() {
            alarm.as_mut().reset(at);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                self.fail(Failure::new(ErrorKind::Timeout, describe_timeout(what, patience)));
                return Poll::Ready(());
            }
            alarm.as_mut().reset(at);
        }
        Poll::Pending
    }

    /// Lets a finished reply come to its end in the background, so that its connection can be used
    /// again; nobody waits for that.
    fn release(&mut self) {
        if std::mem::replace(&mut self.state, State::Done) != State::Finished
            || self.reply.body.is_end_stream()
        {
            return;
        }
        // Outside of a runtime nobody can read on, and the connection is closed.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut body = std::mem::take(&mut self.reply.body);
        // The end is often there already; then no task is needed to wait for it.
        let mut idle = Context::from_waker(Waker::noop());
        if matches!(Pin::new(&mut body).poll_frame(&mut idle), Poll::Ready(None)) {
            return;
        }
        // A body that is dropped before its end costs its connection: HTTP/1.1 closes it, HTTP/2 resets the
        // stream.
        runtime.spawn(tokio::time::timeout(DRAIN, async move {
            while let Some(Ok(_)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
        }));
    }
}

impl<D: Decode> Stream for EventStream<D> {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.events.pop_front() {
                if let Some(warning) = this.check.as_mut().and_then(|check| check.event(&event)) {
                    this.check = None;
                    this.events.push_front(event);
                    return Poll::Ready(Some(Ok(warning.into())));
                }
                return Poll::Ready(Some(Ok(this.stamp(event))));
            }
            if let Some(error) = this.error.take() {
                return Poll::Ready(Some(Err(error)));
            }
            match this.state {
                State::Reading | State::Closed => {
                    this.decode();
                    if this.state == State::Reading && this.events.is_empty() {
                        std::task::ready!(this.poll_body(cx));
                    }
                }
                State::Finished => this.release(),
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

impl<D: Decode> Drop for EventStream<D> {
    fn drop(&mut self) {
        self.release();
    }
}

fn keep(raw: &mut String, frame: Frame<'_, [u8]>) {
    raw.push_str(&String::from_utf8_lossy(frame.data()));
    raw.push('\n');
}
