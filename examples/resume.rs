//! A session whose run is dropped in the middle, as if its process had been killed, and taken up again: what was
//! answered and written down is not asked again.
//!
//! `cargo run -p forge-examples --example resume` asks simulated vendors, without any account.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::{error::Error, time::Duration};

use forge::{
    Participant, System,
    router::RouterPlan,
    session::{Plan, Topic},
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The first critic hangs for a minute, so the run is cut while a call is in flight.
    let scenario = "rules: [{ vendor: openai, nth: 1, stall: { before_headers: 60000 } }]";
    let sim = Sim::start(SimConfig { scenario: Scenario::from_yaml(scenario)?, ..forge::offline::config() })
        .await?;
    let provider = |kind: &str, vendor, participant: Participant| {
        let mut provider = forge::provider_plan(kind, participant.model_id);
        provider.api_key = Some("sk-test-not-a-key".into());
        provider.endpoint = Some(sim.base_url(vendor));
        provider
    };
    let providers = vec![
        provider("anthropic", Vendor::Anthropic, Participant::claude_sonnet()),
        provider("openai", Vendor::OpenAi, Participant::gpt()),
    ];
    let state = std::env::temp_dir().join(format!("forge-example-{}", std::process::id()));
    let builder = System::builder(|_| None).plan(RouterPlan::of(providers), "this program").state(&state);
    let system = builder.open().await?;

    let mut plan = Plan::new(Topic::new("A rate limiter"), forge::cast(system.router(), 1).cast);
    (plan.settings.critics, plan.settings.required, plan.settings.cycles) = (1, 1, 1);
    let (name, session) = system.start(plan).await?;
    let cut = tokio::time::timeout(Duration::from_secs(1), session.run()).await.is_err();
    println!("cut: {cut}, requests: {}", sim.journal().len());

    let result = system.resume(&name).await?.run().await?;
    println!("{}, {} calls, requests: {}", result.label.as_str(), result.total.calls, sim.journal().len());
    system.close(Duration::from_secs(1)).await?;
    Ok(std::fs::remove_dir_all(state)?)
}
