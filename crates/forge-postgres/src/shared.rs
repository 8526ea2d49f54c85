//! What the store and its tasks have in common.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64},
};

use deadpool_postgres::{Object, Pool};
use forge_core::storage::{Changes, StorageErrorKind};

use crate::{connect::Connector, error::Failure, options::PostgresOptions};

/// What the store and its tasks have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: PostgresOptions,
    pub(crate) connector: Connector,
    pub(crate) pool: Pool,
    /// The number of this store among those that reserve.
    pub(crate) process: i64,
    /// How many reservations it has asked for.
    pub(crate) reserved: AtomicI64,
    pub(crate) changes: Changes,
    /// Whether something listens for appends of other stores.
    pub(crate) listens: AtomicBool,
}

impl Shared {
    pub(crate) async fn client(&self) -> Result<Object, Failure> {
        Ok(self.pool.get().await?)
    }

    pub(crate) fn now(&self) -> i64 {
        self.options.clock.now().timestamp_millis()
    }
}

/// A question on a connection of the pool. A server that says nothing must not hold a call for ever.
pub(crate) async fn limited<T, F: Future<Output = Result<T, Failure>>>(
    shared: Arc<Shared>,
    work: impl FnOnce(Arc<Shared>, Object) -> F,
) -> Result<T, Failure> {
    let limit = shared.options.timeout;
    let work = async {
        let client = shared.client().await?;
        work(Arc::clone(&shared), client).await
    };
    let late = || Failure::new(StorageErrorKind::Busy, "the database did not answer in time");
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
}
