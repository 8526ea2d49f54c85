//! The time of the system.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use chrono::{DateTime, Utc};

use super::{Clock, Timer, Wait};

/// The operating system's clocks, and tokio's timer. Reading the time needs no runtime; waiting needs a tokio
/// runtime with time enabled, and panics without one.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it holds nothing")]
pub struct SystemTimer;

impl SystemTimer {
    /// The process-wide shared instance.
    pub fn shared() -> Arc<dyn Timer> {
        // One for all calls, since it holds nothing that could differ.
        static SHARED: LazyLock<Arc<SystemTimer>> = LazyLock::new(|| Arc::new(SystemTimer));
        Arc::clone(&*SHARED) as Arc<dyn Timer>
    }
}

impl Clock for SystemTimer {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

impl Timer for SystemTimer {
    fn sleep_until(&self, at: Instant) -> Wait {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}
