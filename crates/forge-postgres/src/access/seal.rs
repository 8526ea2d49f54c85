//! The secrets under which servers seal what their clients carry for vendors.

use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use forge_core::storage::{
    StorageError, StorageErrorKind,
    access::{SealSecret, SealSecrets, SealStore},
};
use tokio_postgres::Row;

use super::log;
use crate::{error::Failure, shared::Shared, store::PostgresStore, time};

/// The secrets in a row of both; `None` where there is none yet.
fn secrets(row: &Row) -> Result<Option<SealSecrets>, Failure> {
    let secret = |at| {
        let bytes = row.get::<_, Option<&[u8]>>(at).map(<[u8; 32]>::try_from).transpose();
        let damaged = |error| Failure::new(StorageErrorKind::Damaged, error);
        Ok::<_, Failure>(bytes.map_err(damaged)?.map(SealSecret::new))
    };
    let (current, before) = (secret(0)?, secret(1)?);
    Ok(current.map(|current| {
        before.map_or(SealSecrets::new(current), |before| SealSecrets::new(before).rotated(current))
    }))
}

const FIND: &str = "SELECT seal, seal_before FROM access";

async fn keep(transaction: &Transaction<'_>, secrets: &SealSecrets) -> Result<(), Failure> {
    let previous = secrets.previous.as_ref().map(|secret| &secret.bytes()[..]);
    let update = "UPDATE access SET seal = $1, seal_before = $2";
    transaction.execute(update, &[&&secrets.current.bytes()[..], &previous]).await?;
    Ok(())
}

#[async_trait]
impl SealStore for PostgresStore {
    async fn seal_secrets(&self, first: SealSecret) -> Result<SealSecrets, StorageError> {
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            if let Some(known) = secrets(&client.query_one(FIND, &[]).await?)? {
                return Ok(known);
            }
            let transaction = client.transaction().await?;
            // Of many who bring one at once, the first one to lock the row keeps its own.
            let row = transaction.query_one(&format!("{FIND} FOR UPDATE"), &[]).await?;
            let made = match secrets(&row)? {
                Some(known) => known,
                None => {
                    let made = SealSecrets::new(first);
                    keep(&transaction, &made).await?;
                    made
                }
            };
            transaction.commit().await?;
            Ok(made)
        };
        self.ask("read the secrets of seals", work).await
    }

    async fn rotate_seal(&self, next: SealSecret, by: &str) -> Result<(), StorageError> {
        let by = by.to_owned();
        let work = move |shared: Arc<Shared>, mut client: Object| async move {
            let transaction = client.transaction().await?;
            let known = secrets(&transaction.query_one(&format!("{FIND} FOR UPDATE"), &[]).await?)?;
            keep(&transaction, &known.map_or(SealSecrets::new(next), |known| known.rotated(next))).await?;
            log(&transaction, &SealSecrets::rotation(time(shared.now()), &by)).await?;
            Ok(transaction.commit().await?)
        };
        self.ask("rotate the secrets of seals", work).await
    }
}
