//! Chat Completions: bodies become requests.

use forge_core::{
    ModelProvider, ModelRequest,
    request::{Delivery, InvalidBody, MessageRole, Part, ToolInput},
};
use serde_json::{Map, Value, value::to_raw_value};

use super::{
    Asked,
    content::{Conversation, parts, result, words},
    tools::{choice, output, tools},
};
use crate::{
    chat::{Keeper, detail_text},
    wire::{
        incoming::Place,
        incoming_chat::{Body, LEFT_TO_THE_SERVER, Message, ToolCall},
    },
};

pub(super) fn read(mut fields: Map<String, Value>) -> Result<Asked, InvalidBody> {
    let field = |name| Place::Field(&Place::Body, name);
    let body = Body::take(&mut fields, Place::Body)?;
    fields.shift_remove(LEFT_TO_THE_SERVER);
    refuse_what_no_reply_can_hold(&body)?;
    let mut request = conversation(body.messages, &body.model, field("messages"))?;
    request.max_tokens = body.max_completion_tokens.or(body.max_tokens);
    request.effort = body.reasoning_effort;
    request.output = output(body.response_format, field("response_format"))?;
    tools(body.tools, field("tools"), false, request.tools.to_mut())?;
    request.tool_choice = choice(body.tool_choice)?;
    request.parallel_tools = body.parallel_tool_calls;
    request.stop_sequences = body.stop.map(|stop| stop.0).unwrap_or_default();
    request.sampling.temperature = body.temperature;
    request.sampling.top_p = body.top_p;
    request.sampling.top_k = body.top_k;
    request.sampling.seed = body.seed;
    request.sampling.presence_penalty = body.presence_penalty;
    request.sampling.frequency_penalty = body.frequency_penalty;
    if body.stream != Some(true) {
        request.delivery = Delivery::Whole;
    }
    let include_usage = body.stream_options.and_then(|options| options.include_usage) == Some(true);
    Ok(Asked { model: body.model, request, unknown: fields, include_usage })
}

fn refuse_what_no_reply_can_hold(body: &Body) -> Result<(), InvalidBody> {
    let field = |name| Place::Field(&Place::Body, name);
    if body.n.is_some_and(|n| n != 1) {
        return Err(field("n").wrong("has to be 1: this server gives one answer"));
    }
    if body.modalities.iter().any(|kind| kind != "text") {
        return Err(field("modalities").wrong("has to be [\"text\"]: this server answers in text"));
    }
    if body.messages.is_empty() {
        return Err(field("messages").wrong("has to hold at least one message"));
    }
    Ok(())
}

fn conversation(messages: Vec<Message>, model: &str, place: Place<'_>) -> Result<ModelRequest, InvalidBody> {
    let mut conversation = Conversation::default();
    for (at, message) in messages.into_iter().enumerate() {
        let place = Place::Item(&place, at);
        let content = Place::Field(&place, "content");
        match message.role.as_str() {
            "system" | "developer" => conversation.instruct(message.content, content)?,
            "user" => conversation.turn(MessageRole::User, parts(message.content, content)?),
            "assistant" => conversation.turn(MessageRole::Assistant, assistant(message, model, place)?),
            "tool" => {
                let missing = || Place::Field(&place, "tool_call_id").wrong("is missing");
                let id = message.tool_call_id.ok_or_else(missing)?;
                conversation.result(result(id, message.content, content)?);
            }
            other => {
                let roles = ["system", "developer", "user", "assistant", "tool"];
                return Err(Place::Field(&place, "role").wants_word(&roles, other));
            }
        }
    }
    Ok(conversation.into_request())
}

/// Thoughts, words and calls, in the order in which a model has them.
fn assistant(message: Message, model: &str, place: Place<'_>) -> Result<Vec<Part>, InvalidBody> {
    let mut keeper = Keeper::new(ModelProvider::OpenAI, model.into(), None);
    let mut parts = Vec::new();
    parts.extend(thoughts(message.reasoning_content, &message.reasoning_details, &mut keeper));
    parts.extend(words(message.content, Place::Field(&place, "content"))?);
    parts.extend(message.refusal.filter(|refusal| !refusal.is_empty()).map(Part::refusal));
    let calls = Place::Field(&place, "tool_calls");
    for (at, call) in message.tool_calls.into_iter().enumerate() {
        parts.push(tool_use(call, &keeper, Place::Item(&calls, at))?);
    }
    Ok(parts)
}

/// Thoughts with the state that a reply of the field has.
fn thoughts(text: Option<String>, details: &[Value], keeper: &mut Keeper) -> Option<Part> {
    let mut text = text.unwrap_or_default();
    keeper.add("reasoning_content", &text);
    let is_shown = !text.is_empty();
    for detail in details.iter().filter_map(|detail| to_raw_value(detail).ok()) {
        if !is_shown {
            text.push_str(&detail_text(&detail));
        }
        keeper.add_whole(&detail);
    }
    let state = keeper.take()?;
    Some(Part::thinking(text).with_opaque(*state))
}

fn tool_use(call: ToolCall, keeper: &Keeper, place: Place<'_>) -> Result<Part, InvalidBody> {
    let ToolCall { id, function, custom, extra_content } = call;
    let part = match (function, custom) {
        (Some(function), _) => Part::tool_use(id, function.name, function.arguments),
        (None, Some(custom)) => {
            Part::tool_use(id, custom.name, ToolInput::Text(custom.input.unwrap_or_default()))
        }
        (None, None) => return Err(place.wrong("has neither `function` nor `custom`")),
    };
    Ok(part.with_opaque(extra_content.map(|state| keeper.of_call(&state.to_string()))))
}
