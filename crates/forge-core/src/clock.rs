//! Time comes in through a [`Clock`], so that state machines can be tested without waiting.

use std::{fmt, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};

/// A source of wall-clock and monotonic time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, for timestamps. It may jump.
    fn now(&self) -> DateTime<Utc>;
    /// The monotonic clock, for durations and deadlines.
    fn instant(&self) -> Instant;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it holds nothing")]
pub struct SystemClock;

impl SystemClock {
    /// The process-wide shared instance.
    pub fn shared() -> Arc<dyn Clock> {
        static SHARED: std::sync::LazyLock<Arc<SystemClock>> =
            std::sync::LazyLock::new(|| Arc::new(SystemClock));
        Arc::clone(&*SHARED) as Arc<dyn Clock>
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}
