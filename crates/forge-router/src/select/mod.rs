//! Which route a call asks next: one selection over a configuration and a call, by which calls are made and explained.
//!
//! It sends nothing and waits for nothing. [`Selection::new`] takes turns in the pools it passes, as a call does;
//! [`Selection::foreseen`] goes the same way and leaves every pool as it was.

mod eligibility;
mod pool;
mod trace;

use std::{sync::Arc, time::Duration};

use forge_core::{ErrorKind, call::Fallback, route::RouteTrace};

pub(crate) use eligibility::{CallProfile, SkipReason};

use crate::{
    NAME,
    affinity::Affinity,
    plan::Target,
    route::{AttemptMode, Route},
    snapshot::{ChainEntry, Origin, Snapshot},
};
use pool::Turns;
use trace::Considered;

/// The way of one call along the chain of its role.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    snapshot: &'a Snapshot,
    profile: &'a CallProfile<'a>,
    /// In this order: where the conversation has been, whom the caller named, the chain of the role.
    heads: [Option<ChainEntry>; 2],
    chain: &'a [ChainEntry],
    at: usize,
    turns: Turns,
    selected: RouteSet,
    considered: Considered,
    /// Only windows larger than this are of use.
    larger_than: Option<u64>,
    /// Whether models of unknown window are asked, too. They come last: one of a window that is known to be larger is
    /// sure to help.
    asks_unknown_windows: bool,
    /// Only routes to another vendor than that of this route are of use.
    not_of: Option<usize>,
}

/// A route to ask, and the place in the chain that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) route: usize,
    entry: ChainEntry,
}

/// Some of the routes, one bit for each: a call looks at all members of a pool again for each that failed.
#[derive(Debug, Default)]
struct RouteSet {
    /// Those that most configurations end with.
    first: u64,
    more: Vec<u64>,
}

impl RouteSet {
    fn insert(&mut self, route: usize) {
        let word = match (route / 64).checked_sub(1) {
            None => &mut self.first,
            Some(at) => {
                self.more.resize(self.more.len().max(at + 1), 0);
                &mut self.more[at]
            }
        };
        *word |= 1 << (route % 64);
    }

    fn contains(&self, route: usize) -> bool {
        let word = (route / 64).checked_sub(1).map_or(Some(&self.first), |at| self.more.get(at));
        word.is_some_and(|word| word & (1 << (route % 64)) != 0)
    }
}

impl<'a> Selection<'a> {
    /// The selection of a call that is made. Picks count as turns of their pools.
    pub(crate) fn new(snapshot: &'a Snapshot, profile: &'a CallProfile<'a>, affinity: &Affinity) -> Self {
        Self::with(snapshot, profile, affinity, Turns::Taken, Considered::of_a_call())
    }

    /// The selection of a call that is not made: it changes nothing, and keeps everything that it looked at.
    pub(crate) fn foreseen(
        snapshot: &'a Snapshot,
        profile: &'a CallProfile<'a>,
        affinity: &Affinity,
    ) -> Self {
        Self::with(snapshot, profile, affinity, Turns::foreseen(), Considered::everything())
    }

    fn with(
        snapshot: &'a Snapshot,
        profile: &'a CallProfile<'a>,
        affinity: &Affinity,
        turns: Turns,
        considered: Considered,
    ) -> Self {
        let role = profile.role;
        let asked = &profile.cx.participant.provider_id;
        let entry = |target, origin| ChainEntry { target, origin };
        let named = snapshot.target(asked).map(|target| entry(target, Origin::Named));
        let (named, chain): (_, &[ChainEntry]) = match profile.cx.fallback {
            // For a role that nobody has described, whoever is named is meant alone.
            Fallback::Configured if named.is_some() && !role.named => (named, &[]),
            Fallback::Configured => (named, &role.chain),
            // A call by role alone means the first of the role.
            Fallback::Caller | Fallback::Nobody if *asked == NAME => {
                (named.or_else(|| role.chain.first().copied()), &[])
            }
            Fallback::Caller | Fallback::Nobody => (named, &[]),
        };
        let selection = Self {
            snapshot,
            profile,
            heads: [None, named],
            chain,
            at: 0,
            turns,
            selected: RouteSet::default(),
            considered,
            larger_than: None,
            asks_unknown_windows: false,
            not_of: None,
        };
        // Behind the rest: only whom the caller or the role allows may be warm.
        let warm = selection.warm_route(affinity);
        let affine = warm.map(|route| entry(Target::Provider(route), Origin::Affinity));
        Self { heads: [affine, named], ..selection }
    }

