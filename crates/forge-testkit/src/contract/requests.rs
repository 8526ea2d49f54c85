//! What a vendor is sent, and what it costs.

use forge_core::{
    ErrorKind, Message, ModelRequest, ModelResponse, ProviderExt as _,
    error::Phase,
    provider::Health,
    request::{Effort, MessageRole, Part},
};

use crate::{
    subject::{Subject, requests, text, thinking, two_tools, whole},
    vendor::Behavior,
};

/// State that the vendor hands out goes back unchanged to the model that minted it, and not at all to
/// another. What stands in for the vendor refuses anything else.
pub async fn opaque_parts_come_back_byte_exact(subject: Subject) {
    if subject.is_exempt("opaque parts") {
        return;
    }
    for request in [thinking(), two_tools().with_effort(Effort::High).with_max_tokens(30_000)] {
        let server = subject.start(Behavior::Normal).await;
        let adapter = subject.adapter(&server.base_url());
        let first = adapter.complete(&subject.context(), request.clone()).await.unwrap();
        let states: Vec<_> = first.content.iter().filter_map(Part::opaque).collect();
        assert!(!states.is_empty(), "the reply carries no state: {:?}", first.content);
        let next = second_turn(request, &first);
        adapter.complete(&subject.context(), next.clone()).await.unwrap();
        let sent = server.requests().last().unwrap().body.to_string();
        for state in states {
            // State is text or JSON. The server has parsed the body, so JSON is compared in its spelling.
            let known = serde_json::from_str::<serde_json::Value>(&state.data).map(|value| value.to_string());
            let quoted = serde_json::to_string(&state.data).unwrap();
            let found = sent.contains(&quoted) || known.is_ok_and(|known| sent.contains(&known));
            assert!(found, "{} is not in {sent}", state.data);
        }

        // Only the tag is another one: nothing else can keep the state back.
        let mut foreign = next;
        for part in foreign.messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::Text { opaque: Some(opaque), .. }
            | Part::Thinking { opaque: Some(opaque), .. }
            | Part::ToolUse { opaque: Some(opaque), .. } = part
            {
                opaque.model = "another-model".into();
            }
        }
        if !subject.is_exempt("foreign state") {
            adapter.complete(&subject.context(), foreign).await.unwrap();
            let sent = server.requests().last().unwrap().body.to_string();
            let kept = first.content.iter().filter_map(Part::opaque).find(|state| sent.contains(&state.data));
            assert!(kept.is_none(), "{kept:?} went to a model that did not mint it");
        }
    }
}

/// The conversation goes on: results for every tool call, else a question.
fn second_turn(request: ModelRequest, first: &ModelResponse) -> ModelRequest {
    let results: Vec<_> = first
        .content
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse { id, .. } => Some(Part::tool_result(id.as_str(), "sunny, 20 degrees")),
            _ => None,
        })
        .collect();
    let parts = if results.is_empty() { vec![Part::text("And at night?")] } else { results };
    request
        .with_message(Message::new(MessageRole::Assistant, first.content.clone()))
        .with_message(Message::new(MessageRole::User, parts))
}

/// The classes of tokens are those of the vendor and sum to its totals.
pub async fn usage_sums_to_the_vendors_total(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        for request in [request.clone(), whole(&request)] {
            let server = subject.start(Behavior::Normal).await;
            let adapter = subject.adapter(&server.base_url());
            let tokens = adapter.complete(&subject.context(), request).await.unwrap().tokens;
            // The server tells what it bills beside its replies, so that a field that is misread shows.
            let truth = server.requests().last().unwrap().billed.unwrap();
            assert_eq!(tokens.total_input(), truth.total_input(), "{name}");
            assert_eq!(tokens.total_output(), truth.total_output(), "{name}");
            if !subject.is_exempt("token classes") {
                assert_eq!(tokens.cache_read.unwrap_or(0), truth.cache_read.unwrap_or(0), "{name}");
                assert_eq!(tokens.reasoning.unwrap_or(0), truth.reasoning.unwrap_or(0), "{name}");
            }
        }
    }
}

/// A feature that the model does not have is refused before anything is sent.
pub async fn an_unsupported_feature_fails_before_sending(subject: Subject) {
    let server = subject.start(Behavior::Normal).await;
    let adapter = subject.adapter(&server.base_url());
    let error = adapter.complete(&subject.context(), (subject.unsupported)()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Unsupported, Phase::BeforeSend), "{error}");
    assert!(server.requests().is_empty());
}

/// Health, model list and token count work, and cost nothing.
pub async fn the_free_calls_work(subject: Subject) {
    let server = subject.start(Behavior::Normal).await;
    let adapter = subject.adapter(&server.base_url());
    assert_eq!(adapter.health_check().await.unwrap(), Health::Ready);
    let models = adapter.models().await.unwrap();
    assert!(!models.is_empty());
    if !subject.is_exempt("model list") {
        assert!(models.iter().any(|model| model.id.as_str() == subject.model), "{models:?}");
    }
    let counted = adapter.count_tokens(&subject.model.into(), &text()).await;
    if subject.is_exempt("token count") {
        assert_eq!(counted.unwrap_err().kind, ErrorKind::Unsupported);
    } else {
        assert!(counted.unwrap() > 0);
    }
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.billed.is_none()), "{requests:?}");
}
