//! Tools, and the choice among them.

use forge_core::{
    ModelProvider,
    request::{FunctionTool, InvalidBody, Tool, ToolChoice},
};
use serde_json::{Map, Value, json};

use super::openapi::json_schema;
use crate::wire::{
    fields::{Fields, Place},
    incoming::{FUNCTIONS, Function, FunctionCalling},
};

/// The tools of all groups. One of the vendor's is a tool for each field that stands beside the functions.
pub(super) fn tools(groups: Vec<Fields>, place: Place<'_>) -> Result<Vec<Tool>, InvalidBody> {
    let mut tools = Vec::new();
    for (at, mut group) in groups.into_iter().enumerate() {
        let functions: Vec<Function> = group.take(FUNCTIONS, Place::Item(&place, at))?;
        tools.extend(functions.into_iter().map(|function| Tool::Function(tool(function))));
        for (name, definition) in group.into_map() {
            let definition = Value::Object(Map::from_iter([(name, definition)]));
            tools.push(Tool::hosted(ModelProvider::Google, definition));
        }
    }
    Ok(tools)
}

fn tool(function: Function) -> FunctionTool {
    let Function { name, description, parameters, parameters_json_schema } = function;
    let schema = parameters_json_schema.or_else(|| parameters.map(json_schema));
    // A function without parameters says nothing of them; other vendors want to hear so.
    let schema = schema.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let mut tool = FunctionTool::new(name, schema);
    tool.description = description.unwrap_or_default();
    tool
}

/// Whether the model may, must or must not call functions, and whether their schemas bind it.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) tools: ToolChoice,
    pub(super) strict: bool,
}

pub(super) fn choice(calling: FunctionCalling, place: Place<'_>) -> Result<Choice, InvalidBody> {
    let FunctionCalling { mode, allowed_function_names: mut names } = calling;
    let allowed = |names: Vec<String>, required| match names.is_empty() {
        false => ToolChoice::Allowed { names, required },
        true if required => ToolChoice::Required,
        true => ToolChoice::Auto,
    };
    let of = |tools| Choice { tools, strict: false };
    Ok(match mode.as_deref().unwrap_or("AUTO") {
        "AUTO" | "MODE_UNSPECIFIED" => of(allowed(names, false)),
        // The vendor's form of one tool that has to be called.
        "ANY" if names.len() == 1 => of(ToolChoice::Tool(names.swap_remove(0))),
        "ANY" => of(allowed(names, true)),
        "NONE" => of(ToolChoice::None),
        // With names it is the vendor's form of a choice among them.
        "VALIDATED" => Choice { strict: names.is_empty(), tools: allowed(names, false) },
        other => {
            let modes = ["AUTO", "ANY", "NONE", "VALIDATED"];
            return Err(Place::Field(&place, "mode").wants_word(&modes, other));
        }
    })
}
