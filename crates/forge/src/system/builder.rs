//! How a system is put together.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, RwLock},
};

use super::{Discovered, Paths, System, SystemError, discover::discover, file::Variables};
use crate::{
    AdapterRegistry, ModelTable,
    manager::router_deps,
    router::{Router, RouterPlan},
    session_model::{self, LiveSessions},
    sessions::SessionHost,
    storage::memory::MemoryJournal,
    store::{Store, StoreOptions, StoreState},
    watch::EventLog,
};

/// The file of the accounts, the journals and the budgets.
const ACCOUNTS: &str = "forge.db";

/// Says where a [`System`] comes from. Whatever is not said is found as the command `forge` finds it.
#[derive(Clone)]
pub struct SystemBuilder {
    variables: Variables,
    paths: Paths,
    config: Config,
    state: State,
    registry: Arc<AdapterRegistry>,
    accounts: String,
    simulated: bool,
    events: Option<EventLog>,
}

#[derive(Debug, Clone)]
enum Config {
    /// A file where files usually are, else the environment, else a local server.
    Found,
    At(PathBuf),
    Given {
        plan: Box<RouterPlan>,
        origin: String,
    },
}

#[derive(Debug, Clone)]
enum State {
    Usual,
    Folder(PathBuf),
    Memory,
}

impl SystemBuilder {
    pub(super) fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let variables: Variables = Arc::new(lookup);
        Self {
            paths: Paths::read(|name| variables(name)),
            variables,
            config: Config::Found,
            state: State::Usual,
            registry: Arc::new(crate::registry()),
            accounts: ACCOUNTS.to_owned(),
            simulated: false,
            events: None,
        }
    }

    /// Takes the configuration of this file, which is trusted because it is named. A file that is not there
    /// fails [`open`](Self::open).
    pub fn config(mut self, path: impl Into<PathBuf>) -> Self {
        self.config = Config::At(path.into());
        self
    }

    /// Takes this plan and looks for no file; `origin` says where it comes from, for people. Sessions run by
    /// their own defaults.
    pub fn plan(mut self, plan: RouterPlan, origin: impl Into<String>) -> Self {
        self.config = Config::Given { plan: Box::new(plan), origin: origin.into() };
        self
    }

    /// Keeps accounts, journals and budgets in this folder, which is made if it is not there. By default it
    /// is that of [`Paths::state`].
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = State::Folder(folder.into());
        self
    }

    /// Keeps nothing beyond the life of the system: no accounts, and budgets and sessions in memory.
    pub fn in_memory(mut self) -> Self {
        self.state = State::Memory;
        self
    }

    /// Calls the file of the accounts so, which keeps them apart from others in the same folder; `forge.db`
    /// by default. Budgets count what stands in the same file.
    pub fn accounts(mut self, file: impl Into<String>) -> Self {
        self.accounts = file.into();
        self
    }

    /// Scripts answer instead of models, and every session says so.
    pub fn simulated(mut self) -> Self {
        self.simulated = true;
        self
    }

    /// Publishes in this log what its calls, circuits, budgets and sessions do.
    pub fn events(mut self, log: EventLog) -> Self {
        self.events = Some(log);
        self
    }

    /// Knows these kinds of adapters instead of the built-in ones, their models and prices included.
    pub fn registry(mut self, registry: AdapterRegistry) -> Self {
        self.registry = Arc::new(registry);
        self
    }

    /// Finds, loads and connects everything. Nothing is sent to a vendor; local servers are asked whether they are
    /// there where nothing else is known.
    ///
    /// An accounts file that cannot be written fails nothing: calls are recorded beside it, budgets and sessions
    /// hold for the life of the system, and [`System::is_durable`] tells.
    ///
    /// # Errors
    /// A configuration that cannot be used, or nobody to ask.
    pub async fn open(self) -> Result<System, SystemError> {
        let models = self.registry.models();
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
        } = self.discover().await?;
        let mut deps = router_deps();
        deps.events.clone_from(&self.events);
        (deps.registry, deps.models) = (Arc::clone(&self.registry), Arc::new(models));
        let store = self.open_store().map(Arc::new);
        // Without the file, budgets hold for this system alone.
        let durable = store.as_ref().filter(|store| store.status().state == StoreState::Writing);
        if let Some(store) = durable {
            deps.budgets = Arc::clone(store) as _;
            deps.cooldowns = Arc::clone(store) as _;
        }
        if let Some(store) = &store {
            // Whether or not the file can be written: what cannot go into it is spooled beside it.
            deps.sink = Arc::clone(store) as _;
        }
        let timer = Arc::clone(&deps.timer);
        let journal = match durable {
            Some(store) => Arc::clone(store) as _,
            None => Arc::new(MemoryJournal::default()) as _,
        };
        let durable = durable.is_some();
        let host = Arc::new(SessionHost {
            // A journal in memory is seen by this process alone, and there is nobody to lock it against.
            locks: self.folder().filter(|_| durable).map(|folder| folder.join("run")),
            journal: Arc::clone(&journal),
            timer,
            store: store.clone(),
            durable,
            simulated: self.simulated,
            router: OnceLock::new(),
            written: RwLock::new(Arc::new((session.clone(), prompts.clone()))),
        });
        let live = Arc::new(LiveSessions::default());
        session_model::provide(&mut plan.providers, &host, &live);
        let router = Router::build(plan.clone(), deps)?;
        host.set_router(router.downgrade());
        Ok(System {
            router,
            plan,
            origins,
            session,
            serve,
            mcp,
            prompts,
            agents,
            workflow,
            guards,
            warnings,
            store,
            journal,
            durable,
            host,
            live,
            builder: self,
        })
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }

    /// What `open` would find, and nothing else.
    pub(super) async fn discover(&self) -> Result<Discovered, SystemError> {
        let named = match &self.config {
            Config::Given { plan, origin } => {
                let origins = vec![origin.clone(); plan.providers.len()];
                return Ok(Discovered { plan: (**plan).clone(), origins, ..Discovered::default() });
            }
            Config::At(path) => Some(path.as_path()),
            Config::Found => None::<&Path>,
        };
        discover(named, &self.paths, &self.registry, &self.registry.models(), &self.variables).await
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The folder in which everything is kept; `None` without one.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match &self.state {
            State::Usual => self.paths.state.clone(),
            State::Folder(folder) => Some(folder.clone()),
            State::Memory => None,
        }
    }

    fn open_store(&self) -> Option<Store> {
        let path = self.folder()?.join(&self.accounts);
        Some(Store::open_or_spool(store_options(path, &self.registry.models())))
    }
}

/// Options for the accounts at `path`, whose costs are marked with the day of the newest price of `models`.
pub fn store_options(path: impl Into<PathBuf>, models: &ModelTable) -> StoreOptions {
    StoreOptions { price_version: Some(price_version(models)), ..StoreOptions::new(path) }
}

/// What the prices of `models` are called where costs are kept.
pub fn price_version(models: &ModelTable) -> String {
    let newest = models.rows().iter().map(|row| row.checked.as_str()).max();
    format!("built in, checked {}", newest.unwrap_or("never"))
}

impl fmt::Debug for SystemBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemBuilder")
            .field("config", &self.config)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
