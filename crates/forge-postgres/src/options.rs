//! Where the database is and how it is used.

use std::{fmt, sync::Arc, time::Duration};

use forge_core::time::{Clock, SystemTimer};

/// Where the database is and how it is used.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    // It may hold a password, so that nobody gets it back.
    pub(crate) url: String,
    /// Connections at most. One more is kept by whoever watches a stream.
    pub pool: usize,
    /// The schema in which the tables stand: 1 to 63 of `a-z`, `0-9` and `_`, and no digit first.
    pub schema: String,
    /// Whether the schema is brought to the newest form at the start; otherwise an older one is refused.
    pub migrate: bool,
    /// The clock of claims. All nodes have to agree on it.
    pub clock: Arc<dyn Clock>,
    /// How far the clock may be from the server's; `None` does not look.
    pub max_skew: Option<Duration>,
    /// Usage records that wait to be written at most. What comes beyond them is lost, and counted.
    pub queue: usize,
    /// How long the reservations of a process outlive it.
    pub reservation_ttl: Duration,
    /// How long one question to the database may take, the wait for a connection included.
    pub timeout: Duration,
    /// How long what could not be written waits before it is tried again.
    pub retry: Duration,
}

impl PostgresOptions {
    /// The database at `postgres://user:password@host:port/database`; 16 connections, the schema `forge`, which is migrated, the
    /// system's clock within 1 s, 65,536 records, 30 s for reservations and for questions, and 1 s between attempts to write.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool: 16,
            schema: "forge".to_owned(),
            migrate: true,
            clock: SystemTimer::shared(),
            max_skew: Some(Duration::from_secs(1)),
            queue: 65_536,
            reservation_ttl: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retry: Duration::from_secs(1),
        }
    }

    /// The same with at most this many connections.
    pub fn with_pool(mut self, pool: usize) -> Self {
        self.pool = pool;
        self
    }

    /// The same in this schema.
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// The same with this clock, which may be this far from the server's.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>, max_skew: impl Into<Option<Duration>>) -> Self {
        (self.clock, self.max_skew) = (clock, max_skew.into());
        self
    }

    /// The same, which refuses an older schema where it would migrate it.
    pub fn without_migration(mut self) -> Self {
        self.migrate = false;
        self
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, pool, schema, migrate, clock, max_skew, queue, reservation_ttl, timeout, retry } =
            self;
        f.debug_struct("PostgresOptions")
            .field("url", &"..")
            .field("pool", pool)
            .field("schema", schema)
            .field("migrate", migrate)
            .field("clock", clock)
            .field("max_skew", max_skew)
            .field("queue", queue)
            .field("reservation_ttl", reservation_ttl)
            .field("timeout", timeout)
            .field("retry", retry)
            .finish()
    }
}
