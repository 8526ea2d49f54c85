//! How much a server takes: the highest rate at which nothing fails and the tail is short, and what it says beyond.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use crate::{
    Failure,
    client::{Ask, Bytes, Dialect},
    load::{closed, open, percentile},
    rig::Rig,
    row,
};

/// Milliseconds that the slowest hundredth may take.
const TAILS: [f64; 3] = [1.0, 5.0, 10.0];
const LASTS: Duration = Duration::from_secs(2);
const STEP: f64 = 1.2;

pub(crate) async fn rows(rig: &Rig) -> Result<Vec<String>, Failure> {
    let request = Ask::new(Dialect::Messages, "up").bytes();
    let keyed = Ask::new(Dialect::Messages, "up").key(&rig.keys.capped).bytes();
    let nginx = rates(rig.nginx.address, &request).await;
    let bare = rates(rig.bare.address, &request).await;
    let full = rates(rig.keyed.address, &keyed).await;
    let mut rows = Vec::new();
    for (at, tail) in TAILS.into_iter().enumerate() {
        let what = format!("most small calls a second without a failure and with a p99 of {tail} ms");
        for (what, forge) in [(what.as_str(), bare[at]), ("the same, everything on", full[at])] {
            let ratio = if nginx[at] > 0.0 { format!("{:.2}", forge / nginx[at]) } else { "-".to_owned() };
            rows.push(row(what, "", [&format!("{:.0}", nginx[at]), &format!("{forge:.0}"), &ratio]));
        }
    }
    rows.push(beyond(rig, &request).await);
    Ok(rows)
}

/// The highest rate for each tail.
async fn rates(address: SocketAddr, request: &Bytes) -> [f64; 3] {
    let (mut best, mut rate, mut missed) = ([0.0; 3], 500.0, 0);
    // A tail alone ends no search: another program may have taken the core for a moment.
    while missed < 2 {
        let measured = open(address, request, rate, LASTS, 64).await;
        let tail = percentile(&measured.took, 0.99) / 1e3;
        let reached = measured.good() as f64 / measured.seconds;
        eprintln!(
            "  {rate:.0} a second: p99 {tail:.2} ms, {} failed, {reached:.0} answered",
            measured.failed
        );
        let held = |most: f64| measured.failed == 0 && tail <= most;
        for (best, most) in best.iter_mut().zip(TAILS) {
            if held(most) {
                *best = rate;
            }
        }
        let keeps_up = measured.failed == 0 && reached >= 0.9 * rate;
        missed = if keeps_up { 0 } else { missed + 1 };
        rate *= STEP;
    }
    best
}

/// More calls at once than the gateway takes: the rest is refused in order.
async fn beyond(rig: &Rig, request: &Bytes) -> String {
    rig.mock.state.delay.store(50_000, Ordering::Relaxed);
    let measured = closed(rig.bare.address, request, 400, 4_000, Duration::ZERO).await;
    rig.mock.state.delay.store(0, Ordering::Relaxed);
    let told: Vec<String> =
        measured.statuses.iter().map(|(status, times)| format!("{times} x {status}")).collect();
    row("400 at once where 256 may be under way", "refused, not failed", ["", &told.join(", "), ""])
}
