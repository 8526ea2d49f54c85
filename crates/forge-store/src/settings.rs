//! Agents and hooks as they were set up when they were used.

use chrono::{DateTime, Utc};
use forge_core::{ModelId, Money, ParticipantRole, ProviderId};
use rusqlite::{Connection, params};

use crate::{
    row::clamp,
    store::Store,
    writer::{Job, patient},
};

/// An agent that is about to be asked.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "whoever writes a row writes all of it")]
pub struct AgentEntry {
    /// Tells settings apart: entries of one hash are one row.
    pub hash: String,
    /// What the configuration calls it.
    pub name: String,
    /// The role in which it is asked.
    pub role: ParticipantRole,
    /// The provider that is asked, if the role does not say it.
    pub provider: Option<ProviderId>,
    /// The model that is, likewise.
    pub model: Option<ModelId>,
    /// Randomness, if it is not the model's usual one.
    pub temperature: Option<f64>,
    /// Calls that it may make for one answer.
    pub max_steps: u32,
    /// Tokens of all of them.
    pub max_tokens: Option<u64>,
    /// Money for all of them.
    pub max_cost: Option<Money>,
    /// When.
    pub used_at: DateTime<Utc>,
}

/// A hook that has run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "whoever writes a row writes all of it")]
pub struct HookEntry {
    /// The SHA-256 over what it is and the scripts that it runs: entries of one hash are one row.
    pub hash: String,
    /// What reports call it.
    pub name: String,
    /// When it runs.
    pub event: String,
    /// For which tools or paths; for all if it is `None`.
    pub matcher: Option<String>,
    /// What is run.
    pub argv: Vec<String>,
    /// Where it is written.
    pub origin: String,
    /// Whether what it stands in front of does not happen where it fails.
    pub required: bool,
    /// What it said: `allow`, `ask` or `deny`.
    pub result: String,
    /// How its program ended, in words; `None` if none was run.
    pub exit: Option<String>,
    /// When.
    pub used_at: DateTime<Utc>,
}

impl Store {
    /// Notes that an agent is used. Returns at once; a row that cannot be written is tried again.
    pub fn put_agent(&self, agent: AgentEntry) {
        let write = move |conn: &Connection| {
            conn.prepare_cached(
                "INSERT INTO agent_settings (hash, name, role, provider, model, temperature, max_steps, max_tokens, max_cost,
                     first_used, last_used)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
                 ON CONFLICT (hash) DO UPDATE SET last_used = max(last_used, excluded.last_used)",
            )?
            .execute(params![
                agent.hash,
                agent.name,
                agent.role.as_str(),
                agent.provider.as_ref().map(ProviderId::as_str),
                agent.model.as_ref().map(ModelId::as_str),
                agent.temperature,
                agent.max_steps,
                agent.max_tokens.map(clamp),
                agent.max_cost.map(|money| clamp(money.nanos())),
                agent.used_at.timestamp_millis(),
            ])
            .map(drop)
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }

    /// Counts a run of a hook. Returns at once; a row that cannot be written is tried again.
    pub fn put_hook(&self, hook: HookEntry) {
        // A list of texts is always JSON.
        let argv = serde_json::to_string(&hook.argv).unwrap_or_default();
        let write = move |conn: &Connection| {
            conn.prepare_cached(
                "INSERT INTO hook_settings (hash, name, event, matcher, argv, origin, required, runs, result, exit,
                     first_used, last_used)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?10)
                 ON CONFLICT (hash) DO UPDATE SET runs = runs + 1, result = excluded.result, exit = excluded.exit,
                     last_used = max(last_used, excluded.last_used)",
            )?
            .execute(params![
                hook.hash,
                hook.name,
                hook.event,
                hook.matcher,
                argv,
                hook.origin,
                hook.required,
                hook.result,
                hook.exit,
                hook.used_at.timestamp_millis(),
            ])
            .map(drop)
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }
}
