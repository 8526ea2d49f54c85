//! Workers are started, asked how they are, and stopped.

mod config;
mod end;
mod error;
mod facts;
mod foreign;
mod overview;
mod prepare;
mod reply;
mod start;

use std::{path::PathBuf, sync::Arc, time::Duration};

use forge_core::time::{SystemTimer, Timer};

pub(crate) use self::prepare::quoted;
pub use self::{
    config::{LaunchConfig, SpawnRequest, WorkerHandle},
    end::Reaped,
    error::LauncherError,
};
use crate::{
    agent::AgentDefinition,
    discover::{DiscoveryError, DiscoveryResult, discover_in},
    home::{WorkerHome, WorkerPlace, variable},
    id::WorkerId,
    lock::is_running,
    record::WorkerSpec,
    shim,
    state::WorkerStatus,
    status::{self, Observation, Screen, observe},
    tmux::{TAG, Tmux, TmuxSocket},
};

/// How often a condition is looked at that nothing announces.
const POLL: Duration = Duration::from_millis(10);

/// Starts workers and asks how they are. It holds nothing of them: everything is in their files, so that any number of processes
/// may have one.
///
/// ```no_run
/// use forge_worker::{LaunchConfig, LauncherError, SpawnRequest, WorkerLauncher};
///
/// # async fn example() {
/// # let config = LaunchConfig::new("sim", "", "/tmp", "");
/// # let request = SpawnRequest::new("alpha", config);
/// let launcher = WorkerLauncher::new();
/// match launcher.spawn(request).await {
///     Ok(handle) => {
///         println!("Worker spawned: {}", handle.id);
///     }
///     Err(LauncherError::LauncherFailed { message }) => {
///         eprintln!("Launcher failed: {}", message);
///     }
///     Err(LauncherError::Timeout { secs }) => {
///         eprintln!("Spawn timeout after {}s", secs);
///     }
///     Err(LauncherError::SessionCreationFailed { session_name }) => {
///         eprintln!("Tmux session creation failed: {}", session_name);
///     }
///     Err(other) => eprintln!("{other}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WorkerLauncher {
    home: WorkerHome,
    tmux: Tmux,
    program: PathBuf,
    timer: Arc<dyn Timer>,
    lookup: fn(&str) -> Option<String>,
}

impl Default for WorkerLauncher {
    fn default() -> Self {
        Self::new()
    }
}

impl WorkerLauncher {
    /// A launcher in the home that the environment names.
    #[must_use]
    pub fn new() -> Self {
        Self::with_home(WorkerHome::from_env())
    }

