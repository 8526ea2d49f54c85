//! Responses that are kept for clients, which come back for them, or go on from them, by their ids.
//!
//! A conversation is kept in links: each response with what its client sent with it, and the id of the one before. Whoever
//! goes on from one gets the whole conversation in front of what it sends, so that any model can answer.

mod endpoint;
mod keeping;
mod running;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use forge::ingress::stored::{self, StoringRequest};
use forge_core::{
    request::InvalidBody,
    storage::{
        StorageError,
        responses::{ResponseStore, StoredResponse},
    },
    time::Timer,
};
use forge_http::ingress::{Incoming, ReplyHead};
use serde_json::Value;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{MissedTickBehavior, interval},
};

use self::running::{Running, Why};
pub(crate) use self::{
    endpoint::{Wish, not_found, unavailable},
    keeping::Keeping,
};
use crate::capacity::Capacity;

/// Responses in one conversation at most.
const LINKS: usize = 200;
/// How long a call in the background counts as under way after its server was last heard of, and how often it is.
const LEASE: Duration = Duration::from_secs(15);
const RENEWAL: Duration = Duration::from_secs(5);
/// How often what has expired is looked for.
const SWEEP: Duration = Duration::from_secs(3_600);
/// How long those that are stopped have to be written down.
const LAST: Duration = Duration::from_secs(2);

/// Keeps responses.
#[derive(Debug)]
pub(crate) struct Responses {
    store: Arc<dyn ResponseStore>,
    timer: Arc<dyn Timer>,
    running: Running,
}

/// Why a request is not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    Body(InvalidBody),
    /// So much of others is in memory that there is no room for its conversation.
    Crowded,
    Storage(StorageError),
}

impl From<InvalidBody> for NotTaken {
    fn from(wrong: InvalidBody) -> Self {
        Self::Body(wrong)
    }
}

impl From<StorageError> for NotTaken {
    fn from(failed: StorageError) -> Self {
        Self::Storage(failed)
    }
}

/// On whose behalf something is kept, and how.
#[derive(Debug, Clone)]
pub(crate) struct Terms<'a> {
    pub(crate) owner: &'a Arc<str>,
    /// How long.
    pub(crate) keep: Duration,
    /// The most bytes of a conversation.
    pub(crate) bytes: usize,
    pub(crate) capacity: &'a Capacity,
}

impl Responses {
    pub(crate) fn new(store: Arc<dyn ResponseStore>, timer: Arc<dyn Timer>) -> Self {
        Self { store, timer, running: Running::default() }
    }

    /// Reads a request, with the conversation that it goes on from, and what is to be kept of it; `None` where it has nothing
    /// to do with what is kept.
    pub(crate) async fn take(
        self: &Arc<Self>,
        body: &[u8],
        head: &ReplyHead,
        terms: Terms<'_>,
    ) -> Result<Option<(Incoming, Option<Keeping>)>, NotTaken> {
        let mut asked = StoringRequest::read(body)?;
        let refers = self.resolve(&mut asked, &terms).await?;
        let (before, _room) = match asked.previous() {
            Some(id) => self.conversation(id, &terms).await?,
            None if !asked.stores() && !refers => return Ok(None),
            None => (Vec::new(), None),
        };
        let (stores, is_background) = (asked.stores(), asked.is_background());
        let previous = asked.previous().map(Arc::from);
        let input = if stores { asked.input() } else { String::new() };
        let stored = asked.into_incoming(before, head)?;
        let keep = TimeDelta::from_std(terms.keep).unwrap_or(TimeDelta::MAX);
        // A time beyond all calendars never comes.
        let expires = head.created.checked_add_signed(keep).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let times = [head.created, expires];
        let mut row = StoredResponse::new(stored.id, Arc::clone(terms.owner), times, input, stored.begun);
        row.previous = previous;
        let keeping = stores.then(|| Keeping::new(Arc::clone(self), row, stored.last, is_background));
        Ok(Some((stored.incoming, keeping)))
    }

