//! Slash commands by a line, as programs execute them: in a conversation a file is carried, a command of the program's own asks
//! about it, a council answers, and the accounts say what all of it took.
//!
//! `cargo run -p forge-examples --example slash_commands` asks simulated vendors, without any account.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::error::Error;

use forge::{
    Participant, System,
    agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    commands::{CommandAnswer, CommandContext, SlashCommand, SlashCommandRegistry},
    router::RouterPlan,
};
use forge_sim::{Sim, SimConfig, Vendor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start(SimConfig { ..forge::offline::config() }).await?;
    let provider = |kind: &str, vendor, participant: Participant| {
        let mut provider = forge::provider_plan(kind, participant.model_id);
        provider.api_key = Some("sk-test-not-a-key".into());
        provider.endpoint = Some(sim.base_url(vendor));
        provider
    };
    let providers = vec![
        provider("anthropic", Vendor::Anthropic, Participant::claude_sonnet()),
        provider("openai", Vendor::OpenAi, Participant::gpt()),
        provider("google", Vendor::Google, Participant::gemini_pro()),
    ];
    let plan = RouterPlan { providers, ..RouterPlan::default() };
    let system = System::builder(|_| None).in_memory().plan(plan, "example").open().await?;

    let workspace = env!("CARGO_MANIFEST_DIR");
    let mut registry = SlashCommandRegistry::new(system, workspace);
    // A command of the program's own takes part in the help and in completion.
    let form = Form::new([Argument::new("TEXT", ArgumentKind::Text)], "count words");
    registry.register(SlashCommand::new(CommandSpec::new("words", Permission::Read, [form]), async |call| {
        let count = call.arguments.text(0).unwrap_or_default().split_whitespace().count();
        Ok(CommandAnswer::text(format!("{count} words")))
    }));

    let context = CommandContext { session: Some(registry.begin()?), workflow: None };
    for line in [
        "/words one two three",
        "/provider openai",
        "/context add design.md",
        "/council Refactor the database layer",
        "/context",
        "/status",
    ] {
        let answer = registry.execute(line, &context).await?;
        println!("> {line}\n{}", answer.text.trim_end());
    }
    if let Err(error) = registry.execute("/contxt", &context).await {
        println!("> /contxt\n{error}");
    }
    sim.shutdown().await;
    Ok(())
}
