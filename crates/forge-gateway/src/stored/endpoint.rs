//! What clients ask of a response that is kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use forge::ingress::{
    RESPONSES,
    stored::{self, ItemPage},
};
use forge_core::{
    ErrorKind, ProviderError,
    request::InvalidBody,
    storage::{StorageError, responses::StoredResponse},
};
use forge_http::ingress::Refusal;
use http::StatusCode;

use super::{Responses, Why};
use crate::reply::{self, Reply, insert};

/// How long a client that cancels waits for the end of the call.
const CANCEL: Duration = Duration::from_secs(10);

/// What a client wants of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The response.
    Get,
    /// The items that it answers.
    InputItems,
    /// That its call ends.
    Cancel,
    /// That it is forgotten.
    Delete,
}

/// Why it is not done.
enum Refused {
    NotFound,
    Wrong(InvalidBody),
    Storage(StorageError),
}

impl From<StorageError> for Refused {
    fn from(failed: StorageError) -> Self {
        Self::Storage(failed)
    }
}

impl From<InvalidBody> for Refused {
    fn from(wrong: InvalidBody) -> Self {
        Self::Wrong(wrong)
    }
}

impl Responses {
    /// Does what `owner`'s client wants of the response `id`.
    pub(crate) async fn answer(&self, owner: &str, id: &str, wish: Wish, query: Option<&str>) -> Reply {
        let done = match wish {
            Wish::Get => self.show(owner, id, query).await,
            Wish::InputItems => self.input_items(owner, id, query).await,
            Wish::Cancel => self.cancel(owner, id).await,
            Wish::Delete => self.delete(owner, id).await,
        };
        match done {
            Ok(body) => reply::body(StatusCode::OK, "application/json", body),
            Err(Refused::NotFound) => not_found(id),
            Err(Refused::Wrong(wrong)) => refusal(&Refusal::Body(&wrong.reason)),
            Err(Refused::Storage(failed)) => unavailable(&failed),
        }
    }

    async fn found(&self, owner: &str, id: &str) -> Result<StoredResponse, Refused> {
        let mut found = self.find(owner, id).await?.ok_or(Refused::NotFound)?;
        if found.under_way_until.is_none() || self.is_under_way(&found) {
            return Ok(found);
        }
        // Its server is gone. Nobody knows how far its call came, so that it is not made again.
        let lost: Arc<str> = stored::lost(&found.response).into();
        if self.store.end_response(owner, id, Arc::clone(&lost)).await? {
            (found.response, found.under_way_until) = (lost, None);
            return Ok(found);
        }
        self.find(owner, id).await?.ok_or(Refused::NotFound)
    }

    async fn show(&self, owner: &str, id: &str, query: Option<&str>) -> Result<Bytes, Refused> {
        let found = self.found(owner, id).await?;
        if stored::asks_for_events(query) {
            let reason = "Unsupported parameter: `stream`: the events of a response are told once; ask for the response itself";
            return Err(InvalidBody::new(reason).into());
        }
        Ok(object(&found.response))
    }

    async fn input_items(&self, owner: &str, id: &str, query: Option<&str>) -> Result<Bytes, Refused> {
        let found = self.find(owner, id).await?.ok_or(Refused::NotFound)?;
        Ok(ItemPage::read(query)?.of(&found.input, id)?.into())
    }

    async fn cancel(&self, owner: &str, id: &str) -> Result<Bytes, Refused> {
        let found = self.found(owner, id).await?;
        if !stored::is_background(&found.response) {
            return Err(InvalidBody::new("only a response in the background can be cancelled").into());
        }
        if found.under_way_until.is_some() {
            self.running.stop(id, Why::Cancelled);
            // A call that does not end in time does so later; its response is cancelled now.
            let _ = tokio::time::timeout(CANCEL, self.running.over(id)).await;
            // One of another server ends there as soon as that finds its response ended.
            self.store.end_response(owner, id, stored::cancelled(&found.response).into()).await?;
        }
        Ok(object(&self.found(owner, id).await?.response))
    }

    async fn delete(&self, owner: &str, id: &str) -> Result<Bytes, Refused> {
        self.find(owner, id).await?.ok_or(Refused::NotFound)?;
        self.store.delete_response(owner, id).await?;
        self.running.stop(id, Why::Cancelled);
        Ok(stored::deleted(id).into())
    }
}

/// The refusal of a client that asks for a response that is not there.
pub(crate) fn not_found(id: &str) -> Reply {
    let (status, body) = stored::not_found(id);
    reply::body(StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND), "application/json", body)
}

/// The refusal while what is kept cannot be read or written.
pub(crate) fn unavailable(failed: &StorageError) -> Reply {
    tracing::warn!(error = %failed, "a client was refused because the responses that are kept cannot be used");
    let message = "the responses that are kept here cannot be used now";
    let mut reply = refusal(&Refusal::Failed(&ProviderError::new(ErrorKind::Overloaded, "gateway", message)));
    insert(&mut reply, "retry-after", "1");
    reply
}

fn refusal(refusal: &Refusal<'_>) -> Reply {
    let (status, body) = (RESPONSES.refuse)(refusal);
    reply::body(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), "application/json", body)
}

fn object(response: &Arc<str>) -> Bytes {
    Bytes::copy_from_slice(response.as_bytes())
}
