//! Beads as JSON.

use chrono::{DateTime, Utc};
use forge::storage::queue::{LeaseEnding, TaskLease};
use forge_worker::{Bead, ScoredBead, queue::Snapshot};
use serde_json::{Value, json};

pub(super) fn bead(snapshot: &Snapshot, bead: &Bead, now: DateTime<Utc>) -> Value {
    let obstacles: Vec<_> = snapshot.obstacles(bead).iter().map(ToString::to_string).collect();
    let dependencies: Vec<_> =
        bead.dependencies.iter().map(|one| json!({ "on": one.on, "type": one.kind.as_str() })).collect();
    json!({
        "id": bead.id,
        "title": bead.title,
        "type": bead.kind.as_str(),
        "status": bead.status.as_str(),
        "priority": bead.priority,
        "assignee": bead.assignee,
        "labels": bead.labels,
        "created_at": bead.created_at,
        "updated_at": bead.updated_at,
        "dependencies": dependencies,
        "ready": obstacles.is_empty(),
        "obstacles": obstacles,
        "lease": snapshot.lease(&bead.id).map(|one| lease(one, now)),
    })
}

pub(super) fn lease(lease: &TaskLease, now: DateTime<Utc>) -> Value {
    let (ending, detail) = match &lease.ended {
        None => (None, None),
        Some((ending, _)) => (
            Some(ending.as_str()),
            match ending {
                LeaseEnding::Released(text) | LeaseEnding::Closed(text) => Some(&**text),
                LeaseEnding::Forced { reason, .. } => Some(&**reason),
                _ => None,
            },
        ),
    };
    json!({
        "generation": lease.generation,
        "owner": &*lease.owner,
        "holds": lease.holds(now),
        "began_at": lease.began_at,
        "expires_at": lease.expires_at,
        "ended_at": lease.ended.as_ref().map(|(_, at)| at),
        "ending": ending,
        "detail": detail,
    })
}

pub(super) fn score(score: &ScoredBead) -> Value {
    let mut object = json!(score.components);
    object["total"] = score.components.total().into();
    object["explained"] = json!(score.explained);
    object
}

/// What is wrong with the lines of a queue, in sentences.
pub(super) fn notes(snapshot: &Snapshot) -> Vec<String> {
    let twice = snapshot.duplicates().into_iter().map(|one| {
        let lines: Vec<_> = one.lines.iter().map(ToString::to_string).collect();
        format!("{} stands in the lines {}; the newest counts", one.id, lines.join(", "))
    });
    twice.chain(snapshot.faults().iter().map(ToString::to_string)).collect()
}
