//! How much a server takes upon itself at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use forge::config::ServePlan;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics;

/// Bytes of bodies are counted in blocks, as there may be more of them than a semaphore counts.
const BLOCK: usize = 4 * 1024;

/// What is free of the limits of the whole server.
#[derive(Debug)]
pub(crate) struct Capacity {
    connections: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    /// As it was at the beginning, for the figures.
    limits: (usize, usize),
    draining: AtomicBool,
}

impl Capacity {
    pub(crate) fn new(plan: &ServePlan) -> Self {
        let semaphore = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            connections: semaphore(plan.connections),
            calls: semaphore(plan.in_flight),
            bodies: semaphore(plan.all_body_bytes / BLOCK),
            limits: (plan.connections, plan.in_flight),
            draining: AtomicBool::new(false),
        }
    }

    /// Waits for a place for one more connection.
    pub(crate) async fn connection(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.connections).acquire_owned().await.ok()
    }

    /// A place for one more call; `None` if there are as many as there may be.
    pub(crate) fn call(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.calls).try_acquire_owned().ok()
    }

    /// Room for so many more bytes of a body; `None` if too many others are being read.
    pub(crate) fn body(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let blocks = u32::try_from(bytes.div_ceil(BLOCK)).ok()?;
        Arc::clone(&self.bodies).try_acquire_many_owned(blocks).ok()
    }

    /// From now on the server says that it takes no more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The figures of the server itself, in the text format of Prometheus.
    pub(crate) fn figures(&self) -> String {
        let gauge = |name, help, value: usize| metrics::one(name, "gauge", help, value as u64);
        let (connections, calls) = self.limits;
        let used = |limit: usize, free: &Semaphore| limit.saturating_sub(free.available_permits());
        let (connected, under_way) = (used(connections, &self.connections), used(calls, &self.calls));
        gauge("forge_gateway_connections", "Connections of clients.", connected)
            + &gauge("forge_gateway_calls", "Calls under way.", under_way)
            + &gauge("forge_gateway_connections_limit", "Connections that there may be.", connections)
            + &gauge("forge_gateway_calls_limit", "Calls that may be under way.", calls)
    }
}
