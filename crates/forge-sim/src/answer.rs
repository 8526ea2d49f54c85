//! A dialect's reply before it becomes bytes.

use std::fmt;

use serde_json::Value;

use crate::api_error::ApiError;
use crate::scenario::LineEnding;
use crate::usage::Usage;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) payload: Payload,
    /// What the reply reports, for the journal and for the pace.
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Payload {
    Empty,
    Json(Value),
    Text { content_type: &'static str, text: String },
    Stream(Stream),
}

impl Answer {
    pub(crate) fn json(value: Value) -> Self {
        Self::new(200, Payload::Json(value))
    }

    pub(crate) fn text(content_type: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(200, Payload::Text { content_type, text })
    }

    pub(crate) fn stream(stream: Stream) -> Self {
        Self::new(200, Payload::Stream(stream))
    }

    pub(crate) fn new(status: u16, payload: Payload) -> Self {
        Self { status, headers: Vec::new(), payload, usage: None, model: None }
    }

    pub(crate) fn reporting(mut self, usage: Usage, model: &str) -> Self {
        self.usage = Some(usage);
        self.model = Some(model.to_owned());
        self
    }
}

/// The frames of a stream and the way to put an error among them.
pub(crate) struct Stream {
    pub(crate) framing: Framing,
    pub(crate) frames: Vec<Frame>,
    pub(crate) error_frames: ErrorFrames,
}

/// Frames for an error in the middle of a stream, after so many others.
pub(crate) type ErrorFrames = Box<dyn Fn(&ApiError, usize) -> Vec<Frame> + Send>;

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("framing", &self.framing)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Sse(LineEnding),
    NdJson,
    JsonArray,
}

impl Framing {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Sse(_) => "text/event-stream; charset=utf-8",
            Self::NdJson => "application/x-ndjson",
            Self::JsonArray => "application/json; charset=UTF-8",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) event: Option<String>,
    pub(crate) data: String,
    /// Part of what tells a client that the reply is complete.
    pub(crate) terminal: bool,
    /// Tokens this frame stands for, which sets its pace.
    pub(crate) tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// A regular event in the stream's framing.
    Event,
    /// Text outside the framing.
    Bare,
    /// A line `error: {…}`.
    FieldLine,
}

impl Frame {
    /// An event without a name.
    pub(crate) fn data(data: impl Into<String>) -> Self {
        Self { kind: FrameKind::Event, event: None, data: data.into(), terminal: false, tokens: 0 }
    }

    /// An event whose name repeats the `type` of its data.
    pub(crate) fn typed(data: &Value) -> Self {
        Self {
            event: data.get("type").and_then(Value::as_str).map(ToOwned::to_owned),
            ..Self::data(data.to_string())
        }
    }

    pub(crate) fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    pub(crate) fn weighing(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    pub(crate) fn of_kind(mut self, kind: FrameKind) -> Self {
        self.kind = kind;
        self
    }
}

/// Splits a text into deltas of about three words; joined they give the text again.
pub(crate) fn word_groups(text: &str) -> Vec<&str> {
    // White space stays in the pieces: a client that trims them loses it.
    split_after(text, |seen, character| character.is_whitespace() && seen >= 16)
}

/// Splits JSON into deltas of a dozen characters.
pub(crate) fn fragments(text: &str) -> Vec<&str> {
    split_after(text, |seen, _| seen >= 12)
}

fn split_after(text: &str, ends: impl Fn(usize, char) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut seen = 0;
    for (at, character) in text.char_indices() {
        seen += 1;
        if ends(seen, character) {
            let end = at + character.len_utf8();
            pieces.push(&text[start..end]);
            start = end;
            seen = 0;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_join_to_the_text() {
        let text = "Ein längerer Text “mit” → Zeichen, die mehrere Bytes haben.\n\nEnde";
        for pieces in [word_groups(text), fragments(text)] {
            assert!(pieces.len() > 2, "{pieces:?}");
            assert_eq!(pieces.concat(), text);
        }
        assert!(word_groups("").is_empty());
    }
}
