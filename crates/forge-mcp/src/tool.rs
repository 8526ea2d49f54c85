//! What tools are described with. Every word of it stands in the window of each model that may use them.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A tool whose arguments have these schemas. What it takes and gives stands in the description: a schema of the answer is not
/// read by every client.
pub(crate) fn tool(
    name: &'static str,
    description: &'static str,
    required: &[&str],
    properties: &Value,
) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.clone());
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema.insert("additionalProperties".into(), false.into());
    Tool::new(name, description, Arc::new(schema))
}

/// The same tool, which changes nothing: clients need not ask before each use.
pub(crate) fn read_only(tool: Tool) -> Tool {
    tool.annotate(ToolAnnotations::new().read_only(true).open_world(false))
}

/// The arguments of a call.
pub(crate) fn arguments<T: DeserializeOwned>(given: Option<JsonObject>) -> Result<T, Failure> {
    let given = Value::Object(given.unwrap_or_default());
    serde_json::from_value(given).map_err(|error| Failure::arguments(error.to_string()))
}
