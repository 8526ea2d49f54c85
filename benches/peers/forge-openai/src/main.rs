//! One call by forge-openai.

use std::sync::Arc;

use forge_core::{
    CallContext, ModelProvider, ModelRequest, Participant, Provider, ProviderExt, StreamEvent,
    event::Delta,
    request::{Delivery, Shared, Tool},
};
use forge_openai::OpenAIProvider;
use harness::{Dialect, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER};

struct Forge {
    provider: OpenAIProvider,
    participant: Arc<Participant>,
    tools: Shared<Tool>,
}

impl Forge {
    fn request(&self, delivery: Delivery) -> ModelRequest {
        let mut request = ModelRequest::new(SYSTEM)
            .with_user_message(USER)
            .with_max_tokens(MAX_TOKENS)
            .with_delivery(delivery);
        request.tools = self.tools.clone();
        request
    }
}

impl Peer for Forge {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        if dialect != Dialect::Chat {
            return Err("another crate speaks that".into());
        }
        let provider = OpenAIProvider::new(KEY).with_base_url(format!("{url}/v1"));
        let participant = Arc::new(Participant::new(ModelProvider::OpenAI, dialect.model()));
        let tool = |name| Tool::function(name, harness::schema()).with_description(TOOL_DESCRIPTION);
        Ok(Self { provider, participant, tools: form.tool_names().map(tool).collect() })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let cx = CallContext::new(Arc::clone(&self.participant));
        Ok(self.provider.complete(&cx, self.request(Delivery::Whole)).await?.text().into_owned())
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let cx = CallContext::new(Arc::clone(&self.participant));
        let mut events = self.provider.stream(&cx, Arc::new(self.request(Delivery::Stream))).await?;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            if let StreamEvent::PartDelta { delta: Delta::Text(delta), .. } = event? {
                text.push_str(&delta);
            }
        }
        Ok(text)
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Forge>()
}
