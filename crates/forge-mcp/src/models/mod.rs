//! The model server: other models for one question, alone or together.

mod ask;
mod budget;
mod challenge;
mod council;
mod offers;
mod question;
mod result;
mod runs;
mod threads;
mod tools;
mod usage;

use std::{fmt, sync::Arc};

use forge::{CallContext, ErrorKind, ProviderError, System, router::Router, store::Store, time::Timer};
use rmcp::model::{JsonObject, Tool};
use serde_json::Value;

pub(crate) use self::offers::{prompt, prompts, template};
use self::{runs::Runs, threads::Threads};
use crate::{call::Call, failure::Failure, roots::Roots};

/// Asks the models of a [`System`].
///
/// What it may spend is the section `mcp` of its configuration, beside every other budget. Files that callers name are read
/// below the [roots](Self::with_roots) and nowhere else.
pub struct ModelMcpServer {
    system: System,
    roots: Option<Roots>,
    depth: u32,
    threads: Threads,
    runs: Arc<Runs>,
}

impl ModelMcpServer {
    /// Asks the models of `system`, and reads no files.
    pub fn new(system: System) -> Self {
        Self { system, roots: None, depth: 0, threads: Threads::default(), runs: Arc::default() }
    }

    /// Reads files below these folders.
    pub fn with_roots(self, roots: Roots) -> Self {
        Self { roots: Some(roots), ..self }
    }

    /// How many times Forge has started a program that started Forge. From 1 on councils are refused, so that an agent of one
    /// cannot begin another.
    pub fn with_depth(self, depth: u32) -> Self {
        Self { depth, ..self }
    }

    /// The tools, always the same in the same order.
    pub(crate) fn tools() -> Vec<Tool> {
        tools::all()
    }

    /// Whether one of the tools has this name.
    pub(crate) fn has(name: &str) -> bool {
        matches!(name, "ask" | "council" | "run" | "challenge" | "estimate" | "usage")
    }

    /// Who calls, where nobody says so: whoever sits at this machine.
    pub(crate) fn caller(&self) -> CallContext {
        CallContext::with_timer(Router::participant(forge::ParticipantRole::default()), self.timer())
    }

    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        self.system.store().cloned()
    }

    pub(crate) fn timer(&self) -> Arc<dyn Timer> {
        self.system.router().timer()
    }

    /// Answers a call of one of the tools; `None` if it is none of them.
    pub(crate) async fn call(
        &self,
        name: &str,
        given: Option<JsonObject>,
        call: &Call,
    ) -> Option<Result<Value, Failure>> {
        Some(match name {
            "ask" => self.ask(given, call).await,
            "council" => Box::pin(self.council(given, call)).await,
            "run" => Box::pin(self.run(given, call)).await,
            "challenge" => self.challenge(given, call).await,
            "estimate" => self.estimate(given, call),
            "usage" => self.usage(given, call).await,
            _ => return None,
        })
    }

    /// Ends what is under way. Each council can be gone on with: the journal has what was answered.
    pub(crate) fn stop(&self) {
        self.runs.stop();
    }
}

impl fmt::Debug for ModelMcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelMcpServer")
            .field("system", &self.system)
            .field("roots", &self.roots)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// A call of a model that failed, with what whoever made it can do.
fn failed(error: &ProviderError) -> Failure {
    let next = match error.kind {
        ErrorKind::BudgetExceeded => "ask for less, or wait for the next day; `usage` shows what was spent",
        ErrorKind::ContextTooLong => "name fewer files or lines",
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ModelNotFound => {
            "ask another model; `usage` with `by: provider` lists the providers"
        }
        _ => "ask again later, or another model; `usage` with `by: provider` shows how they do",
    };
    Failure::new(error.kind.as_str(), error.to_string(), next)
}

/// The client has gone or does not want the answer any more.
fn cancelled(what: &str) -> Failure {
    Failure::new("cancelled", what, "call again if it is still wanted")
}
