//! One call by genai.

use futures_util::StreamExt as _;
use genai::{
    Client,
    adapter::AdapterKind,
    chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent},
    resolver::{AuthData, Endpoint},
};
use harness::{Dialect, Failure, KEY, MAX_TOKENS, Peer, SYSTEM, USER};

struct Genai {
    client: Client,
    model: &'static str,
    options: ChatOptions,
}

fn request() -> ChatRequest {
    ChatRequest::from_system(SYSTEM).append_message(ChatMessage::user(USER))
}

impl Peer for Genai {
    async fn connect(dialect: Dialect, url: &str) -> Result<Self, Failure> {
        let kind = match dialect {
            Dialect::Chat => AdapterKind::OpenAI,
            Dialect::Anthropic => AdapterKind::Anthropic,
        };
        let endpoint = Endpoint::from_owned(format!("{url}/v1/"));
        let client = Client::builder()
            .with_adapter_kind(kind)
            .append_provider_config(kind, (endpoint, AuthData::from_single(KEY)))
            .build()?;
        let options = ChatOptions::default().with_max_tokens(MAX_TOKENS).with_capture_usage(true);
        Ok(Self { client, model: dialect.model(), options })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let response = self.client.exec_chat(self.model, request(), Some(&self.options)).await?;
        Ok(response.into_first_text().ok_or("no text")?)
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let response = self.client.exec_chat_stream(self.model, request(), Some(&self.options)).await?;
        let mut events = response.stream;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            if let ChatStreamEvent::Chunk(chunk) = event? {
                text.push_str(&chunk.content);
            }
        }
        Ok(text)
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Genai>()
}
