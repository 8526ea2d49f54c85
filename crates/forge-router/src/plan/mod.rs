//! The configuration resolved: every name points to something, every number is in its range.

mod provider;

use std::collections::BTreeMap;

use forge_core::{
    ErrorKind, ModelProvider, ModelRequest, Money, ParticipantRole, ProviderId,
    provider::Timeouts,
    request::{CacheTtl, Effort, Sampling},
    storage::{
        accounts::UsageRecord,
        budget::{self, BudgetRule, Period, Scope},
    },
};
use forge_layers::{BreakerPolicy, CachePolicy, RetryPolicy};
use serde_json::{Map, Value};

pub use self::provider::ProviderPlan;

/// A configuration that can be run. Made by [`resolve`](Self::resolve), or by hand: then every place that a
/// [`Target`] names has to exist, and pools must not stand in a circle.
#[derive(Debug, Clone, Default)]
pub struct RouterPlan {
    /// The providers that are enabled, in the order of the file; no id twice.
    pub providers: Vec<ProviderPlan>,
    /// The pools; no pool contains itself.
    pub pools: Vec<PoolPlan>,
    /// The roles that the file names. Of any other role, `default` says who does it.
    pub roles: BTreeMap<ParticipantRole, RolePlan>,
    /// Who is asked last for the roles that the file names. For any other role, those who prefer it are asked, then
    /// the default, then every provider.
    pub default: Option<Target>,
    /// When failed attempts are made again.
    pub retry: RetryPolicy,
    /// When a failing route is left alone.
    pub breaker: BreakerPolicy,
    /// Which replies are given again without a call; `None` asks every time.
    pub cache: Option<CachePolicy>,
    /// What all calls together may cost.
    pub budget: Budget,
    /// What the calls of some scopes may cost, such as those with a tag, beside the budgets of providers and roles.
    pub budgets: Vec<(Scope, Budget)>,
}

impl RouterPlan {
    /// A plan in which the first provider does every job and the others, in order, stand in for it.
    pub fn of(providers: Vec<ProviderPlan>) -> Self {
        let members = (0..providers.len()).map(|at| Member { target: Target::Provider(at), weight: 1 });
        let everybody =
            PoolPlan { id: "everybody".into(), strategy: Strategy::Priority, members: members.collect() };
        let default = (!providers.is_empty()).then_some(Target::Pool(0));
        Self { providers, pools: vec![everybody], default, ..Self::default() }
    }

    /// Lets the budgets of `other` for all calls and for tags hold as well: the stricter wins.
    pub fn keep_to(&mut self, other: &Self) {
        self.budget = self.budget.within(other.budget);
        for (scope, budget) in &other.budgets {
            match self.budgets.iter_mut().find(|(known, _)| known == scope) {
                Some((_, known)) => *known = known.within(*budget),
                None => self.budgets.push((scope.clone(), *budget)),
            }
        }
    }

    /// The names of the budgets on which this plan books an attempt, those of its provider first. A plan that
    /// has changed since then may name others than the attempt was booked on.
    pub fn budgets_of(&self, record: &UsageRecord) -> Vec<String> {
        let own = self.providers.iter().filter(|one| one.id == record.provider);
        let own = own.flat_map(|one| one.budget.rules(&Scope::Provider(one.id.clone())).collect::<Vec<_>>());
        let rules: Vec<_> = own.chain(self.shared_rules()).collect();
        let caps = budget::caps(&rules, &record.provider, &record.role, &record.tags, record.started_at);
        caps.into_iter().map(|cap| cap.key).collect()
    }

    /// The budgets that hold for every call, for the roles and for tags.
    pub(crate) fn shared_rules(&self) -> Vec<BudgetRule> {
        let roles = self.roles.iter().map(|(role, plan)| (Scope::Role(role.clone()), plan.budget));
        let scopes =
            std::iter::once((Scope::All, self.budget)).chain(roles).chain(self.budgets.iter().cloned());
        scopes.flat_map(|(scope, budget)| budget.rules(&scope).collect::<Vec<_>>()).collect()
    }

    /// The places in `providers` of all that `target` stands for, pools in the order of their members.
    pub fn routes_of(&self, target: Target, into: &mut Vec<usize>) {
        match target {
            Target::Provider(at) => into.push(at),
            Target::Pool(at) => {
                for member in &self.pools[at].members {
                    self.routes_of(member.target, into);
                }
            }
        }
    }
}

/// Points to a provider or a pool of the same plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The place in [`RouterPlan::providers`].
    Provider(usize),
    /// The place in [`RouterPlan::pools`].
    Pool(usize),
}

