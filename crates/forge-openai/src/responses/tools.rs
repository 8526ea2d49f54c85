//! Tools, in groups where they belong to one.

use forge_core::{
    ModelProvider, ModelRequest,
    event::Warning,
    request::{FreeformFormat, Tool, ToolChoice},
};

use crate::{
    schema::Sent,
    wire::responses::{self as wire, CustomFormat, KnownTool, ToolName},
};

/// The tools of the request. Those of one namespace stand in it together, where its first one stood.
pub(super) fn tools<'a>(
    request: &'a ModelRequest,
    schemas: &'a [Option<Sent<'_>>],
    vendor: &ModelProvider,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<wire::Tool<'a>>, &'static str> {
    let mut tools: Vec<wire::Tool<'a>> = Vec::with_capacity(request.tools.len());
    for (tool, schema) in request.tools.iter().zip(schemas) {
        let Some(mapped) = one(tool, schema.as_ref(), vendor, warnings)? else { continue };
        let Some(namespace) = tool.namespace() else {
            tools.push(mapped);
            continue;
        };
        let group = tools.iter_mut().find_map(|tool| match tool {
            wire::Tool::Known(KnownTool::Namespace { name, tools }) if *name == namespace => Some(tools),
            _ => None,
        });
        match group {
            Some(group) => group.push(mapped),
            None => {
                let group = KnownTool::Namespace { name: namespace, tools: vec![mapped] };
                tools.push(wire::Tool::Known(group));
            }
        }
    }
    Ok(tools)
}

fn one<'a>(
    tool: &'a Tool,
    schema: Option<&'a Sent<'_>>,
    vendor: &ModelProvider,
    warnings: &mut Vec<Warning>,
) -> Result<Option<wire::Tool<'a>>, &'static str> {
    Ok(Some(match (tool, schema) {
        (Tool::Function(tool), Some(sent)) => wire::Tool::Known(KnownTool::Function {
            name: &tool.name,
            description: &tool.description,
            parameters: sent.schema.raw(),
            strict: sent.strict,
        }),
        (Tool::Freeform(tool), _) => wire::Tool::Known(KnownTool::Custom {
            name: &tool.name,
            description: &tool.description,
            format: match &tool.format {
                FreeformFormat::Grammar { syntax, definition } => {
                    Some(CustomFormat::Grammar { syntax, definition })
                }
                _ => None,
            },
        }),
        // A vendor that serves OpenAI's models takes OpenAI's definitions.
        (Tool::Hosted(tool), _) if tool.vendor == ModelProvider::OpenAI || tool.vendor == *vendor => {
            wire::Tool::Verbatim(tool.definition.raw())
        }
        (Tool::Hosted(tool), _) => {
            let message = format!("a tool that {} runs is left out", tool.vendor);
            warnings.push(Warning::new("tools", message));
            return Ok(None);
        }
        _ => return Err("a tool of this kind"),
    }))
}

pub(crate) fn choice(request: &ModelRequest) -> Option<wire::ToolChoice<'_>> {
    let name = |name| {
        let is_freeform = |tool: &Tool| matches!(tool, Tool::Freeform(tool) if tool.name == name);
        let r#type = if request.tools.iter().any(is_freeform) { "custom" } else { "function" };
        ToolName { r#type, name }
    };
    match &request.tool_choice {
        ToolChoice::None if request.tools.is_empty() => None,
        ToolChoice::None => Some(wire::ToolChoice::Mode("none")),
        ToolChoice::Required => Some(wire::ToolChoice::Mode("required")),
        ToolChoice::Tool(tool) => Some(wire::ToolChoice::Named(name(tool))),
        ToolChoice::Allowed { names, required } => Some(wire::ToolChoice::Allowed {
            r#type: "allowed_tools",
            mode: if *required { "required" } else { "auto" },
            tools: names.iter().map(|tool| name(tool)).collect(),
        }),
        _ => None,
    }
}
