//! Everything that Forge keeps, in a PostgreSQL that any number of processes share.
//!
//! A [`PostgresStore`] is each of the doors in [`forge_core::storage`], held by the same contract as the SQLite file of one machine
//! (`forge_testkit::store_contract!`).
//!
//! - **Journals** check their writer's fence and the number of entries in the statement that appends. Watches are woken by `NOTIFY`,
//!   and look five times a second all the same.
//! - **Budgets**: a reservation is one statement over all of its caps, which locks their rows in one order. A process says every few seconds that it
//!   is alive, by the server's clock; what a dead one had set aside is free after [`PostgresOptions::reservation_ttl`].
//! - **Accounts** never wait and never fail: records go into a bounded queue, one task writes what is there. While the database is
//!   away they wait in memory; beyond [`PostgresOptions::queue`] they are lost, and counted.
//!
//! ```no_run
//! use std::sync::Arc;
//! use forge_core::storage::{budget::BudgetStore, journal::Journal};
//! use forge_postgres::{PostgresOptions, PostgresStore};
//!
//! # async fn demo() -> Result<(), forge_postgres::PostgresError> {
//! let store = Arc::new(PostgresStore::connect(PostgresOptions::new("postgres://forge@localhost/forge")).await?);
//! let (journal, budgets): (Arc<dyn Journal>, Arc<dyn BudgetStore>) = (store.clone(), store);
//! # Ok(())
//! # }
//! ```

mod access;
mod accounts;
mod budget;
mod connect;
mod cooldown;
mod error;
mod journal;
mod options;
mod process;
mod prompts;
mod queue;
mod records;
mod responses;
mod schema;
mod shared;
mod store;
mod text;
mod watch;

use chrono::{DateTime, Utc};

pub use error::PostgresError;
pub use options::PostgresOptions;
pub use schema::{Migration, SchemaStatus};
pub use store::PostgresStore;

/// A time as it is kept, in milliseconds since 1970.
fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
