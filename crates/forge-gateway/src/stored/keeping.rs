//! One response that is to be kept.

use std::sync::Arc;

use forge::ingress::stored::FinalResponse;
use forge_core::storage::{StorageError, responses::StoredResponse};

use super::{LEASE, Responses};
use crate::reply_body::{Call, Last};

/// A response that is kept once it has ended, and one in the background from its beginning on.
#[derive(Debug)]
pub(crate) struct Keeping {
    responses: Arc<Responses>,
    row: StoredResponse,
    last: FinalResponse,
    is_background: bool,
}

impl Keeping {
    pub(super) fn new(
        responses: Arc<Responses>,
        row: StoredResponse,
        last: FinalResponse,
        is_background: bool,
    ) -> Self {
        Self { responses, row, last, is_background }
    }

    /// Whether the client does not wait for it.
    pub(crate) fn is_background(&self) -> bool {
        self.is_background
    }

    /// The response as it begins.
    pub(crate) fn begun(&self) -> &str {
        &self.row.response
    }

    /// Keeps that it is under way, before anything is sent, and makes the call one that can be cancelled. What is returned
    /// keeps its end.
    pub(crate) async fn begin(mut self, call: Call) -> Result<(Call, Last), StorageError> {
        self.row.under_way_until = Some(self.responses.timer.now() + LEASE);
        self.responses.store.put_response(self.row.clone()).await?;
        let stop = self.responses.running.add(&self.row.id);
        let call = stop.ending(call);
        let under_way = UnderWay(self);
        Ok((call, Box::pin(async move { under_way.end().await })))
    }

    /// Keeps the response as its client gets it.
    pub(crate) async fn end(mut self) {
        let Some(response) = self.last.take() else { return };
        self.row.response = response.into();
        let id = Arc::clone(&self.row.id);
        if let Err(error) = self.responses.store.put_response(self.row).await {
            // Its client has its answer all the same.
            tracing::warn!(%error, %id, "a response is not kept");
        }
    }
}

/// A response in the background. Dropped, its call is over.
struct UnderWay(Keeping);

impl UnderWay {
    async fn end(self) {
        let Keeping { responses, row, last, .. } = &self.0;
        let Some(response) = last.take() else { return };
        // What was cancelled or deleted meanwhile stays so.
        if let Err(error) = responses.store.end_response(&row.owner, &row.id, response.into()).await {
            tracing::warn!(%error, id = %row.id, "a response is not kept, and will be found as failed");
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.responses.running.remove(&self.0.row.id);
    }
}