    /// The route on which the conversation's state or its cached prefix is, if it may serve the call. It goes first:
    /// elsewhere the state is left out and the prefix is paid for again.
    fn warm_route(&self, affinity: &Affinity) -> Option<usize> {
        let routes = &self.snapshot.routes;
        // State before cache: without the one the model loses its thoughts, without the other only money.
        let minted = self.profile.outline.minted_by.as_ref().and_then(|(vendor, model)| {
            let minted = |route: &Arc<Route>| {
                route.vendor == *vendor && route.model_for(&self.profile.cx.participant) == model
            };
            (0..routes.len()).find(|at| minted(&routes[*at]) && self.may_serve(*at))
        });
        minted.or_else(|| {
            let provider = affinity.find(self.profile.prefix, self.profile.cx.timer.instant())?;
            match self.snapshot.target(&provider)? {
                Target::Provider(at) => self.may_serve(at).then_some(at),
                Target::Pool(_) => None,
            }
        })
    }

    /// Whether the route is named by the caller or, without a name, stands in the chain.
    fn may_serve(&self, route: usize) -> bool {
        match self.heads[1] {
            Some(named) => self.snapshot.contains(named.target, route),
            None => self.chain.iter().any(|entry| self.snapshot.contains(entry.target, route)),
        }
    }

