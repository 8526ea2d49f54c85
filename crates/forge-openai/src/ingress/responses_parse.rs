//! Responses: bodies become requests.

use forge_core::{
    ModelProvider, ModelRequest,
    request::{Delivery, InvalidBody, MessageRole, Opaque, OutputFormat, Part, Tool, ToolInput},
};
use serde_json::{Map, Value};

use super::{
    Asked,
    content::{Conversation, parts, result, texts, words},
    refuse::{NOT_FOUND, UNSUPPORTED},
    tools::{choice, output, tools},
};
use crate::{
    responses::BETWEEN_THOUGHTS,
    wire::{
        incoming::{Place, Read as _},
        incoming_content::Content,
        incoming_responses::{
            AdditionalTools, Body, CallOutput, CustomToolCall, FunctionCall, Input, LEFT_TO_THE_SERVER,
            Message, Text, Thoughts, item_kind, minted,
        },
    },
};

/// Functions that do not say it are strict in this dialect.
const STRICT: bool = true;

pub(super) fn read(mut fields: Map<String, Value>) -> Result<Asked, InvalidBody> {
    let field = |name| Place::Field(&Place::Body, name);
    let body = Body::take(&mut fields, Place::Body)?;
    fields.retain(|name, _| !LEFT_TO_THE_SERVER.contains(&name.as_str()));
    refuse_what_is_stored(&body)?;
    let mut reader = Reader { model: &body.model, conversation: Conversation::default(), tools: Vec::new() };
    tools(body.tools, field("tools"), STRICT, &mut reader.tools)?;
    reader.conversation.instruct(body.instructions, field("instructions"))?;
    match body.input {
        Input::Text(text) => reader.conversation.turn(MessageRole::User, vec![Part::text(text)]),
        Input::Items(items) => {
            for (at, item) in items.into_iter().enumerate() {
                reader.item(item, Place::Item(&field("input"), at))?;
            }
        }
    }
    let mut request = reader.into_request();
    request.max_tokens = body.max_output_tokens;
    if let Some(reasoning) = body.reasoning {
        request.effort = reasoning.effort;
        request.show_thinking = reasoning.summary.map(|summary| summary != "none");
    }
    request.output = text(body.text, &mut fields)?;
    request.tool_choice = choice(body.tool_choice)?;
    request.parallel_tools = body.parallel_tool_calls;
    request.sampling.temperature = body.temperature;
    request.sampling.top_p = body.top_p;
    if body.stream != Some(true) {
        request.delivery = Delivery::Whole;
    }
    let include_usage = body.stream_options.and_then(|options| options.include_usage) == Some(true);
    Ok(Asked { model: body.model, request, unknown: fields, include_usage })
}

fn refuse_what_is_stored(body: &Body) -> Result<(), InvalidBody> {
    if let Some(id) = &body.previous_response_id {
        let id: String = id.chars().take(64).collect();
        let reason =
            format!("{NOT_FOUND} `{id}` is not here: nothing is stored; send the whole conversation");
        return Err(InvalidBody::new(reason));
    }
    let reason = if body.conversation.is_some() {
        "`conversation` is kept nowhere here; send the whole conversation"
    } else if body.background == Some(true) {
        "`background` needs a server that stores responses; wait for the reply, or have it streamed"
    } else {
        return Ok(());
    };
    Err(InvalidBody::new(format!("{UNSUPPORTED}: {reason}")))
}

/// The form of the answer. What else stands beside it goes to the vendor, unless the form would be lost by that.
fn text(text: Option<Value>, unknown: &mut Map<String, Value>) -> Result<OutputFormat, InvalidBody> {
    let place = Place::Field(&Place::Body, "text");
    let Some(text) = text else { return Ok(OutputFormat::Text) };
    let mut rest = place.object(text)?;
    let Text { format } = Text::take(&mut rest, place)?;
    let format = output(format, Place::Field(&place, "format"))?;
    if format == OutputFormat::Text && !rest.is_empty() {
        unknown.insert("text".to_owned(), Value::Object(rest));
    }
    Ok(format)
}

/// Reads the items one after the other.
struct Reader<'a> {
    model: &'a str,
    conversation: Conversation,
    tools: Vec<Tool>,
}

