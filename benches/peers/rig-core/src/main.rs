//! One call by rig-core.

use futures_util::StreamExt as _;
use harness::{Dialect, Failure, KEY, MAX_TOKENS, Peer, SYSTEM, USER};
use rig_core::{
    Model,
    completion::CompletionRequest,
    providers::{
        anthropic::{AnthropicConfig, Messages},
        openai::{OpenAIConfig, wire::Chat},
    },
    streaming::{Item, StreamEvent},
};

enum Rig {
    Chat(Box<Model<Chat>>),
    Anthropic(Box<Model<Messages>>),
}

fn request() -> CompletionRequest {
    CompletionRequest::new(USER).preamble(SYSTEM).max_tokens(u64::from(MAX_TOKENS))
}

impl Peer for Rig {
    async fn connect(dialect: Dialect, url: &str) -> Result<Self, Failure> {
        Ok(match dialect {
            Dialect::Chat => {
                let config = OpenAIConfig::new(KEY).with_base_url(format!("{url}/v1"));
                Self::Chat(Box::new(config.client().chat(dialect.model())))
            }
            Dialect::Anthropic => {
                let config = AnthropicConfig::new(KEY).with_base_url(url);
                Self::Anthropic(Box::new(config.client().completion(dialect.model())))
            }
        })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let response = match self {
            Self::Chat(model) => model.call(request()).await?,
            Self::Anthropic(model) => model.call(request()).await?,
        };
        Ok(response.text())
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let mut items = match self {
            Self::Chat(model) => model.stream(request())?,
            Self::Anthropic(model) => model.stream(request())?,
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
