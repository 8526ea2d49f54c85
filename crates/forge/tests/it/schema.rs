use forge::{config::schema, session::SessionResult};

use crate::workspace;

#[test]
fn the_schema_beside_the_sample_is_that_of_the_code() {
    let file = std::fs::read_to_string(workspace("config/forge.schema.json")).unwrap();
    let ours = format!("{}\n", serde_json::to_string_pretty(schema()).unwrap());
    assert!(file == ours, "regenerate it: forge config schema > config/forge.schema.json");
}

#[test]
fn the_schema_of_a_result_in_the_docs_is_that_of_the_code() {
    let file = std::fs::read_to_string(workspace("docs/schemas/session-result.schema.json")).unwrap();
    let ours = format!("{}\n", serde_json::to_string_pretty(&SessionResult::schema()).unwrap());
    assert!(file == ours, "regenerate it: forge sessions schema > docs/schemas/session-result.schema.json");
}

#[test]
fn the_schema_names_every_section() {
    let sections = schema()["properties"].as_object().unwrap();
    for name in [
        "schema_version",
        "providers",
        "models",
        "pools",
        "roles",
        "default_provider",
        "provider",
        "retry",
        "breaker",
        "cache",
        "budget",
        "budgets",
        "session",
        "serve",
        "mcp",
        "prompts",
        "experiments",
        "agents",
        "workflow",
        "hooks",
        "permissions",
    ] {
        assert!(sections[name]["description"].is_string(), "{name}");
    }
    assert_eq!(sections.len(), 21);
}
