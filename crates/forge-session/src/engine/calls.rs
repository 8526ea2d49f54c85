//! Calls of a session: made, ended, abandoned.

use std::{sync::Arc, time::Duration};

use forge_core::{
    CallContext, ErrorKind, ModelRequest, ModelResponse, ProviderError, call::Fallback, error::Phase,
    storage::budget::Amount,
};
use forge_prompt::clean;
use futures_util::future::{BoxFuture, FutureExt as _};

use super::machine::{CompletedCall, EffectOutcome, SessionMachine, millis};
use crate::{
    budget::{self, BudgetHold, Refusal},
    call::{self, CallLimits},
    event::{Answer, Attempt, DropReason, Event, Failure},
    notice::Notice,
    planner::PlannedCall,
    stage::{CallKey, Stage},
};

impl SessionMachine {
    /// Makes a call whose intent is in the journal.
    pub(super) fn perform_call(
        &self,
        planned: PlannedCall,
        cx: CallContext,
        now: Duration,
    ) -> BoxFuture<'static, EffectOutcome> {
        let limits = self.limits(&planned, now);
        let has_stand_in = planned.fallback == Fallback::Caller;
        let cx = cx.with_timeout(limits.ceiling).with_exclusions(planned.exclude);
        let cx = cx.with_fallback(planned.fallback).with_caps(Arc::clone(&self.deps.budget_caps));
        let (key, timer, observer) = (planned.key, Arc::clone(&self.deps.timer), self.deps.observer.clone());
        let provider = self.deps.provider(&planned.participant);
        let request = Arc::new(planned.request);
        async move {
            let begun = timer.instant();
            let on_text = |text: &str| {
                if let Some(observer) = &observer {
                    observer(&Notice::ParticipantDelta { call: key, text: text.to_owned() });
                }
            };
            let result = match provider {
                Ok(provider) => call::perform(&*provider, &cx, request, limits, on_text).await,
                // A provider that is gone fails the call and not the session: the next in the chain is asked.
                Err(unknown) => Err(unknown),
            };
            let took = timer.instant().saturating_duration_since(begun);
            let failed = cx.attempts.failed().iter().map(Attempt::from).collect();
            EffectOutcome::Call(Box::new(CompletedCall { took, result, failed, has_stand_in }))
        }
        .boxed()
    }

    /// How long the call may take, which is never beyond the end of the session.
    fn limits(&self, planned: &PlannedCall, now: Duration) -> CallLimits {
        let settings = &self.state.plan.settings;
        let profile = self.deps.profile(&planned.participant);
        let left = settings.caps.time.map(|cap| cap.saturating_sub(now));
        CallLimits::of(settings, planned.key.stage, &profile, left)
    }

    /// The entries for the end of a call: the answer or the failure, and the pause or the drop that follows
    /// where a budget has no room. They are one batch, so that no kill leaves the one without the other.
    pub(super) fn ended_call(&self, key: CallKey, completed: CompletedCall) -> Vec<Event> {
        let CompletedCall { took, result, failed, has_stand_in } = completed;
        let Some(call) = self.state.calls.get(&key) else { return Vec::new() };
        let reserved = call.intent.reserved;
        match result {
            Ok(response) => {
                let answer = Box::new(self.answer(response, reserved, took, failed));
                vec![match without_answer(&answer) {
                    None => Event::CallFinished { call: key, answer },
                    Some(kind) => Event::CallFailed { call: key, failure: Box::new(silence(kind, *answer)) },
                }]
            }
            Err(error) => {
                let failure = Box::new(Failure {
                    kind: error.kind,
                    phase: error.phase,
                    message: clean(&error.to_string()).into_owned(),
                    charged: budget::charged_for_failure(reserved, error.kind, error.phase),
                    took: millis(took),
                    failed,
                    partial: partial_draft(key, &error),
                });
                let failed = Event::CallFailed { call: key, failure };
                std::iter::once(failed).chain(self.refused(key, &error, has_stand_in)).collect()
            }
        }
    }

    /// What follows from a budget outside of the session that had no room for a call. Whoever else can be asked is
    /// asked; then a cap that is shared with others pauses the session, and one of its own leaves the seat out.
    fn refused(&self, key: CallKey, error: &ProviderError, has_stand_in: bool) -> Option<Event> {
        match budget::refusal(error, &self.name, self.deps.timer.now())? {
            Refusal::Shared { of_provider, .. } if of_provider && has_stand_in => None,
            Refusal::Shared { hold, .. } if self.state.held.is_none() => {
                let others = self.state.running().any(|call| call.intent.call != key);
                // Only calls that still run will give their reservations back.
                let passing = hold.passing && others;
                Some(Event::Paused { budget: Some(BudgetHold { passing, ..hold }), by: None })
            }
            Refusal::Own if !has_stand_in => {
                let CallKey { cycle, stage, seat, .. } = key;
                Some(Event::SeatDropped { cycle, stage, seat, reason: DropReason::Budget, by: None })
            }
            Refusal::Shared { .. } | Refusal::Own => None,
        }
    }

    /// The end of a call for which nobody waits any more. The vendor may bill it.
    pub(super) fn abandoned(&self, key: CallKey, now: Duration) -> Option<Event> {
        let call = self.state.calls.get(&key)?;
        let (kind, phase) = (ErrorKind::Cancelled, Phase::BeforeOutput);
        let failure = Failure {
            kind,
            phase,
            message: "not waited for".into(),
            charged: budget::charged_for_failure(call.intent.reserved, kind, phase),
            took: millis(now).saturating_sub(call.begun),
            failed: Vec::new(),
            partial: None,
        };
        Some(Event::CallFailed { call: key, failure: Box::new(failure) })
    }

    /// The response as the journal keeps it. Hidden characters go before it is written, so that no reader of
    /// the journal meets them.
    fn answer(
        &self,
        response: ModelResponse,
        reserved: Amount,
        took: Duration,
        failed: Vec<Attempt>,
    ) -> Answer {
        let text = clean(&response.text()).into_owned();
        let mut served = (*response.participant).clone();
        // Priced as the model that served, which need not be the one that was asked.
        served.model_id = response.model;
        let how = response.served.unwrap_or_default();
        let cost = (self.deps.prices)(&served, &response.tokens, Some(&how));
        let routed = response.route.iter().flat_map(|route| &route.failed).map(Attempt::from);
        Answer {
            raw_content: text,
            stop_reason: response.stop_reason,
            charged: budget::charged(reserved, cost, &response.tokens),
            tokens: response.tokens,
            cost,
            took: millis(took),
            failed: if failed.is_empty() { routed.collect() } else { failed },
            warnings: response.warnings.into_iter().map(|warning| warning.message).collect(),
            served,
        }
    }
}

/// What is wrong with an answer that holds nothing, such as one of thoughts alone: whoever else can be asked is.
fn without_answer(answer: &Answer) -> Option<ErrorKind> {
    let is_blank = answer.raw_content.trim().is_empty();
    is_blank.then(|| answer.stop_reason.without_answer(&ModelRequest::default())).flatten()
}

/// An empty answer as a failure. It was paid for like any other, so that its charge stays.
fn silence(kind: ErrorKind, answer: Answer) -> Failure {
    Failure {
        kind,
        phase: Phase::AfterOutput,
        message: "the reply contains no answer".into(),
        charged: answer.charged,
        took: answer.took,
        failed: answer.failed,
        partial: None,
    }
}

/// What had come of a draft when its call broke off.
fn partial_draft(key: CallKey, error: &ProviderError) -> Option<String> {
    // The beginning of a draft is a text. The beginning of a list of findings looks like all of them.
    let partial = error.partial.as_ref().filter(|_| key.stage == Stage::Draft)?;
    Some(clean(&partial.text()).into_owned()).filter(|text| !text.trim().is_empty())
}
