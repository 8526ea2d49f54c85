//! The errors of a call as a whole.

use std::{sync::Arc, time::Duration};

use forge_core::{
    CallContext, ErrorKind, Money, ProviderError, ProviderId,
    error::Phase,
    route::{Candidate, RouteTrace, Verdict},
};

use crate::NAME;

/// The error with what was looked at and tried.
pub(super) fn traced(error: ProviderError, trace: Arc<RouteTrace>) -> ProviderError {
    error.with(|facts| facts.route = Some(trace))
}

/// The error when the chain is at its end: the last one, or one that says why nobody was asked.
pub(super) fn exhausted(
    cx: &CallContext,
    last: Option<ProviderError>,
    refusal: Option<(ErrorKind, Option<Duration>)>,
    trace: RouteTrace,
) -> ProviderError {
    let role = &cx.participant.role;
    let looked_at = trace.candidates.iter().map(|one| {
        let why = match &one.verdict {
            Verdict::Failed(kind) => kind.describe(),
            Verdict::Passed(why) => why,
            Verdict::Chosen | Verdict::Next => "not asked",
        };
        format!("{}: {why}", one.provider)
    });
    let looked_at = looked_at.collect::<Vec<_>>().join("; ");
    let error = match last {
        // With one route there is nothing to add to what it said.
        Some(error) if trace.candidates.len() == 1 => error,
        // The last failure gives its kind to the whole, as callers act on one. The others are in the trace.
        Some(error) => {
            let message = format!("no route for role `{role}` could answer ({looked_at})");
            let message = match cheapest(&trace).filter(|_| error.kind == ErrorKind::BudgetExceeded) {
                Some((provider, most)) => {
                    format!("{}; the cheapest route, {provider}, may use up to {most}", error.message)
                }
                None => message,
            };
            ProviderError::new(error.kind, NAME, message).with(|facts| {
                facts.retry_after = error.retry_after;
                facts.phase = error.phase;
                facts.source = Some(Box::new(error));
            })
        }
        None if trace.candidates.is_empty() => {
            let message = format!(
                "there is no route for role `{role}` (provider `{}`); name the role or a default provider in \
                 the configuration",
                cx.participant.provider_id
            );
            ProviderError::new(ErrorKind::InvalidRequest, NAME, message)
                .with(|facts| facts.phase = Phase::BeforeSend)
        }
        None => {
            let message = format!("no route for role `{role}` can take the call ({looked_at})");
            let (kind, retry_after) = refusal.unwrap_or((ErrorKind::InvalidRequest, None));
            ProviderError::new(kind, NAME, message).with(|facts| {
                facts.phase = Phase::BeforeSend;
                facts.retry_after = retry_after;
            })
        }
    };
    traced(error, trace.into())
}

/// The route that was over budget and would take the least, with what it may take.
fn cheapest(trace: &RouteTrace) -> Option<(&ProviderId, Money)> {
    let over = |one: &&Candidate| one.verdict == Verdict::Failed(ErrorKind::BudgetExceeded);
    let costs = trace.candidates.iter().filter(over).filter_map(|one| Some((&one.provider, one.cost?)));
    costs.min_by_key(|(_, cost)| *cost)
}

/// The error of a call that a shutdown ended.
pub(crate) fn cancelled() -> ProviderError {
    ProviderError::new(ErrorKind::Cancelled, NAME, "the program is shutting down")
}
