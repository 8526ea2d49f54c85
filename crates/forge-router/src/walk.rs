//! Which route is asked next, and why the others are not.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use forge_core::{
    CallContext, Candidate, Capabilities, ErrorKind, ModelRequest, Money, OutputFormat, Part,
    ParticipantRole, RequestSize, RouteTrace, TokenCount, ToolChoice, Verdict,
};
use forge_layers::BreakerState;

use crate::{
    Strategy, Target,
    affinity::{Affinity, Prefix},
    health::HealthStatus,
    quota::Bound,
    route::Route,
    running::{Job, Link, Place, Pool, Running},
    strip,
};

/// The length of an answer that nobody has set, where costs are compared.
const USUAL_OUTPUT: u64 = 1_024;

/// Routes that a trace lists; a pool may have thousands.
const LISTED: usize = 64;

/// One call, as far as the choice of a route depends on it.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) cx: &'a CallContext,
    pub(crate) request: &'a Arc<ModelRequest>,
    pub(crate) job: &'a Job,
    pub(crate) size: RequestSize,
    pub(crate) prefix: Prefix,
    pub(crate) now: Instant,
    pub(crate) day: NaiveDate,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(running: &'a Running, cx: &'a CallContext, request: &'a Arc<ModelRequest>) -> Self {
        let (job, size) = (running.job(&cx.participant.role), RequestSize::of(request));
        let (prefix, now, day) = (Prefix::of(request), cx.clock.instant(), cx.clock.now().date_naive());
        Self { cx, request, job, size, prefix, now, day }
    }

    fn role(&self) -> &ParticipantRole {
        &self.cx.participant.role
    }

    pub(crate) fn bound(&self, route: &Route) -> Bound {
        let model = route.model_for(&self.cx.participant);
        Bound::of(
            self.max_tokens(route),
            self.size,
            route.capabilities(model),
            route.price(model, self.day).as_deref(),
        )
    }

    /// How much speaks against a member of a pool; the one with the least is picked.
    pub(crate) fn load(&self, running: &Running, strategy: Strategy, route: usize, weight: u32) -> Load {
        let amount = match strategy {
            Strategy::LowestCost => self.expected_cost(running, route).map_or(u64::MAX, Money::nanos),
            // One that has not been asked yet is worth a try.
            Strategy::LowestLatency => running.meters[route].latency.average_nanos(),
            Strategy::LeastConnections => {
                return Load { amount: running.meters[route].in_flight().into(), weight };
            }
            Strategy::Priority | Strategy::RoundRobin => 0,
            Strategy::Weighted => u64::from(u32::MAX - weight),
        };
        Load { amount, weight: 1 }
    }

    /// What the call costs there if its answer is as long as it may be, by the price of the day on which the
    /// configuration was loaded.
    fn expected_cost(&self, running: &Running, route: usize) -> Option<Money> {
        let (price, route) = (running.prices[route].as_ref()?, &running.routes[route]);
        let (input, output) = (Some(self.size.expected_input()), self.max_tokens(route).map(u64::from));
        price.cost(&TokenCount { input, output: output.or(Some(USUAL_OUTPUT)), ..TokenCount::default() })
    }

    fn max_tokens(&self, route: &Route) -> Option<u32> {
        let settings = [&self.job.parameters, &route.plan.parameters];
        self.request.max_tokens.or_else(|| settings.iter().find_map(|settings| settings.max_tokens))
    }

    /// What speaks against asking `route` now.
    pub(crate) fn objection(&self, route: &Route) -> Option<Passed> {
        if let Some(status) = route.health.objection(self.now) {
            return Some(Passed::Unwell(status));
        }
        if let BreakerState::Open { until } = route.breaker.state() {
            let left = until.saturating_duration_since(self.now);
            return Some(Passed::Open { left, cause: route.breaker.cause() });
        }
        let model = route.model_for(&self.cx.participant);
        let able = route.capabilities(model);
        if let Some(what) = lacking(able, self.request) {
            return Some(Passed::Lacks(what));
        }
        if let Some(window) = able.context_tokens.filter(|window| self.size.least_input() > *window) {
            return Some(Passed::TooSmall(window));
        }
        let unpriced = route.quota.limits_money(self.role()) && route.price(model, self.day).is_none();
        unpriced.then_some(Passed::Unpriced)
    }
}

