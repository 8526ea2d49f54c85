//! From the common request to the vendor's.

use forge_core::{ModelId, ModelRequest, OutputFormat, ProviderError, Tool, ToolChoice, Warning};
use forge_http::to_json;
use serde_json::Map;

use crate::{
    contents::Contents,
    profile::{Profile, plain_id},
    tune::tune,
    wire::request::{
        Body, Count, Function, FunctionCalling, GenerationConfig, Instruction, PartContent, ToolConfig,
        ToolGroup,
    },
};

/// A body ready to be sent, and what had to be left out of it.
pub(crate) struct Mapped {
    pub(crate) body: Vec<u8>,
    pub(crate) warnings: Vec<Warning>,
}

/// The body of a call.
pub(crate) fn to_wire(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Mapped, ProviderError> {
    let mut warnings = Vec::new();
    let mut body = prompt(provider, model, request, profile)?;
    body.generation_config = tune(request, profile, &mut warnings);
    if let OutputFormat::JsonSchema { schema, .. } = &request.output {
        if !request.tools.is_empty() && !profile.tools_with_schema {
            let what = "a JSON Schema for the answer together with tools";
            return Err(ProviderError::unsupported(provider, model, what));
        }
        body.generation_config.response_mime_type = Some("application/json");
        body.generation_config.response_json_schema = Some(schema);
    }
    // The vendor keeps what it is sent, unless told otherwise.
    body.store = Some(false);
    Ok(Mapped { body: to_json(provider, model, &body, &request.extra)?, warnings })
}

/// The body of a token count: the prompt alone.
pub(crate) fn to_count(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
    profile: &Profile,
) -> Result<Vec<u8>, ProviderError> {
    let mut body = prompt(provider, model, request, profile)?;
    body.model = Some(format!("models/{}", plain_id(model.as_str())));
    let count = Count { generate_content_request: body };
    to_json(provider, model, &count, &Map::new())
}

/// What counts as input: system text, conversation and tools.
fn prompt<'a>(
    provider: &'a str,
    model: &'a ModelId,
    request: &'a ModelRequest,
    profile: &Profile,
) -> Result<Body<'a>, ProviderError> {
    let system = Some(request.system.as_str()).filter(|system| !system.is_empty());
    Ok(Body {
        model: None,
        system_instruction: system.map(|text| Instruction { parts: [PartContent::Text(text)] }),
        contents: Contents::of(provider, model, &request.messages, profile)?,
        tools: tools(&request.tools),
        tool_config: tool_config(request),
        generation_config: GenerationConfig::default(),
        store: None,
    })
}

fn tools(tools: &[Tool]) -> Option<[ToolGroup<'_>; 1]> {
    let functions = tools.iter().map(|tool| Function {
        name: &tool.name,
        description: &tool.description,
        parameters_json_schema: &tool.schema,
    });
    (!tools.is_empty()).then(|| [ToolGroup { function_declarations: functions.collect() }])
}

/// The vendor holds a model to all schemas or to none: one strict tool makes every call valid.
fn tool_config(request: &ModelRequest) -> Option<ToolConfig<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    let (mode, allowed_function_names) = match &request.tool_choice {
        ToolChoice::Auto if request.tools.iter().any(|tool| tool.strict) => ("VALIDATED", None),
        ToolChoice::Auto => return None,
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Tool(name) => ("ANY", Some([name.as_str()])),
    };
    Some(ToolConfig { function_calling_config: FunctionCalling { mode, allowed_function_names } })
}

#[cfg(test)]
mod tests {
    use forge_core::{Message, MessageRole, ModelProvider, Opaque, Part};

    use super::*;

    #[test]
    fn the_vendors_parts_go_back_byte_for_byte_beside_extra_fields() {
        let part = r#"{"executableCode": {"language":"PYTHON",  "code":"1"}, "n":1.50}"#;
        let model = ModelId::from("gemini-3.8-flash");
        let opaque = Opaque { provider: ModelProvider::Google, model: model.clone(), data: part.into() };
        let turn = Message { role: MessageRole::Assistant, parts: vec![Part::Vendor { opaque }] };
        let mut request = ModelRequest::new("").with_message(turn).with_user_message("go on");
        request.extra.insert("serviceTier".into(), "flex".into());
        let body =
            String::from_utf8(to_wire("p", &model, &request, Profile::of(&model)).unwrap().body).unwrap();
        assert!(body.contains(part) && body.contains(r#""serviceTier":"flex""#), "{body}");
    }
}
