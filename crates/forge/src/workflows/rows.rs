//! What the database says of workflows beside their journals: tasks, agents and hooks.

use std::sync::Arc;

use chrono::Utc;
use forge_agent::{
    agent::{AgentEvent, Dialogue},
    hook::{Hook, HookDecision, HookRun},
    workflow::{Cast, Event, State},
};

use crate::{
    storage::journal::StreamName,
    store::{AgentEntry, HookEntry, Store, TaskEntry},
    system::sha256,
};

/// Characters of a hash that tell settings of an agent apart, as those of prompts.
const HASH: usize = 12;

/// Writes rows where there is a database.
#[derive(Clone)]
pub(super) struct Rows(pub(super) Option<Arc<Store>>);

impl Rows {
    /// What an entry of a workflow's journal says.
    pub(super) fn note(&self, name: &StreamName, event: &Event, state: &State) {
        let Some(store) = &self.0 else { return };
        if let Some(task) = task(name, event, state) {
            store.put_task(task);
        }
        if let Event::Started { brief, .. } = event {
            let casting = &brief.casting;
            let all = [
                ("clarifier", casting.clarifier.as_ref()),
                ("planner", Some(&casting.planner)),
                ("editor", Some(&casting.editor)),
                ("reviewer", casting.reviewer.as_ref()),
            ];
            for (name, cast) in all {
                if let Some(cast) = cast {
                    store.put_agent(agent(name, cast));
                }
            }
        }
    }

    /// A hook that has run.
    pub(super) fn note_hook(&self, hook: &Hook, run: &HookRun) {
        let Some(store) = &self.0 else { return };
        let result = match run.decision {
            HookDecision::Allow => "allow",
            HookDecision::Ask { .. } => "ask",
            HookDecision::Deny { .. } => "deny",
        };
        store.put_hook(HookEntry {
            hash: hook.sha256(),
            name: hook.name.clone(),
            event: hook.event.name().to_owned(),
            matcher: hook.matcher.clone(),
            argv: hook.argv(),
            origin: hook.origin.clone(),
            required: hook.required,
            result: result.to_owned(),
            exit: run.exit.map(|exit| exit.to_string()),
            used_at: Utc::now(),
        });
    }
}

fn agent(name: &str, cast: &Cast) -> AgentEntry {
    // A text and numbers are always JSON.
    let whole = serde_json::to_string(&(name, cast)).unwrap_or_default();
    let mut hash = sha256(&whole);
    hash.truncate(HASH);
    let participant = &cast.participant;
    // Whoever is chosen by the role alone has no model yet.
    let is_named = !participant.model_id.as_str().is_empty();
    AgentEntry {
        hash,
        name: name.to_owned(),
        role: participant.role.clone(),
        provider: is_named.then(|| participant.provider_id.clone()),
        model: is_named.then(|| participant.model_id.clone()),
        temperature: cast.temperature,
        max_steps: cast.limits.steps,
        max_tokens: cast.limits.tokens,
        max_cost: cast.limits.money,
        used_at: Utc::now(),
    }
}

/// The row of an agent among the tasks, once it has said something or failed.
fn task(name: &StreamName, event: &Event, state: &State) -> Option<TaskEntry> {
    let Event::Agent { agent, event } = event else { return None };
    let role = state.cast(agent)?.participant.role.clone();
    let (provider, failed, status) = match event {
        AgentEvent::Answered(reply) => (Some(reply.provider.clone()), reply.failed_attempts, "completed"),
        AgentEvent::Failed(_) => (None, 0, "failed"),
        _ => return None,
    };
    let calls = state.dialogues.get(agent).map_or(0, Dialogue::calls);
    let now = Utc::now();
    Some(TaskEntry {
        id: format!("{name}.{agent}"),
        role,
        provider,
        attempts: calls + failed,
        status: status.to_owned(),
        created_at: state.started.unwrap_or(now),
        updated_at: now,
    })
}
