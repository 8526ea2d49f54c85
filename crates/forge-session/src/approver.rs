//! A person in the loop, asked after each cycle.

use std::fmt;

use async_trait::async_trait;

use crate::{decision::Decision, state::State};

/// Decides after each cycle of an interactive session.
#[async_trait]
pub trait Approver: fmt::Debug + Send + Sync + 'static {
    /// Decides what to do after `cycle`. The session waits meanwhile; calls in flight continue, and the
    /// running time of the session goes on.
    ///
    /// After a kill it is asked again about a cycle whose decision is not in the journal. The future is
    /// dropped when the session ends without it.
    async fn decide(&self, cycle: u32, state: &State) -> Decision;
}
