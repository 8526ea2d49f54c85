//! Along the chain of a role: which route is asked next, and which member of a pool.

use std::{sync::Arc, time::Duration};

use forge_core::{ErrorKind, Fallback, RouteTrace, Verdict};

use crate::{
    Strategy, Target,
    affinity::Affinity,
    ask::{Ask, Load, Passed, candidate, origin},
    call::NAME,
    health::HealthStatus,
    route::{Manner, Route},
    running::{Link, Place, Pool, Running},
};

/// Routes that a trace lists; a pool may have thousands.
const LISTED: usize = 64;

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
    /// Whether models whose window nobody knows are asked, too: when none is left that is known to be larger.
    asks_unknown_windows: bool,
    /// Only routes to another vendor than that of this route are of use.
    not_of: Option<usize>,
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
        let asked = &ask.cx.participant.provider_id;
        let link = |target, place| Link { target, place };
        let named = running.target(asked).map(|target| link(target, Place::Named));
        let (named, chain): (_, &[Link]) = match ask.cx.fallback {
            Fallback::Configured if named.is_some() && !job.named => (named, &[]),
            Fallback::Configured => (named, &job.chain),
            // A call by role alone means the first of the role.
            Fallback::Caller | Fallback::Nobody if *asked == NAME => {
                (named.or_else(|| job.chain.first().copied()), &[])
            }
            Fallback::Caller | Fallback::Nobody => (named, &[]),
        };
        let walk = Self {
            running,
            ask,
            heads: [None, named],
            chain,
            at: 0,
            tried: Vec::new(),
            seen: Vec::new(),
            larger_than: None,
            asks_unknown_windows: false,
            not_of: None,
        };
        let kept = walk.kept_route(affinity);
        let affine = kept.map(|route| link(Target::Provider(route), Place::Affinity));
        Self { heads: [affine, walk.heads[1]], ..walk }
    }

    /// The route on which the conversation's state or its cached prefix is, if it may serve the call.
    fn kept_route(&self, affinity: &Affinity) -> Option<usize> {
        let routes = &self.running.routes;
        let minted = self.ask.outline.minted_by.as_ref().and_then(|(vendor, model)| {
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
        self.next_on_the_way().or_else(|| {
            let again =
                self.larger_than.is_some() && !std::mem::replace(&mut self.asks_unknown_windows, true);
            self.at = if again { 0 } else { self.at };
            self.next_on_the_way()
        })
    }

    fn next_on_the_way(&mut self) -> Option<Pick> {
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

    /// How the route that `next` gave is to be asked.
    pub(crate) fn manner(&self) -> Manner {
        let several = self.ask.cx.fallback == Fallback::Caller || self.has_another();
        if several { Manner::OneOfSeveral } else { Manner::Only }
    }

    /// Whether `next` has a further route to give.
    pub(crate) fn has_another(&self) -> bool {
        let usable = |route: usize| {
            !self.tried.contains(&route) && self.ask.objection(&self.running.routes[route]).is_none()
        };
        self.links().skip(self.at).any(|link| self.running.any(link.target, &usable))
    }

    /// A route that is left alone because its circuit is open, because another call is its probe, or because it did
    /// not answer a check, for a call that has nowhere else to go: the last of the chain.
    pub(crate) fn last_resort(&mut self) -> Option<Pick> {
        if self.ask.cx.fallback == Fallback::Caller {
            return None;
        }
        let may_answer = |seen: &&mut Seen| {
            matches!(
                seen.outcome,
                Outcome::Passed(Passed::Open { .. } | Passed::Unwell(HealthStatus::Failed))
                    | Outcome::Failed(ErrorKind::CircuitOpen)
            )
        };
        let seen = self.seen.iter_mut().rev().find(may_answer)?;
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
        let window = able.context_tokens.unwrap_or_else(|| self.ask.outline.size.expected_input());
        self.larger_than = Some(self.larger_than.map_or(window, |known| known.max(window)));
    }

    /// From here on, only routes to another vendor are of use. `false` if that was said before.
    pub(crate) fn only_other_vendors(&mut self, pick: Pick) -> bool {
        self.not_of.replace(pick.route).is_none()
    }

    /// Why the last route that was looked at is not asked, and how long that lasts.
    pub(crate) fn refusal(&self) -> Option<(ErrorKind, Option<Duration>)> {
        self.seen.iter().rev().find_map(|seen| match seen.outcome {
            Outcome::Passed(passed @ (Passed::Open { left, .. } | Passed::Late { wait: left, .. })) => {
                Some((passed.kind(), Some(left)))
            }
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
        match pool.strategy {
            Strategy::Priority => pool.members.iter().find_map(|member| self.pick(member.target, link)),
            Strategy::RoundRobin => {
                let (before, after) = pool.split(pool.next_turn());
                after.iter().chain(before).find_map(|member| self.pick(member.target, link))
            }
            Strategy::Weighted => {
                let turn = pool.next_turn();
                let drawn = pool.members.get(pool.drawn(turn))?;
                self.pick(drawn.target, link).or_else(|| self.draw_again(pool, turn, link))
            }
            Strategy::LeastConnections | Strategy::LowestCost | Strategy::LowestLatency => {
                let (before, after) = pool.split(pool.next_turn());
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
        let passed = self.too_small(route).or_else(|| self.same_vendor(route));
        let passed = passed.or_else(|| self.ask.objection(&self.running.routes[route]));
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
        match window {
            Some(window) => (window <= needed).then_some(Passed::NotLarger(needed)),
            None => (!self.asks_unknown_windows).then_some(Passed::UnknownWindow(needed)),
        }
    }

    fn same_vendor(&self, route: usize) -> Option<Passed> {
        let refused = &self.running.routes[self.not_of?];
        (self.running.routes[route].vendor == refused.vendor).then_some(Passed::SameVendor)
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
        RouteTrace::new(participant, candidates.collect(), self.ask.cx.attempts.failed())
    }

    fn origin(&self, pick: Pick) -> String {
        origin(self.running, pick.link)
    }
}
