//! What a request leaves behind when it goes to another model.

use forge_core::{
    ModelRequest,
    request::{Opaque, Part},
};

/// Whether `request` holds state for which `is_foreign` holds.
pub(super) fn is_needed(request: &ModelRequest, is_foreign: impl Fn(&Opaque) -> bool) -> bool {
    request.messages.iter().flat_map(|message| &message.parts).filter_map(Part::opaque).any(is_foreign)
}

/// Takes out all state for which `is_foreign` holds, the thoughts it belongs to, and parts and turns that are
/// nothing else.
pub(super) fn strip_foreign(request: &mut ModelRequest, is_foreign: impl Fn(&Opaque) -> bool) {
    let messages = request.messages.to_mut();
    for message in &mut *messages {
        message.parts.retain_mut(|part| match part {
            // A text and a call say the same without their state.
            Part::Text { opaque, .. } | Part::ToolUse { opaque, .. } => {
                opaque.take_if(|opaque| is_foreign(opaque));
                true
            }
            // Vendors check thoughts by their signature, so that a thought without it is of no use.
            Part::Thinking { opaque, .. } => !opaque.as_ref().is_some_and(&is_foreign),
            Part::Vendor { opaque, .. } => !is_foreign(opaque),
            _ => true,
        });
    }
    // Vendors refuse a turn without content.
    messages.retain(|message| !message.parts.is_empty());
}

#[cfg(test)]
mod tests {
    use forge_core::{Message, ModelId, ModelProvider, request::MessageRole};
    use serde_json::json;

    use super::*;

    #[test]
    fn foreign_state_goes_and_everything_that_was_said_stays() {
        let state = |model: &str| Opaque::new(ModelProvider::Anthropic, model.into(), "state");
        let turn = |parts| Message::new(MessageRole::Assistant, parts);
        let (own, other) = (Some(state("own")), Some(state("other")));
        let call = |opaque| Part::tool_use("1", "add", json!({})).with_opaque(opaque);
        let mut request = ModelRequest::new("").with_user_message("hi");
        request.messages.push(turn(vec![
            Part::thinking("foreign").with_opaque(other.clone()),
            Part::thinking("ours").with_opaque(own.clone()),
            Part::text("said").with_opaque(other.clone()),
            call(other.clone()),
        ]));
        request.messages.push(turn(vec![Part::vendor(state("other"))]));
        let (vendor, model) = (ModelProvider::Anthropic, ModelId::from("own"));
        let is_foreign = |state: &Opaque| !state.belongs_to(&vendor, &model, "p");
        assert!(is_needed(&request, is_foreign));
        assert_eq!(request.outline().minted_by.as_ref().unwrap().1, "other");
        strip_foreign(&mut request, is_foreign);
        assert!(!is_needed(&request, is_foreign));
        assert_eq!(request.messages.len(), 2);
        let left = vec![Part::thinking("ours").with_opaque(own), Part::text("said"), call(None)];
        assert_eq!(request.messages[1].parts, left);
    }
}
