//! Responses: what clients send.

use forge_core::request::{Effort, InvalidBody, ToolInput};
use serde_json::Value;

use super::{
    incoming::{Place, Read, incoming},
    incoming_content::{Content, Format, StreamOptions, ToolChoice},
};

incoming! {
    /// The body of `POST /responses`.
    struct Body {
        model: String,
        input: Input,
        instructions: Option<Content>,
        max_output_tokens: Option<u32>,
        reasoning: Option<Reasoning>,
        text: Option<Value>,
        tools: Vec<Value>,
        tool_choice: Option<ToolChoice>,
        parallel_tool_calls: Option<bool>,
        temperature: Option<f64>,
        top_p: Option<f64>,
        stream: Option<bool>,
        stream_options: Option<StreamOptions>,
        previous_response_id: Option<String>,
        conversation: Option<Value>,
        background: Option<bool>,
    }

    /// What a body asks of a server that stores.
    struct Storing {
        store: Option<bool>,
        previous_response_id: Option<String>,
        background: Option<bool>,
    }

    /// What the address says of a page of items.
    struct Paging {
        after: Option<String>,
        limit: Option<String>,
        order: Option<String>,
    }

    struct Reasoning {
        effort: Option<Effort>,
        /// `auto`, `concise` or `detailed`.
        summary: Option<String>,
    }

    struct Text {
        format: Option<Format>,
    }

    struct Message {
        role: String,
        content: Option<Content>,
    }

    struct FunctionCall {
        call_id: String,
        name: String,
        namespace: Option<String>,
        arguments: ToolInput,
    }

    struct CustomToolCall {
        call_id: String,
        name: String,
        namespace: Option<String>,
        input: String,
    }

    /// The result of a call of either kind.
    struct CallOutput {
        call_id: String,
        output: Option<Content>,
    }

    /// Beside its `encrypted_content`.
    struct Thoughts {
        summary: Option<Content>,
        content: Option<Content>,
    }

    /// Tools that stand among the items.
    struct AdditionalTools {
        tools: Vec<Value>,
    }
}

/// The conversation: one text of the user's, or a list of items.
#[derive(Debug)]
pub(crate) enum Input {
    Text(String),
    Items(Vec<Value>),
}

impl Read for Input {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Array(items) => Ok(Self::Items(items)),
            _ => Err(place.wrong("has to be a text or a list of items")),
        }
    }
}

/// What a client may ask for and the server decides: what it stores, and what comes back beyond the usual fields.
/// Encrypted thoughts always do.
pub(crate) const LEFT_TO_THE_SERVER: [&str; 2] = ["store", "include"];

/// What an item is. A message need not say it.
pub(crate) fn item_kind(item: &Value) -> Option<&str> {
    let said = item.get("type").and_then(Value::as_str);
    said.or_else(|| item.get("role").map(|_| "message"))
}

/// The state that an item of a reply is; `None` for one that a client wrote itself. Items of replies have ids, or lost
/// them and stand behind thoughts, which the vendor takes together with them alone. Thoughts without
/// `encrypted_content` exist in the vendor's store alone.
pub(crate) fn minted(kind: &str, item: &Value, behind_thoughts: bool) -> Option<String> {
    let text = |field| item.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let is_of_reply = || behind_thoughts || text("id").is_some();
    let is_minted = match kind {
        "message" => text("role") == Some("assistant") && is_of_reply(),
        "reasoning" => text("encrypted_content").is_some(),
        "function_call" | "custom_tool_call" => is_of_reply(),
        "function_call_output" | "custom_tool_call_output" | "additional_tools" | "item_reference" => false,
        _ => true,
    };
    let is_ours = text("id").is_some_and(is_our_id);
    is_minted.then(|| match item {
        // The vendor knows no such id, and refuses thoughts that come under another one than theirs.
        Value::Object(fields) if is_ours => {
            let mut fields = fields.clone();
            fields.shift_remove("id");
            Value::Object(fields).to_string()
        }
        item => item.to_string(),
    })
}

/// The id of an item in a reply of this server: behind the kind stand the id of the call and the item's place.
pub(crate) fn our_id(kind: &str, call: &str, place: usize) -> String {
    format!("{kind}_{call}_{place}")
}

/// The id of the call in whose reply, or whose input, the item of this id of [ours](our_id) stands.
pub(crate) fn call_of(id: &str) -> Option<&str> {
    let (rest, _) = id.rsplit_once('_').filter(|_| is_our_id(id))?;
    rest.rsplit_once('_').map(|(_, call)| call)
}

/// Whether an item has its id from this server. Those of the vendor have one `_`.
pub(crate) fn is_our_id(id: &str) -> bool {
    id.matches('_').count() > 1
}
