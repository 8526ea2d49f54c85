//! What a session tells its client.

use crate::{ProviderError, session::SessionResult};

/// News of a session.
#[derive(Debug)]
pub(super) enum Told {
    /// A line about how it goes.
    Line(String),
    /// It is over, or waits for somebody else's money.
    End(Box<Result<SessionResult, ProviderError>>),
}
