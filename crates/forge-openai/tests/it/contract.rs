//! The contract that every provider keeps, for both APIs.

use std::sync::Arc;

use forge_core::{ModelProvider, ModelRequest};
use forge_openai::OpenAIProvider;
use forge_sim::Vendor;
use forge_testkit::Subject;

const RESPONSES: Subject = Subject {
    vendor: &Vendor::OpenAi,
    provider: || ModelProvider::OpenAI,
    model: "gpt-6.2-sol",
    open: |settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?)),
    unsupported: || ModelRequest::new("").with_user_message("Go on:").with_assistant_message("Once upon"),
    exempt: &[],
};

const CHAT: Subject = Subject {
    model: "gpt-4.1",
    unsupported: || ModelRequest::default().with_stop_sequences(vec!["END"; 5]),
    exempt: &[("opaque parts", "the dialect has no state")],
    ..RESPONSES
};

mod responses {
    use super::RESPONSES;

    forge_testkit::contract!(RESPONSES);
}

mod chat {
    use super::CHAT;

    forge_testkit::contract!(CHAT);
}
