//! Steps of scripts, and how calls are driven, for the tests of the layers.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use forge_core::{
    CallContext, ErrorKind, Participant, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
    time::ManualTimer,
};
pub(crate) use forge_testkit::{Script, Step};
use futures_util::FutureExt as _;

/// A script on this timer, whose plot looks at the context alone.
pub(crate) fn scripted(
    timer: &ManualTimer,
    plot: impl Fn(&CallContext) -> Vec<Step> + Send + Sync + 'static,
) -> Arc<Script> {
    Arc::new(Script::new(move |cx, _| plot(cx)).with_timer(timer.clone()))
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn sleep(length: u64) -> Step {
    Step::Wait(seconds(length))
}

pub(crate) fn fail(kind: ErrorKind) -> Step {
    Step::Fail(ProviderError::new(kind, "script", "as told"))
}

pub(crate) fn started() -> Step {
    Step::Event(StreamEvent::from(Started::new(None, Some("served".into()))))
}

pub(crate) fn part(index: u32, kind: PartKind) -> Step {
    Step::Event(StreamEvent::PartStarted { index, kind })
}

pub(crate) fn text(index: u32, text: &str) -> Step {
    Step::Event(StreamEvent::PartDelta { index, delta: Delta::Text(text.into()) })
}

pub(crate) fn ended(index: u32) -> Step {
    Step::Event(StreamEvent::PartEnded { index, opaque: None })
}

pub(crate) fn finished(reason: StopReason) -> Step {
    let usage = TokenCount::default().with_input(100).with_output(10);
    Step::Event(StreamEvent::from(Finished::new(reason).with_usage(usage)))
}

/// A whole reply that says `words`.
pub(crate) fn reply(words: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Open, started(), part(0, PartKind::Text)];
    steps.extend(words.iter().map(|word| text(0, word)));
    steps.extend([ended(0), finished(StopReason::EndTurn)]);
    steps
}

pub(crate) fn context(timer: &ManualTimer) -> CallContext {
    CallContext::with_timer(Participant::claude_sonnet(), Arc::new(timer.clone()))
}

/// Drives `future` to its end; whenever it waits, time moves on to the next wake.
pub(crate) fn run<F: Future>(timer: &ManualTimer, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
        timer.advance(timer.next_wake().expect("a call that waits for time"));
    }
}

/// Drops `call` after its first, second, ... pending poll, until it comes to its end; `check` looks at
/// what is left each time.
pub(crate) fn drop_at_every_poll<F: Future>(
    timer: &ManualTimer,
    mut call: impl FnMut() -> F,
    mut check: impl FnMut(usize),
) {
    for polls in 1.. {
        let mut future = Box::pin(call());
        let done = (0..polls).any(|_| {
            let done = future.as_mut().now_or_never().is_some();
            timer.advance(timer.next_wake().unwrap_or_default());
            done
        });
        drop(future);
        check(polls);
        if done {
            return;
        }
    }
}
