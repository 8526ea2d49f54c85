//! `forge bead list`, `ready` and `show`.

use std::process::ExitCode;

use forge::storage::queue::DecisionLog as _;
use forge_worker::{Bead, BeadStatus, ScoredBead, TaskQueueError, queue::Snapshot};
use serde_json::{Value, json};

use super::{
    desk::{self, Desk},
    form,
};
use crate::{
    access,
    args::BeadList,
    error::CliError,
    layout,
    terminal::{self, note},
};

/// Columns of a title in a list.
const TITLE: usize = 60;

pub(super) async fn list(desk: &Desk, args: &BeadList) -> Result<ExitCode, CliError> {
    let snapshot = desk.snapshot().await?;
    let is_wanted = |bead: &&Bead| match &args.status {
        Some(status) => bead.status.as_str() == status,
        None => args.all || !bead.status.is_done(),
    };
    let mut beads: Vec<_> = snapshot.beads().iter().filter(is_wanted).collect();
    beads.sort_by(|one, other| (one.priority, &one.id).cmp(&(other.priority, &other.id)));
    if desk.json {
        let beads: Vec<_> = beads.iter().map(|bead| form::bead(&snapshot, bead, desk.now)).collect();
        return print(desk, &snapshot, &beads);
    }
    let row = |bead: &&Bead| {
        let owner = snapshot.held(&bead.id).map(|lease| lease.owner.as_ref().to_owned());
        let owner = owner.or_else(|| bead.assignee.clone()).unwrap_or_default();
        vec![
            bead.id.to_string(),
            format!("P{}", bead.priority),
            bead.kind.to_string(),
            bead.status.to_string(),
            line(&owner),
            line(&bead.title),
        ]
    };
    let rows: Vec<_> = beads.iter().map(row).collect();
    if rows.is_empty() {
        note(desk.quiet, &format!("{} holds no such bead; add one: `forge bead add TITLE`", desk.queue));
    } else {
        out(&layout::table(&["ID", "PRIORITY", "TYPE", "STATUS", "WORKER", "TITLE"], &[], &rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn ready(desk: &Desk, explain: bool) -> Result<ExitCode, CliError> {
    let snapshot = desk.snapshot().await?;
    let ready = snapshot.ready(&[]);
    if desk.json {
        let scored = |(bead, score): &(&Bead, ScoredBead)| {
            let mut object = form::bead(&snapshot, bead, desk.now);
            object["score"] = form::score(score);
            object
        };
        return print(desk, &snapshot, &ready.iter().map(scored).collect::<Vec<_>>());
    }
    if ready.is_empty() {
        note(desk.quiet, &nothing(&snapshot));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = ready
        .iter()
        .map(|(bead, score)| {
            let total = score.components.total().to_string();
            vec![
                bead.id.to_string(),
                total,
                format!("P{}", bead.priority),
                bead.kind.to_string(),
                line(&bead.title),
            ]
        })
        .collect();
    out(&layout::table(&["ID", "POINTS", "PRIORITY", "TYPE", "TITLE"], &[1], &rows))?;
    for (bead, score) in ready.iter().filter(|_| explain) {
        out(&format!("{}: {score}\n", bead.id))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Why nothing is ready: an empty queue, one that is all taken, and one that is stuck are three different things.
pub(super) fn nothing(snapshot: &Snapshot) -> String {
    let open: Vec<_> = snapshot.beads().iter().filter(|bead| !bead.status.is_done()).collect();
    let taken = open.iter().filter(|bead| snapshot.held(&bead.id).is_some()).count();
    match (open.len(), taken) {
        (0, _) => "every bead is closed".to_owned(),
        (open, taken) if open == taken => "nothing is ready: workers have every bead that is open".to_owned(),
        (open, taken) => format!(
            "nothing is ready: workers have {taken} of {open} beads, and {} wait; `forge bead show ID` says for what",
            open - taken
        ),
    }
}

/// One word for [`nothing`], or `ready`.
fn state(snapshot: &Snapshot) -> &'static str {
    let open = || snapshot.beads().iter().filter(|bead| !bead.status.is_done());
    if !snapshot.ready(&[]).is_empty() {
        "ready"
    } else if open().next().is_none() {
        "empty"
    } else if open().all(|bead| snapshot.held(&bead.id).is_some()) {
        "claimed"
    } else {
        "blocked"
    }
}

fn print(desk: &Desk, snapshot: &Snapshot, beads: &[Value]) -> Result<ExitCode, CliError> {
    terminal::json(&json!({
        "workspace": desk.queue.name(),
        "file": desk.queue.file().map(|file| file.to_string_lossy().into_owned()),
        "state": state(snapshot),
        "beads": beads,
        "notes": desk.notes(snapshot),
    }))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn show(desk: &Desk, id: &str) -> Result<ExitCode, CliError> {
    let id = desk::id(id)?;
    let snapshot = desk.snapshot().await?;
    let Some(bead) = snapshot.bead(&id) else {
        return Err(desk.refused(TaskQueueError::Unknown(id)).await);
    };
    let decisions = desk.store.decisions(desk.queue.name(), Some(id.as_str())).await;
    let decisions = decisions.map_err(|error| access::storage(&error))?;
    if desk.json {
        let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let decisions: Vec<_> =
            decisions.iter().map(|one| json!({ "at": one.at, "decision": read(&one.decision) })).collect();
        terminal::json(&json!({
            "bead": form::bead(&snapshot, bead, desk.now),
            "description": bead.description,
            "acceptance": bead.acceptance,
            "decisions": decisions,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out(&text(&snapshot, bead, desk))?;
    Ok(ExitCode::SUCCESS)
}

fn text(snapshot: &Snapshot, bead: &Bead, desk: &Desk) -> String {
    let mut lines = vec![
        format!("{}  {}", bead.id, line(&bead.title)),
        format!("P{} {}, {}", bead.priority, bead.kind, bead.status),
    ];
    if let Some(lease) = snapshot.lease(&bead.id) {
        let until = if lease.ended.is_some() {
            "ended"
        } else if lease.holds(desk.now) {
            "holds"
        } else {
            "is over"
        };
        lines.push(format!("generation {} of {} {until}", lease.generation, lease.owner));
    }
    let obstacles = snapshot.obstacles(bead);
    if obstacles.is_empty() {
        lines.push("it can be begun".to_owned());
    }
    // That a closed bead cannot be begun is no news.
    if bead.status != BeadStatus::Closed {
        lines.extend(obstacles.iter().map(|one| format!("it cannot be begun: {one}")));
    }
    let texts = [&bead.description, &bead.acceptance].into_iter().filter(|text| !text.is_empty());
    lines.extend(texts.map(|text| format!("\n{}", layout::clean(text))));
    format!("{}\n", lines.join("\n"))
}

/// Prints what came from lines of other programs: nothing hidden in it, not even in an id, reaches the terminal.
pub(super) fn out(text: &str) -> Result<(), CliError> {
    terminal::out(&layout::clean(text))
}

fn line(text: &str) -> String {
    let text = layout::clean(text).replace(['\n', '\t'], " ");
    layout::cut(&text, TITLE).into_owned()
}
