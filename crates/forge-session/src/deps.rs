//! The dependencies of a session.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, Participant, Provider, ProviderError, ProviderId,
    storage::{
        accounts::{AccountsReader, UsageSink},
        budget::{BudgetCap, BudgetStore},
        journal::Journal,
    },
    tags::Tags,
    time::Timer,
};
use forge_durable::{Locks, RunDeps};
use forge_prompt::PromptError;

use crate::{
    approver::Approver,
    budget::{self, Prices},
    error::PlanError,
    notice::Observer,
    plan::Plan,
    profile::{Configured, ModelProfile, nothing_configured},
    prompt::{Prompts, references},
};

/// The dependencies of a session: providers, a journal, a timer, prices, prompts, and an observer.
#[derive(Clone)]
pub struct SessionDeps {
    /// The providers that answer.
    pub providers: Providers,
    /// The journal that records the session.
    pub journal: Arc<dyn Journal>,
    /// The source of time.
    pub timer: Arc<dyn Timer>,
    /// The configured settings for the calls of each participant; none unless set.
    pub configured: Configured,
    /// The prices of calls; unknown unless set.
    pub prices: Prices,
    /// The prompt templates.
    pub prompts: Arc<Prompts>,
    /// The observer.
    pub observer: Option<Observer>,
    /// The approver, asked after each cycle of an interactive session.
    pub approver: Option<Arc<dyn Approver>>,
    /// The holder of the journal, in words that others read. No two runs may share one.
    pub holder: String,
    /// Tells whether another run is alive. Without it, the claim of a dead run holds until it lapses.
    pub locks: Option<Arc<dyn Locks>>,
    /// Receives a usage record for each call that died with an earlier run. Providers record the calls that end.
    pub sink: Arc<dyn UsageSink>,
    /// Reads the records that such calls already have.
    pub accounts: Option<Arc<dyn AccountsReader>>,
    /// Settles the reservations of a dead run.
    pub budgets: Option<Arc<dyn BudgetStore>>,
    /// The tags of every call, beside those of the session.
    pub tags: Tags,
    /// Budgets of whoever asks, which hold for every call beside the configured ones.
    pub budget_caps: Arc<[BudgetCap]>,
}

impl SessionDeps {
    /// Dependencies with the built-in prompts and no known prices, without locks, accounts and budgets.
    ///
    /// # Errors
    /// A built-in template that is wrong; none in practice.
    pub fn new(
        providers: impl Into<Providers>,
        journal: Arc<dyn Journal>,
        timer: Arc<dyn Timer>,
        holder: impl Into<String>,
    ) -> Result<Self, PromptError> {
        Ok(Self {
            providers: providers.into(),
            journal,
            timer,
            configured: nothing_configured(),
            prices: budget::no_prices(),
            prompts: Arc::new(Prompts::built_in()?),
            observer: None,
            approver: None,
            holder: holder.into(),
            locks: None,
            sink: Arc::new(()),
            accounts: None,
            budgets: None,
            tags: Tags::default(),
            budget_caps: Arc::default(),
        })
    }

    /// Adds configured settings for calls; they go before those of the plan.
    pub fn with_configured(mut self, configured: Configured) -> Self {
        self.configured = configured;
        self
    }

