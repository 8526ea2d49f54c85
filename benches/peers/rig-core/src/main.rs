//! One call by rig-core.

use futures_util::StreamExt as _;
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};
use rig_core::{
    Model,
    completion::{CompletionRequest, ToolDefinition},
    message::ToolName,
    providers::{
        anthropic::{AnthropicConfig, Messages},
        openai::{OpenAIConfig, wire::Chat},
    },
    streaming::{Item, StreamEvent},
};

struct Rig {
    client: Client,
    tools: Vec<ToolDefinition>,
}

enum Client {
    Chat(Box<Model<Chat>>),
    Anthropic(Box<Model<Messages>>),
}

fn tool(name: String) -> Result<ToolDefinition, Failure> {
    Ok(ToolDefinition::new(ToolName::new(name)?, TOOL_DESCRIPTION, harness::schema()))
}

impl Rig {
    fn request(&self) -> CompletionRequest {
        let request = CompletionRequest::new(USER).preamble(SYSTEM).max_tokens(u64::from(MAX_TOKENS));
        if self.tools.is_empty() { request } else { request.tools(self.tools.clone()) }
    }
}

impl Peer for Rig {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        let client = match dialect {
            Dialect::Chat => {
                let config = OpenAIConfig::new(KEY).with_base_url(format!("{url}/v1"));
                Client::Chat(Box::new(config.client().chat(dialect.model())))
            }
            Dialect::Anthropic => {
                let config = AnthropicConfig::new(KEY).with_base_url(url);
                Client::Anthropic(Box::new(config.client().completion(dialect.model())))
            }
        };
        Ok(Self { client, tools: form.tool_names().map(tool).collect::<Result<_, _>>()? })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let response = match &self.client {
            Client::Chat(model) => model.call(self.request()).await?,
            Client::Anthropic(model) => model.call(self.request()).await?,
        };
        Ok(response.text())
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let mut items = match &self.client {
            Client::Chat(model) => model.stream(self.request())?,
            Client::Anthropic(model) => model.stream(self.request())?,
        };
        let mut text = String::new();
        while let Some(item) = items.next().await {
            if let Item::Event(StreamEvent::Text { text: delta, .. }) = item? {
                text.push_str(&delta);
            }
        }
        Ok(text)
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Rig>()
}