/// A group of providers that share the load.
#[derive(Debug, Clone)]
pub struct PoolPlan {
    /// Its id.
    pub id: ProviderId,
    /// How a member is picked.
    pub strategy: Strategy,
    /// Who belongs to it; at least one.
    pub members: Vec<Member>,
}

/// A member of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The provider or pool that gets the calls.
    pub target: Target,
    /// Its share of the load in proportion to those of the other members, 1 to 1000.
    pub weight: u32,
}

/// How a member of a pool is picked among those that can take the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The first in the order of the file that can take the call.
    #[default]
    Priority,
    /// Each in turn; one that cannot take the call leaves its turn to the next.
    RoundRobin,
    /// At random, in proportion to the weights. The picks follow from the seed of the router.
    Weighted,
    /// The one with the fewest calls under way, in proportion to its weight.
    LeastConnections,
    /// The one that the call costs least with if its answer is as long as it may be; one of unknown price
    /// comes last.
    LowestCost,
    /// The one whose replies begin soonest on average. One that was not asked yet comes first.
    LowestLatency,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 6] = [
        Self::Priority,
        Self::RoundRobin,
        Self::Weighted,
        Self::LeastConnections,
        Self::LowestCost,
        Self::LowestLatency,
    ];

    /// The strategy's written name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::RoundRobin => "round_robin",
            Self::Weighted => "weighted",
            Self::LeastConnections => "least_connections",
            Self::LowestCost => "lowest_cost",
            Self::LowestLatency => "lowest_latency",
        }
    }
}

/// The replies without an answer after which the next is asked, unless a role says otherwise.
pub const USUAL_FALLBACKS: [ErrorKind; 2] = [ErrorKind::Empty, ErrorKind::Malformed];

/// Who does a job, and on what terms.
#[derive(Debug, Clone)]
pub struct RolePlan {
    /// Who is asked first; several form a panel. Empty means the default.
    pub primary: Vec<Target>,
    /// Who is asked next, in order. Behind them comes the default of the plan.
    pub fallback: Vec<Target>,
    /// Whether the file names somebody for it and all of them are disabled.
    pub all_disabled: bool,
    /// After which replies without an answer the next is asked: [`USUAL_FALLBACKS`], and refusals by a filter or by
    /// the model where the role says so.
    pub fallback_on: Vec<ErrorKind>,
    /// Settings of requests.
    pub parameters: Parameters,
    /// What every model of the role must be able to do.
    pub needs: Needs,
    /// Ask the next route as well when the first is slow to begin; at most for one call in twenty.
    pub hedge: bool,
    /// What the role may cost.
    pub budget: Budget,
}

impl Default for RolePlan {
    fn default() -> Self {
        Self {
            primary: Vec::new(),
            fallback: Vec::new(),
            all_disabled: false,
            fallback_on: USUAL_FALLBACKS.to_vec(),
            parameters: Parameters::default(),
            needs: Needs::default(),
            hedge: false,
            budget: Budget::default(),
        }
    }
}

impl RolePlan {
    /// Whether the file says who does it, and not only how.
    pub fn names_people(&self) -> bool {
        self.all_disabled || !self.primary.is_empty() || !self.fallback.is_empty()
    }
}

/// What every model of a role must be able to do. It is checked when the configuration is resolved; a call is
/// routed by what its own request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Calls tools.
    pub tools: bool,
    /// Takes pictures.
    pub images: bool,
    /// Takes documents.
    pub documents: bool,
    /// Answers in JSON that obeys a schema.
    pub structured_output: bool,
    /// Has a context window of this many tokens; `None` asks for none.
    pub context_tokens: Option<u64>,
}

/// Settings of requests.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// The most tokens an answer may have.
    pub max_tokens: Option<u32>,
    /// Randomness.
    pub sampling: Sampling,
    /// How hard the model should think.
    pub effort: Option<Effort>,
    /// Texts that end the answer.
    pub stop_sequences: Vec<String>,
    /// How long vendors that keep only what they are told to are to keep the prompt; see [`ModelRequest::mark_cache`].
    pub prompt_cache: Option<CacheTtl>,
    /// Raw fields for the vendor of the provider at which they stand.
    pub extra: Map<String, Value>,
}