    /// Adds prices, by which reservations are made and calls are charged.
    pub fn with_prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }

    /// Adds an observer, in the place of any other.
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Adds an approver. Only a plan with [`interactive`](crate::Settings::interactive) set asks it.
    pub fn with_approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = Some(approver);
        self
    }

    /// Adds locks, which tell a dead run from a live one.
    pub fn with_locks(mut self, locks: Arc<dyn Locks>) -> Self {
        self.locks = Some(locks);
        self
    }

    /// Adds the accounts in which calls that died with an earlier run get their records.
    pub fn with_accounts(
        mut self,
        sink: Arc<dyn UsageSink>,
        reader: Option<Arc<dyn AccountsReader>>,
    ) -> Self {
        (self.sink, self.accounts) = (sink, reader);
        self
    }

    /// Adds the budgets in which a dead run may have left reservations.
    pub fn with_budgets(mut self, budgets: Arc<dyn BudgetStore>) -> Self {
        self.budgets = Some(budgets);
        self
    }

    /// Has every call made on behalf of whoever made this one: with its tags, on its budgets.
    pub fn with_caller(mut self, caller: &CallContext) -> Self {
        (self.tags, self.budget_caps) = (caller.tags.clone(), Arc::clone(&caller.caps));
        self
    }

    /// The part that a durable run needs, of a session or of other work.
    pub fn run_deps(&self) -> RunDeps {
        RunDeps::new(Arc::clone(&self.journal), Arc::clone(&self.timer), self.holder.as_str())
            .with_locks(self.locks.clone())
            .with_accounts(Arc::clone(&self.sink), self.accounts.clone())
            .with_budgets(self.budgets.clone())
    }

    /// What a participant can do; nothing special without a provider, which the check of the plan refuses.
    pub(crate) fn capabilities(&self, participant: &Participant) -> Capabilities {
        match self.providers.find(&participant.provider_id) {
            Some(provider) => provider.capabilities(&participant.model_id),
            None => Capabilities::default(),
        }
    }

    /// What is known of the model that a call goes to. It is asked anew each time, as a reload may change it.
    pub(crate) fn profile(&self, participant: &Participant) -> ModelProfile {
        ModelProfile {
            capabilities: self.capabilities(participant),
            configured: (self.configured)(participant),
        }
    }

    /// The plan with what depends on the models: how much of the references fits, and what that leaves out.
    pub(crate) fn resolved(&self, mut plan: Plan) -> Plan {
        if plan.settings.reference_tokens.is_none() {
            let windows = plan.cast.everyone().map(|one| self.capabilities(one));
            plan.settings.reference_tokens =
                Some(references::tokens_within(windows, plan.settings.caps.tokens));
        }
        plan.notes.extend(references::warnings(&plan));
        let warnings = self.unsupported_media(&plan);
        plan.notes.extend(warnings);
        plan
    }

    /// One warning for each participant and each picture or document that it cannot read.
    fn unsupported_media(&self, plan: &Plan) -> BTreeSet<String> {
        let one_of = |who: &Participant| {
            let capabilities = self.capabilities(who);
            let unreadable =
                plan.topic.references.iter().filter(move |one| !one.is_readable_by(&capabilities));
            let who = format!("{}/{}", who.provider_id, who.model_id);
            unreadable.map(move |one| format!("{who} cannot see {}", one.name)).collect::<Vec<_>>()
        };
        plan.cast.everyone().flat_map(one_of).collect()
    }

    /// The provider of a participant, or an error if none is configured.
    pub(crate) fn provider(&self, participant: &Participant) -> Result<Arc<dyn Provider>, ProviderError> {
        let id = &participant.provider_id;
        self.providers.find(id).cloned().ok_or_else(|| {
            ProviderError::new(ErrorKind::InvalidRequest, id.as_str(), "this provider is not configured")
        })
    }

    /// Whether everybody and everything that the plan names is there. Sends nothing.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), PlanError> {
        let unknown = |lens: &&String| !lens.is_empty() && self.prompts.lenses().all(|known| known != **lens);
        if let Some(name) = plan.lenses.iter().find(unknown) {
            let known = self.prompts.lenses().collect::<Vec<_>>().join(", ");
            return Err(PlanError::NoLens { name: name.clone(), known });
        }
        // Everybody is looked up: a fallback without a provider would only fail in the middle of a session.
        let missing = plan.cast.everyone().find(|one| self.providers.find(&one.provider_id).is_none());
        missing.map_or(Ok(()), |one| {
            Err(PlanError::NoProvider {
                provider: one.provider_id.to_string(),
                participant: one.display_name.clone(),
            })
        })
    }
}

impl fmt::Debug for SessionDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDeps")
            .field("providers", &self.providers)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

/// The providers that answer. A participant without one is found before anything is sent.
#[derive(Debug, Clone)]
pub enum Providers {
    /// One provider for every participant, such as a router.
    One(Arc<dyn Provider>),
    /// A provider for each configured id.
    ById(HashMap<ProviderId, Arc<dyn Provider>>),
}

impl Providers {
    fn find(&self, id: &ProviderId) -> Option<&Arc<dyn Provider>> {
        match self {
            Self::One(provider) => Some(provider),
            Self::ById(providers) => providers.get(id),
        }
    }
}

impl From<Arc<dyn Provider>> for Providers {
    fn from(provider: Arc<dyn Provider>) -> Self {
        Self::One(provider)
    }
}

impl From<HashMap<ProviderId, Arc<dyn Provider>>> for Providers {
    fn from(providers: HashMap<ProviderId, Arc<dyn Provider>>) -> Self {
        Self::ById(providers)
    }
}
