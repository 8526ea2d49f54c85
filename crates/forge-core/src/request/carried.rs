//! Requests that are passed on as a client sent them.

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{Message, ModelRequest, Opaque, OutputFormat, Part, RequestSize};
use crate::{id::ModelId, participant::ModelProvider};

/// What of the beginning of a conversation tells it from others.
// More would be hashed anew for every call of a long conversation.
const HASHED_BYTES: usize = 1_024;

/// A wire format in which requests come and go, such as `chat` or `messages`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dialect(Cow<'static, str>);

impl Dialect {
    /// A dialect by its name.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The dialect's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What routing has to know of a request, whether it was read or only looked over.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Outline {
    /// How large it is.
    pub size: RequestSize,
    /// It names tools.
    pub tools: bool,
    /// The model has to call a tool.
    pub forced_tool: bool,
    /// The answer has to obey a schema.
    pub schema: bool,
    /// It shows pictures.
    pub images: bool,
    /// It holds documents.
    pub documents: bool,
    /// It holds recordings.
    pub audio: bool,
    /// The most tokens the answer may have.
    pub max_tokens: Option<u32>,
    /// The beginning of the conversation, which stays the same while the conversation grows.
    pub prefix: u64,
    /// Who minted the newest state in the conversation.
    pub minted_by: Option<(ModelProvider, ModelId)>,
}

impl Outline {
    /// The outline of a request that was read.
    pub fn of(request: &ModelRequest) -> Self {
        let mut outline = Self {
            size: RequestSize::of(request),
            tools: !request.tools.is_empty(),
            forced_tool: request.tool_choice.is_forced(),
            schema: matches!(request.output, OutputFormat::JsonSchema(_)),
            max_tokens: request.max_tokens,
            prefix: prefix(request),
            ..Self::default()
        };
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            outline.note(part);
        }
        let mut newest = request.messages.iter().rev().flat_map(|message| message.parts.iter().rev());
        let minted = newest.find_map(Part::opaque);
        outline.minted_by = minted.map(|Opaque { provider, model, .. }| (provider.clone(), model.clone()));
        outline
    }

    fn note(&mut self, part: &Part) {
        // No wildcard: of a new kind of part somebody has to say what a model needs for it.
        match part {
            Part::Image { .. } => self.images = true,
            Part::Document { .. } => self.documents = true,
            Part::Audio { .. } => self.audio = true,
            // A picture in a result needs the same ability as one beside it.
            Part::ToolResult { content, .. } => content.iter().for_each(|part| self.note(part)),
            Part::Text { .. }
            | Part::Refusal { .. }
            | Part::Thinking { .. }
            | Part::ToolUse { .. }
            | Part::Vendor { .. } => {}
        }
    }
}

