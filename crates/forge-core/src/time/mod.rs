//! Time comes in through a [`Clock`], so that state machines can be tested without waiting.

mod manual;
mod system;

use std::{fmt, future::Future, pin::Pin, time::Instant};

use chrono::{DateTime, Utc};

pub use manual::ManualTimer;
pub use system::SystemTimer;

/// A source of wall-clock and monotonic time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, for timestamps. It may jump.
    fn now(&self) -> DateTime<Utc>;
    /// The monotonic clock, for durations and deadlines.
    fn instant(&self) -> Instant;
}

/// A clock that can also wait for a time.
pub trait Timer: Clock {
    /// Ends once [`Clock::instant`] has reached `at`.
    fn sleep_until(&self, at: Instant) -> Wait;
}

/// A wait under way.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;
