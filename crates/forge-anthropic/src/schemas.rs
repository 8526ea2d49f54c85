//! The form of the answer and of strict calls, as far as the vendor holds a model to it.

use std::borrow::Cow;

use forge_core::{FunctionTool, ModelRequest, OutputFormat, Schema};
use forge_http::schema::{Fitted, SchemaRules, fit};

use crate::{
    request::Mapper,
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
                let fitted = fit(&output.schema, &RULES);
                if fitted.is_taken {
                    if self.is_weaker("schema", &fitted) {
                        self.check = Some(output.schema.clone());
                    }
                    return Some(Format { r#type: "json_schema", schema: SchemaText(fitted.schema) });
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
        if !tool.strict {
            return (Cow::Borrowed(&tool.schema), false);
        }
        let fitted = fit(&tool.schema, &RULES);
        if !fitted.is_taken {
            let message =
                format!("this vendor does not hold a model to the schema of the tool `{}`", tool.name);
            self.warn("tools", message);
            return (Cow::Borrowed(&tool.schema), false);
        }
        self.is_weaker("tools", &fitted);
        (fitted.schema, true)
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
