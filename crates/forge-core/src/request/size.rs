//! How large a request is, judged before it is sent.

use std::io::{self, Write};

use serde_json::Value;

use super::{Message, ModelRequest, OutputFormat, Part, Source, SystemText, Tool, ToolInput};

/// English text has about four bytes a token. Counting bytes and not letters keeps the guess high enough for
/// scripts whose letters are longer and have more tokens each.
const BYTES_PER_TOKEN: u64 = 4;

/// What vendors count for a picture of full size, more or less.
const PICTURE: u64 = 1_600;

/// No vendor counts more for a picture.
const LARGEST_PICTURE: u64 = 10_000;

/// No text has fewer tokens than one in this many bytes.
const LONGEST_TOKEN: u64 = 12;

/// A document whose length is not known fits into a common window.
const LARGEST_DOCUMENT: u64 = 200_000;

/// What vendors add of their own to each message, and for the use of tools, at most.
const MESSAGE_FRAME: u64 = 16;
const TOOLS_FRAME: u64 = 1_000;

/// How large a request is: a guess at its input tokens, and bounds for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RequestSize {
    text_bytes: u64,
    /// Of vendor state that comes with other parts.
    state_bytes: u64,
    pictures: u64,
    documents: u64,
    document_tokens: u64,
    frame: u64,
}

impl RequestSize {
    /// Counts a message without its content.
    pub fn add_message(&mut self) {
        self.frame += MESSAGE_FRAME;
    }

    /// Counts what vendors add where there are tools, or a schema of the answer.
    pub fn add_tools_frame(&mut self) {
        self.frame += TOOLS_FRAME;
    }

    /// Counts bytes of text.
    pub fn add_text(&mut self, bytes: u64) {
        self.text_bytes += bytes;
    }

    /// Counts bytes of the state of a vendor.
    pub fn add_state(&mut self, bytes: u64) {
        self.state_bytes += bytes;
    }

    /// Counts a picture.
    pub fn add_picture(&mut self) {
        self.pictures += 1;
    }

    /// Counts a document, or a recording, of this many bytes of base64; `None` if its length is not known.
    pub fn add_document(&mut self, length: Option<u64>) {
        self.documents += 1;
        // At most one token in three bytes of base64, or as many as fit into a common window.
        self.document_tokens += length.map_or(LARGEST_DOCUMENT, |bytes| (bytes / 3).max(LARGEST_PICTURE));
    }

    /// Measures all texts, schemas, pictures and documents of `request`. Lists that were measured before, in this
    /// request or in a copy, are not measured again.
    pub fn of(request: &ModelRequest) -> Self {
        if let Some(carried) = request.carried() {
            return carried.outline.size;
        }
        let mut size = Self::default();
        // The system text comes in a message of its own.
        size.add_message();
        size.add(request.system.size());
        size.add(request.messages.size());
        size.add(request.tools.size());
        if !request.tools.is_empty() {
            size.add_tools_frame();
        }
        if let OutputFormat::JsonSchema(output) = &request.output {
            // Vendors put a schema into the prompt with words of their own, as they do with tools.
            size.text(output.schema.text());
            size.add_tools_frame();
        }
        size
    }

    /// Counts all that `other` counts.
    pub fn add(&mut self, other: Self) {
        self.text_bytes += other.text_bytes;
        self.state_bytes += other.state_bytes;
        self.pictures += other.pictures;
        self.documents += other.documents;
        self.document_tokens += other.document_tokens;
        self.frame += other.frame;
    }

    /// Input tokens the request is expected to have: a quarter of the bytes of its texts, and 1,600 for each
    /// picture or document.
    pub fn expected_input(self) -> u64 {
        tokens_of(self.text_bytes) + (self.pictures + self.documents) * PICTURE
    }

    /// Input tokens the request cannot have more of: every token is at least one byte of text, or of the state in
    /// which a vendor hides a text.
    pub fn most_input(self) -> u64 {
        // Money is set aside by it, so that every guess in it is rather too high.
        self.text_bytes
            + self.state_bytes
            + self.pictures * LARGEST_PICTURE
            + self.document_tokens
            + self.frame
    }

    /// Input tokens the request has in any case, media not counted.
    pub fn least_input(self) -> u64 {
        // Routes are ruled out by it, so that it is never too high.
        self.text_bytes / LONGEST_TOKEN
    }

