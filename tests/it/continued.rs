//! A conversation that one vendor began goes on with every other: what the strict simulated vendors refuse, the real ones
//! would.

use std::sync::Arc;

use forge::{
    Adapter, CallContext, ErrorKind, Message, ModelProvider, ModelRequest, Participant, ProviderExt as _,
    provider::AdapterSettings,
    request::{Effort, MessageRole, OutputFormat, Part, Source, Tool, ToolChoice},
};
use forge_sim::Sim;
use serde_json::json;

/// A dot, one pixel high and wide.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The kinds of adapters, the simulated server to which each is pointed, and the model that it asks for.
const TARGETS: [(&str, &str, &str); 19] = [
    ("anthropic", "anthropic", "claude-sonnet-5-5"),
    ("openai", "openai", "gpt-6.2-sol"),
    ("openai", "openai", "gpt-4o"),
    ("google", "google", "gemini-3.8-flash"),
    ("local", "vllm", "qwen3"),
    ("local", "llamacpp", "qwen3"),
    ("local", "ollama", "qwen3"),
    ("local", "lmstudio", "qwen3"),
    ("openai", "deepseek", "deepseek-v4-pro"),
    ("openai", "mistral", "magistral-medium-latest"),
    ("openai", "groq", "openai/gpt-oss-120b"),
    ("openai", "xai", "grok-4.5"),
    ("openai", "openrouter", "deepseek/deepseek-v4-pro"),
    ("openai", "moonshot", "kimi-k3"),
    ("openai", "cerebras", "gpt-oss-120b"),
    ("openai", "together", "deepseek-ai/DeepSeek-V4"),
    ("openai", "zai", "glm-5.2"),
    ("openai", "minimax", "MiniMax-M3"),
    ("openai", "sglang", "qwen3"),
];

struct Target {
    adapter: Arc<dyn Adapter>,
    participant: Participant,
}

impl Target {
    fn new(sim: &Sim, kind: &str, server: &str, model: &str) -> Self {
        let registry = forge::registry();
        let kind = registry.kind(kind).unwrap();
        // The address is one of this machine, so that it does not tell whose habits hold.
        let dialect = kind.compatible(Some(server), None).map(|vendor| vendor.id.clone());
        let vendor = dialect.as_deref().map_or(kind.vendor.clone(), ModelProvider::from);
        let settings = AdapterSettings {
            api_key: Some("sk-test-continued".into()),
            base_url: Some(sim.base_url(server.parse().unwrap())),
            dialect,
            ..AdapterSettings::new(server)
        };
        let adapter = kind.build(settings).unwrap();
        Self { adapter, participant: Participant::new(vendor, model).with_provider_id(server) }
    }

    async fn ask(&self, request: ModelRequest) -> Result<forge::ModelResponse, forge::ProviderError> {
        self.adapter.complete(&CallContext::new(self.participant.clone()), request).await
    }
}

fn conversation(messages: &[Message]) -> ModelRequest {
    let mut request = ModelRequest::new("Be brief.");
    request.messages = messages.to_vec().into();
    request
}

fn add() -> Tool {
    let schema = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]});
    Tool::function("add", schema).with_description("Adds one.")
}

/// What no vendor takes as it is: a picture whose name lies, blank turns, two turns of one speaker, a call that was never
/// answered, an id with signs that some refuse.
async fn begun(by: &Target) -> Vec<Message> {
    let picture = Source::Base64 { media_type: "image/jpeg".into(), data: DOT.into() };
    let mut messages = vec![
        Message::new(MessageRole::User, vec![Part::text("Look and add."), Part::image(picture)]),
        Message::assistant("\n"),
        Message::user("Go on."),
        Message::user("  "),
    ];
    for turn in 0..3 {
        let request = conversation(&messages);
        let request = request.with_max_tokens(4_000).with_effort(Effort::High).with_tool(add());
        let response = by.ask(request).await.unwrap_or_else(|error| panic!("{turn}: {error}"));
        let calls: Vec<String> = response
            .content
            .iter()
            .filter_map(|part| match part {
                Part::ToolUse { id, .. } => Some(id.clone()),
                _ => None,
            })
            .collect();
        messages.push(Message::new(MessageRole::Assistant, response.content));
        let results = calls.iter().map(|id| Part::tool_result(id, r#"{"sum": 2}"#));
        let answered = results.chain([Part::text("And now?")]);
        messages.push(Message::new(MessageRole::User, answered.collect()));
    }
    for id in ["functions.add:0", "call_0", "call_0"] {
        let call = Part::tool_use(id, "add", json!({"x": 1}));
        messages.push(Message::new(MessageRole::Assistant, vec![Part::text("Adding."), call]));
        if id == "call_0" {
            messages.push(Message::new(MessageRole::User, vec![Part::tool_result(id, "2")]));
        } else {
            messages.push(Message::user("Stop."));
        }
    }
    messages
}

#[tokio::test]
async fn a_conversation_goes_on_with_every_other_vendor() {
    let sim = Sim::start(forge::offline::config()).await.unwrap();
    let targets: Vec<Target> =
        TARGETS.iter().map(|(kind, server, model)| Target::new(&sim, kind, server, model)).collect();
    let schema = json!({"type": "object", "required": ["n"], "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 10},
        "of": {"$ref": "#/$defs/Of", "description": "of what"},
    }, "$defs": {"Of": {"type": "string", "minLength": 1}}});
    let mut refused = Vec::new();
    let mut pairs = 0;
    for from in &targets {
        let history = begun(from).await;
        for to in &targets {
            let request = conversation(&history).with_max_tokens(4_000).with_user_message("Sum up.");
            for request in [
                request.clone().with_tool(add()),
                request.clone().with_tool(add()).with_tool_choice(ToolChoice::Required),
                request.clone().with_effort(Effort::High),
                request.with_output(OutputFormat::json_schema("sum", schema.clone())),
            ] {
                pairs += 1;
                let forced = request.tool_choice.is_forced();
                let able = to.adapter.capabilities(&to.participant.model_id);
                if forced && !able.forced_tool_choice {
                    continue;
                }
                if let Err(error) = to.ask(request).await {
                    refused.push(format!(
                        "{} -> {}: {error}",
                        from.participant.provider_id, to.participant.provider_id
                    ));
                }
            }
        }
    }
    println!("{pairs} requests, {} refused", refused.len());
    assert_eq!(refused, [""; 0]);
}

#[tokio::test]
async fn a_strict_template_gets_turns_that_alternate() {
    let sim = Sim::start(forge::offline::config()).await.unwrap();
    for server in ["strict-template", "strict-template-vllm"] {
        let target = Target::new(&sim, "local", server, "mistral-small");
        let messages = ["a", "b", ""].map(Message::user).into_iter().chain([
            Message::assistant("\n"),
            Message::user("c"),
            Message::assistant("d"),
            Message::assistant(""),
            Message::user("e"),
        ]);
        let response = target.ask(conversation(&messages.collect::<Vec<_>>())).await.unwrap();
        assert!(!response.text().is_empty());
        let request = conversation(&[Message::assistant("first"), Message::user("second")]);
        let refused = target.ask(request).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidRequest, "asked once: {refused}");
    }
}
