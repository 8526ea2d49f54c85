//! Everything put together in one place: providers found, accounts opened, a router running, sessions that survive.

mod builder;
mod discover;
mod error;
mod file;
mod paths;
mod project;
mod text;
mod trust;

use std::{fmt, sync::Arc, time::Duration};

use self::discover::{Discovered, Guards};
#[cfg(all(feature = "agents", unix))]
pub(crate) use self::trust::sha256;
pub use self::{
    builder::{SystemBuilder, price_version, store_options},
    discover::{LocalServer, local_servers},
    error::SystemError,
    file::FoundFile,
    paths::Paths,
    trust::ProjectFile,
};
use crate::{
    Adapter, ModelResponse, Money, Participant, ParticipantRole, ProviderError,
    config::{AgentsPlan, HookPlan, McpPlan, PermissionsPlan, ServePlan, SessionPlan, WorkflowPlan},
    prompts::PromptPlan,
    router::{ProviderPlan, Router, RouterPlan, TaskContext},
    session::{Plan, Session, SessionDeps, SessionError},
    session_model::{self, LiveSessions, RunningSessions},
    sessions::{SessionHost, SessionRequest, session_name},
    storage::{
        StorageError,
        journal::{Journal, StreamName},
    },
    store::{Store, TaskEntry},
};
use chrono::Utc;

/// A running Forge: one router over every provider, its accounts, its budgets and its sessions.
///
/// One value of a process, passed to whoever needs it; there is no global one. The environment is never read: a
/// lookup is passed in. A clone is the same Forge, whose router and sessions follow a [`reload`](Self::reload) of any other;
/// what it says of the configuration is that of its own last reload.
///
/// ```no_run
/// use forge::{System, session::{Plan, Topic}};
///
/// # async fn demo(variable: fn(&str) -> Option<String>) -> Result<(), forge::SystemError> {
/// let system = System::builder(variable).open().await?;
/// let cast = forge::cast(system.router(), 3).cast;
/// let plan = Plan::new(Topic::new("Design a rate limiter"), cast);
/// let (name, session) = system.start(plan).await?;
/// println!("{name}: {}", session.run().await?.to_markdown());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct System {
    router: Router,
    plan: RouterPlan,
    origins: Vec<String>,
    session: SessionPlan,
    serve: Box<ServePlan>,
    mcp: McpPlan,
    prompts: PromptPlan,
    agents: Box<AgentsPlan>,
    workflow: WorkflowPlan,
    guards: Guards,
    warnings: Vec<String>,
    store: Option<Arc<Store>>,
    journal: Arc<dyn Journal>,
    durable: bool,
    host: Arc<SessionHost>,
    /// The sessions that clients have begun.
    live: Arc<LiveSessions>,
    builder: SystemBuilder,
}

impl System {
    /// Begins to put one together, with variables from `lookup`.
    pub fn builder(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> SystemBuilder {
        SystemBuilder::new(lookup)
    }

    /// The router over all providers, which is a provider itself.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// What the router runs, as it was resolved. After [`reload`](Self::reload) it is another one.
    pub fn plan(&self) -> &RouterPlan {
        &self.plan
    }

    /// Each provider of the plan with where it was found: a file, a variable, a local server.
    pub fn providers(&self) -> impl Iterator<Item = (&ProviderPlan, &str)> {
        self.plan.providers.iter().zip(self.origins.iter().map(String::as_str))
    }

    /// The adapter of each provider, in the order of the plan.
    pub fn adapters(&self) -> impl Iterator<Item = (&ProviderPlan, Arc<dyn Adapter>)> {
        self.plan.providers.iter().filter_map(|one| Some((one, self.router.adapter(&one.id)?)))
    }

    /// The sessions that clients have begun and that run now, for those who attend them.
    pub fn running_sessions(&self) -> RunningSessions {
        RunningSessions { live: Arc::clone(&self.live), host: Arc::clone(&self.host) }
    }

    /// How the configuration wants sessions to run.
    pub fn session_plan(&self) -> &SessionPlan {
        &self.session
    }

    /// How the configuration wants a server to serve.
    pub fn serve_plan(&self) -> &ServePlan {
        &self.serve
    }

    /// How the configuration wants programs that speak MCP to be answered.
    pub fn mcp_plan(&self) -> &McpPlan {
        &self.mcp
    }

    /// Programs that are asked or told at points of the work.
    pub fn hook_plans(&self) -> &[HookPlan] {
        &self.guards.hooks
    }

    /// What models may do on this machine.
    pub fn permissions_plan(&self) -> &PermissionsPlan {
        &self.guards.permissions
    }

    /// Where prompts come from, and who gets which version of them.
    pub fn prompt_plan(&self) -> &PromptPlan {
        &self.prompts
    }

    /// Who does what in a workflow.
    pub fn agents_plan(&self) -> &AgentsPlan {
        &self.agents
    }

    /// How workflows go.
    pub fn workflow_plan(&self) -> &WorkflowPlan {
        &self.workflow
    }

    /// The folder in which everything is kept; `None` if nothing is.
    pub fn folder(&self) -> Option<std::path::PathBuf> {
        self.builder.folder().filter(|_| self.durable)
    }

    /// A variable of the environment, by the lookup that was given.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.builder.variable(name)
    }

    /// The user's folders.
    pub fn paths(&self) -> &Paths {
        self.builder.paths()
    }

    /// Whether scripts answer instead of models.
    pub fn is_simulated(&self) -> bool {
        self.host.simulated
    }

