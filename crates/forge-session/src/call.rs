//! One call within its time limits.
//!
//! The session keeps clocks of its own, whatever a provider keeps: one that has none must not hold up a
//! panel.

use std::{sync::Arc, time::Duration};

use forge_core::{
    CallContext, ErrorKind, ModelRequest, ModelResponse, Provider, ProviderError, StreamEvent,
    event::{Delta, StopReason, Warning},
    stream::Accumulator,
};
use forge_prompt::RepetitionDetector;
use futures_util::future::{Either, select};

use crate::{plan::Settings, profile::ModelProfile, stage::Stage};

/// The time limits of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimits {
    /// To the first content.
    pub(crate) first_content: Duration,
    /// Between two pieces of content.
    pub(crate) gap: Duration,
    /// Altogether.
    pub(crate) ceiling: Duration,
}

/// No call takes longer, whatever the settings say: clocks end somewhere.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl CallLimits {
    /// How long a call of `stage` may take: as the session says, twice as long for a model that thinks, or as its
    /// configuration says, if that is longer; never beyond what is `left` of the session.
    pub(crate) fn of(
        settings: &Settings,
        stage: Stage,
        profile: &ModelProfile,
        left: Option<Duration>,
    ) -> Self {
        let times = if profile.thinks() { 2 } else { 1 };
        let longer = |usual: Duration, configured: Option<Duration>| {
            usual.max(configured.unwrap_or_default()).min(LONGEST)
        };
        let configured = profile.configured.timeouts;
        let ceiling = settings.ceilings.of(stage).saturating_mul(times);
        let first = settings.first_content.saturating_mul(times);
        Self {
            first_content: longer(first, configured.map(|clocks| clocks.first_event)),
            gap: longer(settings.gap, configured.map(|clocks| clocks.gap)),
            // The end of the session bounds the whole call, and with it the other clocks.
            ceiling: longer(ceiling, configured.map(|clocks| clocks.total)).min(left.unwrap_or(LONGEST)),
        }
    }
}

/// Makes the call. Dropping the future cancels it. `on_text` receives every piece of the answer's text, as it
/// came.
///
/// An error carries what had come before it. The time until there is a stream counts towards the first
/// content: a router may try several routes for it.
pub(crate) async fn perform(
    provider: &dyn Provider,
    cx: &CallContext,
    request: Arc<ModelRequest>,
    limits: CallLimits,
    on_text: impl Fn(&str),
) -> Result<ModelResponse, ProviderError> {
    let timer = &cx.timer;
    let begun = timer.instant();
    let timed_out = |what: &str, limit: Duration| {
        let message = format!("no {what} within {} s", limit.as_secs_f64());
        // The last failed attempt explains what the time was spent on.
        let message = match cx.attempts.failed().last() {
            Some(failed) => format!("{message}; the last attempt failed: {}", failed.message),
            None => message,
        };
        ProviderError::new(ErrorKind::Timeout, cx.participant.provider_id.as_str(), message)
            .with(|facts| facts.model = Some(cx.model().clone()))
    };
    let mut accumulator = Accumulator::new(cx);
    let mut repetition = RepetitionDetector::default();
    let (mut what, mut limit, mut since) = ("content", limits.first_content, begun);
    let ceiling = begun + limits.ceiling;
    let mut events = {
        let until = ceiling.min(since + limit);
        match select(provider.stream(cx, request), timer.sleep_until(until)).await {
            Either::Left((events, _)) => events?,
            Either::Right(_) if until == ceiling => return Err(timed_out("answer", limits.ceiling)),
            Either::Right(_) => return Err(timed_out(what, limit)),
        }
    };
    loop {
        let until = ceiling.min(since + limit);
        let next = std::pin::pin!(events.next());
        let event = match select(next, timer.sleep_until(until)).await {
            Either::Left((None, _)) => return accumulator.finish(),
            Either::Left((Some(Err(error)), _)) => return Err(accumulator.interrupted(error)),
            Either::Left((Some(Ok(event)), _)) => event,
            Either::Right(_) => {
                let error =
                    if until == ceiling { timed_out("end", limits.ceiling) } else { timed_out(what, limit) };
                return Err(accumulator.interrupted(error));
            }
        };
        // Only content moves the clock on: signs of life alone may come for ever.
        if event.is_content() {
            (what, limit, since) = ("further content", limits.gap, timer.instant());
        }
        let mut loops = false;
        if let StreamEvent::PartDelta { delta: Delta::Text(text), .. } = &event {
            on_text(text);
            loops = repetition.push(text);
        }
        accumulator.push(event)?;
        if loops {
            return cut_off(accumulator, cx);
        }
    }
}

/// An answer that repeats itself without end, as an answer that was cut off at that point: what it says before counts.
fn cut_off(accumulator: Accumulator, cx: &CallContext) -> Result<ModelResponse, ProviderError> {
    let message = "it repeated itself without end and was cut off";
    let error = ProviderError::new(ErrorKind::Decode, cx.participant.provider_id.as_str(), message);
    let error = accumulator.interrupted(error);
    let Some(partial) = &error.partial else { return Err(error) };
    let mut partial = ModelResponse::clone(partial);
    partial.stop_reason = StopReason::MaxTokens;
    partial.warnings.push(Warning::new("answer", message));
    Ok(partial)
}
