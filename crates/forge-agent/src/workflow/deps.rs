//! What a workflow runs on.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

use forge_core::{
    ModelResponse, Money, Provider,
    storage::{access::AuditLog, journal::StreamName},
    tags::Tags,
};
use forge_durable::RunDeps;
use forge_prompt::PromptSet;

use super::{event::Event, state::State};
use crate::{hook::HookManager, permission::Permissions};

/// What a response cost; `None` if that is not known.
pub type Price = Arc<dyn Fn(&ModelResponse) -> Option<Money> + Send + Sync>;

/// A variable of the environment; `None` if it is unset or nobody's business.
pub type Variable = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Is told of each entry once it is in the journal, with its number from 0 and the state after its batch. It must not block.
pub type Observer = Arc<dyn Fn(&StreamName, u64, &Event, &State) + Send + Sync>;

/// What a workflow runs on.
#[derive(Clone)]
#[non_exhaustive]
pub struct WorkflowDeps {
    /// Who answers, such as a router.
    pub provider: Arc<dyn Provider>,
    /// Journal, time, locks, accounts and budgets.
    pub run: RunDeps,
    /// What agents are told.
    pub prompts: Arc<PromptSet>,
    /// Where worktrees and checkpoints are, outside of every workspace.
    pub state: PathBuf,
    /// The environment of git and of checks.
    pub variable: Variable,
    /// What calls cost; unknown unless set.
    pub price: Price,
    /// The observer.
    pub observer: Option<Observer>,
    /// Programs of the user's that are asked and told; none unless set.
    pub hooks: Option<Arc<HookManager>>,
    /// What agents may do; what is usual unless set.
    pub permissions: Permissions,
    /// Where decisions about tools, edits and programs are noted, and how programs ended; nowhere unless set.
    pub audit: Option<Arc<dyn AuditLog>>,
    /// The tags of every call, beside those of the workflow.
    pub tags: Tags,
}

impl WorkflowDeps {
    /// Dependencies with no known prices and without an observer.
    pub fn new(
        provider: Arc<dyn Provider>,
        run: RunDeps,
        prompts: Arc<PromptSet>,
        state: impl Into<PathBuf>,
        variable: Variable,
    ) -> Self {
        Self {
            provider,
            run,
            prompts,
            state: state.into(),
            variable,
            price: Arc::new(|_| None),
            observer: None,
            hooks: None,
            permissions: Permissions::default(),
            audit: None,
            tags: Tags::default(),
        }
    }

    /// Adds prices.
    pub fn with_price(mut self, price: Price) -> Self {
        self.price = price;
        self
    }

    /// Adds an observer, in the place of any other.
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Adds hooks.
    pub fn with_hooks(mut self, hooks: Arc<HookManager>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Adds permissions.
    pub fn with_permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Notes what models do on the machine. What cannot be noted does not happen.
    pub fn with_audit(mut self, audit: Option<Arc<dyn AuditLog>>) -> Self {
        self.audit = audit;
        self
    }

    /// The folder of a workflow.
    pub(super) fn folder(&self, name: &StreamName) -> PathBuf {
        self.state.join("workflows").join(name.as_str())
    }
}

impl fmt::Debug for WorkflowDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowDeps").field("state", &self.state).finish_non_exhaustive()
    }
}