    /// What the author of the configuration should know, a line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether accounts, budgets and sessions outlive the system: `false` in memory, and where the accounts
    /// file cannot be written.
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// Where calls are recorded; `None` if nowhere.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// Where sessions are written down: the accounts file, or memory where [`is_durable`](Self::is_durable)
    /// is `false`.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The participant that asks the provider or pool `id`; `None` if there is none.
    pub fn participant(&self, id: &str) -> Option<Participant> {
        if let Some(provider) = self.plan.providers.iter().find(|one| one.id == id) {
            let participant = Participant::new(provider.vendor(), provider.model.clone());
            return Some(participant.with_provider_id(id));
        }
        let pool = self.plan.pools.iter().any(|pool| pool.id == id);
        pool.then(|| Router::participant(ParticipantRole::default()).with_provider_id(id))
    }

    /// What sessions of this system run on. Whoever watches or approves adds that.
    ///
    /// # Errors
    /// A prompt template of the configuration that cannot be used.
    pub fn session_deps(&self) -> Result<SessionDeps, SystemError> {
        Ok(self.host.deps(&self.router)?)
    }

    /// The plan of a session: what is said of it, and for the rest what the configuration says, with those who can be
    /// asked now. Its notes say what is less than wanted.
    pub fn plan_session(&self, request: SessionRequest) -> Plan {
        self.host.plan(&self.router, request)
    }

    /// Starts a session under a name that sorts by time.
    ///
    /// # Errors
    /// A plan that cannot run, or a journal that refuses.
    pub async fn start(&self, plan: Plan) -> Result<(StreamName, Session), SystemError> {
        let name = session_name().map_err(SessionError::from)?;
        let deps = self.watched(self.session_deps()?, &name);
        Ok((name.clone(), Session::start(deps, name, plan).await?))
    }

    /// Goes on with a session that was killed, paused or broken off. No answer that is written down is paid again;
    /// the place of a dead run is taken at once, that of a living one never.
    ///
    /// # Errors
    /// Another run is at work, or the journal cannot be read.
    pub async fn resume(&self, name: &StreamName) -> Result<Session, SystemError> {
        Ok(Session::resume(self.watched(self.session_deps()?, name), name.clone()).await?)
    }

    /// The same with the versions of prompts that labels and experiments choose for the session of this name, which its
    /// calls say; and what could not be followed. What is used is kept as versions.
    pub fn assigned(&self, deps: SessionDeps, session: &StreamName) -> (SessionDeps, Vec<String>) {
        self.host.assigned(deps, session)
    }

    /// As [`assigned`](Self::assigned), publishing what the session of this name does if somebody may watch it. An observer that is there
    /// already goes on to be told; one that is set later takes the place of both.
    pub fn watched(&self, deps: SessionDeps, session: &StreamName) -> SessionDeps {
        self.host.watched(deps, &self.router, session)
    }

    /// Lets a session spend this much, whatever the configuration says of one session.
    ///
    /// # Errors
    /// An adapter that cannot be built again.
    pub fn allow_session(&mut self, most: Money) -> Result<(), SystemError> {
        let mut plan = self.plan.clone();
        let cap = &mut plan.budget.session.money;
        // An allowance and no limit: a cap that is higher stays.
        if cap.is_some_and(|cap| cap < most) {
            *cap = Some(most);
            self.router.reload(plan.clone())?;
            self.plan = plan;
        }
        Ok(())
    }

    /// Writes down what came of a task.
    pub fn log(&self, mut task: TaskContext, outcome: &Result<ModelResponse, ProviderError>) {
        // A task that nobody has begun cannot be in a state that forbids this.
        let _ = task.record(outcome);
        let Some(store) = &self.store else { return };
        let now = Utc::now();
        store.put_task(TaskEntry {
            id: task.id().to_owned(),
            role: task.role().clone(),
            provider: task.provider().cloned(),
            attempts: task.attempts(),
            status: task.status().to_string(),
            created_at: now,
            updated_at: now,
        });
    }

    /// Reads the configuration again and goes on with it. If it cannot be used, everything stays as it is.
    ///
    /// # Errors
    /// A configuration that cannot be used, or nobody to ask.
    pub async fn reload(&mut self) -> Result<(), SystemError> {
        let Discovered {
            mut plan,
            origins,
            session,
            serve,
            mcp,
            prompts,
            agents,
            workflow,
            guards,
            warnings,
        } = self.builder.discover().await?;
        session_model::provide(&mut plan.providers, &self.host, &self.live);
        // The router first: if it refuses, nothing else has changed.
        self.router.reload(plan.clone())?;
        (self.plan, self.origins, self.session, self.warnings) = (plan, origins, session, warnings);
        (self.serve, self.mcp, self.prompts) = (serve, mcp, prompts);
        (self.agents, self.workflow, self.guards) = (agents, workflow, guards);
        self.host.set_plan(self.session.clone(), self.prompts.clone());
        Ok(())
    }

    /// Ends what is under way, at most `grace` later, and sees to it that every call is accounted for.
    ///
    /// # Errors
    /// The last calls may be missing in the accounts.
    pub async fn close(&self, grace: Duration) -> Result<(), StorageError> {
        // Before their calls are ended, so that no session takes that for a failure of its models.
        self.live.stop();
        self.router.shutdown(grace).await.map(drop)
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System")
            .field("router", &self.router)
            .field("origins", &self.origins)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}
