//! The JSON Schemas of structured answers. Every property is required and no other allowed, which is what the
//! strictest vendor asks for.

use forge_core::OutputFormat;
use serde_json::{Value, json};

use crate::{Category, Severity, Stage};

/// The form of the answers of `stage`. A draft is free text.
pub(crate) fn output(stage: Stage) -> OutputFormat {
    let schema = match stage {
        Stage::Draft => return OutputFormat::Text,
        Stage::Critique => object(json!({"strengths": list(text()), "findings": list(finding())})),
        Stage::Synthesis => object(json!({
            "document": text(),
            "dispositions": list(object(json!({
                "finding": text(),
                "decision": {"type": "string", "enum": ["accept", "reject", "defer"]},
                "reason": text(),
                "changed_span": text(),
            }))),
            "conflicts": list(object(json!({
                "about": text(), "positions": list(text()), "resolution": text(), "rationale": text(),
            }))),
        })),
        Stage::Check => object(json!({
            "verdicts": list(object(json!({
                "finding": text(), "settled": {"type": "boolean"}, "reason": text(),
            }))),
            "new_findings": list(finding()),
        })),
    };
    OutputFormat::JsonSchema { name: stage.as_str().to_owned(), schema }
}

fn finding() -> Value {
    object(json!({
        "severity": {"type": "string", "enum": Severity::ALL.map(Severity::as_str)},
        "category": {"type": "string", "enum": Category::ALL.map(Category::as_str)},
        "location": text(),
        "quote": text(),
        "claim": text(),
        "suggested_change": text(),
    }))
}

fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().map(|all| all.keys().collect()).unwrap_or_default();
    let mut schema = json!({"type": "object", "required": required, "additionalProperties": false});
    schema["properties"] = properties;
    schema
}

fn list(item: Value) -> Value {
    let mut schema = json!({"type": "array"});
    schema["items"] = item;
    schema
}

fn text() -> Value {
    json!({"type": "string"})
}
