//! Sessions without any model: the simulated vendors know the prompts of a session and play its stages.
//!
//! [`Stages`] is a [`Responder`] for [`SimConfig::responder`](forge_sim::SimConfig::responder). It knows the stage of a
//! session by the headings and fields of its prompts; drafts have sections, findings quote what they are about, and
//! revisions mend it. Agents of a workflow carry out tasks that say word for word what to
//! change. Everything else is answered as [`Plain`](forge_sim::responder::Plain) does.
//!
//! ```
//! # async fn demo() -> Result<(), forge_sim::SimError> {
//! let sim = forge_sim::Sim::start(forge::offline::config()).await?;
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::format_push_string,
    reason = "`write!` into a String gives a result that cannot be an error and has to be dropped"
)]

mod change;
mod document;
mod fields;
mod prompt;
mod remarks;
mod stage;
mod work;

use std::sync::Arc;

use forge_sim::responder::{Fields, Reply, Responder, Rng, Turn, Wording, plain, respond};
pub use forge_sim::*;

use forge_core::{ModelId, Participant, SecretString};
use forge_router::ProviderPlan;

use crate::manager::provider_plan;

use self::{document::document, fields::StageFields, stage::Stage};

/// Plays the stages of a session. Equal seeds and prompts get equal words.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to it")]
pub struct Stages;

/// A simulator whose vendors play the stages of a session, on a free port, with the seed 0 and no faults.
pub fn config() -> SimConfig {
    SimConfig { responder: Arc::new(Stages), ..SimConfig::default() }
}

/// A provider for each vendor that has a dialect of its own, and one for a local server, as `sim` plays them.
pub fn providers(sim: &Sim) -> Vec<ProviderPlan> {
    let provider = |kind, vendor, model| {
        let mut plan = provider_plan(kind, model);
        // Simulated vendors ask for a key as the real ones do, and take any.
        plan.api_key = Some(SecretString::from("sk-test-simulated"));
        plan.endpoint = Some(sim.base_url(vendor));
        plan
    };
    vec![
        provider("anthropic", Vendor::Anthropic, Participant::claude_sonnet().model_id),
        provider("openai", Vendor::OpenAi, Participant::gpt().model_id),
        provider("google", Vendor::Google, Participant::gemini_flash().model_id),
        provider("local", Vendor::Ollama, ModelId::from("qwen3")),
    ]
}

/// A session of them all that answers like a model: a council, which leaves the tools of its clients alone.
pub fn council() -> ProviderPlan {
    let mut plan = provider_plan("session", "council");
    plan.id = "council".into();
    plan.options.insert("tools".into(), "ignore".into());
    plan
}

impl Responder for Stages {
    fn answer(&self, turn: &Turn, seed: u64) -> Reply {
        match work::Agent::of(turn) {
            Some(agent) => Reply::text(agent.answer(turn)),
            None => respond(turn, seed, self),
        }
    }
}

impl Wording for Stages {
    fn prose(&self, turn: &Turn, rng: &mut Rng) -> String {
        match Stage::of(turn) {
            Some(Stage::Draft) => document(turn, rng),
            Some(Stage::Synthesis) => stage::revised(turn, rng).document,
            Some(Stage::Critique | Stage::Check) => stage::remarks(turn, rng),
            None => plain(turn, rng),
        }
    }

    fn fields<'a>(&self, turn: &'a Turn, rng: &mut Rng) -> Box<dyn Fields + 'a> {
        Box::new(StageFields::of_answer(turn, rng))
    }

    fn arguments<'a>(&self, turn: &'a Turn) -> Box<dyn Fields + 'a> {
        Box::new(StageFields::of_arguments(turn))
    }
}
