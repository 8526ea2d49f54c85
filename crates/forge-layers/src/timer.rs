//! Waiting on tokio's clock.

use std::time::Instant;

use chrono::{DateTime, Utc};
use forge_core::{Clock, SystemClock, Timer, Wait};

/// The system's clocks, and tokio's timer. Waiting needs a tokio runtime with time enabled.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer;

impl Clock for TokioTimer {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn instant(&self) -> Instant {
        SystemClock.instant()
    }
}

impl Timer for TokioTimer {
    fn sleep_until(&self, at: Instant) -> Wait {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}
