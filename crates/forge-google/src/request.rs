//! From the common request to the vendor's.

use std::borrow::Cow;

use forge_core::{
    ErrorKind, Message, ModelId, ModelProvider, ModelRequest, ProviderError,
    error::Phase,
    event::Warning,
    request::{OutputFormat, Schema, Tool, ToolChoice},
};
use forge_http::{
    fit::{IdRule, Rules, fit},
    to_json,
};

use crate::{
    contents::Contents,
    profile::{Profile, plain_id},
    schemas,
    tune::tune,
    wire::request::{
        Body, Count, Function, FunctionCalling, GenerationConfig, Instruction, PartContent, ToolConfig,
        ToolGroup,
    },
};

/// What the vendor takes of a conversation; turns of one speaker are joined while they are mapped. Any id will do that
/// stands once. Source: its error replies, 2026-11.
const RULES: Rules = Rules {
    ids: Some(IdRule { longest: 256, allows: |sign| !sign.is_ascii_control() }),
    refuses_blank_texts: true,
    alternates: false,
    trims_prefill: false,
};

/// A body ready to be sent, and what had to be left out of it.
pub(crate) struct Mapped {
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: Vec<Warning>,
    /// What the answer is checked against, where the vendor was given a weaker schema.
    pub(crate) check: Option<Schema>,
}

/// The body of a call.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Mapped, ProviderError> {
    let mut warnings = Vec::new();
    let messages = fitted(provider, model, request)?;
    let mut body = prompt(provider, model, request, &messages, profile, &mut warnings)?;
    body.generation_config = tune(request, profile, &mut warnings);
    let mut check = None;
    if request.output == OutputFormat::Json {
        body.generation_config.response_mime_type = Some("application/json");
    }
    if let OutputFormat::JsonSchema(output) = &request.output {
        // Gemini 2.5 does not take the two together. An error and no warning: to drop either changes what the
        // answer is.
        if !request.tools.is_empty() && !profile.tools_with_schema {
            let what = "a JSON Schema for the answer together with tools";
            return Err(ProviderError::unsupported(provider, model, what));
        }
        body.generation_config.response_mime_type = Some("application/json");
        let (schema, is_weaker) = schemas::answer(&output.schema, &mut warnings);
        body.generation_config.response_json_schema = Some(schema);
        check = is_weaker.then(|| output.schema.clone());
    }
    // The vendor keeps what it is sent, unless told otherwise: `store` is true for paid projects created
    // since 2026-10-26.
    body.store = Some(false);
    Ok(Mapped {
        body: to_json(provider, model, &body, request.extra.fields(&ModelProvider::Google))?,
        warnings,
        check,
    })
}

/// The body of a token count: the prompt alone.
pub(crate) fn to_count(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Vec<u8>, ProviderError> {
    let messages = fitted(provider, model, request)?;
    let mut body = prompt(provider, model, request, &messages, profile, &mut Vec::new())?;
    // A `generateContentRequest` has to name its model, although the path does so too.
    body.model = Some(format!("models/{}", plain_id(model.as_str())));
    let count = Count { generate_content_request: body };
    to_json(provider, model, &count, None)
}

/// The conversation as the vendor takes it.
fn fitted<'a>(
    provider: &str,
    model: &ModelId,
    request: &'a ModelRequest,
) -> Result<Cow<'a, [Message]>, ProviderError> {
    fit(&request.messages, &RULES).map_err(|unfit| {
        ProviderError::new(ErrorKind::InvalidRequest, provider, unfit.to_string()).with(|facts| {
            facts.model = Some(model.clone());
            // Nothing was sent, so that nothing is billed.
            facts.phase = Phase::BeforeSend;
        })
    })
}

