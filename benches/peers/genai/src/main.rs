//! One call by genai.

use futures_util::StreamExt as _;
use genai::{
    Client,
    adapter::AdapterKind,
    chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, Tool},
    resolver::{AuthData, Endpoint},
};
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};

struct Genai {
    client: Client,
    model: &'static str,
    options: ChatOptions,
    tools: Vec<Tool>,
}

fn tool(name: String) -> Tool {
    Tool::new(name).with_description(TOOL_DESCRIPTION).with_schema(harness::schema())
}

impl Genai {
    fn request(&self) -> ChatRequest {
        let request = ChatRequest::from_system(SYSTEM).append_message(ChatMessage::user(USER));
        if self.tools.is_empty() { request } else { request.with_tools(self.tools.clone()) }
    }
}

impl Peer for Genai {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
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
        Ok(Self { client, model: dialect.model(), options, tools: form.tool_names().map(tool).collect() })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let response = self.client.exec_chat(self.model, self.request(), Some(&self.options)).await?;
        Ok(response.into_first_text().ok_or("no text")?)
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let response = self.client.exec_chat_stream(self.model, self.request(), Some(&self.options)).await?;
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
