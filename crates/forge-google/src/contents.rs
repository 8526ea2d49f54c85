//! From the conversation to the vendor's contents.

use std::borrow::Cow;

use forge_core::{
    ErrorKind, Message, ModelId, ModelProvider, ProviderError,
    error::Phase,
    event::Warning,
    request::{MessageRole, Opaque, Part, Source, ToolInput},
};
use forge_http::fit::INSTRUCTIONS;
use serde_json::{Value, json, value::RawValue};

use crate::{
    profile::Profile,
    wire::request::{
        Content, FileData, FunctionCall, FunctionResponse, InlineData, KnownPart, NO_SIGNATURE, Outcome,
        Part as WirePart, PartContent, Said,
    },
};

/// Where a part stands that is no tool result: after those. A result has the place of its call, so that
/// sorting puts the results of a turn into the order of their calls.
const AFTER_RESULTS: usize = usize::MAX;

/// Collects the turns of a conversation.
pub(crate) struct Contents<'a> {
    provider: &'a str,
    model: &'a ModelId,
    /// Ids and names of all calls so far.
    // A `functionResponse` has to name its function; a result of the conversation names the id of the call
    // alone.
    calls: Vec<(&'a str, &'a str)>,
    turns: Vec<Turn<'a>>,
    /// Whether instructions stand between turns.
    instructed: bool,
}

struct Turn<'a> {
    role: MessageRole,
    /// Each with its place.
    parts: Vec<(usize, WirePart<'a>)>,
}

impl<'a> Contents<'a> {
    /// The contents of `messages` for `model`.
    pub(crate) fn of(
        provider: &'a str,
        model: &'a ModelId,
        messages: &'a [Message],
        profile: &Profile,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Content<'a>>, ProviderError> {
        let turns = Vec::with_capacity(messages.len());
        let mut contents = Self { provider, model, calls: Vec::new(), turns, instructed: false };
        for message in messages {
            contents.add(message)?;
        }
        if contents.instructed {
            let message =
                "this vendor takes no instructions between turns; they are sent as the user's, and marked";
            warnings.push(Warning::new("system", message));
        }
        contents.finish(profile)
    }

    /// Messages of one speaker become one turn: the vendor wants the results of a turn's calls
    /// together.
    fn add(&mut self, message: &'a Message) -> Result<(), ProviderError> {
        let mut parts = Vec::with_capacity(message.parts.len());
        let role = match message.role {
            MessageRole::Assistant => MessageRole::Assistant,
            MessageRole::User => MessageRole::User,
            MessageRole::System => {
                self.instructed = true;
                // Without the mark the model takes the words for the user's, who may not give such orders.
                let mark = unsigned(PartContent::Text(INSTRUCTIONS));
                parts.push((AFTER_RESULTS, WirePart::Known(mark)));
                MessageRole::User
            }
        };
        for part in &message.parts {
            self.part(part, &mut parts)?;
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.parts.extend(parts),
            // Thoughts of another model leave nothing behind.
            None if parts.is_empty() => {}
            None => self.turns.push(Turn { role, parts }),
        }
        Ok(())
    }

