//! From the common request to the vendor's.

use forge_core::{
    ErrorKind, ModelId, ModelRequest, OutputFormat, Phase, ProviderError, Tool, ToolChoice, Warning,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    contents::Contents,
    profile::{Profile, plain_id},
    tune::tune,
    wire::request::{
        Body, Count, Function, FunctionCalling, GenerationConfig, Instruction, PartContent, ToolConfig,
        ToolGroup,
    },
};

/// Bytes set aside for a body before it is written; longer ones grow.
const USUAL_BODY: usize = 2 * 1024;

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
) -> Result<Mapped, ProviderError> {
    let profile = Profile::of(model);
    let mut warnings = Vec::new();
    let mut body = prompt(provider, model, request)?;
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
    let body = encode(&body, &request.extra).map_err(|error| not_json(provider, model, error))?;
    Ok(Mapped { body, warnings })
}

/// The body of a token count: the prompt alone.
pub(crate) fn to_count(
    provider: &str,
    model: &ModelId,
    request: &ModelRequest,
) -> Result<Vec<u8>, ProviderError> {
    let mut body = prompt(provider, model, request)?;
    body.model = Some(format!("models/{}", plain_id(model.as_str())));
    let count = Count { generate_content_request: body };
    encode(&count, &Map::new()).map_err(|error| not_json(provider, model, error))
}

/// What counts as input: system text, conversation and tools.
fn prompt<'a>(
    provider: &'a str,
    model: &'a ModelId,
    request: &'a ModelRequest,
) -> Result<Body<'a>, ProviderError> {
    let system = Some(request.system.as_str()).filter(|system| !system.is_empty());
    Ok(Body {
        model: None,
        system_instruction: system.map(|text| Instruction { parts: [PartContent::Text(text)] }),
        contents: Contents::of(provider, model, &request.messages)?,
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

fn encode(body: &impl Serialize, extra: &Map<String, Value>) -> Result<Vec<u8>, serde_json::Error> {
    if extra.is_empty() {
        let mut json = Vec::with_capacity(USUAL_BODY);
        return serde_json::to_writer(&mut json, body).map(|()| json);
    }
    let mut value = serde_json::to_value(body)?;
    if let Value::Object(fields) = &mut value {
        fields.extend(extra.clone());
    }
    serde_json::to_vec(&value)
}

fn not_json(provider: &str, model: &ModelId, source: serde_json::Error) -> ProviderError {
    let message = "the request cannot be written as JSON";
    ProviderError::new(ErrorKind::InvalidRequest, provider, message).with(|facts| {
        facts.model = Some(model.clone());
        facts.phase = Phase::BeforeSend;
        facts.source = Some(Box::new(source));
    })
}