    /// Every place on the way, in order. A call that names somebody falls back like every other, but not to the
    /// primary or the panel of the role: those are there to answer beside each other, not for each other.
    fn entries(&self) -> impl Iterator<Item = ChainEntry> + use<'a> {
        let named = self.heads[1].is_some();
        let is_open =
            move |entry: &&ChainEntry| !(named && matches!(entry.origin, Origin::Primary | Origin::Panel));
        self.heads.into_iter().flatten().chain(self.chain.iter().filter(is_open).copied())
    }

    /// The next route that can be asked. The place stays: a pool may have more than one to give.
    fn next_along_the_chain(&mut self) -> Option<Selected> {
        loop {
            let entry = self.entries().nth(self.at)?;
            if let Some(route) = self.select(entry.target, entry) {
                let selected = Selected { route, entry };
                self.selected.insert(route);
                self.considered.asked(selected);
                return Some(selected);
            }
            self.at += 1;
        }
    }

    /// A route behind `target` that can be asked. One that leads into a pool is asked for again until the pool has
    /// nobody left.
    fn select(&mut self, target: Target, entry: ChainEntry) -> Option<usize> {
        match target {
            Target::Provider(at) => self.is_eligible(at, entry).then_some(at),
            Target::Pool(at) => self.select_member(at, entry),
        }
    }

    /// Whether the route can be asked; keeps the reason if it cannot.
    fn is_eligible(&mut self, route: usize, entry: ChainEntry) -> bool {
        if self.selected.contains(route) {
            return false;
        }
        let reason = self.too_small(route).or_else(|| self.same_vendor(route));
        match reason.or_else(|| self.profile.ineligible_because(&self.snapshot.routes[route])) {
            None => true,
            Some(reason) => {
                self.considered.skipped(Selected { route, entry }, reason);
                false
            }
        }
    }

    /// Why the route cannot help after a model whose window was too small.
    fn too_small(&self, route: usize) -> Option<SkipReason> {
        let needed = self.larger_than?;
        match self.window_of(route) {
            Some(window) => (window <= needed).then_some(SkipReason::NotLarger(needed)),
            None => (!self.asks_unknown_windows).then_some(SkipReason::UnknownWindow(needed)),
        }
    }

    /// The window of the model that the call would ask there; `None` if nobody knows.
    fn window_of(&self, route: usize) -> Option<u64> {
        let route = &self.snapshot.routes[route];
        route.capabilities(route.model_for(&self.profile.cx.participant)).context_tokens
    }

    /// Why the route cannot help after a vendor that refused the request itself.
    fn same_vendor(&self, route: usize) -> Option<SkipReason> {
        let refused = &self.snapshot.routes[self.not_of?];
        (self.snapshot.routes[route].vendor == refused.vendor).then_some(SkipReason::SameVendor)
    }

    /// How the route that `next` gave is to be asked.
    pub(crate) fn mode(&self) -> AttemptMode {
        // A caller with others to ask is one of several, though the router may know of nobody else.
        let several = self.profile.cx.fallback == Fallback::Caller || self.has_another();
        if several { AttemptMode::OneOfSeveral } else { AttemptMode::Only }
    }

    /// Whether `next` has a further route to give.
    pub(crate) fn has_another(&self) -> bool {
        let usable = |route: usize| {
            !self.selected.contains(route)
                && self.profile.ineligible_because(&self.snapshot.routes[route]).is_none()
        };
        // From this place on, which may be a pool with members left. Looking takes no turn of a pool.
        self.entries().skip(self.at).any(|entry| self.snapshot.any(entry.target, &usable))
    }

    /// A route that is left alone because its circuit is open, because another call is its probe, or because it did
    /// not answer a check, for a call that has nowhere else to go: the last of the chain. What is known of it may be
    /// out of date, and a call that fails costs no more than one that is not made.
    pub(crate) fn last_resort(&mut self) -> Option<Selected> {
        // The caller has somebody else to ask, and would wait for this one in vain.
        if self.profile.cx.fallback == Fallback::Caller {
            return None;
        }
        self.considered.last_resort()
    }

    /// Notes that the route failed.
    pub(crate) fn failed(&mut self, selected: Selected, error: ErrorKind) {
        self.considered.failed(selected, error);
    }

    /// Notes that the route is not asked after all.
    pub(crate) fn skipped(&mut self, selected: Selected, reason: SkipReason) {
        self.considered.skipped(selected, reason);
    }

    /// From here on, only models with a larger window than that of `selected` are of use.
    pub(crate) fn only_larger_than(&mut self, selected: Selected) {
        let expected = || self.profile.outline.size.expected_input();
        let window = self.window_of(selected.route).unwrap_or_else(expected);
        // The largest that was too small: no smaller one can help.
        self.larger_than = Some(self.larger_than.map_or(window, |known| known.max(window)));
    }

    /// From here on, only routes to another vendor are of use. `false` if that was said before.
    pub(crate) fn only_other_vendors(&mut self, selected: Selected) -> bool {
        self.not_of.replace(selected.route).is_none()
    }

    /// Why the last route that was looked at is not asked, and how long that lasts.
    pub(crate) fn refusal(&self) -> Option<(ErrorKind, Option<Duration>)> {
        self.considered.refusal()
    }

    /// What has been looked at so far; `chosen` answers.
    pub(crate) fn trace(&self, chosen: Option<Selected>) -> RouteTrace {
        self.considered.trace(self.snapshot, self.profile, chosen, |selected| {
            let origin = self.snapshot.origin(selected.entry);
            match self.turns.note(self.snapshot, self.profile, selected) {
                Some(note) => format!("{origin} ({note})").into(),
                None => origin,
            }
        })
    }
}

/// The routes to ask, one after the other, for as long as each of them fails.
impl Iterator for Selection<'_> {
    type Item = Selected;

    fn next(&mut self) -> Option<Selected> {
        self.next_along_the_chain().or_else(|| {
            // Once more from the beginning, for models of which nobody knows the window. They may help, and
            // nobody else is left.
            let again =
                self.larger_than.is_some() && !std::mem::replace(&mut self.asks_unknown_windows, true);
            self.at = if again { 0 } else { self.at };
            self.next_along_the_chain()
        })
    }
}
