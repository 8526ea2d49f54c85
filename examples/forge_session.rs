//! Drafter, critic and synthesizer over three adapters, put together by hand; then the same session behind a
//! router, and over a provider that reads from a script. The session does not notice.
//!
//! `cargo run -p forge-examples --example forge_session` asks simulated vendors, without any account.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::{collections::HashMap, error::Error, sync::Arc};

use forge_anthropic::AnthropicProvider;
use forge_core::{
    AdapterRegistry, Capabilities, ModelTable, Participant, ParticipantRole, Provider, ProviderId,
    SecretString, TokenCount,
    storage::{
        journal::StreamName,
        memory::{MemoryBudgets, MemoryJournal},
    },
    time::SystemTimer,
};
use forge_google::GoogleProvider;
use forge_openai::OpenAIProvider;
use forge_router::{ProviderPlan, Router, RouterPlan};
use forge_session::{Cast, Mode, Plan, Providers, Session, SessionDeps, SessionResult, Settings, Topic};
use forge_sim::{Sim, Vendor};
use forge_testkit::{Answer, Script};

const KEY: &str = "sk-test-not-a-key";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start(forge::offline::config()).await?;

    let adapters: HashMap<ProviderId, Arc<dyn Provider>> = HashMap::from([
        ("anthropic".into(), arc(AnthropicProvider::new(KEY).with_base_url(sim.base_url(Vendor::Anthropic)))),
        ("openai".into(), arc(OpenAIProvider::new(KEY).with_base_url(sim.base_url(Vendor::OpenAi)))),
        ("google".into(), arc(GoogleProvider::new(KEY).with_base_url(sim.base_url(Vendor::Google)))),
    ]);
    tell("three adapters", &run("adapters", Providers::ById(adapters), cast()).await?);

    let router: Arc<dyn Provider> = Arc::new(router(&sim)?);
    tell("a router", &run("router", router.into(), cast()).await?);

    let scripted: Arc<dyn Provider> = Arc::new(script());
    tell("a script", &run("script", scripted.into(), cast()).await?);
    Ok(())
}

fn arc(provider: impl Provider) -> Arc<dyn Provider> {
    Arc::new(provider)
}

/// Claude drafts and merges, GPT criticises, Gemini checks.
fn cast() -> Cast {
    let role = |participant: Participant, role| vec![participant.with_role(role)];
    Cast {
        drafter: role(Participant::claude_sonnet(), ParticipantRole::Drafter),
        critics: vec![role(Participant::gpt(), ParticipantRole::Critic)],
        synthesizer: role(Participant::claude_sonnet(), ParticipantRole::Synthesizer),
        checker: role(Participant::gemini_flash(), ParticipantRole::Reviewer),
    }
}

async fn run(name: &str, providers: Providers, cast: Cast) -> Result<SessionResult, Box<dyn Error>> {
    let deps =
        SessionDeps::new(providers, Arc::new(MemoryJournal::default()), SystemTimer::shared(), "example")?;
    let settings =
        Settings { mode: Mode::Council, critics: 1, required: 1, cycles: 1, ..Settings::default() };
    let plan = Plan { settings, ..Plan::new(Topic::new("A rate limiter for a public HTTP API"), cast) };
    Ok(Session::start(deps, StreamName::new(name)?, plan).await?.run().await?)
}

fn router(sim: &Sim) -> Result<Router, Box<dyn Error>> {
    let mut registry = AdapterRegistry::new();
    registry.register(forge_anthropic::kind()).register(forge_openai::kind()).register(forge_google::kind());
    let provider = |kind: &str, vendor, participant: Participant| ProviderPlan {
        api_key: Some(SecretString::from(KEY)),
        endpoint: Some(sim.base_url(vendor)),
        capabilities: registry.capabilities(kind, &participant.model_id).unwrap_or_default(),
        ..ProviderPlan::new(kind, kind, participant.model_id)
    };
    let providers = vec![
        provider("anthropic", Vendor::Anthropic, Participant::claude_sonnet()),
        provider("openai", Vendor::OpenAi, Participant::gpt()),
        provider("google", Vendor::Google, Participant::gemini_flash()),
    ];
    let deps = forge_router::RouterDeps {
        registry: Arc::new(registry),
        models: Arc::new(ModelTable::default()),
        sink: Arc::new(()),
        budgets: Arc::new(MemoryBudgets::default()),
        cooldowns: Arc::new(()),
        timer: SystemTimer::shared(),
        seed: 1,
        events: None,
    };
    Ok(Router::build(RouterPlan::of(providers), deps)?)
}

/// Answers every stage from a script.
fn script() -> Script {
    let mut able = Capabilities::default();
    able.structured_output = true;
    let script = Script::new(|cx, _| {
        let text = match cx.participant.role {
            ParticipantRole::Critic => r#"{"findings": [], "strengths": ["short"]}"#,
            ParticipantRole::Reviewer => r#"{"verdicts": [], "new_findings": []}"#,
            _ => "Take a token for each request; refuse with 429 when there is none.",
        };
        Answer::text(text).with_usage(TokenCount::default().with_input(10).with_output(20))
    });
    script.with_capabilities(able)
}

fn tell(over: &str, result: &SessionResult) {
    let reason = result.stop_reason.map(|reason| reason.to_string()).unwrap_or_default();
    println!(
        "over {over}: {}, {} calls, {} findings; {reason}",
        result.label.as_str(),
        result.total.calls,
        result.findings.len()
    );
}
