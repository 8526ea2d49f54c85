//! Streams: the time to the first text, and the processor's time of a frame.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    Failure,
    client::{Ask, Dialect},
    load::{Measured, closed, median, percentile},
    mock::DELTAS,
    rig::Rig,
    row,
};

/// Microseconds between two deltas.
const PACE: u64 = 10_000;
/// Streams that each of those at once reads, one after the other.
const EACH: usize = 3;

pub(crate) async fn rows(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    rig.mock.state.pace.store(PACE, Ordering::Relaxed);
    let mut rows = Vec::new();
    for at_once in [20, 100] {
        rows.extend(at(rig, rounds, at_once).await?);
    }
    rig.mock.state.pace.store(0, Ordering::Relaxed);
    Ok(rows)
}

async fn at(rig: &Rig, rounds: usize, at_once: usize) -> Result<Vec<String>, Failure> {
    let request = Ask::new(Dialect::Messages, "up").streamed().bytes();
    let mut streams: [Measured; 3] = Default::default();
    let mut frames: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        let processes = [None, Some(&rig.nginx.process), Some(&rig.bare.process)];
        for (at, (address, process)) in rig.three().into_iter().zip(processes).enumerate() {
            let cpu = || process.map_or(Ok(0.0), crate::process::Process::cpu);
            let before = cpu()?;
            let calls = at_once * EACH;
            let one = closed(address, &request, at_once, calls, Duration::from_millis(3)).await;
            if one.failed > 0 || one.content.len() != calls {
                return Err(format!("streams failed: {:?}", one.statuses).into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            frames[at].push((cpu()? - before) * 1e6 / (calls * (DELTAS + 5)) as f64);
            streams[at].content.extend(one.content);
        }
    }
    let [direct, nginx, forge] =
        streams.map(|streams| [0.5, 0.99].map(|part| percentile(&streams.content, part)));
    let ms = |value: f64| format!("{:.2} ms", value / 1e3);
    let added = |what: &str, goal: &str, at: usize| {
        let [nginx, forge] = [nginx, forge].map(|times| times[at] - direct[at]);
        // The clock of the runtime scatters more than what is added at the tail.
        let ratio = if nginx > 0.0 { format!("{:.2}", forge / nginx) } else { "-".to_owned() };
        row(what, goal, [&ms(nginx), &ms(forge), &ratio])
    };
    let [_, nginx_frame, forge_frame] = frames.map(|frames| median(&frames));
    Ok(vec![
        added(
            &format!("added to the first text, p50, {at_once} streams at once, {}", rig.way),
            "< 1.5 ms",
            0,
        ),
        added("the same, p99", "no step of 40 ms", 1),
        row(
            &format!("processor for a frame, {at_once} streams"),
            "<= 1.3 x",
            [
                &format!("{nginx_frame:.1} µs"),
                &format!("{forge_frame:.1} µs"),
                &format!("{:.2}", forge_frame / nginx_frame),
            ],
        ),
    ])
}
