//! Memory: idle, under load, and after it.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{
    Failure,
    client::{Ask, Dialect},
    load::closed,
    rig::Rig,
    row,
    servers::{self, Server},
};

/// How long a server is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);

pub(crate) async fn rows(rig: &Rig) -> Result<Vec<String>, Failure> {
    rig.mock.state.pace.store(10_000, Ordering::Relaxed);
    let nginx = servers::nginx(
        &rig.place.folder("nginx-memory")?,
        crate::rig::CORES.0,
        &rig.mock,
        servers::free_address()?,
    )?;
    servers::listening(nginx.address).await?;
    let nginx = of(&nginx, None).await?;
    let forge = rig.another("memory")?;
    let key = forge.key("memory", &["--total-usd", "100000"])?;
    let forge = of(&forge.serve()?, Some(&key)).await?;
    rig.mock.state.pace.store(0, Ordering::Relaxed);
    let names = [
        ("memory idle, with SQLite", "<= 12 MB"),
        ("memory under 100 streams and 64 connections of whole calls", "<= 30 MB"),
        ("memory 5 s after", "<= 20 MB"),
    ];
    let rows = names.into_iter().zip(nginx.into_iter().zip(forge)).map(|((what, goal), (nginx, forge))| {
        let mb = |kib: f64| format!("{:.1} MB", kib * 1024.0 / 1e6);
        row(what, goal, [&mb(nginx), &mb(forge), &format!("{:.1}", forge / nginx)])
    });
    Ok(rows.collect())
}

async fn of(server: &Server, key: Option<&str>) -> Result<[f64; 3], Failure> {
    tokio::time::sleep(REST).await;
    let idle = server.process.rss()?;
    let ask = |ask: Ask<'static>| Ask { key, ..ask }.bytes();
    let (whole, stream) =
        (ask(Ask::new(Dialect::Messages, "up")), ask(Ask::new(Dialect::Messages, "up").streamed()));
    let load = async {
        let stagger = Duration::from_millis(2);
        tokio::join!(
            closed(server.address, &whole, 64, 20_000, stagger),
            closed(server.address, &stream, 100, 500, stagger)
        )
    };
    tokio::pin!(load);
    let mut most = idle;
    let (whole, stream) = loop {
        tokio::select! {
            measured = &mut load => break measured,
            () = tokio::time::sleep(Duration::from_millis(50)) => most = most.max(server.process.rss()?),
        }
    };
    if whole.failed + stream.failed > 0 {
        return Err(format!("calls failed: {:?} {:?}", whole.statuses, stream.statuses).into());
    }
    tokio::time::sleep(REST).await;
    Ok([idle, most, server.process.rss()?])
}
