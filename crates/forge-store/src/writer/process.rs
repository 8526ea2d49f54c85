//! The process as the holder of reservations.

use std::time::Duration;

use super::Writer;
use crate::{
    error::StoreError,
    lease::{self, Dues},
};

/// The identity of a process that reserves. Its reservations count while it renews its name, and for a time
/// after that.
#[derive(Debug)]
pub(crate) struct Process {
    id: i64,
    open: u64,
    renewed: i64,
}

impl Process {
    pub(crate) fn new() -> Self {
        // A random number, not the process id: reservations outlive the process, and the system reuses its id.
        Self { id: fastrand::i64(1..), open: 0, renewed: 0 }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Whether it has reserved nothing yet.
    pub(crate) fn is_new(&self) -> bool {
        self.renewed == 0
    }

    /// One more reservation is open; making it has renewed the name.
    pub(crate) fn reserved(&mut self, now: i64) {
        self.open += 1;
        self.renewed(now);
    }

    pub(crate) fn renewed(&mut self, now: i64) {
        self.renewed = now;
    }

    /// This many reservations of the process have ended.
    pub(crate) fn closed(&mut self, count: u64) {
        // A reservation that `settle_holder` has closed may be settled once more by its call.
        self.open = self.open.saturating_sub(count);
    }

    pub(super) fn holds(&self) -> bool {
        self.open > 0
    }

    /// Keeps the reservations of this process alive.
    pub(crate) fn renew(writer: &mut Writer) {
        let (now, ttl) = times(writer);
        let leases = writer.shared.leases.clone();
        let holds = writer.process.holds() || !leases.is_empty();
        // A clock that was set back this far counts like one that went on: either way the name is renewed.
        if !holds || now.saturating_sub(writer.process.renewed).abs() < renewal(ttl) {
            return;
        }
        let id = writer.process.id;
        // There is time for one that fails: the next is due before the claim lapses.
        if let Ok(Ok(dues)) =
            writer.durable(|conn| lease::wake(conn, &leases, id, now, ttl).map(Ok::<_, StoreError>))
        {
            dues.into_iter().for_each(Dues::keep);
            leases.renewed(now, ttl);
        }
        writer.process.renewed = now;
    }
}

/// How often a process renews its name, in milliseconds.
const fn renewal(ttl: i64) -> i64 {
    ttl / 3
}

pub(crate) fn times(writer: &Writer) -> (i64, i64) {
    let options = &writer.shared.options;
    let ttl = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    (options.clock.now().timestamp_millis(), ttl(options.reservation_ttl))
}
