//! Workflows over the providers of a system.

mod credentials;
mod rows;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use forge_agent::{
    review::Repository,
    workflow::{
        Brief, Cast, Casting, Check, Command, Observer, State, Workflow, WorkflowDeps, WorkflowError,
    },
};

use self::rows::Rows;
use crate::{
    ParticipantRole,
    config::AgentPlan,
    hooks::{hook_manager, permissions},
    router::Router,
    sessions::session_name,
    storage::{
        access::AuditLog,
        journal::{StreamInfo, StreamName, Streams as _},
    },
    system::{System, SystemError},
};

/// Plans, edits, checks and reviews in one folder.
///
/// ```no_run
/// use forge::{System, WorkflowModeController};
///
/// # async fn demo(system: System) -> Result<(), Box<dyn std::error::Error>> {
/// let controller = WorkflowModeController::new(system, "/home/ada/project");
/// let id = controller.start_workflow(None, "Implement user authentication").await?;
/// let state = controller.open(&id).await?.run().await?;
/// println!("{}: {:?}", state.stage, state.plan.map(|plan| plan.summary));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WorkflowModeController {
    system: System,
    workspace: PathBuf,
    observer: Option<Observer>,
}

/// What a workflow is called.
pub type WorkflowId = StreamName;

/// Why a workflow cannot be begun or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// The system refuses.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The workflow does.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// There is no folder for worktrees and checkpoints.
    #[error("workflows are kept in a folder, and there is none; set FORGE_HOME to one, or HOME")]
    NoFolder,
    /// A provider that is not there.
    #[error("agents.{agent}.provider: there is no provider `{provider}`")]
    NoProvider {
        /// The agent.
        agent: &'static str,
        /// Who should be asked.
        provider: String,
    },
    /// Nobody can be asked in the place of an agent, because a credential is refused.
    #[error("nobody can be asked as {agent}: {reasons}")]
    Credentials {
        /// The agent.
        agent: &'static str,
        /// Who is passed over, and why.
        reasons: String,
    },
}

impl ControllerError {
    /// Whether another process is at work on the workflow now.
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Workflow(WorkflowError::Run(error)) if error.is_running())
    }

    /// Whether what was asked for makes no sense where the workflow stands.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoProvider { .. }
                | Self::Workflow(
                    WorkflowError::Unknown(_) | WorkflowError::Refused(_) | WorkflowError::NotNow(_)
                )
        )
    }
}

impl WorkflowModeController {
    /// Workflows of a system in this folder, or in the repository that it belongs to: checkpoints are of a whole one.
    pub fn new(system: System, workspace: impl Into<PathBuf>) -> Self {
        let folder = workspace.into();
        let folder = folder.canonicalize().unwrap_or(folder);
        let workspace = Repository::open(&folder).map_or(folder, |repository| repository.root().to_owned());
        Self { system, workspace, observer: None }
    }

