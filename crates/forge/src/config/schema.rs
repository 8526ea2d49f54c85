//! The JSON Schema of the whole file.

use std::sync::LazyLock;

use forge_router::RouterSpec;
use schemars::SchemaGenerator;
use serde_json::Value;

use super::SessionSpec;

/// The JSON Schema (2020-12) of a `forge.yaml`, for editors.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(compose);
    &SCHEMA
}

fn compose() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut session = generator.subschema_for::<Option<SessionSpec>>().to_value();
    let mut schema = generator.into_root_schema_for::<RouterSpec>().to_value();
    session["description"] = "How sessions are run.".into();
    schema["properties"]["session"] = session;
    schema["title"] = "Forge configuration".into();
    schema["description"] = "A forge.yaml: providers, pools, roles, budgets and sessions.".into();
    schema
}
