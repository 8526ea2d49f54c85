//! JSON Schemas with their text.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, value::RawValue};

/// A JSON Schema, as a tree and as its text.
///
/// The text is written once, when the schema is made; every request that carries the schema unchanged sends that
/// text. Copies share both.
#[derive(Clone)]
pub struct Schema(Arc<Inner>);

struct Inner {
    value: Value,
    text: Box<RawValue>,
}

impl Schema {
    /// The schema as a tree.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// The schema as JSON text.
    pub fn text(&self) -> &str {
        self.0.text.get()
    }

    /// The schema as text that a serializer writes as it is.
    pub fn raw(&self) -> &RawValue {
        &self.0.text
    }
}

impl From<Value> for Schema {
    fn from(value: Value) -> Self {
        // A tree of JSON values always has a text, and that text is JSON.
        let text = RawValue::from_string(value.to_string()).unwrap_or_default();
        Self(Arc::new(Inner { value, text }))
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The tree and not the text: a raw text means something to one serializer only.
        self.0.value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_keeps_the_order_of_the_keys() {
        let schema = Schema::from(json!({"type": "object", "properties": {"b": {}, "a": {}}}));
        assert_eq!(schema.text(), r#"{"type":"object","properties":{"b":{},"a":{}}}"#);
        assert_eq!(serde_json::from_str::<Schema>(schema.text()).unwrap(), schema);
    }
}
