//! What the contract is tested on.

use std::{io, sync::Arc};

use forge_core::{
    Adapter, CallContext, ModelProvider, ModelRequest, ModelResponse, Participant, ProviderError,
    ProviderExt, SecretString, StreamEvent,
    provider::AdapterSettings,
    request::{Delivery, Effort, Tool},
};
use serde_json::json;

use crate::{
    server::Request,
    vendor::{Behavior, TestServer, TestVendor},
};

/// An adapter in one of its dialects.
///
/// What may be exempt: a whole scenario, by the name of its test; one of the requests that scenarios repeat (`text`,
/// `cut at the token limit`, `two tools at once`, `a tool without arguments`, `thinking`, `structured output`); what a
/// server cannot do ([`Behavior::name`]: `every byte`, `crlf`, `keep-alives`, `one write`, `unterminated`,
/// `rate_limited`, `server`, `overloaded`, `quota_exhausted`, `bad_gateway`, `wrong key`); and what a dialect does not
/// have: `code`, `retry hint` and `request id` of errors, `token classes`, `opaque parts`, `foreign state` (it would be
/// refused), `unknown model` (there is none), `model list` (it leaves the model out), `token count`.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "whoever has a subject says all of it, in a constant")]
pub struct Subject {
    /// Stands in for the vendor that speaks the dialect.
    pub vendor: &'static dyn TestVendor,
    /// The vendor family that the adapter belongs to.
    pub provider: fn() -> ModelProvider,
    /// A model that is reached through the dialect.
    pub model: &'static str,
    /// Opens the adapter.
    pub open: fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError>,
    /// A request that the model cannot serve, known before it is sent, such as one with a feature that it
    /// lacks.
    pub unsupported: fn() -> ModelRequest,
    /// What does not apply to the dialect, each with the reason.
    pub exempt: &'static [(&'static str, &'static str)],
}

/// A key that must not show up anywhere.
pub(crate) const CANARY: &str = "sk-test-canary-0f9e8d7c6b5a";

/// A running server whose requests are checked when they are read.
pub(crate) struct Running {
    server: Box<dyn TestServer>,
    vendor: &'static dyn TestVendor,
}

impl Running {
    pub(crate) fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The requests so far, none of which is wrong.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let requests = self.server.requests();
        for request in &requests {
            if let Err(fault) = self.vendor.check(request) {
                panic!("{fault}: {request:?}");
            }
        }
        requests
    }
}

impl Subject {
    /// Whether this is declared not to apply; says why on standard output.
    pub fn is_exempt(&self, what: &str) -> bool {
        let reason = self.exempt.iter().find(|(name, _)| *name == what).map(|(_, reason)| reason);
        if let Some(reason) = reason {
            println!("{what} does not apply to {:?}: {reason}", self.vendor);
        }
        reason.is_some()
    }

    /// A server that behaves so.
    pub(crate) async fn start(&self, behavior: Behavior) -> Running {
        let server = match self.vendor.start(behavior).await {
            Ok(server) => server,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                panic!("the server cannot do this, so declare `{}` exempt: {error}", behavior.name())
            }
            Err(error) => panic!("the server does not start: {error}"),
        };
        Running { server, vendor: self.vendor }
    }

    /// A server that behaves so, unless that is exempt.
    pub(crate) async fn try_start(&self, behavior: Behavior) -> Option<Running> {
        if self.is_exempt(behavior.name()) { None } else { Some(self.start(behavior).await) }
    }

    /// The adapter, reaching the dialect at `url`.
    pub(crate) fn adapter(&self, url: &str) -> Arc<dyn Adapter> {
        (self.open)(settings(url)).unwrap()
    }

    /// A call to the subject's model.
    pub(crate) fn context(&self) -> CallContext {
        CallContext::new(Participant::new((self.provider)(), self.model))
    }

    /// The whole reply of a fresh vendor.
    pub(crate) async fn answer(&self, request: ModelRequest) -> ModelResponse {
        let server = self.start(Behavior::Normal).await;
        let adapter = self.adapter(&server.base_url());
        let response = adapter.complete(&self.context(), request).await.unwrap();
        // Reading them checks them.
        server.requests();
        response
    }

    /// The events of a fresh vendor's reply.
    pub(crate) async fn events(&self, request: ModelRequest) -> Vec<StreamEvent> {
        let server = self.start(Behavior::Normal).await;
        let adapter = self.adapter(&server.base_url());
        let mut stream = adapter.stream(&self.context(), Arc::new(request)).await.unwrap();
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event.unwrap());
        }
        // Reading them checks them.
        server.requests();
        events
    }
}

/// Settings with a key that is looked for afterwards.
pub(crate) fn settings(url: &str) -> AdapterSettings {
    AdapterSettings {
        base_url: Some(url.to_owned()),
        api_key: Some(SecretString::from(CANARY)),
        ..AdapterSettings::new("subject")
    }
}

/// The requests that the contract is tested with.
pub(crate) fn requests() -> Vec<(&'static str, ModelRequest)> {
    vec![
        ("text", text()),
        ("cut at the token limit", text().with_max_tokens(16)),
        ("two tools at once", two_tools()),
        ("a tool without arguments", one_tool("ping", json!({"type": "object", "properties": {}}))),
        ("thinking", thinking()),
        ("structured output", structured()),
    ]
}

/// A question with characters of one to four bytes, so that cuts and writes fall inside of them.
pub(crate) fn text() -> ModelRequest {
    ModelRequest::new("Be brief.").with_user_message("Why is the sky blue? – “Ä€😀”").with_max_tokens(4_000)
}

/// Two calls in one reply, whose arguments hold quotes and an umlaut.
pub(crate) fn two_tools() -> ModelRequest {
    one_tool(
        "get_weather",
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    )
    .with_user_message("Call get_weather twice, for Paris and for \"Köln\".")
}

fn one_tool(name: &str, schema: serde_json::Value) -> ModelRequest {
    let tool = Tool::function(name, schema).with_description("A tool.");
    ModelRequest::new("")
        .with_user_message(format!("Please call {name}."))
        .with_tool(tool)
        .with_max_tokens(4_000)
}

/// The same question with thoughts, which are to be shown.
pub(crate) fn thinking() -> ModelRequest {
    let mut request = text().with_effort(Effort::High).with_max_tokens(30_000);
    request.show_thinking = Some(true);
    request
}

fn structured() -> ModelRequest {
    let schema = json!({
        "type": "object",
        "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
        "required": ["answer", "sure"],
        "additionalProperties": false
    });
    text().with_output(forge_core::request::OutputFormat::json_schema("answer", schema))
}

/// The same request for a whole reply.
pub(crate) fn whole(request: &ModelRequest) -> ModelRequest {
    request.clone().with_delivery(Delivery::Whole)
}
