//! Effects in flight.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use forge_core::{CallContext, Participant, tags::Tags};
use futures_util::future::BoxFuture;

use crate::{
    claim::RENEWAL,
    machine::{Machine, ModelCall, Next},
    recovery::with_stream,
    run::Run,
};

/// An effect in flight, whose intent is in the journal.
pub(crate) struct InFlight<M: Machine> {
    pub(crate) key: M::Key,
    future: BoxFuture<'static, M::Outcome>,
}

/// An effect whose intent is applied and not yet in the journal.
pub(crate) struct Intended<M: Machine> {
    key: M::Key,
    effect: M::Effect,
    cx: Option<CallContext>,
}

/// An effect that has ended.
pub(crate) struct Completed<M: Machine> {
    pub(crate) key: M::Key,
    pub(crate) outcome: M::Outcome,
}

/// Why a wait ended.
pub(crate) enum Wakeup<M: Machine> {
    Completed(Vec<Completed<M>>),
    Answered(M::Outcome),
    Again,
}

impl<M: Machine> Run<M> {
    /// Starts the effects that were in flight when an earlier run died, as far as the machine wants them.
    /// All their new intents are in the journal before the first of them starts.
    pub(crate) async fn relaunch(&mut self) -> Result<Vec<InFlight<M>>, M::Error> {
        let mut launch = Vec::new();
        for open in self.machine.pending() {
            match self.machine.relaunch(&open.key, self.now())? {
                Next::Record(events) => self.note_all(events),
                Next::Call { key, participant, tags, effect } => {
                    launch.push(self.intend_call(key, participant, tags, effect));
                }
                Next::Act { key, effect } => launch.push(self.intend_act(key, effect)),
                // It stays in doubt: its intent is open until the machine closes it.
                Next::Ask { .. } | Next::Wait { .. } | Next::Done => {}
            }
        }
        self.flush().await?;
        Ok(launch.into_iter().map(|intended| self.launch(intended)).collect())
    }

    /// The id of the call is chosen before the call starts, so that its intent can carry it.
    pub(crate) fn intend_call(
        &mut self,
        key: M::Key,
        participant: Participant,
        tags: Tags,
        effect: M::Effect,
    ) -> Intended<M> {
        let cx = CallContext::with_timer(participant.clone(), Arc::clone(&self.deps.timer));
        let call = ModelCall::new(cx.call_id, participant).with_tags(tags.clone());
        self.note_all(self.machine.intended(&key, &effect, Some(&call)));
        Intended { key, effect, cx: Some(cx.with_tags(with_stream(tags, &self.stream))) }
    }

    pub(crate) fn intend_act(&mut self, key: M::Key, effect: M::Effect) -> Intended<M> {
        self.note_all(self.machine.intended(&key, &effect, None));
        Intended { key, effect, cx: None }
    }

    /// Starts an effect whose intent is in the journal.
    pub(crate) fn launch(&self, Intended { key, effect, cx }: Intended<M>) -> InFlight<M> {
        tracing::debug!(stream = %self.stream, effect = %key, "begun");
        let future = self.machine.perform(&key, effect, cx);
        InFlight { key, future }
    }

    /// Starts a question. It has no intent, because asking it once more after a kill does no harm.
    pub(crate) fn ask(&self, key: M::Key, effect: M::Effect) -> InFlight<M> {
        let future = self.machine.perform(&key, effect, None);
        InFlight { key, future }
    }

    /// Cancels effects that the machine no longer has pending, such as those of a seat that was skipped.
    /// Nobody waits for their outcomes, so that only their cost would be left.
    pub(crate) fn cancel_closed(&self, flight: &mut Vec<InFlight<M>>) {
        if !flight.is_empty() {
            let open = self.machine.pending();
            flight.retain(|one| open.iter().any(|open| open.key == one.key));
        }
    }

    /// Waits until an effect ends, a question is answered, a command arrives, or it is time to plan again.
    pub(crate) async fn wait(
        &self,
        flight: &mut Vec<InFlight<M>>,
        wake: Option<Duration>,
        asking: &mut Option<InFlight<M>>,
    ) -> Wakeup<M> {
        // Times of the machine count from the start of the work, the timer's from the start of this run.
        let at = [wake, self.machine.deadline()].into_iter().flatten().min();
        let at = at.and_then(|at| self.started.checked_add(at.saturating_sub(self.elapsed_before)));
        // No wait outlasts the renewal: during a long call nothing else would keep the claim alive.
        let renewal = self.renewed + RENEWAL;
        let mut sleep = self.deps.timer.sleep_until(at.map_or(renewal, |at| at.min(renewal)));
        poll_fn(|cx| {
            let mut completed = Vec::new();
            // All are polled, also behind one that has ended: outcomes that come together are one batch.
            flight.retain_mut(|one| match one.future.as_mut().poll(cx) {
                Poll::Ready(outcome) => {
                    completed.push(Completed { key: one.key.clone(), outcome });
                    false
                }
                Poll::Pending => true,
            });
            // Outcomes go before commands: what was paid for is in the state when an abort arrives.
            if !completed.is_empty() {
                return Poll::Ready(Wakeup::Completed(completed));
            }
            if let Some(asked) = asking
                && let Poll::Ready(outcome) = asked.future.as_mut().poll(cx)
            {
                return Poll::Ready(Wakeup::Answered(outcome));
            }
            if self.commanded.0.is_called(cx) || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Wakeup::Again);
            }
            Poll::Pending
        })
        .await
    }
}
