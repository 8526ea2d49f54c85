//! What becomes of a response that a server keeps.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// A response at its end, as its client gets it. It is there once its reply was written.
#[derive(Debug, Clone, Default)]
pub struct FinalResponse(Arc<Mutex<Option<String>>>);

impl FinalResponse {
    /// Takes the object out; `None` while the response has not ended.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn set(&self, response: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    }
}

/// What the reply to a request that stores repeats of it, and where it goes at its end.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) previous: Option<String>,
    pub(super) is_background: bool,
    pub(super) metadata: Option<Value>,
    pub(super) last: FinalResponse,
}