impl Reader<'_> {
    fn into_request(self) -> ModelRequest {
        let mut request = self.conversation.into_request();
        request.tools = self.tools.into();
        request
    }

    fn item(&mut self, item: Value, place: Place<'_>) -> Result<(), InvalidBody> {
        let kind =
            item_kind(&item).ok_or_else(|| Place::Field(&place, "type").wrong("is missing"))?.to_owned();
        // An item of a reply goes back to its model as it came.
        let state = minted(&kind, &item, self.conversation.ends_with_thoughts());
        let state = state.map(|data| Opaque::new(ModelProvider::OpenAI, self.model.into(), data));
        match kind.as_str() {
            "message" => self.message(Message::read(item, place)?, state, place)?,
            "reasoning" => self.thoughts(Thoughts::read(item, place)?, state, place)?,
            "function_call" => {
                let FunctionCall { call_id, name, namespace, arguments } = FunctionCall::read(item, place)?;
                self.call(Part::tool_use(call_id, name, arguments), namespace, state);
            }
            "custom_tool_call" => {
                let CustomToolCall { call_id, name, namespace, input } = CustomToolCall::read(item, place)?;
                self.call(Part::tool_use(call_id, name, ToolInput::Text(input)), namespace, state);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let CallOutput { call_id, output } = CallOutput::read(item, place)?;
                self.conversation.result(result(call_id, output, Place::Field(&place, "output"))?);
            }
            "additional_tools" => {
                let list = AdditionalTools::read(item, place)?.tools;
                tools(list, Place::Field(&place, "tools"), STRICT, &mut self.tools)?;
            }
            "item_reference" => {
                let reason = "refers to an item that is not stored here; send the item itself";
                return Err(place.wrong(reason));
            }
            // Calls of the vendor's own tools, and whatever it adds.
            _ => {
                if let Some(state) = state {
                    self.conversation.answer(Part::vendor(state));
                }
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: Message,
        state: Option<Opaque>,
        place: Place<'_>,
    ) -> Result<(), InvalidBody> {
        let Message { role, content } = message;
        let inside = Place::Field(&place, "content");
        match role.as_str() {
            "system" | "developer" => self.conversation.instruct(content, inside)?,
            "user" => self.conversation.turn(MessageRole::User, parts(content, inside)?),
            "assistant" => {
                if let Some(part) = answer(content, state, inside)? {
                    self.conversation.answer(part);
                }
            }
            other => {
                let roles = ["system", "developer", "user", "assistant"];
                return Err(Place::Field(&place, "role").wants_word(&roles, other));
            }
        }
        Ok(())
    }

    fn thoughts(
        &mut self,
        thoughts: Thoughts,
        state: Option<Opaque>,
        place: Place<'_>,
    ) -> Result<(), InvalidBody> {
        let mut all = texts(thoughts.summary, Place::Field(&place, "summary"))?;
        all.extend(texts(thoughts.content, Place::Field(&place, "content"))?);
        // Without either nothing is left of them.
        if !all.is_empty() || state.is_some() {
            self.conversation.answer(Part::thinking(all.join(BETWEEN_THOUGHTS)).with_opaque(state));
        }
        Ok(())
    }

    fn call(&mut self, call: Part, namespace: Option<String>, state: Option<Opaque>) {
        let call = match namespace {
            Some(namespace) => call.with_namespace(namespace),
            None => call,
        };
        self.conversation.answer(call.with_opaque(state));
    }
}

/// What the assistant said in one message: an answer, or the words of a refusal.
fn answer(
    content: Option<Content>,
    state: Option<Opaque>,
    place: Place<'_>,
) -> Result<Option<Part>, InvalidBody> {
    let (mut text, mut refusal) = (String::new(), String::new());
    for part in words(content, place)? {
        match part {
            Part::Refusal { text: more, .. } => refusal.push_str(&more),
            Part::Text { text: more, .. } => text.push_str(&more),
            _ => {}
        }
    }
    Ok(match (text.is_empty(), refusal.is_empty()) {
        (false, _) => Some(Part::text(text + &refusal).with_opaque(state)),
        (true, false) => Some(Part::refusal(refusal)),
        (true, true) => None,
    })
}