impl Parameters {
    /// Whether `request` leaves something open that is set here. The raw fields are for `vendor`, where one is
    /// given.
    pub fn concern(&self, request: &ModelRequest, vendor: Option<&ModelProvider>) -> bool {
        let has = |name: &String| {
            vendor
                .and_then(|vendor| request.extra.fields(vendor))
                .is_some_and(|fields| fields.contains_key(name))
        };
        let (ours, theirs) = (&self.sampling, &request.sampling);
        // All that `fill` fills stands here: of a setting that did not, a request would be taken as complete.
        (self.max_tokens.is_some() && request.max_tokens.is_none())
            || (self.effort.is_some() && request.effort.is_none())
            || (ours.temperature.is_some() && theirs.temperature.is_none())
            || (ours.top_p.is_some() && theirs.top_p.is_none())
            || (ours.top_k.is_some() && theirs.top_k.is_none())
            || (ours.seed.is_some() && theirs.seed.is_none())
            || (ours.presence_penalty.is_some() && theirs.presence_penalty.is_none())
            || (ours.frequency_penalty.is_some() && theirs.frequency_penalty.is_none())
            || (!self.stop_sequences.is_empty() && request.stop_sequences.is_empty())
            || (self.prompt_cache.is_some() && !request.outline().cache_marks)
            || (vendor.is_some() && self.extra.keys().any(|name| !has(name)))
    }

    /// Fills in what `request` leaves open. The raw fields are for `vendor`, where one is given.
    pub fn fill(&self, request: &mut ModelRequest, vendor: Option<&ModelProvider>) {
        let (ours, theirs) = (&self.sampling, &mut request.sampling);
        request.max_tokens = request.max_tokens.or(self.max_tokens);
        request.effort = request.effort.or(self.effort);
        theirs.temperature = theirs.temperature.or(ours.temperature);
        theirs.top_p = theirs.top_p.or(ours.top_p);
        theirs.top_k = theirs.top_k.or(ours.top_k);
        theirs.seed = theirs.seed.or(ours.seed);
        theirs.presence_penalty = theirs.presence_penalty.or(ours.presence_penalty);
        theirs.frequency_penalty = theirs.frequency_penalty.or(ours.frequency_penalty);
        if request.stop_sequences.is_empty() {
            request.stop_sequences.clone_from(&self.stop_sequences);
        }
        // Whoever places marks knows what comes again.
        if let Some(ttl) = self.prompt_cache
            && !request.outline().cache_marks
        {
            request.mark_cache(ttl);
        }
        if let Some(vendor) = vendor {
            request.extra.lay_under(vendor.clone(), &self.extra);
        }
    }
}

/// What the configuration says about the calls of a participant: its role first, then its provider. `None`
/// where neither says anything.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallSettings {
    /// The most tokens an answer may have.
    pub max_tokens: Option<u32>,
    /// Randomness.
    pub temperature: Option<f64>,
    /// The clocks of its provider.
    pub timeouts: Option<Timeouts>,
}

/// What calls may cost, by periods. An unset side has no cap. Days and months end at midnight UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Per call.
    pub call: Cap,
    /// Per session. A call outside of one counts as a session of its own.
    pub session: Cap,
    /// Per day (UTC).
    pub day: Cap,
    /// Per month (UTC).
    pub month: Cap,
    /// In all, over every process that shares the store.
    pub ever: Cap,
}

impl Budget {
    /// Its caps as rules for the calls of `scope`; a period without a cap has none.
    pub fn rules(self, scope: &Scope) -> impl Iterator<Item = BudgetRule> {
        let Self { call, session, day, month, ever } = self;
        let periods = [
            (Period::Call, call),
            (Period::Session, session),
            (Period::Day, day),
            (Period::Month, month),
            (Period::Ever, ever),
        ];
        periods.into_iter().filter(|(_, cap)| !cap.is_none()).map(move |(period, cap)| {
            BudgetRule::new(scope.clone(), period).with_money(cap.money).with_tokens(cap.tokens)
        })
    }

    /// The stricter of both, cap by cap.
    pub fn within(self, other: Self) -> Self {
        Self {
            call: self.call.within(other.call),
            session: self.session.within(other.session),
            day: self.day.within(other.day),
            month: self.month.within(other.month),
            ever: self.ever.within(other.ever),
        }
    }

    /// Whether any period has a cap on money.
    pub fn limits_money(self) -> bool {
        self.rules(&Scope::All).any(|rule| rule.money.is_some())
    }
}

/// The most money and the most tokens; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cap {
    /// Money.
    pub money: Option<Money>,
    /// Tokens of every class.
    pub tokens: Option<u64>,
}

impl Cap {
    /// The stricter of both.
    pub fn within(self, other: Self) -> Self {
        Self {
            // An unset side sets no limit, and the other one's holds.
            money: self.money.into_iter().chain(other.money).min(),
            tokens: self.tokens.into_iter().chain(other.tokens).min(),
        }
    }

    /// Whether there is no cap.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}
