//! One call of a tool, while it is under way.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use forge::{CallContext, time::Timer};
use rmcp::{RoleServer, model::ProgressNotificationParam, service::RequestContext};

/// How often a client that wants to know is told that the call goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// On whose behalf a tool is called, and the way back to the client.
pub(crate) struct Call {
    /// The tags and budgets of the caller.
    pub(crate) caller: CallContext,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) request: RequestContext<RoleServer>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited<T> {
    /// With what was waited for.
    Done(T),
    /// The time was over.
    Late,
    /// The client has cancelled the call, or is gone.
    Cancelled,
}

impl Call {
    /// Waits for `work`, at most until `until`, and tells the client every 5 s what is under way, if it asks for that.
    pub(crate) async fn wait<T>(
        &self,
        work: impl Future<Output = T>,
        until: Option<Instant>,
        what: &str,
    ) -> Waited<T> {
        tokio::pin!(work);
        let begun = self.timer.instant();
        let late = async {
            match until {
                Some(until) => self.timer.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(late);
        let mut next = begun;
        loop {
            next += PROGRESS;
            tokio::select! {
                // What is there counts, also in the last moment.
                biased;
                done = &mut work => return Waited::Done(done),
                () = self.request.ct.cancelled() => return Waited::Cancelled,
                () = &mut late => return Waited::Late,
                () = self.timer.sleep_until(next) => self.tell(next.saturating_duration_since(begun), what).await,
            }
        }
    }

    async fn tell(&self, since: Duration, what: &str) {
        let Some(token) = self.request.meta.get_progress_token() else { return };
        let told = ProgressNotificationParam::new(token, since.as_secs_f64()).with_message(what);
        // Whoever has gone is told nothing; the call ends by its own cancellation.
        let _ = self.request.peer.notify_progress(told).await;
    }
}