fn prefix(request: &ModelRequest) -> u64 {
    // Another build may hash otherwise, which does no harm: the number never leaves the process.
    let mut hasher = DefaultHasher::new();
    for block in &request.system {
        head(&block.text).hash(&mut hasher);
    }
    for tool in &request.tools {
        tool.name().hash(&mut hasher);
    }
    for part in request.messages.first().iter().flat_map(|Message { parts, .. }| parts) {
        if let Part::Text { text, .. } = part {
            // Long texts that begin alike differ in their length.
            text.len().hash(&mut hasher);
            head(text).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn head(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(..HASHED_BYTES).unwrap_or(bytes)
}

/// A body that is no request of its dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is no request: {reason}")]
#[non_exhaustive]
pub struct InvalidBody {
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidBody {
    /// A body that is no request for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Reads a carried body into a request.
pub type ParseBody = fn(&Bytes) -> Result<ModelRequest, InvalidBody>;

/// A request in the bytes of its client.
///
/// An adapter that speaks the same dialect sends the body with the name of the model replaced; whoever needs
/// more reads it, at most once.
pub struct Carried {
    /// The format of the body.
    pub dialect: Dialect,
    /// Headers of the client that the vendor is to see.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Where the name of the model stands in the body, with its quotes.
    pub model: Range<usize>,
    /// What routing has to know.
    pub outline: Outline,
    parse: ParseBody,
    parsed: OnceLock<ModelRequest>,
}

impl Carried {
    /// A body of `dialect` that `parse` reads.
    pub fn new(
        dialect: Dialect,
        body: Bytes,
        model: Range<usize>,
        outline: Outline,
        parse: ParseBody,
    ) -> Self {
        Self { dialect, headers: Vec::new(), body, model, outline, parse, parsed: OnceLock::new() }
    }

    /// The request that the body holds.
    ///
    /// # Errors
    /// What `parse` says of the body.
    pub fn parsed(&self) -> Result<&ModelRequest, InvalidBody> {
        if self.parsed.get().is_none() {
            // Two callers at once may both read it; the first to end is kept.
            let _ = self.parsed.set((self.parse)(&self.body)?);
        }
        // It is there by now, whoever set it. A library says so with an error, and does not panic.
        self.parsed.get().ok_or_else(|| InvalidBody::new("it is not there"))
    }
}

/// The same bytes in the same format are the same request.
impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.dialect == other.dialect && self.body == other.body
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body is somebody's text, which does not belong into logs.
        let Self { dialect, body, outline, .. } = self;
        f.debug_struct("Carried")
            .field("dialect", dialect)
            .field("bytes", &body.len())
            .field("outline", outline)
            .finish_non_exhaustive()
    }
}

impl ModelRequest {
    /// A request that is passed on in the bytes of its client.
    pub fn carry(carried: impl Into<Arc<Carried>>) -> Self {
        let carried = carried.into();
        Self { max_tokens: carried.outline.max_tokens, carried: Some(carried), ..Self::default() }
    }

    /// The bytes in which the request came, where it is passed on in them.
    pub fn carried(&self) -> Option<&Arc<Carried>> {
        self.carried.as_ref()
    }

    /// What routing has to know of the request.
    pub fn outline(&self) -> Cow<'_, Outline> {
        match &self.carried {
            Some(carried) => Cow::Borrowed(&carried.outline),
            None => Cow::Owned(Outline::of(self)),
        }
    }

    /// The request with all its fields. One that is passed on in its client's bytes is read, at most once for all
    /// its copies.
    ///
    /// # Errors
    /// The body cannot be read.
    pub fn parsed(&self) -> Result<&Self, InvalidBody> {
        match &self.carried {
            Some(carried) => carried.parsed(),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static READ: AtomicUsize = AtomicUsize::new(0);

    fn read(body: &Bytes) -> Result<ModelRequest, InvalidBody> {
        READ.fetch_add(1, Ordering::Relaxed);
        serde_json::from_slice(body).map_err(|error| InvalidBody::new(error.to_string()))
    }

    fn carried(body: &'static str) -> ModelRequest {
        let outline = Outline { max_tokens: Some(7), ..Outline::default() };
        ModelRequest::carry(Carried::new(Dialect::new("own"), Bytes::from(body), 0..0, outline, read))
    }

    #[test]
    fn a_carried_request_is_read_once_and_only_when_asked() {
        let request = carried(r#"{"system": "be brief"}"#);
        let copy = request.clone();
        assert_eq!((request.outline().max_tokens, READ.load(Ordering::Relaxed)), (Some(7), 0));
        assert_eq!(request.parsed().unwrap().system_text(), "be brief");
        assert_eq!((copy.parsed().unwrap().system.len(), READ.load(Ordering::Relaxed)), (1, 1));
        assert!(carried("{").parsed().is_err());
    }

    #[test]
    fn a_conversation_keeps_its_prefix_while_it_grows() {
        let first = ModelRequest::new("s").with_user_message("question");
        let later = first.clone().with_assistant_message("answer").with_user_message("more");
        assert_eq!(first.outline().prefix, later.outline().prefix);
        for other in [ModelRequest::new("t").with_user_message("question"), ModelRequest::new("s")] {
            assert_ne!(first.outline().prefix, other.outline().prefix);
        }
    }

    #[test]
    fn a_picture_in_a_tool_result_is_a_picture() {
        let result = Part::tool_result_parts("1", vec![Part::image_base64("image/png", "AAAA")]);
        let request =
            ModelRequest::new("").with_message(Message::new(crate::request::MessageRole::User, vec![result]));
        assert!(request.outline().images && !request.outline().documents);
    }
}