    fn part(&mut self, part: &Part) {
        if let Part::Thinking { opaque: Some(state), .. } | Part::ToolUse { opaque: Some(state), .. } = part {
            self.add_state(state.data.len() as u64);
        }
        match part {
            Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => self.text(text),
            Part::Image { .. } => self.add_picture(),
            Part::Document { source, .. } | Part::Audio { source } => self.add_document(match source {
                Source::Base64 { data, .. } => Some(data.len() as u64),
                Source::Url { .. } | Source::File { .. } => None,
            }),
            Part::ToolUse { name, input, .. } => {
                self.text(name);
                match input {
                    ToolInput::Json(value) => self.json(value),
                    ToolInput::Text(text) | ToolInput::Broken(text) => self.text(text),
                }
            }
            Part::ToolResult { content, .. } => content.iter().for_each(|part| self.part(part)),
            Part::Vendor { opaque } => self.text(&opaque.data),
        }
    }

    fn text(&mut self, text: &str) {
        self.add_text(text.len() as u64);
    }

    fn json(&mut self, value: &Value) {
        let mut length = Length(0);
        if serde_json::to_writer(&mut length, value).is_ok() {
            self.text_bytes += length.0;
        }
    }
}

/// Items of a request whose size can be summed.
pub(crate) trait Measure {
    /// Adds the item to `size`.
    fn measure(&self, size: &mut RequestSize);
}

impl Measure for SystemText {
    fn measure(&self, size: &mut RequestSize) {
        size.text(&self.text);
    }
}

impl Measure for Message {
    fn measure(&self, size: &mut RequestSize) {
        size.add_message();
        self.parts.iter().for_each(|part| size.part(part));
    }
}

impl Measure for Tool {
    fn measure(&self, size: &mut RequestSize) {
        match self {
            Self::Function(tool) => {
                size.text(&tool.name);
                size.text(&tool.description);
                size.text(tool.schema.text());
            }
            Self::Freeform(tool) => {
                size.text(&tool.name);
                size.text(&tool.description);
                if let super::FreeformFormat::Grammar { definition, .. } = &tool.format {
                    size.text(definition);
                }
            }
            Self::Hosted(tool) => size.text(tool.definition.text()),
        }
    }
}

/// The tokens that this many bytes of text are expected to have.
pub fn tokens_of(bytes: u64) -> u64 {
    // Up, because no text but the empty one is without tokens.
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Counts what is written to it.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        participant::ModelProvider,
        request::{MessageRole, Opaque},
    };

    #[test]
    fn every_text_counts_by_its_length() {
        let request = ModelRequest::new("x".repeat(400)).with_user_message("y".repeat(41));
        let size = RequestSize::of(&request);
        assert_eq!((size.least_input(), size.expected_input(), size.most_input()), (36, 111, 441 + 32));
        assert_eq!(RequestSize::of(&ModelRequest::default()).expected_input(), 0);
    }

    #[test]
    fn tools_schemas_and_all_kinds_of_parts_count() {
        let schema = json!({"type": "object"});
        let parts = vec![
            Part::image_base64("image/png", "A".repeat(100_000)),
            Part::tool_use("1", "add1", schema.clone()),
            Part::tool_result("1", "z".repeat(80)),
        ];
        let tool = Tool::function("add1", schema.clone()).with_description("adds");
        let request = ModelRequest::new("")
            .with_message(Message::new(MessageRole::User, parts))
            .with_tool(tool)
            .with_output(OutputFormat::json_schema("n", schema));
        // 1,600 for the picture, 20 for the result, 3 names or descriptions of one token, 3 x 17 bytes of JSON.
        assert_eq!(RequestSize::of(&request).expected_input(), 1_600 + 20 + 3 + 13);
    }

    #[test]
    fn thoughts_that_a_vendor_hides_count_for_the_upper_bound() {
        let state = Opaque::new(ModelProvider::Anthropic, "m".into(), "s".repeat(1_000));
        let parts = vec![Part::thinking("hm").with_opaque(state)];
        let request = ModelRequest::new("").with_message(Message::new(MessageRole::Assistant, parts));
        let size = RequestSize::of(&request);
        assert_eq!((size.expected_input(), size.most_input()), (1, 1_002 + 32));
    }

    #[test]
    fn every_document_counts() {
        let source = || Source::Url { url: "https://example.com/a.pdf".into() };
        let parts = (0..3).map(|_| Part::document(source())).collect();
        let request = ModelRequest::new("").with_message(Message::new(MessageRole::User, parts));
        let size = RequestSize::of(&request);
        assert_eq!((size.expected_input(), size.most_input()), (3 * 1_600, 3 * 200_000 + 32));
    }
}
