//! Tools, the choice among them, and the form of the answer, in the forms of both dialects.

use forge_core::{
    ModelProvider,
    request::{
        FreeformFormat, FreeformTool, FunctionTool, InvalidBody, OutputFormat, OutputSchema, Tool, ToolChoice,
    },
};
use serde_json::{Value, json};

use crate::wire::{
    incoming::{Place, Read as _},
    incoming_content::{
        self as wire, Custom, CustomFormat, Format, Function, JsonSchema, Namespace, ToolName, tool_kind,
        unnested,
    },
};

/// The tools that stand at `place`. Functions that do not say it are strict where the dialect's are.
pub(super) fn tools(
    list: Vec<Value>,
    place: Place<'_>,
    strict: bool,
    tools: &mut Vec<Tool>,
) -> Result<(), InvalidBody> {
    for (at, tool) in list.into_iter().enumerate() {
        let place = Place::Item(&place, at);
        match tool_kind(&tool) {
            "function" => {
                let Function { name, description, parameters, strict: said } =
                    unnested(tool, "function", place)?;
                let parameters = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
                let mut tool = FunctionTool::new(name, parameters);
                tool.description = description.unwrap_or_default();
                tool.strict = said.unwrap_or(strict);
                tools.push(tool.into());
            }
            "custom" => {
                let Custom { name, description, format } = unnested(tool, "custom", place)?;
                let mut tool = FreeformTool::new(name);
                tool.description = description.unwrap_or_default();
                if let Some(format) = format {
                    tool.format = freeform(format, Place::Field(&place, "format"))?;
                }
                tools.push(tool.into());
            }
            "namespace" => {
                let Namespace { name, tools: list } = Namespace::read(tool, place)?;
                let mut group = Vec::with_capacity(list.len());
                self::tools(list, Place::Field(&place, "tools"), strict, &mut group)?;
                tools.extend(group.into_iter().map(|tool| tool.with_namespace(name.as_str())));
            }
            _ => tools.push(Tool::hosted(ModelProvider::OpenAI, tool)),
        }
    }
    Ok(())
}

fn freeform(format: CustomFormat, place: Place<'_>) -> Result<FreeformFormat, InvalidBody> {
    match format.r#type.as_str() {
        "text" => Ok(FreeformFormat::Text),
        "grammar" => {
            let flat = || format.syntax.zip(format.definition);
            let nested = format.grammar.map(|grammar| (grammar.syntax, grammar.definition));
            let (syntax, definition) = nested
                .or_else(flat)
                .ok_or_else(|| place.wrong("is a grammar without `syntax` and `definition`"))?;
            Ok(FreeformFormat::Grammar { syntax, definition })
        }
        other => Err(Place::Field(&place, "type").wants_word(&["text", "grammar"], other)),
    }
}

/// Whether the model may, must or must not call tools.
pub(super) fn choice(choice: Option<wire::ToolChoice>) -> Result<ToolChoice, InvalidBody> {
    let place = Place::Field(&Place::Body, "tool_choice");
    let named = match choice {
        None => return Ok(ToolChoice::Auto),
        Some(wire::ToolChoice::Mode(word)) => return mode(&word, place),
        Some(wire::ToolChoice::Named(named)) => named,
    };
    match named.r#type.as_str() {
        "function" | "custom" => match name(named) {
            Some(name) => Ok(ToolChoice::Tool(name)),
            None => Err(place.wrong("names no tool")),
        },
        "allowed_tools" => {
            let (word, tools) = match named.allowed_tools {
                Some(allowed) => (allowed.mode, allowed.tools),
                None => (named.mode, named.tools),
            };
            let required = match word.as_deref() {
                None | Some("auto") => false,
                Some("required") => true,
                Some(other) => {
                    return Err(Place::Field(&place, "mode").wants_word(&["auto", "required"], other));
                }
            };
            // The vendor's own tools have no names, and nobody else could be made to call them.
            let names: Vec<String> = tools.into_iter().filter_map(name).collect();
            if names.is_empty() {
                return Err(place.wrong("allows no tool that has a name"));
            }
            Ok(ToolChoice::Allowed { names, required })
        }
        word @ ("auto" | "none" | "required") => mode(word, place),
        other => Err(place.wrong(format_args!(
            "forces a tool of the vendor's, `{}`, which this server cannot",
            other.chars().take(64).collect::<String>()
        ))),
    }
}

fn mode(word: &str, place: Place<'_>) -> Result<ToolChoice, InvalidBody> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        // `any` is what other vendors of the dialect call it.
        "required" | "any" => Ok(ToolChoice::Required),
        other => Err(place.wants_word(&["auto", "none", "required"], other)),
    }
}

fn name(tool: ToolName) -> Option<String> {
    tool.name.or_else(|| Some(tool.function.or(tool.custom)?.name))
}

/// The form of the answer.
pub(super) fn output(format: Option<Format>, place: Place<'_>) -> Result<OutputFormat, InvalidBody> {
    let Some(Format { r#type, json_schema, name, description, schema, strict }) = format else {
        return Ok(OutputFormat::Text);
    };
    match r#type.as_str() {
        "text" => Ok(OutputFormat::Text),
        "json_object" => Ok(OutputFormat::Json),
        "json_schema" => {
            let flat = || Some(JsonSchema { name: name?, description, schema, strict });
            let JsonSchema { name, description, schema, strict } =
                json_schema.or_else(flat).ok_or_else(|| place.wrong("has no `name` and no `schema`"))?;
            let schema = schema.ok_or_else(|| Place::Field(&place, "schema").wrong("is missing"))?;
            let mut output = OutputSchema::new(name, schema);
            output.description = description;
            output.strict = strict;
            Ok(OutputFormat::JsonSchema(output))
        }
        other => Err(Place::Field(&place, "type").wants_word(&["text", "json_object", "json_schema"], other)),
    }
}
