//! Replies into events, by vendor.

use std::sync::{Arc, LazyLock};

use forge_anthropic::AnthropicProvider;
use forge_core::{
    ErrorKind, ModelProvider, ModelRequest, Participant, StreamEvent, error::Phase, request::Delivery,
    stream::Accumulator,
};
use forge_google::GoogleProvider;
use forge_local::{LocalProvider, ServerKind};
use forge_openai::OpenAIProvider;

use crate::wire::{KEY, Open, Outcome, Wire};

/// The bytes as a reply of Anthropic's.
pub fn anthropic(data: &[u8]) {
    thread_local! {
        static WIRE: Wire = Wire::new(
            |settings| Ok(Arc::new(AnthropicProvider::from_settings(settings)?)),
            Participant::claude_sonnet(),
        );
    }
    WIRE.with(|wire| check(wire, data));
}

/// The bytes as a reply of OpenAI's Responses API.
pub fn responses(data: &[u8]) {
    thread_local! {
        static WIRE: Wire = Wire::new(OPENAI, Participant::gpt());
    }
    WIRE.with(|wire| check(wire, data));
}

const OPENAI: Open = |settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?));

/// The bytes as a reply of the Chat Completions dialect, from OpenAI and from a local server.
pub fn chat(data: &[u8]) {
    thread_local! {
        static OPENAIS: Wire = Wire::new(OPENAI, Participant::new(ModelProvider::OpenAI, "gpt-4o"));
        static LOCAL: Wire = Wire::new(
            |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?.with_kind(ServerKind::LlamaCpp))),
            Participant::new(ModelProvider::Local, "any"),
        );
    }
    OPENAIS.with(|wire| check(wire, data));
    LOCAL.with(|wire| check(wire, data));
}

/// The bytes as a reply of Gemini's.
pub fn google(data: &[u8]) {
    thread_local! {
        static WIRE: Wire = Wire::new(
            |settings| Ok(Arc::new(GoogleProvider::from_settings(settings)?)),
            Participant::gemini_pro(),
        );
    }
    WIRE.with(|wire| check(wire, data));
}

/// The bytes as a reply of Ollama's own API.
pub fn ollama(data: &[u8]) {
    thread_local! {
        static WIRE: Wire = Wire::new(
            |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?.with_native())),
            Participant::new(ModelProvider::Local, "any"),
        );
    }
    WIRE.with(|wire| check(wire, data));
}

static STREAMED: LazyLock<ModelRequest> =
    LazyLock::new(|| ModelRequest::new("Be brief.").with_user_message("Why?").with_max_tokens(100));
static WHOLE: LazyLock<ModelRequest> = LazyLock::new(|| STREAMED.clone().with_delivery(Delivery::Whole));

/// A stream keeps the contract of its events; however its bytes are split, it is the same; cut anywhere, it is the
/// beginning of the same, and complete only if it was complete before the cut. A whole reply keeps the contract too.
fn check(wire: &Wire, data: &[u8]) {
    let whole = wire.body(&STREAMED, data, data.len(), false);
    keeps_the_contract(wire, &whole);

    let split = wire.body(&STREAMED, data, 1 + data.len() % 61, false);
    assert_eq!(split.events, whole.events);
    assert_eq!(split.error.as_ref().map(ToString::to_string), whole.error.as_ref().map(ToString::to_string));

    let at = data.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let cut = wire.body(&STREAMED, &data[..at % (data.len() + 1)], data.len(), true);
    keeps_the_contract(wire, &cut);
    assert!(
        whole.events.starts_with(&cut.events),
        "{:?}\nis no beginning of\n{:?}",
        cut.events,
        whole.events
    );

    keeps_the_contract(
        wire,
        &wire.whole(&WHOLE, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n", data),
    );
}

fn keeps_the_contract(wire: &Wire, Outcome { events, error }: &Outcome) {
    let finished = matches!(events.last(), Some(StreamEvent::Finished(_)));
    assert_ne!(finished, error.is_some(), "{events:?} and {error:?}");
    if !events.is_empty() {
        assert!(matches!(events[0], StreamEvent::Started(_)), "{events:?}");
    }
    let mut response = Accumulator::new(&wire.context());
    for event in events {
        response.push(event.clone()).unwrap_or_else(|error| panic!("{error}: {events:?}"));
    }
    let Some(error) = error else {
        let response = response.finish().expect("it is finished");
        let _ = (response.tokens.total_input(), response.tokens.total_output());
        return;
    };
    // A clock of ours may not run out; a vendor may say that one of its own did.
    assert!(error.kind != ErrorKind::Timeout || error.status.is_some(), "{error}");
    assert!(!error.to_string().contains(KEY), "{error}");
    let content = events.iter().any(StreamEvent::is_content);
    assert_eq!(error.phase == Phase::AfterOutput, content, "{error:?}");
}
