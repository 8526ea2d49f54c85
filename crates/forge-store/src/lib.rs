//! One SQLite file that accounts for every call, and survives.
//!
//! A [`Store`] is the [`UsageSink`](forge_core::storage::accounts::UsageSink), the [`Journal`](forge_core::storage::journal::Journal), the
//! [`BudgetStore`](forge_core::storage::budget::BudgetStore), and the [`AccessStore`](forge_core::storage::access::AccessStore)
//! with its [`AuditLog`](forge_core::storage::access::AuditLog) and [`SealStore`](forge_core::storage::access::SealStore), and the
//! [`ResponseStore`](forge_core::storage::responses::ResponseStore) of a process. Several processes may use one file at once.
//!
//! - **Accounts** never wait and never fail: a record goes into a bounded queue, one thread commits what is
//!   there. While the file cannot be written, records go to a spool of JSON lines beside it, and from there
//!   into the file when it can be written again. A commit survives the end of the process; the last ones
//!   before a power failure may be lost, whole.
//! - **Journals and reservations** are on disk when the call returns, and fail loudly. The end of a reservation is
//!   committed soon after the call: a power failure may leave the reservation open. Where much of a budget is left, a part
//!   of it is reserved for several calls at once; such a call is settled by the store that reserved it.
//! - **Keys** of a server's clients change together with their log, and are on disk when the call returns. They are read on
//!   connections of their own, so that a file which cannot be written still tells them.
//! - **Responses** that a server keeps for its clients are on disk when the call returns.
//! - **Questions** are answered from sums per hour and day where the [`Filter`] allows it, on connections of
//!   their own. They block, so that asynchronous code asks them on a blocking thread.
//!
//! ```
//! use forge_store::{Filter, GroupBy, Store, StoreOptions};
//!
//! # fn demo(path: &std::path::Path) -> Result<(), forge_store::StoreError> {
//! let store = Store::open(StoreOptions::new(path))?;
//! for row in store.summary(&Filter::default(), &[GroupBy::Provider])? {
//!     println!("{:?}: {} calls, {}", row.key.provider, row.figures.calls, row.figures.cost);
//! }
//! # Ok(())
//! # }
//! ```

mod access;
mod accounts;
mod audit;
mod backup;
mod budget;
mod cell;
mod codes;
mod cooldown;
mod error;
pub mod export;
mod files;
mod filter;
mod forget;
mod glance;
mod histogram;
mod journal;
mod jsonl;
mod lease;
mod ledger;
mod maintain;
mod mcp;
mod names;
mod options;
pub mod prometheus;
mod prompt_report;
mod prompts;
mod queue;
mod reserved;
mod responses;
mod row;
mod schema;
mod seal;
mod settings;
mod spool;
mod sql;
mod status;
mod store;
mod summary;
mod sync;
mod tasks;
mod views;
mod writer;

pub use backup::restore;
pub use error::StoreError;
pub use export::Attempt;
pub use forge_core::storage::accounts::{
    Bucket, Figures, Filter, GroupBy, Key, SummaryRow, Timing, Tokens, TrendPoint,
};
pub use forget::Forgotten;
pub use glance::{Glances, glance, glance_names};
pub use jsonl::JsonlJournal;
pub use maintain::{Pruned, Repriced};
pub use mcp::{McpConnection, McpRequest};
pub use options::StoreOptions;
pub use prompt_report::{PromptFigures, PromptGroup};
pub use settings::{AgentEntry, HookEntry};
pub use sql::SqlPart;
pub use status::{StoreState, StoreStatus};
pub use store::Store;
pub use tasks::TaskEntry;
pub use views::VIEWS;
