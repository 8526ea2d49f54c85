//! Notices of appends that other stores make.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
};

use tokio::time;
use tokio_postgres::AsyncMessage;

use crate::{error::PostgresError, shared::Shared, store::PostgresStore};

/// Listens from now on, on a connection of its own. Only the first watch of a store begins it: most never watch.
pub(crate) fn listen(store: &PostgresStore) {
    if store.shared.listens.swap(true, Ordering::Relaxed) {
        return;
    }
    let shared = Arc::clone(&store.shared);
    store.spawn(async move {
        loop {
            let ended = heed(&shared).await;
            tracing::debug!(?ended, "the connection that listens has ended; watches look by themselves");
            time::sleep(shared.options.retry).await;
        }
    });
}

async fn heed(shared: &Shared) -> Result<(), PostgresError> {
    let (client, mut connection) = shared.connector.open().await?;
    let messages = async {
        // Every schema of the database has the same channel; its name stands in front of the stream's.
        let prefix = format!("{}.", shared.options.schema);
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(&message, AsyncMessage::Notification(one) if one.payload().starts_with(&prefix)) {
                shared.changes.notify();
            }
        }
    };
    let listening = async {
        let listening = client.batch_execute("LISTEN forge_journal").await;
        // What was appended before is seen by whoever looks now.
        shared.changes.notify();
        listening
    };
    // The connection moves only while it is polled, also for the question that begins the listening.
    let ((), _) = tokio::join!(messages, listening);
    Ok(())
}
