//! Requests of clients.

use bytes::Bytes;
use forge_core::{
    ModelId, ModelProvider, ModelRequest,
    request::{Delivery, InvalidBody, Tool},
};
use forge_http::{
    from_json,
    ingress::{Incoming, ReplyHead},
};
use http::Uri;
use serde_json::Value;

use super::{
    address::{Asked, Framing, Verb},
    content,
    render::Renderer,
    settings, tools,
};
use crate::wire::{
    fields::{Fields, Place, Read as _},
    incoming::{Body, GenerationConfig, LEFT_TO_THE_SERVER, ToolConfig, WRAPPED},
};

/// Reads a request.
pub(super) fn request(body: &Bytes, uri: &Uri, head: &ReplyHead) -> Result<Incoming, InvalidBody> {
    let Asked { model, verb } = Asked::of(uri)?;
    let value: Value = from_json(body).map_err(|error| Place::Body.wrong(error))?;
    let mut fields = Fields::read(value, Place::Body)?;
    // A count may be about a whole request.
    let place = Place::Field(&Place::Body, WRAPPED);
    let place = if verb == Verb::Count && fields.has(WRAPPED) {
        fields = fields.take(WRAPPED, Place::Body)?;
        place
    } else {
        Place::Body
    };
    let (mut request, mut unknown) = common(&mut fields, &ModelId::from(model.as_str()), place)?;
    let framing = match verb {
        Verb::Stream(framing) => {
            request.delivery = Delivery::Stream;
            framing
        }
        Verb::Whole | Verb::Count => {
            request.delivery = Delivery::Whole;
            Framing::Events
        }
    };
    unknown.extend(raw(fields, &mut request));
    let reply = Box::new(Renderer::new(head, &model, framing));
    Ok(Incoming { model, request, unknown, reply })
}

/// The request in a body, to a client that calls the model `model`.
pub(super) fn read(body: &Bytes, model: &ModelId) -> Result<ModelRequest, InvalidBody> {
    let value: Value = from_json(body).map_err(|error| Place::Body.wrong(error))?;
    let mut fields = Fields::read(value, Place::Body)?;
    let (mut request, _) = common(&mut fields, model, Place::Body)?;
    raw(fields, &mut request);
    Ok(request)
}

/// Keeps the fields that have no place in a request for their vendor; returns their names.
fn raw(fields: Fields, request: &mut ModelRequest) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in fields.into_map() {
        if !LEFT_TO_THE_SERVER.contains(&name.as_str()) {
            names.push(name.clone());
            request.extra.insert(ModelProvider::Google, name, value);
        }
    }
    names
}

/// The request, and the fields inside of others that have no place in it.
fn common(
    fields: &mut Fields,
    model: &ModelId,
    place: Place<'_>,
) -> Result<(ModelRequest, Vec<String>), InvalidBody> {
    let field = |name| Place::Field(&place, name);
    let body = Body::take(fields, place)?;
    if body.cached_content.is_some_and(|name| !name.is_empty()) {
        return Err(field("cachedContent").wrong("nothing is kept here; send the whole conversation"));
    }
    if body.contents.is_empty() {
        return Err(field("contents").wrong("has to hold at least one turn"));
    }
    let (mut request, mut unknown) = (ModelRequest::default(), Vec::new());
    if let Some(instruction) = body.system_instruction {
        let blocks = content::system(instruction, field("systemInstruction"))?;
        request = blocks.into_iter().fold(request, ModelRequest::with_system_text);
    }
    request.messages = content::turns(body.contents, model, field("contents"))?.into();
    request.tools = tools::tools(body.tools, field("tools"))?.into();
    if let Some(mut config) = body.tool_config {
        let place = field("toolConfig");
        let ToolConfig { function_calling_config } = ToolConfig::take(&mut config, place)?;
        if let Some(calling) = function_calling_config {
            choose(&mut request, tools::choice(calling, Place::Field(&place, "functionCallingConfig"))?);
        }
        unknown.extend(config.names().map(|name| format!("toolConfig.{name}")));
    }
    if let Some(mut config) = body.generation_config {
        let place = field("generationConfig");
        settings::apply(GenerationConfig::take(&mut config, place)?, &mut request, place)?;
        unknown.extend(config.names().map(|name| format!("generationConfig.{name}")));
    }
    Ok((request, unknown))
}

fn choose(request: &mut ModelRequest, choice: tools::Choice) {
    request.tool_choice = choice.tools;
    for tool in request.tools.to_mut().iter_mut().filter(|_| choice.strict) {
        if let Tool::Function(tool) = tool {
            tool.strict = true;
        }
    }
}
