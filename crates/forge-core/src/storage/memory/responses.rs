//! Responses in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};

use super::lock;
use crate::storage::{
    StorageError,
    responses::{ResponseStore, StoredResponse},
};

/// A [`ResponseStore`] that ends with the process.
#[derive(Debug, Default)]
pub struct MemoryResponses(Mutex<Vec<StoredResponse>>);

fn is_of(one: &StoredResponse, owner: &str, id: &str) -> bool {
    *one.owner == *owner && *one.id == *id
}

#[async_trait]
impl ResponseStore for MemoryResponses {
    async fn put_response(&self, mut response: StoredResponse) -> Result<(), StorageError> {
        // Every store keeps times to the millisecond, and a program must not come to rely on more.
        let times = [&mut response.created_at, &mut response.expires_at].into_iter();
        times.chain(&mut response.under_way_until).for_each(|time| *time = time.trunc_subsecs(3));
        let mut kept = lock(&self.0);
        kept.retain(|one| !is_of(one, &response.owner, &response.id));
        kept.push(response);
        Ok(())
    }

    async fn end_response(&self, owner: &str, id: &str, response: Arc<str>) -> Result<bool, StorageError> {
        let mut kept = lock(&self.0);
        let mut under_way = kept.iter_mut().filter(|one| one.under_way_until.is_some());
        let Some(found) = under_way.find(|one| is_of(one, owner, id)) else { return Ok(false) };
        (found.under_way_until, found.response) = (None, response);
        Ok(true)
    }

    async fn renew_responses(
        &self,
        ids: &[Arc<str>],
        until: DateTime<Utc>,
    ) -> Result<Vec<Arc<str>>, StorageError> {
        let mut kept = lock(&self.0);
        let under_way = kept.iter_mut().filter(|one| one.under_way_until.is_some() && ids.contains(&one.id));
        Ok(under_way
            .map(|one| {
                one.under_way_until = Some(until.trunc_subsecs(3));
                Arc::clone(&one.id)
            })
            .collect())
    }

    async fn responses(
        &self,
        owner: &str,
        id: &str,
        links: usize,
        bytes: usize,
    ) -> Result<Vec<StoredResponse>, StorageError> {
        let kept = lock(&self.0);
        let (mut found, mut next, mut held) = (Vec::new(), Some(Arc::from(id)), 0_usize);
        while let Some(id) = next.take().filter(|_: &Arc<str>| found.len() < links && held < bytes) {
            if let Some(one) = kept.iter().find(|one| is_of(one, owner, &id)) {
                held = held.saturating_add(one.bytes());
                next.clone_from(&one.previous);
                found.push(one.clone());
            }
        }
        Ok(found)
    }

    async fn delete_response(&self, owner: &str, id: &str) -> Result<bool, StorageError> {
        let mut kept = lock(&self.0);
        let before = kept.len();
        kept.retain(|one| !is_of(one, owner, id));
        Ok(kept.len() < before)
    }

    async fn sweep_responses(&self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        let mut kept = lock(&self.0);
        let before = kept.len();
        kept.retain(|one| one.expires_at > now);
        Ok((before - kept.len()) as u64)
    }
}
