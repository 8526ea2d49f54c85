//! How many tokens a request will take, guessed before it is sent.

use std::io::{self, Write};

use forge_core::{ModelRequest, OutputFormat, Part};
use serde_json::Value;

/// English text has about four bytes a token. Counting bytes and not letters keeps the guess high enough for
/// scripts whose letters are longer and have more tokens each.
const BYTES_PER_TOKEN: u64 = 4;

/// What vendors count for a picture of full size, more or less.
const PICTURE: u64 = 1_600;

/// Adapters ask for at most this much where a vendor insists on a number and the request has none.
const UNSTATED_OUTPUT: u64 = 8_192;

/// Tokens that a call takes out of the buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Need {
    pub(super) fn of(request: &ModelRequest) -> Self {
        let ModelRequest { system, messages, tools, output, max_tokens, .. } = request;
        let messages =
            messages.iter().flat_map(|message| &message.parts).fold(0, |sum, part| sum + of_part(part));
        let tools = tools.iter().map(|tool| text(&tool.name) + text(&tool.description) + json(&tool.schema));
        let format = match output {
            OutputFormat::Text => 0,
            OutputFormat::JsonSchema { schema, .. } => json(schema),
        };
        let bytes = text(system) + messages + tools.sum::<u64>() + format;
        Self { input: tokens_of(bytes), output: max_tokens.map_or(UNSTATED_OUTPUT, u64::from) }
    }
}

pub(super) fn tokens_of(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

fn of_part(part: &Part) -> u64 {
    match part {
        Part::Text { text: words, .. } | Part::Thinking { text: words, .. } => text(words),
        Part::Image { .. } | Part::Document { .. } => PICTURE * BYTES_PER_TOKEN,
        Part::ToolUse { name, input, .. } => text(name) + json(input),
        Part::ToolResult { content, .. } => content.iter().map(of_part).sum(),
        Part::Vendor { opaque } => text(&opaque.data),
    }
}

fn text(text: &str) -> u64 {
    text.len() as u64
}

fn json(value: &Value) -> u64 {
    let mut length = Length(0);
    match serde_json::to_writer(&mut length, value) {
        Ok(()) => length.0,
        Err(_) => 0,
    }
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
    use forge_core::{Message, MessageRole, Tool};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_counts_by_its_length_and_the_output_by_its_limit() {
        let request = ModelRequest::new("x".repeat(400)).with_user_message("y".repeat(41)).with_max_tokens(7);
        assert_eq!(Need::of(&request), Need { input: 111, output: 7 });
        assert_eq!(Need::of(&ModelRequest::default()), Need { input: 0, output: UNSTATED_OUTPUT });
    }

    #[test]
    fn tools_schemas_and_all_kinds_of_parts_count() {
        let schema = json!({"type": "object"});
        let parts = vec![
            Part::image_base64("image/png", "A".repeat(100_000)),
            Part::ToolUse { id: "1".into(), name: "add1".into(), input: schema.clone(), opaque: None },
            Part::tool_result("1", "z".repeat(80)),
        ];
        let tool =
            Tool { name: "add1".into(), description: "adds".into(), schema: schema.clone(), strict: false };
        let request = ModelRequest::new("")
            .with_message(Message { role: MessageRole::User, parts })
            .with_tool(tool)
            .with_output(OutputFormat::JsonSchema { name: "n".into(), schema });
        // 1,600 for the picture, 20 for the result, 3 names or descriptions of one token, 3 x 17 bytes of JSON.
        assert_eq!(Need::of(&request).input, 1_600 + 20 + 3 + 13);
    }
}
