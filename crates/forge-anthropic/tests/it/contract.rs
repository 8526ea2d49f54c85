use std::sync::Arc;

use forge_anthropic::AnthropicProvider;
use forge_core::{ModelProvider, ModelRequest};
use forge_testkit::Subject;

const SUBJECT: Subject = Subject {
    vendor: &forge_sim::Vendor::Anthropic,
    provider: || ModelProvider::Anthropic,
    model: "claude-sonnet-5-5",
    open: |settings| Ok(Arc::new(AnthropicProvider::from_settings(settings)?)),
    unsupported: || ModelRequest::new("").with_user_message("Go on:").with_assistant_message("Once upon"),
    exempt: &[],
};

forge_testkit::contract!(SUBJECT);
