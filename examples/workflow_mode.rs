//! A workflow from a program: a task is planned, the plan is looked at and approved, edits are written and checked, somebody else reads
//! them, and the result is there.
//!
//! `cargo run -p forge-examples --example workflow_mode` asks simulated vendors, without any account. It needs git.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example is a program")]

use std::{error::Error, fs, path::Path};

use forge::{
    Participant, System, WorkflowModeController,
    agent::workflow::{Check, Command, MergedInto},
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
    ];
    let plan = RouterPlan { providers, ..RouterPlan::default() };

    // A folder to work in, and one for journals and checkpoints beside it.
    let place = std::env::temp_dir().join(format!("forge-workflow-mode-{}", std::process::id()));
    let (workspace, state) = (place.join("work"), place.join("state"));
    fs::create_dir_all(&workspace)?;
    fs::write(workspace.join("total.awk"), "{ sum -= $2 }\nEND { print sum }\n")?;
    let variable = |name: &str| std::env::var(name).ok().filter(|_| name == "PATH");
    let system = System::builder(variable).state(&state).plan(plan, "example").open().await?;

    let controller = WorkflowModeController::new(system, &workspace);
    let mut brief = controller.brief("In `total.awk`, replace `sum -= $2` with `sum += $2`.")?;
    // There is no repository here, so that the folder itself is worked in.
    brief.here = true;
    let check = "test \"$(printf 'a 2\\nb 3\\n' | awk -f total.awk)\" = 5";
    brief.checks = vec![Check::new(["sh", "-c", check].map(str::to_owned).to_vec())];

    let workflow = controller.start(brief).await?;
    let id = workflow.name().clone();
    let state = workflow.run().await?;
    print!("{}", state.plan_text());

    // Whoever approves says which plan: another one would need another approval.
    let mut workflow = controller.open(&id).await?;
    workflow.command(Command::Approve(state.plan_hash().unwrap_or_default()), Some("ada".into())).await?;
    let state = workflow.run().await?;
    println!("{}, read {} times", state.stage, state.reviews.len());

    let mut workflow = controller.open(&id).await?;
    workflow.merge(MergedInto::WorkingTree, Some("ada".into())).await?;
    workflow.close().await?;
    print!("{}", fs::read_to_string(workspace.join("total.awk"))?);
    clean(&place);
    sim.shutdown().await;
    Ok(())
}

/// A folder that stays behind in the system's temporary one harms nobody.
fn clean(place: &Path) {
    let _ = fs::remove_dir_all(place);
}
