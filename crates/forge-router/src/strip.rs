//! What a request leaves behind when it goes to another model.

use forge_core::{ModelId, ModelProvider, ModelRequest, Opaque, Part};

/// Whether `request` holds state that another model minted.
pub(crate) fn is_needed(request: &ModelRequest, vendor: &ModelProvider, model: &ModelId) -> bool {
    parts(request).filter_map(Part::opaque).any(|opaque| !opaque.belongs_to(vendor, model))
}

/// Takes out all state that another model minted, the thoughts it belongs to, and parts and turns that are
/// nothing else.
pub(crate) fn foreign(request: &mut ModelRequest, vendor: &ModelProvider, model: &ModelId) {
    let is_foreign = |opaque: &Opaque| !opaque.belongs_to(vendor, model);
    for message in &mut request.messages {
        message.parts.retain_mut(|part| match part {
            Part::Text { opaque, .. } | Part::ToolUse { opaque, .. } => {
                opaque.take_if(|opaque| is_foreign(opaque));
                true
            }
            Part::Thinking { opaque, .. } => !opaque.as_ref().is_some_and(is_foreign),
            Part::Vendor { opaque } => !is_foreign(opaque),
            Part::Image { .. } | Part::Document { .. } | Part::ToolResult { .. } => true,
        });
    }
    request.messages.retain(|message| !message.parts.is_empty());
}

/// Who minted the newest state in the conversation.
pub(crate) fn minted_by(request: &ModelRequest) -> Option<(&ModelProvider, &ModelId)> {
    let mut parts = request.messages.iter().rev().flat_map(|message| message.parts.iter().rev());
    parts.find_map(Part::opaque).map(|opaque| (&opaque.provider, &opaque.model))
}

fn parts(request: &ModelRequest) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

#[cfg(test)]
mod tests {
    use forge_core::{Message, MessageRole};
    use serde_json::json;

    use super::*;

    #[test]
    fn foreign_state_goes_and_everything_that_was_said_stays() {
        let state = |model: &str| Opaque {
            provider: ModelProvider::Anthropic,
            model: model.into(),
            data: "state".into(),
        };
        let turn = |parts| Message { role: MessageRole::Assistant, parts };
        let (own, other) = (Some(state("own")), Some(state("other")));
        let call = |opaque| Part::ToolUse { id: "1".into(), name: "add".into(), input: json!({}), opaque };
        let mut request = ModelRequest::new("").with_user_message("hi");
        request.messages.push(turn(vec![
            Part::Thinking { text: "foreign".into(), opaque: other.clone() },
            Part::Thinking { text: "ours".into(), opaque: own.clone() },
            Part::Text { text: "said".into(), cache: None, opaque: other.clone() },
            call(other.clone()),
        ]));
        request.messages.push(turn(vec![Part::Vendor { opaque: state("other") }]));
        let (vendor, model) = (ModelProvider::Anthropic, ModelId::from("own"));
        assert!(is_needed(&request, &vendor, &model));
        assert_eq!(minted_by(&request).unwrap().1, "other");
        foreign(&mut request, &vendor, &model);
        assert!(!is_needed(&request, &vendor, &model));
        assert_eq!(request.messages.len(), 2);
        let left = vec![Part::Thinking { text: "ours".into(), opaque: own }, Part::text("said"), call(None)];
        assert_eq!(request.messages[1].parts, left);
    }
}
