//! The order in which ready beads are handed out: total, and the same for the same beads.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};

use super::ScoredBead;
use crate::bead::Bead;

/// Days after which a bead of the priorities 2 to 4 is overdue.
pub const OVERDUE_DAYS: i64 = 14;
/// Of so many claims, one goes to the bead that is overdue the longest. Points alone never do: while urgent beads keep
/// coming, one of priority 4 would wait for ever; and if age decided alone, an old backlog would hold up what is urgent.
pub const OVERDUE_TURN: u64 = 5;

/// The beads, the next one first. `claims` is how many claims there were in the queue so far: every fifth puts the bead that
/// is overdue the longest in front, so that each bead gets its turn. The others stand by points, then priority, then age,
/// then id.
pub fn queue_order(
    mut beads: Vec<(&Bead, ScoredBead)>,
    now: DateTime<Utc>,
    claims: u64,
) -> Vec<(&Bead, ScoredBead)> {
    // A bead without a date counts as new.
    let made = |bead: &Bead| bead.created_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    beads.sort_by(|(one, one_score), (other, other_score)| {
        let key =
            |bead: &Bead, score: &ScoredBead| (Reverse(score.components.total()), bead.priority, made(bead));
        key(one, one_score).cmp(&key(other, other_score)).then_with(|| one.id.cmp(&other.id))
    });
    let is_overdue = |bead: &Bead| {
        bead.priority > 1 && bead.created_at.is_some_and(|at| now - at >= TimeDelta::days(OVERDUE_DAYS))
    };
    let overdue = beads.iter().enumerate().filter(|(_, (bead, _))| is_overdue(bead));
    let longest = overdue.min_by_key(|(_, (bead, _))| (made(bead), &bead.id)).map(|(at, _)| at);
    if claims % OVERDUE_TURN == OVERDUE_TURN - 1
        && let Some(at) = longest
    {
        beads[..=at].rotate_right(1);
    }
    beads
}
