//! `docs/configuration.md` is made from the schema.

use std::fmt::Write as _;

use forge::config::schema;
use serde_json::Value;

use crate::workspace;

const INTRODUCTION: &str = "# Configuration

Forge reads the file named with `--config`, else `./forge.yaml`, else `$XDG_CONFIG_HOME/forge/config.yaml`; without
any it takes what it finds on the machine. `forge config init` writes a commented file, `forge config check` tells
every mistake in it with its line, `forge config show --resolved --origin` shows what holds and where it comes from.
Its first line makes editors check the file while it is written.

Values marked (expanded) may hold `${VAR}`, `${VAR:-default}` and `${file:PATH}`. A `forge.yaml` that was found in the working
directory may not set endpoints, headers or keys, nor read files, until `forge config trust` says that it may.
Durations are written `1s`, `250ms`, `10m`. A key that is left out keeps its usual value.
";

/// The sections in the order in which a file has them, with their titles.
const SECTIONS: [(&str, &str); 38] = [
    ("ProviderSpec", "A provider"),
    ("ParameterSpec", "Parameters"),
    ("LimitSpec", "Limits of a provider"),
    ("LocalSpec", "A server of one's own"),
    ("SessionModelSpec", "A session that answers like a model"),
    ("TimeoutSpec", "Clocks of a provider"),
    ("ModelSpec", "A model"),
    ("PriceSpec", "Prices"),
    ("PoolSpec", "A pool"),
    ("MemberSpec", "A member of a pool"),
    ("RoleSpec", "A role"),
    ("RetrySpec", "Retries"),
    ("BreakerSpec", "Circuit breakers"),
    ("CacheSpec", "The cache"),
    ("BudgetSpec", "A budget"),
    ("TagBudgetSpec", "A budget of calls with a tag"),
    ("SessionSpec", "Sessions"),
    ("SeatSpec", "A seat"),
    ("ServeSpec", "A server"),
    ("TlsSpec", "A certificate"),
    ("BetasSpec", "Features of Anthropic's API"),
    ("KeptResponsesSpec", "Responses that are kept"),
    ("ServeLogSpec", "What a server logs"),
    ("AliasSpec", "A name of a model"),
    ("ServeLimitSpec", "Limits of a server"),
    ("KeyLimitSpec", "Limits of a key"),
    ("McpSpec", "Servers for programs that speak MCP"),
    ("PromptsSpec", "Prompts"),
    ("ExperimentSpec", "An experiment"),
    ("ArmSpec", "An arm of an experiment"),
    ("AgentsSpec", "Agents of a workflow"),
    ("AgentSpec", "An agent"),
    ("WorkflowSpec", "Workflows"),
    ("CheckSpec", "A check of a workflow"),
    ("HookSpec", "A hook"),
    ("HookOptionsSpec", "Options of a check that is built in"),
    ("PermissionsSpec", "Permissions"),
    ("PermissionRuleSpec", "A rule"),
];

fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## The file\n\n");
    table(&mut page, &schema()["properties"]);
    for (name, title) in SECTIONS {
        let section = &schema()["$defs"][name];
        let _ = write!(page, "\n## {title}\n\n{}\n\n", section["description"].as_str().unwrap());
        table(&mut page, &section["properties"]);
    }
    page
}

fn table(page: &mut String, keys: &Value) {
    page.push_str("| Key | Value | |\n|---|---|---|\n");
    for (key, value) in keys.as_object().unwrap() {
        let about = value["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(page, "| `{key}` | {} | {about} |", kind(value));
    }
}

/// What may stand at a key, in words.
fn kind(value: &Value) -> String {
    if let Some(reference) = value["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let (_, title) = SECTIONS.iter().find(|(known, _)| *known == name).unwrap();
        return format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"));
    }
    if let Some(words) = value["enum"].as_array() {
        return words
            .iter()
            .filter(|word| !word.is_null())
            .map(|word| format!("`{}`", word.as_str().map_or_else(|| word.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(choices) = value["anyOf"].as_array() {
        let kinds = choices.iter().filter(|one| one["type"] != "null").map(kind);
        return kinds.collect::<Vec<_>>().join(" or ");
    }
    let kinds = match &value["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        one => vec![one.as_str().unwrap_or("any")],
    };
    let words = kinds.into_iter().map(|one| match one {
        "string" => "text".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "array" => format!("list of {}", kind(&value["items"])),
        "object" => match &value["additionalProperties"] {
            Value::Object(_) => format!("by name: {}", kind(&value["additionalProperties"])),
            _ => "mapping".to_owned(),
        },
        number => format!("{number}{}", range(value)),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn range(value: &Value) -> String {
    match (&value["minimum"], &value["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (least, Value::Null) => format!(", at least {least}"),
        (least, most) => format!(", {least} to {most}"),
    }
}

#[test]
fn the_reference_in_the_docs_is_that_of_the_schema() {
    assert_eq!(SECTIONS.len(), schema()["$defs"].as_object().unwrap().len());
    let file = workspace("docs/configuration.md");
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test may ask for the page")]
    let update = std::env::var_os("FORGE_UPDATE_DOCS").is_some();
    if update {
        std::fs::write(&file, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == reference(), "write it anew: FORGE_UPDATE_DOCS=1 cargo test -p forge");
}
