//! A person in the loop, asked after each cycle.

use std::fmt;

use async_trait::async_trait;

use crate::{decision::Decision, state::State};

/// Decides after each cycle of an attended session.
#[async_trait]
pub trait Approver: fmt::Debug + Send + Sync + 'static {
    /// What to do after `cycle`. The session waits; calls that are still under way go on.
    async fn decide(&self, cycle: u32, state: &State) -> Decision;
}
