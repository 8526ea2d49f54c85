//! A worker as text and as JSON.

use forge_worker::{Observation, WorkerHandle};
use serde_json::{Value, json};

/// A worker and what it does.
pub(super) fn worker(handle: &WorkerHandle, seen: &Observation) -> Value {
    let status = seen.state.status();
    json!({
        "worker": handle.id.as_str(),
        "status": status.as_str(),
        "healthy": status.is_healthy(),
        "state": seen.state.as_str(),
        "source": seen.source.as_str(),
        "since": seen.since.to_rfc3339(),
        "evidence": seen.evidence,
        "session_name": handle.session,
        "agent": handle.agent,
        "model": handle.model,
        "tier": handle.tier.as_str(),
        "workspace": handle.workspace.display().to_string(),
        "bead": handle.bead,
        "pid": seen.pid,
        "started_at": handle.started_at.to_rfc3339(),
        "restarts": handle.restarts,
    })
}