/// What counts as input: system text, conversation and tools.
fn prompt<'a>(
    provider: &'a str,
    model: &'a ModelId,
    request: &'a ModelRequest,
    conversation: &'a [Message],
    profile: &Profile,
    warnings: &mut Vec<Warning>,
) -> Result<Body<'a>, ProviderError> {
    let system = request.system.iter().map(|block| block.text.as_str());
    let system: Vec<_> = system.filter(|text| !text.trim().is_empty()).map(PartContent::Text).collect();
    Ok(Body {
        model: None,
        system_instruction: (!system.is_empty()).then_some(Instruction { parts: system }),
        contents: Contents::of(provider, model, conversation, profile, warnings)?,
        tools: tools(&request.tools, warnings)
            .map_err(|what| ProviderError::unsupported(provider, model, what))?,
        tool_config: tool_config(request),
        generation_config: GenerationConfig::default(),
        store: None,
    })
}

/// The functions stand in one group; each tool of the vendor's is a group by itself.
fn tools<'a>(tools: &'a [Tool], warnings: &mut Vec<Warning>) -> Result<Vec<ToolGroup<'a>>, &'static str> {
    let (mut functions, mut hosted) = (Vec::new(), Vec::new());
    for tool in tools {
        // Functions of this vendor have one flat list of names; two namespaces with a name in common would
        // collide.
        if tool.namespace().is_some() {
            return Err("a tool in a namespace");
        }
        match tool {
            Tool::Function(tool) => functions.push(Function {
                name: &tool.name,
                description: &tool.description,
                parameters_json_schema: schemas::parameters(tool),
            }),
            Tool::Hosted(tool) if tool.vendor == ModelProvider::Google => {
                hosted.push(ToolGroup::Hosted(tool.definition.raw()));
            }
            Tool::Hosted(tool) => {
                let message = format!("a tool that {} runs is left out", tool.vendor);
                warnings.push(Warning::new("tools", message));
            }
            _ => return Err("a tool that takes free text"),
        }
    }
    let functions =
        (!functions.is_empty()).then_some(ToolGroup::Functions { function_declarations: functions });
    Ok(functions.into_iter().chain(hosted).collect())
}

/// The vendor holds a model to all schemas or to none: one strict tool makes every call valid.
fn tool_config(request: &ModelRequest) -> Option<ToolConfig<'_>> {
    let is_function = |tool: &Tool| matches!(tool, Tool::Function(_));
    // The settings are about functions alone; without any the vendor has nothing to set them for.
    if !request.tools.iter().any(is_function) {
        return None;
    }
    let is_strict = |tool: &Tool| matches!(tool, Tool::Function(tool) if tool.strict);
    let (mode, allowed_function_names) = match &request.tool_choice {
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Required => ("ANY", Vec::new()),
        ToolChoice::Tool(name) => ("ANY", vec![name.as_str()]),
        // The vendor takes names in these two modes alone.
        ToolChoice::Allowed { names, required } => {
            let mode = if *required { "ANY" } else { "VALIDATED" };
            (mode, names.iter().map(String::as_str).collect())
        }
        // `VALIDATED` is `AUTO` with arguments that obey their schemas.
        _ if request.tools.iter().any(is_strict) => ("VALIDATED", Vec::new()),
        _ => return None,
    };
    Some(ToolConfig { function_calling_config: FunctionCalling { mode, allowed_function_names } })
}

#[cfg(test)]
mod tests {
    use forge_core::{
        Message, ModelProvider,
        request::{MessageRole, Opaque, Part},
    };

    use super::*;

    #[test]
    fn the_vendors_parts_go_back_byte_for_byte_beside_extra_fields() {
        let part = r#"{"executableCode": {"language":"PYTHON",  "code":"1"}, "n":1.50}"#;
        let model = ModelId::from("gemini-3.8-flash");
        let opaque = Opaque::new(ModelProvider::Google, model.clone(), part);
        let turn = Message::new(MessageRole::Assistant, vec![Part::vendor(opaque)]);
        let mut request = ModelRequest::new("").with_message(turn).with_user_message("go on");
        request.extra.insert(forge_core::ModelProvider::Google, "serviceTier", "flex");
        let body =
            String::from_utf8(to_wire("p", &model, &request, Profile::of(&model)).unwrap().body).unwrap();
        assert!(body.contains(part) && body.contains(r#""serviceTier":"flex""#), "{body}");
    }
}
