//! Responses as they are kept for clients, and the items that they answer.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    answer_responses::Fault,
    incoming_responses::{item_kind, our_id},
};

/// What the kept object of a response says of it.
#[derive(Debug, Deserialize)]
pub(crate) struct KeptResponse {
    pub(crate) background: bool,
    pub(crate) output: Vec<Value>,
}

/// The field with the items of a request.
pub(crate) const INPUT: &str = "input";

/// An input as the list of items that it stands for. What is no input stays as it is.
pub(crate) fn as_items(input: &mut Value) {
    if let Value::String(text) = input {
        let text = std::mem::take(text);
        *input = json!([{"type": "message", "role": "user", "content": text}]);
    }
}

/// The id of the item that an item of an input refers to.
pub(crate) fn referred(item: &Value) -> Option<&str> {
    (item_kind(item) == Some("item_reference")).then(|| id_of(item)).flatten()
}

/// An item as it is listed, at this place of the input of the response of the call `call`. Clients insist on the id and on a list
/// as the content.
pub(crate) fn listed(mut item: Value, call: &str, place: usize) -> Value {
    let kind = item_kind(&item).unwrap_or_default().to_owned();
    let Value::Object(fields) = &mut item else { return item };
    let is_model = fields.get("role").and_then(Value::as_str) == Some("assistant");
    if let Some(Value::String(text)) = fields.get_mut("content").filter(|_| kind == "message") {
        let text = std::mem::take(text);
        let part = if is_model {
            json!({"type": "output_text", "text": text, "annotations": []})
        } else {
            json!({"type": "input_text", "text": text})
        };
        fields.insert("content".to_owned(), json!([part]));
    }
    if !fields.get("id").is_some_and(Value::is_string) {
        let prefix = match kind.as_str() {
            "message" => "msg",
            "reasoning" => "rs",
            "function_call" => "fc",
            "custom_tool_call" => "ctc",
            _ => "item",
        };
        // The items of the reply count from 0 as well.
        fields.insert("id".to_owned(), our_id(&format!("{prefix}_in"), call, place).into());
    }
    fields.entry("status").or_insert_with(|| "completed".into());
    fields.entry("type").or_insert_with(|| kind.into());
    item
}

/// The id of a listed item.
pub(crate) fn id_of(item: &Value) -> Option<&str> {
    item.get("id").and_then(Value::as_str)
}

/// The object of a response that is under way, as it is once that has ended in this status.
pub(crate) fn ended(response: &str, status: &str, error: Option<Fault<'_>>) -> Option<String> {
    let mut fields: Map<String, Value> = serde_json::from_str(response).ok()?;
    fields.insert("status".to_owned(), status.into());
    fields.insert("error".to_owned(), json!(error));
    Some(Value::Object(fields).to_string())
}
