//! The JSON Schemas of structured answers. Every property is required and no other allowed, which is what the
//! strictest vendor asks for. Their order is that in which a model should think, since those that write under a
//! schema keep to it: the passage before the claim, the claim before its severity, the reason before the decision,
//! the edits last.

use std::{collections::BTreeMap, sync::LazyLock};

use forge_core::request::OutputFormat;
use serde_json::{Map, Value, json};

use crate::{
    answer::{Category, Severity},
    stage::{Mode, Stage},
};

/// The form of the answers of `stage`, which all of its requests share. A draft is free text.
pub(crate) fn output(mode: Mode, stage: Stage) -> OutputFormat {
    static FORMS: LazyLock<BTreeMap<Stage, OutputFormat>> =
        LazyLock::new(|| Stage::ALL.map(|stage| (stage, form(stage))).into());
    static JUDGED: LazyLock<BTreeMap<Stage, OutputFormat>> =
        LazyLock::new(|| Stage::ALL.map(|stage| (stage, form_of_judgement(stage))).into());
    let forms = if mode == Mode::Judge { &JUDGED } else { &FORMS };
    forms.get(&stage).cloned().unwrap_or(OutputFormat::Text)
}

/// The form where nothing is revised: decisions have no edits, and a check finds nothing new.
fn form_of_judgement(stage: Stage) -> OutputFormat {
    match stage {
        Stage::Draft | Stage::Critique => form(stage),
        Stage::Synthesis => {
            let schema = object([("decisions", list(judgement())), ("conflicts", list(conflict()))]);
            OutputFormat::json_schema("judge".to_owned(), schema)
        }
        Stage::Check => {
            OutputFormat::json_schema("refute".to_owned(), object([("verdicts", list(verdict()))]))
        }
    }
}

fn form(stage: Stage) -> OutputFormat {
    let schema = match stage {
        Stage::Draft => return OutputFormat::Text,
        Stage::Critique => object([("strengths", list(strength())), ("findings", list(finding()))]),
        Stage::Synthesis => object([("decisions", list(decision())), ("conflicts", list(conflict()))]),
        Stage::Check => object([("verdicts", list(verdict())), ("new_findings", list(finding()))]),
    };
    OutputFormat::json_schema(stage.as_str().to_owned(), schema)
}

fn strength() -> Value {
    object([("quote", text()), ("claim", text())])
}

fn finding() -> Value {
    object([
        ("quote", text()),
        ("location", text()),
        ("claim", text()),
        ("category", one_of(&Category::ALL.map(Category::as_str))),
        ("severity", one_of(&Severity::ALL.map(Severity::as_str))),
        ("suggested_change", text()),
    ])
}

fn judgement() -> Value {
    object([
        ("finding", text()),
        ("reason", text()),
        ("decision", one_of(&["accept", "reject", "defer", "duplicate"])),
        ("same_as", text()),
    ])
}

fn decision() -> Value {
    object([
        ("finding", text()),
        ("reason", text()),
        ("decision", one_of(&["accept", "reject", "defer", "duplicate"])),
        ("same_as", text()),
        ("edits", list(object([("old", text()), ("new", text())]))),
    ])
}

fn conflict() -> Value {
    object([("about", text()), ("positions", list(text())), ("rationale", text()), ("resolution", text())])
}

fn verdict() -> Value {
    object([("finding", text()), ("reason", text()), ("settled", json!({"type": "boolean"}))])
}

/// An object with all of these properties and no other, in this order.
fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn list(item: Value) -> Value {
    let mut schema = json!({"type": "array"});
    schema["items"] = item;
    schema
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn text() -> Value {
    json!({"type": "string"})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words in quotation marks of `text` that are followed by a colon.
    fn keys(text: &str) -> Vec<&str> {
        let pieces: Vec<&str> = text.split('"').collect();
        let keys = pieces.windows(2).skip(1).step_by(2).filter(|pair| pair[1].starts_with(':'));
        keys.map(|pair| pair[0]).collect()
    }

    fn properties(schema: &Value, into: &mut Vec<String>) {
        if let Some(members) = schema["properties"].as_object() {
            for (name, value) in members {
                into.push(name.clone());
                properties(value, into);
            }
        }
        if schema.get("items").is_some() {
            properties(&schema["items"], into);
        }
    }

    #[test]
    fn a_schema_and_the_form_in_the_prompt_name_the_same_members_in_the_same_order() {
        let form = include_str!("../../../forge-prompt/prompts/form.md.jinja");
        let (council, judge) = (Mode::Council, Mode::Judge);
        for (mode, stage, name) in [
            (council, Stage::Critique, "critique"),
            (council, Stage::Synthesis, "synthesis"),
            (council, Stage::Check, "check"),
            (judge, Stage::Critique, "critique"),
            (judge, Stage::Synthesis, "judge"),
            (judge, Stage::Check, "refute"),
        ] {
            let OutputFormat::JsonSchema(output) = output(mode, stage) else { panic!("{stage}") };
            // What a vendor gets is text.
            let schema: Value = serde_json::from_str(output.schema.text()).unwrap();
            let mut ordered = Vec::new();
            properties(&schema, &mut ordered);
            let part = form.split("{%").find(|part| part.contains(&format!("\"{name}\" %}}"))).unwrap();
            let (_, part) = part.split_once("%}").unwrap();
            assert_eq!(keys(part), ordered, "{name}");
        }
    }
}