/// The feature that the request needs and the model does not have.
fn lacking(able: Capabilities, request: &ModelRequest) -> Option<&'static str> {
    if !request.tools.is_empty() && !able.tools {
        return Some("cannot call tools");
    }
    if matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_)) && !able.forced_tool_choice {
        return Some("cannot be made to call a tool");
    }
    if matches!(request.output, OutputFormat::JsonSchema { .. }) && !able.structured_output {
        return Some("cannot answer by a schema");
    }
    if able.images && able.documents {
        return None;
    }
    let parts = || request.messages.iter().flat_map(|message| &message.parts);
    if !able.images && parts().any(|part| matches!(part, Part::Image { .. })) {
        return Some("takes no pictures");
    }
    let documents = !able.documents && parts().any(|part| matches!(part, Part::Document { .. }));
    documents.then_some("takes no documents")
}

/// How much speaks against a member of a pool, for its weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) amount: u64,
    weight: u32,
}

impl Load {
    pub(crate) fn is_less(self, other: Self) -> bool {
        let [ours, theirs] = [(self.amount, other.weight), (other.amount, self.weight)]
            .map(|(amount, weight)| u128::from(amount) * u128::from(weight));
        ours < theirs
    }
}

/// Why a route is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Unwell(HealthStatus),
    Open { left: Duration, cause: Option<ErrorKind> },
    Lacks(&'static str),
    TooSmall(u64),
    NotLarger(u64),
    Unpriced,
}

impl Passed {
    /// The kind of the error when nothing else is left.
    fn kind(self) -> ErrorKind {
        match self {
            Self::Open { .. } => ErrorKind::CircuitOpen,
            Self::Lacks(_) => ErrorKind::Unsupported,
            Self::TooSmall(_) | Self::NotLarger(_) => ErrorKind::ContextTooLong,
            Self::Unpriced => ErrorKind::BudgetExceeded,
            Self::Unwell(HealthStatus::Refused) => ErrorKind::Authentication,
            Self::Unwell(HealthStatus::Loading) => ErrorKind::Overloaded,
            Self::Unwell(HealthStatus::Empty) => ErrorKind::ModelNotFound,
            Self::Unwell(HealthStatus::Failed | HealthStatus::Ready) => ErrorKind::Transport,
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwell(HealthStatus::Loading) => f.write_str("its model is still being loaded"),
            Self::Unwell(HealthStatus::Empty) => f.write_str("its server has no model"),
            Self::Unwell(HealthStatus::Refused) => {
                f.write_str("its credential was refused when last checked")
            }
            Self::Unwell(_) => f.write_str("it did not answer when last checked"),
            Self::Open { left, cause } => {
                let cause = cause.map_or("failures", ErrorKind::describe);
                write!(f, "circuit open for {:.0} s after: {cause}", left.as_secs_f64().ceil())
            }
            Self::Lacks(what) => f.write_str(what),
            Self::TooSmall(window) => write!(f, "the prompt does not fit into its window of {window} tokens"),
            Self::NotLarger(window) => {
                write!(f, "its window is not larger than {window} tokens, which were too few")
            }
            Self::Unpriced => f.write_str("its price is unknown and a money budget holds; set `price`"),
        }
    }
}

/// The way of one call along the chain of its role.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    running: &'a Running,
    ask: &'a Ask<'a>,
    /// In this order: where the conversation has been, whom the caller named, the chain of the role.
    heads: [Option<Link>; 2],
    chain: &'a [Link],
    at: usize,
    tried: Vec<usize>,
    seen: Vec<Seen>,
    /// Only windows larger than this are of use.
    larger_than: Option<u64>,
}

/// A route that was looked at.
#[derive(Debug)]
struct Seen {
    pick: Pick,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Passed(Passed),
    Asked,
    Failed(ErrorKind),
}

