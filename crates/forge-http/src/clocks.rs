//! The deadlines of a call.

use std::time::Duration;

use forge_core::{CallContext, provider::Timeouts, request::Delivery};
use tokio::time::Instant;

/// A longer wait means the same; `Duration::MAX` added to a time overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The clocks of one call, running.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    pub(crate) begun: Instant,
    pub(crate) first_event: Duration,
    pub(crate) gap: Duration,
    pub(crate) deadline: Instant,
}

impl Clocks {
    pub(crate) fn of_call(cx: &CallContext, timeouts: &Timeouts, delivery: Delivery) -> Self {
        let begun = Instant::now();
        let total = begun + timeouts.total.min(LONGEST);
        let deadline = cx.deadline.map_or(total, |deadline| total.min(deadline.into()));
        let first_event = match delivery {
            Delivery::Stream => timeouts.first_event.min(LONGEST),
            // A reply in one piece may be silent until it is complete.
            Delivery::Whole => deadline - begun,
        };
        Self { begun, first_event, gap: timeouts.gap.min(LONGEST), deadline }
    }

    pub(crate) fn within(patience: Duration) -> Self {
        let begun = Instant::now();
        Self { begun, first_event: patience, gap: patience, deadline: begun + patience }
    }

    /// By when the head of the reply must be here.
    pub(crate) fn head_by(&self) -> Instant {
        self.deadline.min(self.begun + self.first_event)
    }

    pub(crate) fn describe_silence(&self) -> String {
        describe_timeout("the reply did not begin", self.head_by() - self.begun)
    }
}

pub(crate) fn describe_timeout(what: &str, patience: Duration) -> String {
    format!("{what} within {:.1} s", patience.as_secs_f64())
}
