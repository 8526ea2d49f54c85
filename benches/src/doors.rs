//! Works at the doors to storage, whoever stands behind them.

use std::{error::Error, time::Duration};

use forge_core::{
    Money,
    storage::{
        budget::{Amount, BudgetCap, BudgetStore, Holder},
        journal::{Batch, Claim, Journal, StreamName},
    },
};
use serde_json::json;

/// So many reservations that stay open, and then others that come and go one after the other.
///
/// # Errors
/// Those of the store.
pub async fn reserve(store: &dyn BudgetStore, open: u64, times: u64) -> Result<(), Box<dyn Error>> {
    let caps = ["day:2026-11-21", "session:s-1"].map(|key| BudgetCap::new(key).with_tokens(u64::MAX / 4));
    let (amount, holder) = (Amount::new(Money::from_nanos(7), 11), Holder::new("s-1"));
    // One after the other: how many of them would share a commit differs from run to run.
    for _ in 0..open {
        store.reserve(&caps, amount, Some(&holder)).await?;
    }
    for _ in 0..times {
        let reservation = store.reserve(&caps, amount, Some(&holder)).await?;
        store.settle(reservation, amount);
    }
    Ok(())
}

/// A stream with so many entries, each with a summary, and then all of them read.
///
/// # Errors
/// Those of the journal.
///
/// # Panics
/// If an entry is missing.
pub async fn journal(journal: &dyn Journal, entries: u64) -> Result<(), Box<dyn Error>> {
    let stream = StreamName::new("s")?;
    let fence = journal.claim(&stream, &Claim::new("bench", Duration::from_secs(600))).await?;
    for at in 0..entries {
        let batch = Batch::new(at, vec![vec![b'x'; 2_000]]).with_summary(json!({"step": at}));
        journal.append(&stream, fence, batch).await?;
    }
    let found = journal.read(&stream, 0).await?;
    assert_eq!(found.len() as u64, entries);
    Ok(())
}
