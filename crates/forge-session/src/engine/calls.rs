//! Calls of a session: intended, made, ended.

use std::{pin::Pin, sync::Arc, time::Duration};

use forge_core::{Amount, CallContext, Clock, ErrorKind, ModelResponse, Phase, ProviderError, Tags, Timer};

use super::{Session, millis};
use crate::{
    Answer, CallKey, DropReason, Event, Failure, Notice, Planned, SessionError, Stage, budget,
    call::{self, Guards},
    event::Attempt,
    prompt::clean::clean,
};

/// No call takes longer, whatever the settings say: clocks end somewhere.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) type Ended = (CallKey, Duration, Result<ModelResponse, ProviderError>, Vec<Attempt>);

pub(super) struct Live {
    pub(super) key: CallKey,
    pub(super) future: Pin<Box<dyn Future<Output = Ended> + Send>>,
}

impl Session {
    /// Makes the calls again that were in flight when an earlier run died.
    pub(super) async fn take_up(&mut self) -> Result<Vec<Live>, SessionError> {
        if self.state.stopped.is_some() || self.planner().is_over() {
            return Ok(Vec::new());
        }
        let dead: Vec<_> = self.state.running().map(|call| call.intent.clone()).collect();
        let mut launch = Vec::new();
        for intent in dead {
            if self.is_dropped(intent.call) {
                self.give_up(intent.call);
                continue;
            }
            let planned = self.planner().plan_call(intent.call, &intent.participant, intent.purpose)?;
            // The dead call may be billed, so that its reservation stays beside the new one.
            if self.planner().has_room(&planned)? {
                launch.push(self.intend(planned));
            } else {
                let CallKey { cycle, stage, seat, .. } = planned.key;
                self.note(Event::SeatDropped { cycle, stage, seat, reason: DropReason::Budget });
                self.give_up(planned.key);
            }
        }
        self.flush().await?;
        Ok(launch.into_iter().map(|(planned, cx)| self.launch(planned, cx)).collect())
    }

    pub(super) fn intend(&mut self, planned: Planned) -> (Planned, CallContext) {
        let clock: Arc<dyn Clock> = Arc::<dyn Timer>::clone(&self.parts.timer);
        let tags = Tags::default().with_session(self.name.as_str()).with_round(planned.key.cycle);
        let cx = CallContext::with_clock(planned.participant.clone(), clock).with_tags(tags);
        self.note(planned.intent(cx.call_id));
        (planned, cx)
    }

    /// Starts a call whose intent is in the journal.
    pub(super) fn launch(&self, planned: Planned, cx: CallContext) -> Live {
        let guards = self.guards(&planned);
        let cx = cx.with_timeout(guards.ceiling).with_exclusions(planned.exclude);
        let cx = cx.with_fallback(planned.fallback);
        tracing::debug!(session = %self.name, call = %planned.key, id = %cx.call_id, "asked");
        let (key, timer, observer) =
            (planned.key, Arc::clone(&self.parts.timer), self.parts.observer.clone());
        let provider = self.parts.provider(&planned.participant);
        let request = Arc::new(planned.request);
        let future = Box::pin(async move {
            let begun = timer.instant();
            let heard = |text: &str| {
                if let Some(observer) = &observer {
                    observer(&Notice::ParticipantDelta { call: key, text: text.to_owned() });
                }
            };
            let result = match provider {
                Ok(provider) => call::perform(&*provider, &cx, request, guards, &*timer, heard).await,
                Err(unknown) => Err(unknown),
            };
            let took = timer.instant().saturating_duration_since(begun);
            (key, took, result, cx.attempts.failed().iter().map(Attempt::from).collect())
        });
        Live { key, future }
    }

    /// How long the call may take: as the session says, twice as long for a model that thinks, or as its
    /// configuration says, if that is longer; never beyond the end of the session.
    fn guards(&self, planned: &Planned) -> Guards {
        let settings = &self.state.plan.settings;
        let asked = self.parts.asked(&planned.participant);
        let times = if asked.thinks() { 2 } else { 1 };
        let longer = |usual: Duration, configured: Option<Duration>| {
            usual.max(configured.unwrap_or_default()).min(LONGEST)
        };
        let configured = asked.configured.timeouts;
        let ceiling = settings.ceilings.of(planned.key.stage).saturating_mul(times);
        let left = settings.caps.time.map_or(LONGEST, |cap| cap.saturating_sub(self.now()));
        let first = settings.first_content.saturating_mul(times);
        Guards {
            first_content: longer(first, configured.map(|clocks| clocks.first_event)),
            gap: longer(settings.gap, configured.map(|clocks| clocks.gap)),
            ceiling: longer(ceiling, configured.map(|clocks| clocks.total)).min(left),
        }
    }

    pub(super) fn end(&mut self, (key, took, result, failed): Ended) {
        let Some(call) = self.state.calls.get(&key) else { return };
        let reserved = call.intent.reserved;
        let event = match result {
            Ok(response) => Event::CallFinished {
                call: key,
                answer: Box::new(self.answer(response, reserved, took, failed)),
            },
            Err(error) => Event::CallFailed {
                call: key,
                failure: Box::new(Failure {
                    kind: error.kind,
                    phase: error.phase,
                    message: clean(&error.to_string()),
                    charged: budget::charged_for_failure(reserved, error.kind, error.phase),
                    took: millis(took),
                    failed,
                    partial: partial_draft(key, &error),
                }),
            },
        };
        tracing::debug!(session = %self.name, call = %key, answered = matches!(event, Event::CallFinished { .. }), "ended");
        self.note(event);
    }

    /// Ends a call for which nobody waits any more. The vendor may bill it.
    pub(super) fn give_up(&mut self, key: CallKey) {
        let Some(call) = self.state.calls.get(&key) else { return };
        let (kind, phase) = (ErrorKind::Cancelled, Phase::BeforeOutput);
        let failure = Failure {
            kind,
            phase,
            message: "not waited for".into(),
            charged: budget::charged_for_failure(call.intent.reserved, kind, phase),
            took: millis(self.now()).saturating_sub(call.begun),
            failed: Vec::new(),
            partial: None,
        };
        self.note(Event::CallFailed { call: key, failure: Box::new(failure) });
    }

    fn answer(
        &self,
        response: ModelResponse,
        reserved: Amount,
        took: Duration,
        failed: Vec<Attempt>,
    ) -> Answer {
        let text = clean(&response.text());
        let mut served = (*response.participant).clone();
        served.model = response.model;
        let cost = (self.parts.prices)(&served, &response.tokens);
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

/// What had come of a draft when its call broke off.
fn partial_draft(key: CallKey, error: &ProviderError) -> Option<String> {
    let partial = error.partial.as_ref().filter(|_| key.stage == Stage::Draft)?;
    Some(clean(&partial.text())).filter(|text| !text.trim().is_empty())
}
