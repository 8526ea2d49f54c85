//! Whole calls: the time that is added to one, and the processor's time of a thousand.

use std::{net::SocketAddr, time::Duration};

use crate::{
    Failure,
    client::{Ask, Bytes, Dialect},
    load::{closed, median, percentile},
    rig::Rig,
    row,
    servers::Server,
};

const PINGS: usize = 500;
const SMALL: usize = 2_000;
const LARGE: usize = 400;
const SETTLED: Duration = Duration::from_millis(200);

pub(crate) async fn rows(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let mut rows = pings(rig, rounds).await?;
    rows.extend(small(rig, rounds).await?);
    rows.extend(large(rig, rounds).await?);
    Ok(rows)
}

async fn ping(address: SocketAddr, request: &Bytes) -> Result<f64, Failure> {
    let measured = closed(address, request, 1, PINGS, Duration::ZERO).await;
    if measured.failed > 0 {
        return Err(format!("pings failed: {:?}", measured.statuses).into());
    }
    Ok(percentile(&measured.took, 0.5))
}

async fn pings(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let small = Ask::new(Dialect::Messages, "up");
    let (open, capped) = (small.bytes(), small.clone().key(&rig.keys.capped).bytes());
    let mut added: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        let direct = ping(rig.mock.address, &open).await?;
        let servers = [(rig.nginx.address, &open), (rig.bare.address, &open), (rig.keyed.address, &capped)];
        for ((address, request), added) in servers.into_iter().zip(&mut added) {
            added.push(ping(address, request).await? - direct);
        }
    }
    let [nginx, bare, full] = added.map(|added| median(&added));
    let line = |what: &str, goal: &str, value: f64| {
        row(
            what,
            goal,
            [&format!("{nginx:.0} µs"), &format!("{value:.0} µs"), &format!("{:.2}", value / nginx)],
        )
    };
    Ok(vec![
        line(&format!("added p50, one small call at a time, {}", rig.way), "<= 1.5 x", bare),
        line("the same with key, limits and budgets", "", full),
    ])
}

/// Milliseconds of the processor for a thousand calls.
async fn cost(server: &Server, request: &Bytes, calls: usize) -> Result<f64, Failure> {
    let before = server.process.cpu()?;
    let measured = closed(server.address, request, 8, calls, Duration::ZERO).await;
    // What is written after the replies belongs to them.
    tokio::time::sleep(SETTLED).await;
    if measured.failed > 0 {
        return Err(format!("calls failed: {:?}", measured.statuses).into());
    }
    Ok((server.process.cpu()? - before) * 1e6 / calls as f64)
}

/// The same of several servers in turns, the medians.
async fn costs(servers: &[(&Server, Bytes)], calls: usize, rounds: usize) -> Result<Vec<f64>, Failure> {
    let mut all = vec![Vec::new(); servers.len()];
    for _ in 0..rounds {
        for ((server, request), costs) in servers.iter().zip(&mut all) {
            costs.push(cost(server, request, calls).await?);
        }
    }
    Ok(all.iter().map(|costs| median(costs)).collect())
}

async fn small(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let small = Ask::new(Dialect::Messages, "up");
    let keyed = |key| small.clone().key(key).bytes();
    let servers = [
        (&rig.nginx, small.bytes()),
        (&rig.bare, small.bytes()),
        (&rig.keyed, keyed(&rig.keys.plain)),
        (&rig.keyed, keyed(&rig.keys.limited)),
        (&rig.keyed, keyed(&rig.keys.capped)),
        (&rig.bare, Ask::new(Dialect::Chat, "up").bytes()),
    ];
    let costs = costs(&servers, SMALL, rounds).await?;
    let [nginx, bare, plain, limited, capped, translated] = costs[..] else {
        return Err("a cost is missing".into());
    };
    let ms = |value: f64| format!("{value:.1} ms");
    let beside = |what: &str, goal: &str, value: f64| {
        row(what, goal, [&ms(nginx), &ms(value), &format!("{:.2}", value / nginx)])
    };
    let against = |what: &str, goal: &str, value: f64, than: f64| {
        row(
            what,
            goal,
            ["", &format!("{} and {}", ms(value), ms(than)), &format!("{:.2} of itself", value / than)],
        )
    };
    Ok(vec![
        beside(&format!("processor for 1,000 small calls, bare (accounts alone), {}", rig.way), "", bare),
        beside("the same, keys", "", plain),
        beside("the same, keys and limits", "", limited),
        beside("the same, keys, limits, budgets of key and team", "<= 1.8 x", capped),
        beside("the same, bare, Chat Completions to Messages", "", translated),
        against("everything on, and bare", "<= 1.25 x of itself", capped, bare),
        against("a budget on, and off", "<= 1.1 x of itself", capped, limited),
    ])
}

async fn large(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let large = |dialect| Ask::new(dialect, "up").padded(100_000).bytes();
    let servers = [
        (&rig.nginx, large(Dialect::Messages)),
        (&rig.bare, large(Dialect::Messages)),
        (&rig.bare, large(Dialect::Chat)),
    ];
    let costs = costs(&servers, LARGE, rounds).await?;
    let [nginx, same, other] = costs[..] else { return Err("a cost is missing".into()) };
    let beside = |what: &str, goal: &str, value: f64| {
        row(
            what,
            goal,
            [&format!("{nginx:.0} µs"), &format!("{value:.0} µs"), &format!("{:.2}", value / nginx)],
        )
    };
    let goal = if rig.way == "relayed" { "<= 2 x" } else { "<= 2 x relayed, <= 3.5 x translated" };
    Ok(vec![
        beside(&format!("processor for a call of 100 KB, {}", rig.way), goal, same),
        beside("the same, Chat Completions to Messages", "<= 3.5 x", other),
    ])
}
