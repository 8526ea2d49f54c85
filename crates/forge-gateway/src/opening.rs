//! Seals in a conversation that comes back: what opens is the vendor's state again, and the rest is left out.

use std::collections::HashMap;

use forge_core::{
    ModelId, ModelProvider, ModelRequest,
    request::{MessageRole, Opaque, Part},
};

use crate::{
    seal::{SealedId, Seals, State, found},
    state::is_of_one_call,
};

/// What the seals of a conversation held.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// The state of its calls, by the ids that they have now.
    pub(crate) calls: HashMap<String, State>,
    /// How many seals did not open.
    pub(crate) lost: usize,
}

/// Takes the seals that `owner`'s client sends out of a conversation. Thoughts that were sealed by themselves are back in their
/// places; calls have short ids again.
pub(crate) fn open(request: &mut ModelRequest, seals: &Seals, owner: &str) -> Opened {
    let mut opening = Opening { seals, owner, opened: Opened::default(), ids: HashMap::new() };
    if !request.messages.iter().flat_map(|message| &message.parts).any(is_sealed) {
        return opening.opened;
    }
    let messages = request.messages.to_mut();
    for message in &mut *messages {
        let parts = std::mem::take(&mut message.parts);
        message.parts = parts.into_iter().filter_map(|part| opening.part(part)).collect();
    }
    // Vendors refuse a turn without content.
    messages.retain(|message| message.role != MessageRole::Assistant || !message.parts.is_empty());
    opening.opened
}

/// Has the state of `vendor`'s own that a client sends back count as that of `model`, whatever the client calls it.
pub(crate) fn attribute(request: &mut ModelRequest, vendor: &ModelProvider, called: &str, model: &ModelId) {
    let is_called = |state: &Opaque| state.provider == *vendor && state.model.as_str() == called;
    let mut states = request.messages.iter().flat_map(|message| &message.parts).filter_map(Part::opaque);
    if model.as_str() == called || !states.any(is_called) {
        return;
    }
    for part in request.messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::Text { opaque: Some(state), .. }
        | Part::Thinking { opaque: Some(state), .. }
        | Part::ToolUse { opaque: Some(state), .. }
        | Part::Vendor { opaque: state, .. } = part
            && is_called(state)
        {
            state.model = model.clone();
        }
    }
}

fn is_sealed(part: &Part) -> bool {
    let id = match part {
        Part::ToolUse { id, .. } | Part::ToolResult { tool_use_id: id, .. } => id.as_str(),
        _ => "",
    };
    SealedId::of(id).is_some() || part.opaque().is_some_and(|state| found(&state.data).is_some())
}

struct Opening<'a> {
    seals: &'a Seals,
    owner: &'a str,
    opened: Opened,
    /// What each sealed id became, for the results of its call.
    ids: HashMap<String, String>,
}

impl Opening<'_> {
    fn part(&mut self, mut part: Part) -> Option<Part> {
        match &mut part {
            Part::ToolUse { id, opaque, .. } => self.call(id, opaque),
            Part::ToolResult { tool_use_id, .. } => {
                if let Some(id) = self.ids.get(tool_use_id) {
                    tool_use_id.clone_from(id);
                } else if let Some(sealed) = SealedId::of(tool_use_id) {
                    *tool_use_id = sealed.short();
                }
            }
            _ => return self.thought(part),
        }
        Some(part)
    }

    fn call(&mut self, id: &mut String, opaque: &mut Option<Opaque>) {
        if let Some(sealed) = SealedId::of(id) {
            // An item with such an id is none of its vendor's.
            *opaque = None;
            let state = self.count(self.seals.open_id(&sealed, self.owner));
            // A number that other calls have as well is no id for this one.
            let own = state.as_ref().map(|state| state.id.clone()).filter(|id| is_of_one_call(id));
            let new = own.unwrap_or_else(|| sealed.short());
            self.ids.insert(std::mem::replace(id, new.clone()), new.clone());
            self.opened.calls.extend(state.map(|state| (new, state)));
        }
        let seal = opaque.as_ref().and_then(|state| found(&state.data));
        if let Some(seal) = seal {
            let state = self.count(self.seals.open_text(&seal, self.owner, id));
            self.opened.calls.extend(state.map(|state| (id.clone(), state)));
            *opaque = None;
        }
    }

    /// A thought with the state that was sealed for it. Vendors check thoughts by their state, so that one without it is of no
    /// use.
    fn thought(&mut self, part: Part) -> Option<Part> {
        let Some(seal) = part.opaque().and_then(|state| found(&state.data)) else { return Some(part) };
        let opened = self.count(self.seals.open_text(&seal, self.owner, ""));
        match (part, opened.and_then(|mut state| state.thoughts.pop())) {
            (Part::Text { text, .. }, _) => Some(Part::text(text)),
            // The text is where its client has it.
            (Part::Thinking { text, .. }, Some(Part::Thinking { opaque, .. })) => {
                Some(Part::thinking(text).with_opaque(opaque))
            }
            (_, thought) => thought,
        }
    }

    fn count(&mut self, opened: Option<State>) -> Option<State> {
        self.opened.lost += usize::from(opened.is_none());
        opened
    }
}
