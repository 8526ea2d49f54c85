//! Records are taken at once and written soon.

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    accounts::{UsageRecord, UsageSink},
};

use crate::store::PostgresStore;

#[async_trait]
impl UsageSink for PostgresStore {
    fn record(&self, record: UsageRecord) {
        self.records.record(record);
    }

    async fn flush(&self) -> Result<(), StorageError> {
        self.records.flush().await
    }
}

impl PostgresStore {
    /// Usage records that are not written yet, because the database is away or they came just now.
    pub fn waiting_records(&self) -> usize {
        self.records.waiting()
    }

    /// Usage records that were lost: more waited for the database than may.
    pub fn lost_records(&self) -> u64 {
        self.records.lost()
    }
}
