//! The form of the answer and of calls, as far as the vendor holds a model to it.

use std::borrow::Cow;

use forge_core::{
    event::Warning,
    request::{FunctionTool, Schema},
};
use forge_http::schema::{SchemaRules, fit};

use crate::wire::request::SchemaText;

/// What structured answers take. The keywords are ignored or refused; loops are unrolled as far as they are optional.
/// Source: the vendor's reference of `responseJsonSchema`, 2026-11.
const ANSWERS: SchemaRules = SchemaRules {
    closes_objects: false,
    refuses: &[
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
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
    recurses: true,
    root_is_object: false,
};

/// What the parameters of functions take: the model reads them, so that all keywords may stay.
const PARAMETERS: SchemaRules = SchemaRules { refuses: &[], ..ANSWERS };

/// The form of the answer as it is sent, and whether it says less than was asked for; if so, with a warning.
pub(crate) fn answer<'a>(schema: &'a Schema, warnings: &mut Vec<Warning>) -> (SchemaText<'a>, bool) {
    let fitted = fit(schema, &ANSWERS);
    let left = &fitted.left_to_the_model;
    let is_weaker = !left.is_empty();
    if is_weaker {
        let message =
            format!("this vendor does not hold a model to it, so that it is told: {}", left.join("; "));
        warnings.push(Warning::new("schema", message));
    }
    (SchemaText(fitted.schema), is_weaker)
}

/// The parameters of a function. Only references may have to be written out.
pub(crate) fn parameters(tool: &FunctionTool) -> SchemaText<'_> {
    // Most schemas have none and are sent as they are written, byte for byte.
    let has_references = tool.schema.text().contains("\"$ref\"");
    SchemaText(if has_references {
        fit(&tool.schema, &PARAMETERS).schema
    } else {
        Cow::Borrowed(&tool.schema)
    })
}