/// A route to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) route: usize,
    link: Link,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(running: &'a Running, ask: &'a Ask<'a>, affinity: &Affinity) -> Self {
        let job = ask.job;
        let named = running.target(&ask.cx.participant.provider_id);
        let link = |target, place| Link { target, place };
        let chain: &[Link] = if named.is_some() && !job.named { &[] } else { &job.chain };
        let walk = Self {
            running,
            ask,
            heads: [None, named.map(|target| link(target, Place::Named))],
            chain,
            at: 0,
            tried: Vec::new(),
            seen: Vec::new(),
            larger_than: None,
        };
        let kept = walk.kept_route(affinity);
        let affine = kept.map(|route| link(Target::Provider(route), Place::Affinity));
        Self { heads: [affine, walk.heads[1]], ..walk }
    }

    /// The route on which the conversation's state or its cached prefix is, if it may serve the call.
    fn kept_route(&self, affinity: &Affinity) -> Option<usize> {
        let routes = &self.running.routes;
        let minted = strip::minted_by(self.ask.request).and_then(|(vendor, model)| {
            let minted = |route: &Arc<Route>| {
                route.vendor == *vendor && route.model_for(&self.ask.cx.participant) == model
            };
            (0..routes.len()).find(|at| minted(&routes[*at]) && self.may_serve(*at))
        });
        minted.or_else(|| {
            let provider = affinity.find(self.ask.prefix, self.ask.now)?;
            match self.running.target(&provider)? {
                Target::Provider(at) => self.may_serve(at).then_some(at),
                Target::Pool(_) => None,
            }
        })
    }

    /// Whether the route is named by the caller or, without a name, stands in the chain.
    fn may_serve(&self, route: usize) -> bool {
        match self.heads[1] {
            Some(named) => self.running.contains(named.target, route),
            None => self.chain.iter().any(|link| self.running.contains(link.target, route)),
        }
    }

    /// Every place on the way, in order. A caller who named somebody falls back like everybody else, but not
    /// to the others of a panel.
    pub(crate) fn links(&self) -> impl Iterator<Item = Link> + use<'a> {
        let named = self.heads[1].is_some();
        let is_open = move |link: &&Link| !(named && matches!(link.place, Place::Primary | Place::Panel));
        self.heads.into_iter().flatten().chain(self.chain.iter().filter(is_open).copied())
    }

    /// The next route to ask; `None` at the end of the chain.
    pub(crate) fn next(&mut self) -> Option<Pick> {
        loop {
            let link = self.links().nth(self.at)?;
            if let Some(route) = self.pick(link.target, link) {
                let pick = Pick { route, link };
                self.tried.push(route);
                self.note(pick, Outcome::Asked);
                return Some(pick);
            }
            self.at += 1;
        }
    }

    /// A route that is left alone because its circuit is open, for a call that has nowhere else to go: the
    /// last of the chain.
    pub(crate) fn last_resort(&mut self) -> Option<Pick> {
        let is_open = |seen: &&mut Seen| matches!(seen.outcome, Outcome::Passed(Passed::Open { .. }));
        let seen = self.seen.iter_mut().rev().find(is_open)?;
        seen.outcome = Outcome::Asked;
        Some(seen.pick)
    }

    /// Notes that `pick` failed.
    pub(crate) fn failed(&mut self, pick: Pick, error: ErrorKind) {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.pick.route == pick.route) {
            seen.outcome = Outcome::Failed(error);
        }
    }

    /// From here on, only models with a larger window than that of `pick` are of use.
    pub(crate) fn only_larger_than(&mut self, pick: Pick) {
        let route = &self.running.routes[pick.route];
        let able = route.capabilities(route.model_for(&self.ask.cx.participant));
        let window = able.context_tokens.unwrap_or_else(|| self.ask.size.expected_input());
        self.larger_than = Some(self.larger_than.map_or(window, |known| known.max(window)));
    }

    /// Why the last route that was looked at is not asked, and how long that lasts.
    pub(crate) fn refusal(&self) -> Option<(ErrorKind, Option<Duration>)> {
        self.seen.iter().rev().find_map(|seen| match seen.outcome {
            Outcome::Passed(Passed::Open { left, .. }) => Some((ErrorKind::CircuitOpen, Some(left))),
            Outcome::Passed(passed) => Some((passed.kind(), None)),
            Outcome::Asked | Outcome::Failed(_) => None,
        })
    }

    fn pick(&mut self, target: Target, link: Link) -> Option<usize> {
        match target {
            Target::Provider(at) => self.is_usable(at, link).then_some(at),
            Target::Pool(at) => {
                let running = self.running;
                self.pick_member(&running.pools[at], link)
            }
        }
    }

    fn pick_member(&mut self, pool: &Pool, link: Link) -> Option<usize> {
        let count = pool.members.len();
        let member = |at: usize| pool.members[at % count].target;
        match pool.strategy {
            Strategy::Priority => (0..count).find_map(|at| self.pick(member(at), link)),
            Strategy::RoundRobin => {
                let start = start(pool);
                (start..start + count).find_map(|at| self.pick(member(at), link))
            }
            Strategy::Weighted => {
                let turn = pool.next_turn();
                let drawn = pool.drawn(turn);
                self.pick(member(drawn), link).or_else(|| self.draw_again(pool, turn, link))
            }
            Strategy::LeastConnections | Strategy::LowestCost | Strategy::LowestLatency => {
                let (before, after) = pool.members.split_at(start(pool));
                let mut best: Option<(Load, usize)> = None;
                for member in after.iter().chain(before) {
                    let route = match member.target {
                        Target::Provider(route) => route,
                        pool @ Target::Pool(_) => match self.pick(pool, link) {
                            Some(route) => route,
                            None => continue,
                        },
                    };
                    let load = self.ask.load(self.running, pool.strategy, route, member.weight);
                    if best.is_none_or(|(least, _)| load.is_less(least)) && self.is_usable(route, link) {
                        best = Some((load, route));
                    }
                }
                best.map(|(_, route)| route)
            }
        }
    }

    /// Draws among the members that can be asked.
    fn draw_again(&mut self, pool: &Pool, turn: u64, link: Link) -> Option<usize> {
        let usable = |walk: &mut Self, at: usize| walk.pick(pool.members[at].target, link);
        let weight = |at: usize| u64::from(pool.members[at].weight);
        let total = (0..pool.members.len()).filter(|at| usable(self, *at).is_some()).map(weight).sum();
        let mut ticket = pool.ticket(!turn, total);
        (0..pool.members.len()).find_map(|at| {
            let route = usable(self, at)?;
            let hit = ticket < weight(at);
            ticket = ticket.saturating_sub(weight(at));
            hit.then_some(route)
        })
    }

    fn is_usable(&mut self, route: usize, link: Link) -> bool {
        if self.tried.contains(&route) {
            return false;
        }
        let passed = self.ask.objection(&self.running.routes[route]).or_else(|| self.too_small(route));
        match passed {
            None => true,
            Some(passed) => {
                self.note(Pick { route, link }, Outcome::Passed(passed));
                false
            }
        }
    }

    fn too_small(&self, route: usize) -> Option<Passed> {
        let needed = self.larger_than?;
        let route = &self.running.routes[route];
        let window = route.capabilities(route.model_for(&self.ask.cx.participant)).context_tokens;
        window.is_none_or(|window| window <= needed).then_some(Passed::NotLarger(needed))
    }

    fn note(&mut self, pick: Pick, outcome: Outcome) {
        let seen = Seen { pick, outcome };
        match self.seen.iter().position(|known| known.pick.route == pick.route) {
            Some(at) => self.seen[at] = seen,
            None if self.seen.len() < LISTED => self.seen.push(seen),
            None => {}
        }
    }

    /// What has been looked at so far; `chosen` answers.
    pub(crate) fn trace(&self, chosen: Option<Pick>) -> RouteTrace {
        let participant = chosen
            .map(|pick| Arc::new(self.running.routes[pick.route].participant(&self.ask.cx.participant)));
        let candidates = self.seen.iter().map(|seen| {
            let verdict = match &seen.outcome {
                Outcome::Passed(passed) => Verdict::Passed(passed.to_string()),
                Outcome::Failed(kind) => Verdict::Failed(*kind),
                Outcome::Asked if Some(seen.pick.route) == chosen.map(|pick| pick.route) => Verdict::Chosen,
                Outcome::Asked => Verdict::Next,
            };
            candidate(self.running, self.ask, seen.pick.route, self.origin(seen.pick), verdict)
        });
        RouteTrace { participant, candidates: candidates.collect(), failed: self.ask.cx.attempts.failed() }
    }

    fn origin(&self, pick: Pick) -> String {
        origin(self.running, pick.link)
    }
}

/// Why the targets of `link` are looked at.
pub(crate) fn origin(running: &Running, link: Link) -> String {
    match link.target {
        Target::Provider(_) => link.place.to_string(),
        Target::Pool(at) => format!("{}, pool {}", link.place, running.pools[at].id),
    }
}

pub(crate) fn candidate(
    running: &Running,
    ask: &Ask<'_>,
    route: usize,
    origin: String,
    verdict: Verdict,
) -> Candidate {
    let route = &running.routes[route];
    Candidate {
        provider: route.plan.id.clone(),
        model: route.model_for(&ask.cx.participant).clone(),
        origin,
        verdict,
        input_tokens: ask.size.expected_input(),
        cost: ask.bound(route).money,
        wait: route.expected_wait(ask.request),
    }
}

fn start(pool: &Pool) -> usize {
    usize::try_from(pool.next_turn() % pool.members.len().max(1) as u64).unwrap_or(0)
}
