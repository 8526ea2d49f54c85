//! The place of those who attend a session that a server runs: they decide by its controls, from wherever they are.

use std::{sync::Arc, time::Duration};

use crate::{
    async_trait,
    session::{Approver, Decision, State},
    time::Timer,
};

/// Lets the rules decide once nobody has done so for a while.
#[derive(Debug)]
pub(super) struct Patience {
    pub(super) timer: Arc<dyn Timer>,
    pub(super) within: Duration,
}

#[async_trait]
impl Approver for Patience {
    async fn decide(&self, _: u32, _: &State) -> Decision {
        match self.timer.instant().checked_add(self.within) {
            Some(until) => self.timer.sleep_until(until).await,
            None => std::future::pending().await,
        }
        Decision::Continue
    }
}