    /// Puts the items to which a request refers in their places; whether there are any. What is not here stays a reference, which
    /// is refused.
    async fn resolve(&self, asked: &mut StoringRequest, terms: &Terms<'_>) -> Result<bool, NotTaken> {
        let (referred, mut bytes) = (asked.referred(), 0_usize);
        for id in referred.iter().take(LINKS) {
            let Some(one) = self.find(terms.owner, id).await? else { continue };
            bytes = bytes.saturating_add(one.bytes());
            if bytes > terms.bytes {
                return Err(stored::long_conversation(LINKS, terms.bytes).into());
            }
            asked.resolve(id, &one.input, &one.response);
        }
        Ok(!referred.is_empty())
    }

    /// The items of the conversation whose newest response is `id`, and their part of what may be in memory at once.
    async fn conversation(
        &self,
        id: &str,
        terms: &Terms<'_>,
    ) -> Result<(Vec<Value>, Option<OwnedSemaphorePermit>), NotTaken> {
        // One more than fits, to tell a long conversation from one that ends there.
        let links = self.store.responses(terms.owner, id, LINKS + 1, terms.bytes.saturating_add(1)).await?;
        let (now, count) = (self.timer.now(), links.len());
        let bytes = links.iter().fold(0_usize, |sum, one| sum.saturating_add(one.bytes()));
        if count > LINKS || bytes > terms.bytes {
            return Err(stored::long_conversation(LINKS, terms.bytes).into());
        }
        let room = terms.capacity.body(bytes).ok_or(NotTaken::Crowded)?;
        // One that has expired is as gone as one that is swept.
        let links: Vec<_> = links.into_iter().take_while(|one| one.expires_at > now).collect();
        let Some(first) = links.first() else { return Err(stored::no_previous(id).into()) };
        if self.is_under_way(first) {
            return Err(stored::not_ended(id).into());
        }
        if let Some(missing) = links.last().and_then(|oldest| oldest.previous.as_deref()) {
            return Err(stored::broken_conversation(missing).into());
        }
        let mut items = Vec::new();
        for one in links.iter().rev() {
            items.extend(
                stored::items(&one.input, &one.response).ok_or_else(|| stored::no_previous(&one.id))?,
            );
        }
        Ok((items, Some(room)))
    }

    /// Whether a call is under way, here or at another server that is alive.
    fn is_under_way(&self, response: &StoredResponse) -> bool {
        let until = response.under_way_until;
        until.is_some_and(|until| until > self.timer.now() || self.running.contains(&response.id))
    }

    /// The response, unless it has expired.
    async fn find(&self, owner: &str, id: &str) -> Result<Option<StoredResponse>, StorageError> {
        let found = self.store.responses(owner, id, 1, 1).await?.pop();
        Ok(found.filter(|one| one.expires_at > self.timer.now()))
    }

    /// Tells other servers that the calls of this one are alive, and forgets what has expired, for as long as it is polled.
    pub(crate) async fn watch(&self) {
        let (mut renewals, mut sweeps) = (interval(RENEWAL), interval(SWEEP));
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                _ = renewals.tick() => self.renew().await,
                _ = sweeps.tick() => self.store.sweep_responses(self.timer.now()).await.map(drop),
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the responses that are kept cannot be looked after now");
            }
        }
    }

    async fn renew(&self) -> Result<(), StorageError> {
        let ids = self.running.ids();
        if ids.is_empty() {
            return Ok(());
        }
        let renewed = self.store.renew_responses(&ids, self.timer.now() + LEASE).await?;
        // Somebody has cancelled or deleted them at another server.
        for id in ids.iter().filter(|id| !renewed.contains(id)) {
            self.running.stop(id, Why::Cancelled);
        }
        Ok(())
    }

    /// Waits until no call is under way in the background.
    pub(crate) async fn idle(&self) {
        self.running.idle().await;
    }

    /// Ends the calls that are under way in the background, which are told as failed.
    pub(crate) async fn end(&self) {
        self.running.ids().iter().for_each(|id| self.running.stop(id, Why::ServerEnds));
        // Those that are not written down in time are found as lost.
        let _ = tokio::time::timeout(LAST, self.idle()).await;
    }
}
