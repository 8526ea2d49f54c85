//! What would become of a call, without making it.

use std::cmp::Ordering;

use forge_core::{RouteTrace, Verdict};

use crate::{
    Strategy, Target,
    affinity::Affinity,
    ask::{Ask, candidate, origin},
    route::Route,
    running::{Link, Pool, Running},
    walk::Walk,
};

pub(crate) async fn explain(running: &Running, ask: &Ask<'_>, affinity: &Affinity) -> RouteTrace {
    let order = order(running, ask, affinity);
    let mut trace = RouteTrace::default();
    let mut seen = Vec::new();
    for (route, link, note) in order {
        if seen.contains(&route) {
            continue;
        }
        seen.push(route);
        let verdict = match passed(ask, &running.routes[route]).await {
            Some(passed) => Verdict::Passed(passed),
            None if trace.participant.is_none() => {
                trace.participant = Some(running.routes[route].participant(&ask.cx.participant).into());
                Verdict::Chosen
            }
            None => Verdict::Next,
        };
        let origin = match note {
            Some(note) => format!("{} ({note})", origin(running, link)),
            None => origin(running, link),
        };
        trace.candidates.push(candidate(running, ask, route, origin, verdict));
    }
    trace
}

/// Every route in the order in which it would be asked, with the link of the chain that leads to it, and why there.
fn order(running: &Running, ask: &Ask<'_>, affinity: &Affinity) -> Vec<(usize, Link, Option<String>)> {
    let walk = Walk::new(running, ask, affinity);
    let mut order = Vec::new();
    for link in walk.links() {
        let mut routes = Vec::new();
        ordered(running, ask, link.target, &mut routes);
        order.extend(routes.into_iter().map(|(route, note)| (route, link, note)));
    }
    order
}

/// Why `route` would not be asked, its budgets included.
async fn passed(ask: &Ask<'_>, route: &Route) -> Option<String> {
    if let Some(passed) = ask.objection(route) {
        return Some(passed.to_string());
    }
    match ask.without_room(route).await {
        Ok(key) => key.map(|key| format!("the budget `{key}` has no room for what the call may take here")),
        Err(error) => Some(error.to_string()),
    }
}

/// The routes behind `target` in the order in which its pools would pick them now, and why there.
fn ordered(running: &Running, ask: &Ask<'_>, target: Target, into: &mut Vec<(usize, Option<String>)>) {
    let pool = match target {
        Target::Provider(at) => return into.push((at, None)),
        Target::Pool(at) => &running.pools[at],
    };
    let (before, after) = match pool.strategy {
        Strategy::Priority | Strategy::Weighted => pool.split(0),
        Strategy::RoundRobin
        | Strategy::LeastConnections
        | Strategy::LowestCost
        | Strategy::LowestLatency => pool.split(pool.coming_turn()),
    };
    let mut members = Vec::new();
    for member in after.iter().chain(before) {
        let mut routes = Vec::new();
        ordered(running, ask, member.target, &mut routes);
        for (route, _) in routes {
            members.push((ask.load(running, pool.strategy, route, member.weight), route, member.weight));
        }
    }
    // Those that are alike stay in the order of their turns.
    members.sort_by(|(one, ..), (other, ..)| match (one.is_less(*other), other.is_less(*one)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    for (load, route, weight) in members {
        into.push((route, note(pool, load.amount, weight)));
    }
}

fn note(pool: &Pool, amount: u64, weight: u32) -> Option<String> {
    match pool.strategy {
        Strategy::Priority => None,
        Strategy::RoundRobin => Some("in turn".into()),
        Strategy::Weighted => Some(format!("{weight} of {} calls", pool.total_weight())),
        Strategy::LeastConnections => Some(format!("{amount} calls under way")),
        Strategy::LowestCost => Some("by cost".into()),
        Strategy::LowestLatency if amount == 0 => Some("not asked yet".into()),
        Strategy::LowestLatency => Some(format!("begins after {} ms", amount / 1_000_000)),
    }
}