    /// A launcher in this home.
    #[must_use]
    pub fn with_home(home: WorkerHome) -> Self {
        let timer = SystemTimer::shared();
        let tmux = Tmux::new(&home, &TmuxSocket::Own, Arc::clone(&timer));
        // The shim is a command of the program that launches; without a path of its own it is looked for by name.
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("forge"));
        Self { home, tmux, program, timer, lookup: variable }
    }

    /// The same with another program that has the commands of [`crate::command`].
    #[must_use]
    pub fn with_program(self, program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), ..self }
    }

    /// The same with an environment of which agents get what their definitions name.
    #[must_use]
    pub fn with_lookup(self, lookup: fn(&str) -> Option<String>) -> Self {
        Self { lookup, ..self }
    }

    /// The home.
    #[must_use]
    pub const fn home(&self) -> &WorkerHome {
        &self.home
    }

    /// The server of tmux.
    #[must_use]
    pub const fn tmux(&self) -> &Tmux {
        &self.tmux
    }

    /// The workers that a server of tmux knows.
    pub async fn discover(&self, socket: &TmuxSocket) -> Result<DiscoveryResult, DiscoveryError> {
        discover_in(&self.home, socket, Arc::clone(&self.timer)).await
    }

    /// Starts a worker: an agent by the name of its definition, or through a launcher by its path. A relative name without a
    /// folder is also looked for in the folder of launchers.
    pub async fn spawn(&self, request: SpawnRequest) -> Result<WorkerHandle, LauncherError> {
        let id = WorkerId::new(request.worker_id)?;
        let named = request.config.launcher.as_str();
        if let Some(path) = self.foreign_launcher(named)? {
            return self.spawn_foreign(&id, request.config, path).await;
        }
        let definition = AgentDefinition::find(&self.home, named)?;
        self.spawn_agent(&id, request.config, definition).await
    }

    /// The launcher that a name means; `None` where it means an agent.
    fn foreign_launcher(&self, named: &str) -> Result<Option<PathBuf>, LauncherError> {
        let path = if named.contains('/') {
            PathBuf::from(named)
        } else {
            let own = self.home.launchers().join(named);
            if AgentDefinition::find(&self.home, named).is_ok() && !own.exists() {
                return Ok(None);
            }
            own
        };
        if named.is_empty() || !path.exists() {
            let known = AgentDefinition::names().collect::<Vec<_>>().join(", ");
            return Err(LauncherError::LauncherNotFound { launcher: named.to_owned(), known });
        }
        Ok(Some(path))
    }

    /// Whether there is such an agent or launcher, before anything is started.
    pub fn knows(&self, launcher: &str) -> Result<(), LauncherError> {
        if self.foreign_launcher(launcher)?.is_none() {
            AgentDefinition::find(&self.home, launcher)?;
        }
        Ok(())
    }

    /// How a worker is, in the seven words of the status file, which is written.
    ///
    /// ```no_run
    /// # async fn example(launcher: &forge_worker::WorkerLauncher) -> Result<(), forge_worker::LauncherError> {
    /// let status = launcher.check_status(&forge_worker::WorkerId::new("alpha")?).await?;
    /// println!("{} {status}", status.indicator());
    /// # Ok(()) }
    /// ```
    pub async fn check_status(&self, worker_id: &WorkerId) -> Result<WorkerStatus, LauncherError> {
        Ok(self.observe(worker_id).await?.state.status())
    }

    /// What is known of a worker, with its screen.
    pub async fn observe(&self, worker_id: &WorkerId) -> Result<Observation, LauncherError> {
        let place = self.home.worker(worker_id);
        if !place.folder().exists() {
            return Err(not_found(worker_id));
        }
        let Some(spec) = place.spec() else {
            return Ok(observe(&place, None, self.timer.now()));
        };
        let mut seen = observe(&place, None, self.timer.now());
        if overview::screen_may_add(&seen)
            && let Some(screen) = self.screen(&spec).await
        {
            seen = observe(&place, Some(&screen), self.timer.now());
        }
        // A full disk keeps the status old and nobody from knowing it.
        let _ = status::write(&place, &seen);
        Ok(seen)
    }

    /// What the worker's terminal shows: its title and its last 40 lines.
    pub async fn screen(&self, spec: &WorkerSpec) -> Option<Screen> {
        let pane = self.pane(spec).await?;
        let title = self.tmux.ask(&pane, "#{pane_title}").await?;
        let text = self.tmux.run(&["capture-pane", "-p", "-t", &pane]).await.ok()?;
        Some(Screen::new(title, text.trim_end_matches('\n')))
    }

    /// The pane of a worker, where its session is tagged with its name.
    pub(crate) async fn pane(&self, spec: &WorkerSpec) -> Option<String> {
        let said =
            self.tmux.ask(&crate::tmux::exactly(&spec.session), &format!("#{{{TAG}}} #{{pane_id}}")).await?;
        let (tag, pane) = said.split_once(' ')?;
        (tag == spec.worker_id.as_str() && pane.starts_with('%')).then(|| pane.to_owned())
    }

    /// The workers that have files in the home, whether they run or not.
    #[expect(
        clippy::unused_async,
        reason = "a contract: the list may once come from elsewhere than from files"
    )]
    pub async fn list_workers(&self) -> Result<Vec<WorkerHandle>, LauncherError> {
        let ids = self.home.workers()?;
        let handles = ids.into_iter().filter_map(|id| {
            let place = self.home.worker(&id);
            Some(handle(&place, place.spec()?, Vec::new()))
        });
        Ok(handles.collect())
    }

    /// Says one of `status freeze thaw interrupt term kill` to the shim of a worker.
    pub(crate) async fn tell(&self, place: &WorkerPlace, word: &'static str) -> Result<(), LauncherError> {
        let asked = place.clone();
        let told = tokio::task::spawn_blocking(move || shim::ask(&asked, word)).await;
        let worker_id = place.id().to_string();
        match told.map_err(std::io::Error::other)? {
            Ok(_) => Ok(()),
            Err(_) if !is_running(place) => Err(LauncherError::NotRunning { worker_id }),
            Err(error) => Err(LauncherError::NotStopped { worker_id, message: error.to_string() }),
        }
    }

    /// Stops every process of a worker where it stands.
    pub async fn freeze(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        self.tell(&self.known(worker_id)?.0, "freeze").await
    }

    /// Lets a frozen worker go on.
    pub async fn thaw(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        self.tell(&self.known(worker_id)?.0, "thaw").await
    }

    /// Sends everybody away who looks at the terminal of a worker.
    pub async fn detach(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        let (_, spec) = self.known(worker_id)?;
        let not_running = || LauncherError::NotRunning { worker_id: worker_id.to_string() };
        let pane = self.pane(&spec).await.ok_or_else(not_running)?;
        // tmux takes it for a failure that nobody is there.
        if self.tmux.ask(&pane, "#{session_attached}").await.is_some_and(|count| count == "0") {
            return Ok(());
        }
        self.tmux.run(&["detach-client", "-s", &crate::tmux::exactly(&spec.session)]).await?;
        Ok(())
    }

    /// Sends what Ctrl-C sends.
    pub async fn interrupt(&self, worker_id: &WorkerId) -> Result<(), LauncherError> {
        self.tell(&self.known(worker_id)?.0, "interrupt").await
    }

    pub(crate) fn known(&self, worker_id: &WorkerId) -> Result<(WorkerPlace, WorkerSpec), LauncherError> {
        let place = self.home.worker(worker_id);
        let spec = place.spec().ok_or_else(|| not_found(worker_id))?;
        Ok((place, spec))
    }

    pub(crate) fn timer(&self) -> &dyn Timer {
        &*self.timer
    }

    /// Waits for a condition, at most for so long; whether it came.
    pub(crate) async fn wait_for(&self, limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
        let end = self.timer.instant() + limit;
        loop {
            if condition() {
                return true;
            }
            if self.timer.instant() >= end {
                return false;
            }
            self.timer.sleep_until(self.timer.instant() + POLL).await;
        }
    }
}

fn not_found(worker_id: &WorkerId) -> LauncherError {
    LauncherError::NotFound { worker_id: worker_id.to_string() }
}

fn handle(place: &WorkerPlace, spec: WorkerSpec, warnings: Vec<String>) -> WorkerHandle {
    let agent = place.shim().filter(|shim| shim.run == spec.run).and_then(|shim| shim.agent).or(spec.foreign);
    WorkerHandle {
        project: spec.project().to_owned(),
        id: spec.worker_id,
        session: spec.session,
        pid: agent.filter(|agent| agent.is_alive()).map(crate::process::ProcessId::pid),
        model: spec.model,
        tier: spec.tier,
        agent: spec.agent,
        workspace: spec.workspace,
        bead: spec.bead,
        started_at: spec.created_at,
        restarts: spec.restarts,
        warnings,
    }
}
