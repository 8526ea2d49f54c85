//! Calls that are under way in the background, and what stops them.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use forge_core::{ErrorKind, ProviderError, StreamEvent, stream::StreamObserver};
use tokio::sync::{Notify, watch};

use crate::reply_body::Call;

/// Why a call is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its client wants it no more.
    Cancelled,
    /// The server ends.
    ServerEnds,
}

impl Why {
    fn error(self) -> ProviderError {
        match self {
            Self::Cancelled => {
                ProviderError::new(ErrorKind::Cancelled, "gateway", "the response was cancelled")
            }
            Self::ServerEnds => ProviderError::new(
                ErrorKind::Server,
                "gateway",
                "the server ended before this response did; its call is not made again",
            ),
        }
    }
}

/// The calls of this server.
#[derive(Debug, Default)]
pub(super) struct Running {
    calls: Mutex<HashMap<Arc<str>, watch::Sender<Option<Why>>>>,
    ended: Notify,
}

impl Running {
    fn calls(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Sender<Option<Why>>>> {
        // An entry is whole before it is in, and so is a lock that a panic has poisoned.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call, which counts as under way until it is [removed](Self::remove).
    pub(super) fn add(&self, id: &Arc<str>) -> Stop {
        let (stop, stopped) = watch::channel(None);
        self.calls().insert(Arc::clone(id), stop);
        Stop(stopped)
    }

    pub(super) fn remove(&self, id: &str) {
        self.calls().remove(id);
        self.ended.notify_waiters();
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.calls().contains_key(id)
    }

    pub(super) fn ids(&self) -> Vec<Arc<str>> {
        self.calls().keys().cloned().collect()
    }

    /// Stops a call, if it is one of these. What was said first holds.
    pub(super) fn stop(&self, id: &str, why: Why) {
        if let Some(stop) = self.calls().get(id) {
            stop.send_if_modified(|said| said.is_none().then(|| *said = Some(why)).is_some());
        }
    }

    /// Waits until a call is over, and what became of it is kept.
    pub(super) async fn over(&self, id: &str) {
        self.until(|calls| !calls.contains_key(id)).await;
    }

    /// Waits until no call is left.
    pub(super) async fn idle(&self) {
        self.until(HashMap::is_empty).await;
    }

    async fn until(&self, holds: impl Fn(&HashMap<Arc<str>, watch::Sender<Option<Why>>>) -> bool) {
        loop {
            // Before the look: what ends after it is not missed.
            let ended = self.ended.notified();
            if holds(&self.calls()) {
                return;
            }
            ended.await;
        }
    }
}

/// Stops one call.
#[derive(Debug)]
pub(super) struct Stop(watch::Receiver<Option<Why>>);

impl Stop {
    /// The call, which ends when it is stopped.
    pub(super) fn ending(self, call: Call) -> Call {
        Box::pin(async move {
            let mut stopped: Stopped = Box::pin(self.stopped());
            tokio::select! {
                biased;
                why = &mut stopped => Err(why.error()),
                events = call => Ok(events?.observed(Stopping(stopped))),
            }
        })
    }

    async fn stopped(mut self) -> Why {
        match self.0.wait_for(Option::is_some).await.map(|why| *why) {
            Ok(Some(why)) => why,
            // Nobody is left who would stop it.
            _ => std::future::pending().await,
        }
    }
}

type Stopped = Pin<Box<dyn Future<Output = Why> + Send>>;

/// Ends a reply that has begun.
struct Stopping(Stopped);

impl StreamObserver for Stopping {
    fn event(&mut self, _: &StreamEvent) {}

    fn failure(&mut self, _: Option<&mut ProviderError>) {}

    fn pending(&mut self, task: &mut Context<'_>) -> Option<ProviderError> {
        match self.0.as_mut().poll(task) {
            Poll::Ready(why) => Some(why.error()),
            Poll::Pending => None,
        }
    }
}
