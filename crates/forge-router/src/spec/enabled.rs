//! Whether a provider takes part.

use serde::{Deserialize, Serialize};

/// Whether a provider takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Enabled {
    /// It does, or does not.
    Always(bool),
    /// It does where its key is.
    When(EnabledWhen),
}

/// When a provider takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnabledWhen {
    /// When the variables of its keys are set.
    Auto,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Enabled {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Enabled".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"enum": [true, false, "auto"]})
    }
}
