//! The form of the answer and of strict calls, as far as the vendor holds a model to it.

use std::borrow::Cow;

use forge_core::{
    ModelRequest,
    request::{FunctionTool, OutputFormat, Schema},
};
use forge_http::schema::{Fitted, SchemaRules, fit};
use serde_json::{Map, Value};

use crate::{
    mapper::Mapper,
    wire::request::{Block, Format, KnownBlock, SchemaText, Tool},
};

/// What structured answers and strict tools take. Source: the vendor's guide and its SDKs, which move the same keywords
/// into descriptions, 2026-11.
const RULES: SchemaRules = SchemaRules {
    closes_objects: true,
    refuses: &[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
        "dependentRequired",
        "dependentSchemas",
        "not",
        "if",
        "then",
        "else",
    ],
    refs_have_siblings: false,
    recurses: false,
    root_is_object: true,
};

/// What a model is told where the vendor has no JSON mode.
const JSON_ALONE: &str = "Answer with JSON alone: no other text, no code fence.";

impl<'a> Mapper<'a> {
    /// How the answer is asked for. What the vendor does not take is told to the model, as the last of the system text.
    pub(crate) fn format(
        &mut self,
        request: &'a ModelRequest,
        system: &mut Vec<Block<'a>>,
    ) -> Option<Format<'a>> {
        let told: Cow<'a, str> = match &request.output {
            OutputFormat::JsonSchema(output) => {
                let known = in_known_words(&output.schema);
                let fitted = fit(&known, &RULES);
                if fitted.is_taken {
                    if self.is_weaker("schema", &fitted) || matches!(known, Cow::Owned(_)) {
                        self.check = Some(output.schema.clone());
                    }
                    let schema = reborrowed(fitted, &output.schema);
                    return Some(Format { r#type: "json_schema", schema: SchemaText(schema) });
                }
                self.warn(
                    "output",
                    "this vendor takes no schema that leads back into itself or is no object; the model is told to obey it",
                );
                self.check = Some(output.schema.clone());
                format!("{JSON_ALONE} The JSON obeys this JSON Schema: {}", output.schema.text()).into()
            }
            OutputFormat::Json => {
                self.warn("output", "this vendor has no JSON mode; the model is told to answer in JSON");
                JSON_ALONE.into()
            }
            _ => return None,
        };
        system.push(Block::Known(KnownBlock::Text { text: told, cache_control: None }));
        None
    }

    /// A function of the caller's; one whose schema the vendor does not take is not strict.
    pub(crate) fn function(&mut self, tool: &'a FunctionTool) -> Tool<'a> {
        let (schema, strict) = self.parameters(tool);
        Tool::Function {
            name: &tool.name,
            description: &tool.description,
            input_schema: SchemaText(schema),
            strict,
            cache_control: self.cache(tool.cache),
        }
    }

    fn parameters(&mut self, tool: &'a FunctionTool) -> (Cow<'a, Schema>, bool) {
        // Without `strict` the vendor holds the model to nothing, so that nothing has to leave the schema.
        if !tool.strict {
            return (Cow::Borrowed(&tool.schema), false);
        }
        let known = in_known_words(&tool.schema);
        let fitted = fit(&known, &RULES);
        if !fitted.is_taken {
            let message =
                format!("this vendor does not hold a model to the schema of the tool `{}`", tool.name);
            self.warn("tools", message);
            return (Cow::Borrowed(&tool.schema), false);
        }
        self.is_weaker("tools", &fitted);
        (reborrowed(fitted, &tool.schema), true)
    }

    /// Whether the vendor holds the model to less than was asked for; if so, with a warning.
    fn is_weaker(&mut self, about: &str, fitted: &Fitted<'_>) -> bool {
        let left = &fitted.left_to_the_model;
        if !left.is_empty() {
            let message =
                format!("this vendor does not hold a model to it, so that it is told: {}", left.join("; "));
            self.warn(about, message);
        }
        !left.is_empty()
    }
}

/// The schema that was written, where it is sent unchanged.
fn reborrowed<'a>(fitted: Fitted<'_>, written: &'a Schema) -> Cow<'a, Schema> {
    if fitted.schema.value() == written.value() {
        return Cow::Borrowed(written);
    }
    Cow::Owned(fitted.schema.into_owned())
}

/// The schema without the words for which the vendor has others: it takes `anyOf` in place of `oneOf`, and no `allOf`
/// around a reference.
fn in_known_words(schema: &Schema) -> Cow<'_, Schema> {
    let has = |word: &str| schema.text().contains(word);
    if has("\"oneOf\"") || has("\"allOf\"") {
        let known = known_words(schema.value());
        if known != *schema.value() {
            return Cow::Owned(known.into());
        }
    }
    Cow::Borrowed(schema)
}

fn known_words(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut known = Map::with_capacity(fields.len());
    for (word, value) in fields {
        let value = match (word.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(inner)) => {
                inner.iter().map(|(name, one)| (name.clone(), known_words(one))).collect()
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(inner)) => {
                inner.iter().map(known_words).collect()
            }
            ("items" | "additionalProperties", inner) => known_words(inner),
            (_, value) => value.clone(),
        };
        match (word.as_str(), value) {
            // `anyOf` is weaker: it takes what fits several. An answer is therefore checked against the
            // schema as written.
            ("oneOf", value) if !fields.contains_key("anyOf") => drop(known.insert("anyOf".into(), value)),
            // What stands beside it says more about the same.
            ("allOf", Value::Array(mut inner)) if inner.len() == 1 && inner[0].is_object() => {
                let Some(Value::Object(inner)) = inner.pop() else { continue };
                for (word, value) in inner {
                    known.entry(word).or_insert(value);
                }
            }
            (word, value) => drop(known.insert(word.to_owned(), value)),
        }
    }
    Value::Object(known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_the_vendor_lacks_are_said_in_others() {
        let schema = Schema::from(json!({"type": "object", "properties": {
            "oneOf": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"oneOf": [{"type": "null"}]}}]},
            "a": {"allOf": [{"$ref": "#/$defs/A"}], "description": "d"},
            "b": {"allOf": [{"type": "string"}, {"minLength": 1}]}}}));
        let known = json!({"type": "object", "properties": {
            "oneOf": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"anyOf": [{"type": "null"}]}}]},
            "a": {"$ref": "#/$defs/A", "description": "d"},
            "b": {"allOf": [{"type": "string"}, {"minLength": 1}]}}});
        assert_eq!(in_known_words(&schema).value(), &known);
        let plain = Schema::from(json!({"type": "object", "properties": {"oneOf": {"type": "string"}}}));
        assert!(matches!(in_known_words(&plain), Cow::Borrowed(_)));
    }
}
