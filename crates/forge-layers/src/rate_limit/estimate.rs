//! What a call takes out of the buckets, guessed before it is sent.

use forge_core::{ModelRequest, request::RequestSize};

/// Adapters ask for at most this much where a vendor insists on a number and the request has none.
const UNSTATED_OUTPUT: u64 = 8_192;

/// Tokens that a call takes out of the buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Need {
    pub(super) fn of(request: &ModelRequest) -> Self {
        let output = request.max_tokens.map_or(UNSTATED_OUTPUT, u64::from);
        Self { input: RequestSize::of(request).expected_input(), output }
    }
}
