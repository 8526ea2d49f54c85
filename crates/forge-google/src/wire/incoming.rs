//! Bodies that clients send to a server of this API.

use serde_json::{Map, Value};

use super::fields::{Fields, messages};

/// Holds the request in the body of a token count.
pub(crate) const WRAPPED: &str = "generateContentRequest";

/// Fields that say nothing to a server: the model stands in the address, and nothing is ever stored.
pub(crate) const LEFT_TO_THE_SERVER: [&str; 2] = ["model", "store"];

/// Tools of the vendor's stand beside this one in a group of tools.
pub(crate) const FUNCTIONS: &str = "functionDeclarations";

/// What a part may hold that has a place in a common request.
pub(crate) const KNOWN_PARTS: [&str; 5] =
    ["text", "functionCall", "functionResponse", "inlineData", "fileData"];

messages! {
    struct Body {
        contents: Vec<Content>,
        system_instruction: Option<Content>,
        /// Groups: of functions, and of one tool of the vendor's each.
        tools: Vec<Fields>,
        tool_config: Option<Fields>,
        generation_config: Option<Fields>,
        /// The name of something that the vendor keeps.
        cached_content: Option<String>,
    }

    struct Content {
        /// `user`, `model`, or, in older clients, `function`; missing where the user alone speaks.
        role: Option<String>,
        parts: Vec<Fields>,
    }

    /// A part with the two marks that may stand beside its content.
    struct Part {
        text: Option<String>,
        thought: Option<bool>,
        thought_signature: Option<String>,
        function_call: Option<FunctionCall>,
        function_response: Option<FunctionResponse>,
        inline_data: Option<InlineData>,
        file_data: Option<FileData>,
    }

    struct FunctionCall {
        id: Option<String>,
        name: String,
        args: Option<Map<String, Value>>,
    }

    struct FunctionResponse {
        id: Option<String>,
        name: String,
        response: Option<Map<String, Value>>,
        /// Pictures and documents of the result.
        parts: Vec<Media>,
    }

    /// What a result holds beside its text.
    struct Media {
        inline_data: Option<InlineData>,
        file_data: Option<FileData>,
    }

    struct InlineData {
        mime_type: String,
        data: String,
    }

    struct FileData {
        mime_type: Option<String>,
        file_uri: String,
    }

    struct Function {
        name: String,
        description: Option<String>,
        /// In the vendor's form of an older schema.
        parameters: Option<Value>,
        parameters_json_schema: Option<Value>,
    }

    struct ToolConfig {
        function_calling_config: Option<FunctionCalling>,
    }

    struct FunctionCalling {
        mode: Option<String>,
        allowed_function_names: Vec<String>,
    }

    struct GenerationConfig {
        temperature: Option<f64>,
        top_p: Option<f64>,
        top_k: Option<u32>,
        candidate_count: Option<u32>,
        seed: Option<i64>,
        presence_penalty: Option<f64>,
        frequency_penalty: Option<f64>,
        max_output_tokens: Option<u32>,
        stop_sequences: Vec<String>,
        response_mime_type: Option<String>,
        response_modalities: Vec<String>,
        /// In the vendor's form of an older schema.
        response_schema: Option<Value>,
        response_json_schema: Option<Value>,
        thinking_config: Option<ThinkingConfig>,
    }

    struct ThinkingConfig {
        include_thoughts: Option<bool>,
        /// In tokens; 0 is off, and -1 leaves it to the model.
        thinking_budget: Option<i64>,
        thinking_level: Option<String>,
    }
}
