//! One call by llm.

use futures_util::StreamExt as _;
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};
use llm::{
    LLMProvider,
    builder::{LLMBackend, LLMBuilder},
    chat::{ChatMessage, FunctionTool, Tool},
};

struct Llm {
    client: Box<dyn LLMProvider>,
    tools: Vec<Tool>,
}

fn messages() -> [ChatMessage; 1] {
    [ChatMessage::user().content(USER).build()]
}

fn tool(name: String) -> Tool {
    let function =
        FunctionTool { name, description: TOOL_DESCRIPTION.to_owned(), parameters: harness::schema() };
    Tool { tool_type: "function".to_owned(), function, cache_control: None }
}

impl Peer for Llm {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        if dialect != Dialect::Chat {
            return Err("its address of Anthropic is fixed".into());
        }
        // Its backend named after OpenAI speaks Responses; this one speaks Chat Completions.
        let client = LLMBuilder::new()
            .backend(LLMBackend::OpenRouter)
            .api_key(KEY)
            .base_url(format!("{url}/v1"))
            .model(dialect.model())
            .system(SYSTEM)
            .max_tokens(MAX_TOKENS)
            .build()?;
        Ok(Self { client, tools: form.tool_names().map(tool).collect() })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let tools = (!self.tools.is_empty()).then_some(&self.tools[..]);
        let response = self.client.chat_with_tools(&messages(), tools).await?;
        Ok(response.text().ok_or("no text")?)
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let mut chunks = self.client.chat_stream_struct(&messages()).await?;
        let mut text = String::new();
        while let Some(chunk) = chunks.next().await {
            for choice in &chunk?.choices {
                text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            }
        }
        Ok(text)
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Llm>()
}
