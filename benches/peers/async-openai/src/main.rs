//! One call by async-openai.

use async_openai::{
    Client,
    config::OpenAIConfig,
    types::chat::{
        ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, ChatCompletionStreamOptions,
        ChatCompletionTool, ChatCompletionTools, CreateChatCompletionRequest,
        CreateChatCompletionRequestArgs, FunctionObject,
    },
};
use futures_util::StreamExt as _;
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};

struct AsyncOpenAI {
    client: Client<OpenAIConfig>,
    model: &'static str,
    tools: Vec<ChatCompletionTools>,
}

fn tool(name: String) -> ChatCompletionTools {
    let function = FunctionObject {
        name,
        description: Some(TOOL_DESCRIPTION.to_owned()),
        parameters: Some(harness::schema()),
        strict: None,
    };
    ChatCompletionTools::Function(ChatCompletionTool { function })
}

impl AsyncOpenAI {
    fn request(&self) -> CreateChatCompletionRequestArgs {
        let mut request = CreateChatCompletionRequestArgs::default();
        request.model(self.model).max_completion_tokens(MAX_TOKENS).messages([
            ChatCompletionRequestSystemMessage::from(SYSTEM).into(),
            ChatCompletionRequestUserMessage::from(USER).into(),
        ]);
        if !self.tools.is_empty() {
            request.tools(self.tools.clone());
        }
        request
    }
}

impl Peer for AsyncOpenAI {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        if dialect != Dialect::Chat {
            return Err("it speaks OpenAI's APIs only".into());
        }
        let config = OpenAIConfig::new().with_api_key(KEY).with_api_base(format!("{url}/v1"));
        let tools = form.tool_names().map(tool).collect();
        Ok(Self { client: Client::with_config(config), model: dialect.model(), tools })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let request: CreateChatCompletionRequest = self.request().build()?;
        let mut response = self.client.chat().create(request).await?;
        Ok(response.choices.remove(0).message.content.ok_or("no text")?)
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let usage = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
        let request = self.request().stream_options(usage).build()?;
        let mut chunks = self.client.chat().create_stream(request).await?;
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
    harness::run::<AsyncOpenAI>()
}