    fn part(&mut self, part: &'a Part, parts: &mut Vec<(usize, WirePart<'a>)>) -> Result<(), ProviderError> {
        let known = match part {
            Part::Text { text, opaque, .. } => {
                let thought_signature = self.own(opaque.as_ref());
                // A blank text says something only by its signature.
                if text.trim().is_empty() && thought_signature.is_none() {
                    return Ok(());
                }
                KnownPart { content: PartContent::Text(text), thought: false, thought_signature }
            }
            // The vendor has no part for a refusal; left out, the turn would look as if nobody had answered.
            Part::Refusal { text, .. } => unsigned(PartContent::Text(text)),
            Part::Image { source, .. } | Part::Document { source, .. } | Part::Audio { source, .. } => {
                self.media(source)?
            }
            Part::Thinking { text, opaque, .. } => match self.own(opaque.as_ref()) {
                None => return Ok(()),
                thought_signature => {
                    KnownPart { content: PartContent::Text(text), thought: true, thought_signature }
                }
            },
            Part::ToolUse { id, name, input, opaque, .. } => {
                self.calls.push((id, name));
                let content = PartContent::FunctionCall(FunctionCall { id, name, args: arguments(input) });
                KnownPart { content, thought: false, thought_signature: self.own(opaque.as_ref()) }
            }
            Part::ToolResult { tool_use_id, content, is_error, .. } => {
                return self.tool_result(tool_use_id, content, *is_error, parts);
            }
            Part::Vendor { opaque, .. } => {
                if let Some(data) = self.own(Some(opaque)) {
                    let verbatim = RawValue::from_string(data.to_owned())
                        .map_err(|_| self.invalid("a vendor part of the conversation is not JSON"))?;
                    parts.push((AFTER_RESULTS, WirePart::Verbatim(verbatim)));
                }
                return Ok(());
            }
            _ => return Err(ProviderError::unsupported(self.provider, self.model, "a part of this kind")),
        };
        parts.push((AFTER_RESULTS, WirePart::Known(known)));
        Ok(())
    }

    /// The text of a result is its response; pictures follow as parts of their own.
    fn tool_result(
        &self,
        id: &'a str,
        content: &'a [Part],
        is_error: bool,
        parts: &mut Vec<(usize, WirePart<'a>)>,
    ) -> Result<(), ProviderError> {
        let Some(place) = self.calls.iter().rposition(|(call, _)| *call == id) else {
            return Err(self.invalid(&format!("the tool result `{id}` has no call before it")));
        };
        let mut texts = Vec::new();
        for part in content {
            match part {
                Part::Text { text, .. } => texts.push(text.as_str()),
                Part::Image { source, .. } | Part::Document { source, .. } => {
                    // A `functionResponse` holds JSON alone.
                    parts.push((AFTER_RESULTS, WirePart::Known(self.media(source)?)));
                }
                _ => {
                    let what = "a tool result of anything but text, images and documents";
                    return Err(ProviderError::unsupported(self.provider, self.model, what));
                }
            }
        }
        let text = texts.join("\n");
        let response = match object(&text) {
            // The vendor has no flag for a failed call; the key `error` says it to the model.
            _ if is_error => Outcome::Said(Said::Error(text)),
            Some(object) => Outcome::Object(object),
            None => Outcome::Said(Said::Result(text)),
        };
        let (_, name) = self.calls[place];
        let content = PartContent::FunctionResponse(FunctionResponse { id, name, response });
        parts.push((place, WirePart::Known(unsigned(content))));
        Ok(())
    }

    fn finish(mut self, profile: &Profile) -> Result<Vec<Content<'a>>, ProviderError> {
        // An error and no warning: without the prefill the answer would have another beginning than was asked
        // for, and the caller would join the two.
        if self.turns.last().is_some_and(|turn| turn.role == MessageRole::Assistant) && !profile.prefill {
            let what = "a last message of the assistant's (prefill)";
            return Err(ProviderError::unsupported(self.provider, self.model, what));
        }
        for turn in &mut self.turns {
            // Stable, so that what is no result stays in the order in which it was said.
            turn.parts.sort_by_key(|(place, _)| *place);
            if profile.signed_calls {
                turn.sign_foreign_calls();
            }
        }
        Ok(self.turns.into_iter().map(Turn::into_content).collect())
    }

    /// The state, if this model minted it.
    fn own(&self, opaque: Option<&'a Opaque>) -> Option<&'a str> {
        let opaque =
            opaque.filter(|opaque| opaque.belongs_to(&ModelProvider::Google, self.model, self.provider));
        opaque.map(|opaque| opaque.data.as_str())
    }

    fn media(&self, source: &'a Source) -> Result<KnownPart<'a>, ProviderError> {
        Ok(unsigned(match source {
            Source::Base64 { media_type, data } => {
                PartContent::InlineData(InlineData { mime_type: media_type, data })
            }
            Source::Url { url } => {
                PartContent::FileData(FileData { mime_type: mime_type(url), file_uri: url })
            }
            Source::File { id, vendor: ModelProvider::Google } => {
                // A file at the vendor has its type there.
                PartContent::FileData(FileData { mime_type: None, file_uri: id })
            }
            _ => {
                let what = "a file that another vendor has";
                return Err(ProviderError::unsupported(self.provider, self.model, what));
            }
        }))
    }

    fn invalid(&self, message: &str) -> ProviderError {
        ProviderError::new(ErrorKind::InvalidRequest, self.provider, message).with(|facts| {
            facts.model = Some(self.model.clone());
            facts.phase = Phase::BeforeSend;
        })
    }
}

impl<'a> Turn<'a> {
    /// A turn with any state of the model's is its own, and goes back as it came; one with calls but
    /// without state is another model's.
    fn sign_foreign_calls(&mut self) {
        let mut first_call = None;
        for (_, part) in &mut self.parts {
            match part {
                WirePart::Known(part) if part.thought_signature.is_none() => {
                    if matches!(part.content, PartContent::FunctionCall(_)) && first_call.is_none() {
                        first_call = Some(part);
                    }
                }
                WirePart::Known(_) | WirePart::Verbatim(_) => return,
            }
        }
        if let Some(call) = first_call {
            // On the first call alone: of parallel calls, only that one carries a signature.
            call.thought_signature = Some(NO_SIGNATURE);
        }
    }

    fn into_content(self) -> Content<'a> {
        let role = match self.role {
            MessageRole::Assistant => "model",
            MessageRole::User | MessageRole::System => "user",
        };
        Content { role, parts: self.parts.into_iter().map(|(_, part)| part).collect() }
    }
}

/// The vendor wants an object; what a model broke off stays readable inside one.
pub(crate) fn arguments(input: &ToolInput) -> Cow<'_, Value> {
    match input {
        ToolInput::Json(value) if value.is_object() => Cow::Borrowed(value),
        other => Cow::Owned(json!({ "input": other.to_text() })),
    }
}

/// The result itself, if it is an object as the vendor wants one.
fn object(text: &str) -> Option<Box<RawValue>> {
    let object = text.trim();
    object.starts_with('{').then(|| RawValue::from_string(object.to_owned()).ok())?
}

fn unsigned(content: PartContent<'_>) -> KnownPart<'_> {
    KnownPart { content, thought: false, thought_signature: None }
}

/// By the ending of the path; without one, the vendor looks for itself.
pub(crate) fn mime_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "heic" => Some("image/heic"),
        "heif" => Some("image/heif"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        _ => None,
    }
}
