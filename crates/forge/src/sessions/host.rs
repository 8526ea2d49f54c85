//! What sessions run on.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use forge_durable::LocalLocks;
use forge_prompt::read_folder;

use super::{name, request::SessionRequest};
use crate::{
    Participant, Provider, TokenCount, cast,
    config::SessionPlan,
    prompts::{PromptPlan, choose},
    router::{Router, WeakRouter},
    session::{Plan, PromptError, Prompts, SessionDeps},
    storage::{
        accounts::Served,
        journal::{Journal, StreamName},
    },
    store::Store,
    time::Timer,
};

/// What the sessions of a system run on. It does not keep the router alive, which may have sessions among its providers.
pub(crate) struct SessionHost {
    pub(crate) router: OnceLock<WeakRouter>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) store: Option<Arc<Store>>,
    /// Whether the journal outlives the system.
    pub(crate) durable: bool,
    /// Where locks lie; `None` where nobody else sees the journal.
    pub(crate) locks: Option<PathBuf>,
    /// Whether scripts answer instead of models.
    pub(crate) simulated: bool,
    /// How the configuration wants sessions to run, and what they are told.
    pub(crate) written: RwLock<Arc<(SessionPlan, PromptPlan)>>,
}

impl fmt::Debug for SessionHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHost").field("durable", &self.durable).finish_non_exhaustive()
    }
}

impl SessionHost {
    /// Says which router it is, once it is built of the providers that this is for.
    pub(crate) fn set_router(&self, router: WeakRouter) {
        // It is set once, by whoever builds the system.
        let _ = self.router.set(router);
    }

    /// The router; `None` once its system is gone.
    pub(crate) fn router(&self) -> Option<Router> {
        self.router.get()?.upgrade()
    }

    /// From now on, sessions are run as this says.
    pub(crate) fn set_plan(&self, plan: SessionPlan, prompts: PromptPlan) {
        *self.written.write().unwrap_or_else(PoisonError::into_inner) = Arc::new((plan, prompts));
    }

    fn written(&self) -> Arc<(SessionPlan, PromptPlan)> {
        Arc::clone(&self.written.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The plan of a session over the providers of `router`.
    pub(crate) fn plan(&self, router: &Router, request: SessionRequest) -> Plan {
        Plan { simulated: self.simulated, ..request.plan(router, &self.written().0) }
    }

    /// The same with the prompts of the session of this name, which are kept as versions, and what could not be followed.
    pub(crate) fn assigned(&self, mut deps: SessionDeps, session: &StreamName) -> (SessionDeps, Vec<String>) {
        let Some(store) = self.store.as_ref().filter(|_| self.durable) else { return (deps, Vec::new()) };
        let experiments = &self.written().1.experiments;
        let (versions, labels) = match store.known_prompts() {
            Ok(known) => known,
            // What cannot be read chooses nothing; the session says by its tags what it used.
            Err(error) => return (deps, vec![format!("versions of prompts cannot be read: {error}")]),
        };
        let whose = (session.as_str(), &deps.tags);
        let (prompts, tags, warnings) = choose(&deps.prompts, experiments, (&versions, &labels), whose);
        if let Some(prompts) = prompts {
            deps.prompts = Arc::new(prompts);
        }
        for (key, value) in tags.iter() {
            // Whoever fills all places with tags of its own does without these.
            let _ = deps.tags.set(key, value);
        }
        store.note_prompts(deps.prompts.texts(), self.timer.now());
        (deps, warnings)
    }

    /// The same, publishing what the session of this name does if somebody may watch `router`.
    pub(crate) fn watched(&self, deps: SessionDeps, router: &Router, session: &StreamName) -> SessionDeps {
        let (mut deps, _) = self.assigned(deps, session);
        if let Some(log) = router.events() {
            let (log, timer) = (log.clone(), Arc::clone(&self.timer));
            deps.observer =
                Some(crate::session_events(log, timer, session.to_string(), deps.observer.take()));
        }
        deps
    }

    /// What a session over `router` runs on.
    ///
    /// # Errors
    /// A prompt template of the configuration that cannot be used.
    pub(crate) fn deps(&self, router: &Router) -> Result<SessionDeps, PromptError> {
        let provider: Arc<dyn Provider> = Arc::new(router.clone());
        let mut deps =
            SessionDeps::new(provider, Arc::clone(&self.journal), Arc::clone(&self.timer), name::run_name())?;
        let written = self.written();
        let sets = written.1.files()?;
        let own = written.0.prompts.as_deref().map(read_folder).transpose()?;
        if own.is_some() || !sets.is_empty() {
            deps.prompts = Arc::new(Prompts::over(sets, own.unwrap_or_default())?);
        }
        if let Some(store) = &self.store {
            // A file that cannot be written takes no rows and holds no budgets; calls go to its spool.
            let written = self.durable.then_some(store);
            deps = deps.with_accounts(Arc::clone(store) as _, written.map(|store| Arc::clone(store) as _));
            deps.budgets = written.map(|store| Arc::clone(store) as _);
        }
        if let Some(folder) = &self.locks {
            deps = deps.with_locks(Arc::new(LocalLocks::new(folder)));
        }
        let pricing = router.clone();
        let prices = move |one: &Participant, tokens: &TokenCount, served: Option<&Served>| match served {
            Some(served) => pricing.price_as_served(one, tokens, served),
            None => pricing.price(one, tokens),
        };
        Ok(deps.with_configured(cast::configured(router)).with_prices(Arc::new(prices)))
    }
}
