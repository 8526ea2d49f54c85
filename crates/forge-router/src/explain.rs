//! What would become of a call, without making it.

use forge_core::route::RouteTrace;

use crate::{
    affinity::Affinity,
    select::{CallProfile, Selection, SkipReason},
    snapshot::Snapshot,
};

/// Walks the routes as a call does on which every one fails, and asks each whether its budgets have room: in a call,
/// the attempt itself finds that out.
pub(crate) async fn explain(
    snapshot: &Snapshot,
    profile: &CallProfile<'_>,
    affinity: &Affinity,
) -> RouteTrace {
    let mut selection = Selection::foreseen(snapshot, profile, affinity);
    let mut chosen = None;
    // To the end of the chain and not to the first that fits: who asks wants to see every route.
    while let Some(selected) = selection.next() {
        let no_room = match profile.without_room(&snapshot.routes[selected.route]).await {
            Ok(key) => {
                key.map(|key| format!("budget `{key}` has no room for what the call may use on this route"))
            }
            // A store that fails refuses the call as well.
            Err(error) => Some(error.to_string()),
        };
        match no_room {
            Some(reason) => selection.skipped(selected, SkipReason::NoRoom(reason)),
            None => chosen = chosen.or(Some(selected)),
        }
    }
    selection.trace(chosen)
}
