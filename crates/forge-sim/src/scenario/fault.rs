use serde::Deserialize;

use crate::error_kind::ErrorKind;

/// An error reply. What is left out is the vendor's usual value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpec {
    /// Which error.
    pub kind: ErrorKind,
    /// Another status; 200 gives an error body under a good status.
    #[serde(default)]
    pub status: Option<u16>,
    /// Another text.
    #[serde(default)]
    pub message: Option<String>,
    /// Another code, such as `credit_balance_exhausted`.
    #[serde(default)]
    pub code: Option<String>,
    /// When to come back.
    #[serde(default)]
    pub retry_after: RetryAfter,
    /// The `x-should-retry` header.
    #[serde(default)]
    pub should_retry: Option<bool>,
    /// A body of another form than the vendor's usual one.
    #[serde(default)]
    pub style: ErrorStyle,
}

/// The hint that goes with a refusal; empty means none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryAfter {
    /// `retry-after` in seconds (Google: `RetryInfo.retryDelay`).
    pub seconds: Option<f64>,
    /// `retry-after-ms`.
    pub ms: Option<u64>,
    /// `retry-after` as an HTTP date this many seconds ahead.
    pub date_in_seconds: Option<u32>,
    /// `retry-after` with this very text.
    pub raw: Option<String>,
    /// No hint where a limit would give one.
    pub none: bool,
}

/// Forms in which the same error is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorStyle {
    /// The vendor's usual form.
    #[default]
    Usual,
    /// Inside a one-element array (Google).
    Array,
    /// `{"error": "text"}`.
    Text,
    /// `{"object": "error", …}` (older vLLM).
    Object,
    /// `{"detail": …}` (vLLM's web framework).
    Detail,
    /// JSON outside the stream's framing (Google).
    Bare,
    /// A field line `error: {…}` (llama.cpp of early 2025).
    FieldLine,
    /// The flat form of the Responses `error` event; the usual one nests.
    Flat,
}

/// Where a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Instead of a reply.
    BeforeHeaders,
    /// Headers, then nothing.
    AfterHeaders,
    /// In the body.
    During(Cut),
}

/// A place in a body. Events count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// After so many bytes of body, head and framing of HTTP not counted.
    AtByte(usize),
    /// After so many whole events.
    AfterEvents(usize),
    /// In the middle of this event.
    InsideEvent(usize),
    /// After all content, before the event that says the reply is complete.
    BeforeTerminal,
}

/// Pauses, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stall {
    /// Before the status line; counts towards a client's clock for the head.
    pub before_headers: u64,
    /// Between headers and body.
    pub before_first_byte: u64,
    /// Between each two events.
    pub between_events: u64,
    /// Only the pause after this event.
    pub after_events: Option<usize>,
    /// Keep-alives during a pause in the body, one each so many milliseconds.
    pub pings_every: Option<u64>,
}

/// A slow trickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// Bytes in one write.
    pub bytes: usize,
    /// Milliseconds between writes.
    pub every_ms: u64,
}

/// An error inside a stream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamError {
    /// Which error.
    pub kind: ErrorKind,
    /// After how many events; all but the terminal ones when left out.
    #[serde(default)]
    pub after_events: Option<usize>,
    /// Another text.
    #[serde(default)]
    pub message: Option<String>,
    /// Another code.
    #[serde(default)]
    pub code: Option<String>,
    /// A form of its own.
    #[serde(default)]
    pub style: ErrorStyle,
}

/// Deviations seen in the field, of vendors, of gateways and of servers that speak a dialect. Dialects that a
/// quirk does not concern ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// Chat: a tool call in one fragment.
    WholeToolCall,
    /// Chat: tool-call fragments without `index`.
    NoIndex,
    /// Chat and Gemini: tool calls without `id`.
    NoId,
    /// Chat: `arguments` as an object.
    ObjectArguments,
    /// Chat: finish reason `stop` although there are tool calls.
    FinishStop,
    /// Chat: no finish reason.
    NoFinishReason,
    /// Chat: no `[DONE]`.
    NoDone,
    /// No usage at all.
    NoUsage,
    /// Chat: a moderation chunk with empty choices after the usage chunk.
    ModerationChunk,
    /// Chat: reasoning as `reasoning_content`.
    ReasoningContent,
    /// Chat: reasoning inside the content, between `<think>` and `</think>`.
    ThinkTags,
    /// Chat: the same with the closing tag only.
    LoneThinkTag,
    /// Chat: usage inside the choice; in streams inside the last one, where it was asked for.
    UsageInChoice,
    /// LM Studio: a call leaks into the text as `[TOOL_REQUEST]…`.
    ToolRequestText,
    /// Anthropic and Gemini: the first usage of a stream is too low; the last one is right.
    CorrectedUsage,
    /// Anthropic: thinking comes as `redacted_thinking`.
    RedactedThinking,
    /// Anthropic: `stop_details` is missing from a refusal.
    NoStopDetails,
    /// Chat streams: the `index` of tool calls as text.
    TextIndex,
    /// Anthropic streams: `message_start` comes again after the first delta.
    SecondMessageStart,
    /// Anthropic streams: deltas for a text block that never started.
    OrphanDelta,
    /// Anthropic streams: `message_start` holds the whole message, and `message_stop` follows.
    WholeStart,
    /// `[DONE]` after a stream that has none (Anthropic, Responses, Gemini).
    ExtraDone,
    /// Half of a surrogate pair, escaped, behind the first word of the text.
    LoneSurrogate,
    /// A surrogate pair, escaped, with its halves in two events.
    SplitSurrogates,
    /// A byte that is no UTF-8, behind the first word of the text.
    InvalidUtf8,
}
