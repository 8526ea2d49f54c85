//! Where the file is and how it is used.

use std::{path::PathBuf, sync::Arc, time::Duration};

use forge_core::time::{Clock, SystemTimer};

/// Where the file is and how it is used.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file. Its directory is made if need be; the spool is a directory beside it.
    pub path: PathBuf,
    /// The clock of leases and reservations.
    pub clock: Arc<dyn Clock>,
    /// The version of the prices that records are priced by, kept with each of them.
    pub price_version: Option<String>,
    /// Records that wait to be written at most; more go to the spool.
    pub queue: usize,
    /// How long another process may hold the file before it counts as locked.
    pub busy_timeout: Duration,
    /// How long a file that could not be written is left alone.
    pub retry: Duration,
    /// How long the reservations of a process outlive it.
    pub reservation_ttl: Duration,
    /// The size that the file may not exceed, in bytes.
    pub max_bytes: Option<u64>,
}

impl StoreOptions {
    /// The file at `path`, the system's clock, 8,192 records, 5 s, 1 s, 10 min, and no limit.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: SystemTimer::shared(),
            price_version: None,
            queue: 8_192,
            busy_timeout: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            reservation_ttl: Duration::from_secs(600),
            max_bytes: None,
        }
    }
}
