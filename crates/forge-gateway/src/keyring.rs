//! The keys of the clients, in memory: no request waits for a store, and nobody is asked about a key that is wrong.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Instant,
};

use chrono::{DateTime, Utc};
use forge_core::{
    CallContext, ParticipantRole, ProviderError, ProviderId,
    storage::{
        access::{AccessList, Allowance, ClientKey, KeyScope, Team},
        budget::{self, BudgetRule},
    },
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    attending::Attendant,
    key,
    meter::{Admission, Meter, Metered, Rates},
    rate_headers::Rooms,
};

/// Every key of the server, as the store has them.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    keys: HashMap<Arc<str>, Arc<Holder>>,
}

/// Who holds a key, and what both it and its team are allowed.
#[derive(Debug)]
pub(crate) struct Holder {
    key: ClientKey,
    team: Option<Team>,
    limit: Metered,
    team_limit: Option<Metered>,
    budgets: Vec<BudgetRule>,
}

impl Holder {
    /// Whether any secret of the key opens it.
    pub(crate) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.key.secrets.iter().any(|secret| self.key.is_opened_by(&secret.digest, now))
    }
}

/// On whose behalf a request comes.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Any program of this machine: there are no keys.
    Anybody,
    Holder(Arc<Holder>),
}

impl Keyring {
    /// The keys of a list. What is already used of their limits is taken over from `before`.
    fn new(list: AccessList, before: &Self) -> Self {
        let mut meters = before.meters();
        let mut metered = |owner: String, allowance: &Allowance| {
            let meter = Arc::clone(meters.entry(owner.clone()).or_default());
            Metered { owner, rates: Rates::of(allowance), meter }
        };
        let teams: HashMap<_, _> = list.teams.iter().map(|team| (&*team.name, team)).collect();
        let keys = list.keys.into_iter().map(|key| {
            let team = key.team.as_deref().and_then(|name| teams.get(name).copied());
            let budgets = key.budget_rules().chain(team.into_iter().flat_map(Team::budget_rules)).collect();
            let holder = Holder {
                limit: metered(format!("the key `{}`", key.name), &key.allowance),
                team_limit: team.map(|team| metered(format!("the team `{}`", team.name), &team.allowance)),
                team: team.cloned(),
                budgets,
                key,
            };
            (Arc::clone(&holder.key.id), Arc::new(holder))
        });
        Self { keys: keys.collect() }
    }

    fn meters(&self) -> HashMap<String, Arc<Meter>> {
        let limits = self.keys.values().flat_map(|holder| [Some(&holder.limit), holder.team_limit.as_ref()]);
        let limits = limits.flatten();
        limits.map(|metered| (metered.owner.clone(), Arc::clone(&metered.meter))).collect()
    }

    /// Whether there are none, so that nobody is asked for one. A key that was revoked is one: whoever had keys wants no
    /// open server.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The holder of the key of this id or name.
    pub(crate) fn holder(&self, key: &str) -> Option<Arc<Holder>> {
        let named = || self.keys.values().find(|holder| *holder.key.name == *key);
        self.keys.get(key).or_else(named).map(Arc::clone)
    }

    /// Who comes with this key; `None` if it opens nothing.
    pub(crate) fn find(&self, presented: Option<&str>, now: DateTime<Utc>) -> Option<Caller> {
        if self.is_empty() {
            return Some(Caller::Anybody);
        }
        let (id, digest) = key::parse(presented?)?;
        let holder = self.keys.get(id)?;
        holder.key.is_opened_by(&digest, now).then(|| Caller::Holder(Arc::clone(holder)))
    }
}

/// Programs of this machine, of which none is told from another.
static ANYBODY: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

impl Caller {
    /// Whose state is told from that of others.
    pub(crate) fn owner(&self) -> &Arc<str> {
        match self {
            Self::Anybody => &ANYBODY,
            Self::Holder(holder) => &holder.key.id,
        }
    }

    /// The name of the key.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Anybody => None,
            Self::Holder(holder) => Some(&holder.key.name),
        }
    }

    /// Whether this name may be asked for: the key has to allow it, and so has its team.
    pub(crate) fn may_use(&self, model: &str) -> bool {
        match self {
            Self::Anybody => true,
            Self::Holder(holder) => {
                let teams = holder.team.iter().map(|team| &team.allowance);
                teams.chain([&holder.key.allowance]).all(|allowance| allowance.allows_model(model))
            }
        }
    }

    /// Whether its key was made for this as well. Who needs no key has none that was.
    pub(crate) fn has(&self, scope: KeyScope) -> bool {
        matches!(self, Self::Holder(holder) if holder.key.allowance.scopes.contains(&scope))
    }

    /// The one who attends sessions with its key, if the key was made for that as well.
    pub(crate) fn attendant(&self) -> Option<Attendant> {
        let Self::Holder(holder) = self else { return None };
        let team = holder.team.as_ref().map(|team| Arc::clone(&team.name));
        self.has(KeyScope::Attend).then(|| Attendant::Key { name: Arc::clone(&holder.key.name), team })
    }

    /// The context of a call on behalf of this caller: its accounts and its budgets.
    pub(crate) fn sign(&self, mut cx: CallContext) -> CallContext {
        let Self::Holder(holder) = self else { return cx };
        cx.tags = cx.tags.with_key(Arc::clone(&holder.key.name));
        if let Some(team) = &holder.team {
            cx.tags = cx.tags.with_team(Arc::clone(&team.name));
        }
        // These budgets go by tags alone, whoever answers.
        let caps = budget::caps(
            &holder.budgets,
            &ProviderId::new(""),
            &ParticipantRole::default(),
            &cx.tags,
            cx.timer.now(),
        );
        cx.with_caps(caps)
    }

    /// Takes a place of the server for one request with a prompt of so many tokens. `per_key` are the limits of keys
    /// that have none of their own.
    ///
    /// # Errors
    /// Which limit has no room, and when it will.
    pub(crate) fn admit(
        &self,
        place: OwnedSemaphorePermit,
        per_key: &Allowance,
        tokens: impl FnOnce() -> u64,
        now: Instant,
    ) -> Result<Admission, ProviderError> {
        let limits = self.limits(per_key);
        // A prompt is measured only for who counts its tokens.
        let counts = limits.iter().any(|(_, rates)| rates.counts_tokens());
        Admission::new(place, &limits, if counts { tokens() } else { 0 }, now)
    }

    /// What is left of the limits by the minute: the tighter ones of key and team.
    pub(crate) fn rooms(&self, per_key: &Allowance, now: Instant) -> Rooms {
        let rooms = self.limits(per_key).into_iter().map(|(metered, rates)| metered.rooms(rates, now));
        rooms.fold(Rooms::default(), Rooms::tighter)
    }

    fn limits(&self, per_key: &Allowance) -> Vec<(&Metered, Rates)> {
        let Self::Holder(holder) = self else { return Vec::new() };
        let mut limits = vec![(&holder.limit, holder.limit.rates.or(Rates::of(per_key)))];
        limits.extend(holder.team_limit.as_ref().map(|metered| (metered, metered.rates)));
        limits
    }
}

/// The keyring in use, which is replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct Keyrings(RwLock<Arc<Keyring>>);

impl Keyrings {
    pub(crate) fn current(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, list: AccessList) {
        let next = Arc::new(Keyring::new(list, &self.current()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}
