//! What routing has to know of a request.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Message, ModelRequest, Opaque, OutputFormat, Part, RequestSize, Tool};
use crate::{id::ModelId, participant::ModelProvider};

/// What of the beginning of a conversation tells it from others.
// More would be hashed anew for every call of a long conversation.
const HASHED_BYTES: usize = 1_024;

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
    /// The model may end its turn without a word, as it does after the results of tools.
    pub may_be_silent: bool,
    /// It says where vendors may keep the prompt in their cache.
    pub cache_marks: bool,
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
            may_be_silent: may_be_silent(request),
            cache_marks: request.system.iter().any(|block| block.cache.is_some())
                || request
                    .tools
                    .iter()
                    .any(|tool| matches!(tool, Tool::Function(tool) if tool.cache.is_some())),
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
        self.cache_marks |= part.cache().is_some();
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

/// Whether a model may answer `request` with nothing.
pub(crate) fn may_be_silent(request: &ModelRequest) -> bool {
    let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
    request.messages.last().is_some_and(|message| message.parts.iter().any(is_result))
}

fn prefix(request: &ModelRequest) -> u64 {
    let mut prefix = Prefix::default();
    for block in &request.system {
        prefix.system(&block.text);
    }
    for tool in &request.tools {
        prefix.tool(tool.name().unwrap_or_default());
    }
    for part in request.messages.first().iter().flat_map(|Message { parts, .. }| parts) {
        if let Part::Text { text, .. } = part {
            prefix.first(text);
        }
    }
    prefix.finish()
}

/// The beginning of a conversation, of which a number is made. System text, tools and the first turn may be told in any
/// order.
#[derive(Debug, Clone, Default)]
pub struct Prefix {
    // Another build may hash otherwise, which does no harm: the number never leaves the process.
    system: DefaultHasher,
    tools: DefaultHasher,
    first: DefaultHasher,
}

impl Prefix {
    /// A block of system text.
    pub fn system(&mut self, text: &str) {
        head(text).hash(&mut self.system);
    }

    /// The name of a tool.
    pub fn tool(&mut self, name: &str) {
        name.hash(&mut self.tools);
    }

    /// A text of the first turn.
    pub fn first(&mut self, text: &str) {
        // Long texts that begin alike differ in their length.
        text.len().hash(&mut self.first);
        head(text).hash(&mut self.first);
    }

    /// The number.
    pub fn finish(mut self) -> u64 {
        self.first.write_u64(self.system.finish());
        self.first.write_u64(self.tools.finish());
        self.first.finish()
    }
}

fn head(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(..HASHED_BYTES).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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
