//! What a selection has looked at, and what became of it.

use std::{borrow::Cow, time::Duration};

use forge_core::{
    ErrorKind,
    route::{Candidate, RouteTrace, Verdict},
};

use super::{CallProfile, Selected, SkipReason};
use crate::{route::HealthStatus, snapshot::Snapshot};

/// Routes that the trace of a call lists; a pool may have thousands.
const LISTED: usize = 64;

/// The routes that were looked at, in that order.
#[derive(Debug)]
pub(super) struct Considered {
    routes: Vec<(Selected, Outcome)>,
    most: usize,
}

/// What became of a route, as far as the call has come.
#[derive(Debug)]
enum Outcome {
    Skipped(SkipReason),
    Asked,
    Failed(ErrorKind),
}

impl Considered {
    /// For a call, whose trace goes along with its reply and has to stay small.
    pub(super) const fn of_a_call() -> Self {
        Self { routes: Vec::new(), most: LISTED }
    }

    /// For an explanation, which shows all.
    pub(super) const fn everything() -> Self {
        Self { routes: Vec::new(), most: usize::MAX }
    }

    pub(super) fn skipped(&mut self, selected: Selected, reason: SkipReason) {
        self.note(selected, Outcome::Skipped(reason));
    }

    pub(super) fn asked(&mut self, selected: Selected) {
        self.note(selected, Outcome::Asked);
    }

    /// Notes a failure of a route that was asked. One beyond the listed ones is not noted.
    pub(super) fn failed(&mut self, selected: Selected, error: ErrorKind) {
        if let Some((_, outcome)) = self.routes.iter_mut().find(|(known, _)| known.route == selected.route) {
            *outcome = Outcome::Failed(error);
        }
    }

    fn note(&mut self, selected: Selected, outcome: Outcome) {
        match self.routes.iter().position(|(known, _)| known.route == selected.route) {
            // A route that stands in the chain twice is skipped for the same reason in the second place.
            Some(at) if matches!(outcome, Outcome::Skipped(_)) => self.routes[at].1 = outcome,
            // Asked at a later place than where it was skipped: the place that led to it is the one to tell.
            Some(at) => self.routes[at] = (selected, outcome),
            None if self.routes.len() < self.most => self.routes.push((selected, outcome)),
            None => {}
        }
    }

    /// The last route that may answer although it was not asked or its circuit opened under the call.
    pub(super) fn last_resort(&mut self) -> Option<Selected> {
        let may_answer = |outcome: &Outcome| {
            matches!(
                outcome,
                Outcome::Skipped(SkipReason::Open { .. } | SkipReason::Unhealthy(HealthStatus::Failed))
                    | Outcome::Failed(ErrorKind::CircuitOpen)
            )
        };
        let (selected, outcome) = self.routes.iter_mut().rev().find(|(_, outcome)| may_answer(outcome))?;
        *outcome = Outcome::Asked;
        Some(*selected)
    }

    /// Why the last route that was skipped was, as a kind for the caller, and how long that lasts.
    pub(super) fn refusal(&self) -> Option<(ErrorKind, Option<Duration>)> {
        self.routes.iter().rev().find_map(|(_, outcome)| match outcome {
            Outcome::Skipped(reason) => Some((reason.kind(), reason.lasts())),
            Outcome::Asked | Outcome::Failed(_) => None,
        })
    }

    /// The trace, with what each route would take and how long it would keep the call waiting now.
    pub(super) fn trace(
        &self,
        snapshot: &Snapshot,
        profile: &CallProfile<'_>,
        chosen: Option<Selected>,
        origin: impl Fn(Selected) -> Cow<'static, str>,
    ) -> RouteTrace {
        let asked = &profile.cx.participant;
        let participant = chosen.map(|chosen| snapshot.routes[chosen.route].participant(asked));
        let candidates = self.routes.iter().map(|(selected, outcome)| {
            let verdict = match outcome {
                Outcome::Skipped(reason) => Verdict::Passed(reason.to_string()),
                Outcome::Failed(kind) => Verdict::Failed(*kind),
                Outcome::Asked if chosen.is_some_and(|chosen| chosen.route == selected.route) => {
                    Verdict::Chosen
                }
                Outcome::Asked => Verdict::Next,
            };
            let route = &snapshot.routes[selected.route];
            let model = route.model_for(asked).clone();
            let mut candidate = Candidate::new(route.plan.id.clone(), model, origin(*selected), verdict);
            candidate.input_tokens = profile.outline.size.expected_input();
            candidate.cost = profile.bound(route).money;
            candidate.wait = route.expected_wait(profile.request, profile.cx.timer.instant());
            candidate
        });
        RouteTrace::new(participant, candidates.collect(), profile.cx.attempts.failed())
    }
}