    /// The folder that workflows are for.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Tells this observer of every entry.
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// What a workflow with this task is asked to do, as the configuration says.
    ///
    /// # Errors
    /// The configuration names a provider that is not there.
    pub fn brief(&self, task: impl Into<String>) -> Result<Brief, ControllerError> {
        let (agents, plan) = (self.system.agents_plan(), self.system.workflow_plan());
        let cast = |agent, plan: &AgentPlan, role| self.cast(agent, plan, role);
        let mut casting = Casting::new(
            cast("planner", &agents.planner, "planner")?,
            cast("editor", &agents.editor, "coder")?,
        );
        let optional = |agent: &'static str, plan: &AgentPlan, role| {
            (!plan.disabled).then(|| cast(agent, plan, role)).transpose()
        };
        casting.clarifier = optional("clarifier", &agents.clarifier, "clarifier")?;
        casting.reviewer = optional("reviewer", &agents.reviewer, "reviewer")?;
        let mut brief = Brief::new(task, &self.workspace, casting);
        let checks = plan.checks.iter().map(|(run, timeout)| Check::new(run.clone()).with_timeout(*timeout));
        brief.checks = checks.collect();
        let formats: Vec<_> = plan.formats.iter().filter_map(|name| name.parse().ok()).collect();
        if !formats.is_empty() {
            brief.formats = formats;
        }
        brief.money = plan.max_cost;
        Ok(brief)
    }

    fn cast(&self, agent: &'static str, plan: &AgentPlan, role: &str) -> Result<Cast, ControllerError> {
        let role = ParticipantRole::from(plan.role.as_deref().unwrap_or(role));
        let participant = match &plan.provider {
            None => Router::participant(role.clone()),
            Some(id) => {
                let missing = || ControllerError::NoProvider { agent, provider: id.clone() };
                let one = self.system.participant(id).ok_or_else(missing)?;
                match plan.model.as_deref() {
                    Some(model) => one.with_model(model),
                    None => one,
                }
            }
        };
        let mut limits = forge_agent::agent::AgentLimits::default().with_money(plan.max_cost);
        if let Some(steps) = plan.max_steps {
            limits = limits.with_steps(steps);
        }
        Ok(Cast::new(participant.with_role(role)).with_limits(limits).with_temperature(plan.temperature))
    }

    /// What workflows run on.
    ///
    /// # Errors
    /// A prompt of the configuration cannot be used, or there is no folder to keep anything in.
    pub fn deps(&self) -> Result<WorkflowDeps, ControllerError> {
        let session = self.system.session_deps()?;
        let folder = self.system.folder().ok_or(ControllerError::NoFolder)?;
        let (variables, router) = (self.system.clone(), self.system.router().clone());
        let deps = WorkflowDeps::new(
            Arc::new(self.system.router().clone()),
            session.run_deps(),
            session.prompts.share(),
            folder,
            Arc::new(move |name| variables.variable(name).map(Into::into)),
        );
        let (rows, observer) = (Rows(self.system.store().cloned()), self.observer.clone());
        let hook_rows = rows.clone();
        let observed: Observer = Arc::new(move |name, number, event, state| {
            rows.note(name, event, state);
            if let Some(observer) = &observer {
                observer(name, number, event, state);
            }
        });
        let hooks =
            hook_manager(self.system.hook_plans(), &self.workspace, |name| self.system.variable(name))
                .with_observer(Arc::new(move |hook, run| hook_rows.note_hook(hook, run)));
        let audit = self.system.store().cloned().map(|store| store as Arc<dyn AuditLog>);
        let deps = deps
            .with_hooks(Arc::new(hooks))
            .with_permissions(permissions(self.system.permissions_plan()))
            .with_audit(audit);
        Ok(deps.with_price(Arc::new(move |response| router.cost(response))).with_observer(observed))
    }

    /// Begins a workflow as the configuration says, for a session if it is part of one. Nothing is done before it is
    /// [opened](Self::open) and run.
    ///
    /// # Errors
    /// As of [`brief`](Self::brief) and [`start`](Self::start).
    pub async fn start_workflow(
        &self,
        session: Option<&StreamName>,
        task: &str,
    ) -> Result<WorkflowId, ControllerError> {
        let mut brief = self.brief(task)?;
        brief.session = session.map(|name| name.as_str().to_owned());
        let workflow = self.start(brief).await?;
        let id = workflow.name().clone();
        workflow.close().await?;
        Ok(id)
    }

    /// Begins a workflow, which this process then holds. Vendors are asked before whether they take their credentials, side by side
    /// and for three seconds at most.
    ///
    /// # Errors
    /// A credential is refused and nobody stands in, the journal refuses, or there is no folder to keep anything in.
    pub async fn start(&self, brief: Brief) -> Result<Workflow, ControllerError> {
        credentials::check(self.system.router(), &brief.casting).await?;
        let name = session_name().map_err(WorkflowError::from)?;
        Ok(Workflow::start(self.deps()?, name, brief).await?)
    }

    /// Takes a workflow up that was begun earlier.
    ///
    /// # Errors
    /// There is none of this name, or another process is at work on it.
    pub async fn open(&self, id: &WorkflowId) -> Result<Workflow, ControllerError> {
        Ok(Workflow::open(self.deps()?, id.clone()).await?)
    }

    /// Leaves an order for the process that runs a workflow.
    ///
    /// # Errors
    /// The folder of the workflow cannot be written.
    pub fn order(
        &self,
        id: &WorkflowId,
        command: &Command,
        by: Option<String>,
    ) -> Result<(), ControllerError> {
        Ok(Workflow::order(&self.deps()?, id, command, by)?)
    }

    /// What a workflow has come to, whoever works on it.
    ///
    /// # Errors
    /// There is none of this name, or its journal cannot be read.
    pub async fn read(&self, id: &WorkflowId) -> Result<State, ControllerError> {
        Ok(Workflow::read(&**self.system.journal(), id).await?)
    }

    /// The workflows that are kept, the latest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn list(&self) -> Result<Vec<StreamInfo>, ControllerError> {
        let Some(store) = self.system.store() else { return Ok(Vec::new()) };
        let mut streams = store.list().await.map_err(WorkflowError::from)?;
        streams.retain(Workflow::is_one);
        // Names of one second are in no order.
        streams.sort_by_key(|stream| std::cmp::Reverse(stream.created_at));
        Ok(streams)
    }

    /// The latest workflow of this folder.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn latest(&self) -> Result<Option<WorkflowId>, ControllerError> {
        for stream in self.list().await? {
            let state = self.read(&stream.name).await?;
            if state.brief.is_some_and(|brief| brief.workspace == self.workspace) {
                return Ok(Some(stream.name));
            }
        }
        Ok(None)
    }
}

impl std::fmt::Debug for WorkflowModeController {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkflowModeController").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}
