//! Fields of vendors that Forge does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::participant::ModelProvider;

/// Raw fields by the vendor that takes them.
///
/// An adapter sends the fields of its own vendor and no others: a call that moves on to another vendor leaves
/// them behind. In JSON: `{"openai": {"prompt_cache_key": "k1"}}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Extras(BTreeMap<ModelProvider, Map<String, Value>>);

impl Extras {
    /// The fields of one vendor.
    pub fn of(vendor: ModelProvider, fields: Map<String, Value>) -> Self {
        Self(BTreeMap::from([(vendor, fields)]))
    }

    /// Sets one field for `vendor`.
    pub fn insert(&mut self, vendor: ModelProvider, name: impl Into<String>, value: impl Into<Value>) {
        self.0.entry(vendor).or_default().insert(name.into(), value.into());
    }

    /// The fields that `vendor` takes.
    pub fn fields(&self, vendor: &ModelProvider) -> Option<&Map<String, Value>> {
        self.0.get(vendor)
    }

    /// Adds `fields` for `vendor`. They win over fields of the same name.
    pub fn lay_over(&mut self, vendor: ModelProvider, fields: &Map<String, Value>) {
        // An entry without fields would make `is_empty` say that something is there.
        if !fields.is_empty() {
            self.0.entry(vendor).or_default().extend(fields.clone());
        }
    }

    /// Adds `fields` for `vendor`, except those whose names are there already.
    pub fn lay_under(&mut self, vendor: ModelProvider, fields: &Map<String, Value>) {
        if fields.is_empty() {
            return;
        }
        let own = self.0.entry(vendor).or_default();
        for (name, value) in fields {
            if !own.contains_key(name) {
                own.insert(name.clone(), value.clone());
            }
        }
    }

    /// The vendors that have fields here.
    pub fn vendors(&self) -> impl Iterator<Item = &ModelProvider> {
        self.0.keys()
    }

    /// Whether no vendor has fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Extras {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut extras = Self::default();
        for (vendor, fields) in Map::<String, Value>::deserialize(deserializer)? {
            // Fields beside the vendors would go to all of them, and most refuse what they do not know.
            let Value::Object(fields) = fields else {
                let text = format!(
                    "`extra` holds fields by vendor, and `{vendor}` stands beside them; write \
                     {{\"openai\": {{\"{vendor}\": ...}}}} with the vendor that takes it"
                );
                return Err(D::Error::custom(text));
            };
            extras.lay_over(vendor.into(), &fields);
        }
        Ok(extras)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_without_a_vendor_is_refused_with_what_to_write() {
        let error = serde_json::from_value::<Extras>(json!({"prompt_cache_key": "k1"})).unwrap_err();
        assert!(error.to_string().contains(r#"{"openai": {"prompt_cache_key": ...}}"#), "{error}");
    }

    #[test]
    fn fields_laid_under_do_not_win() {
        let mut extras: Extras = serde_json::from_value(json!({"openai": {"a": 1}})).unwrap();
        let fields = |value: Value| value.as_object().cloned().unwrap();
        extras.lay_under(ModelProvider::OpenAI, &fields(json!({"a": 2, "b": 2})));
        extras.lay_over(ModelProvider::OpenAI, &fields(json!({"c": 3})));
        assert_eq!(serde_json::to_value(&extras).unwrap(), json!({"openai": {"a": 1, "b": 2, "c": 3}}));
        assert!(extras.fields(&ModelProvider::Anthropic).is_none());
    }
}
