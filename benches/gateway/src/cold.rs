//! The start: from nothing to the first answer.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::{
    Failure,
    client::{Ask, Bytes, Connection, Dialect},
    load::median,
    rig::{CORES, Rig},
    row,
    servers::{self, Server},
};

pub(crate) async fn rows(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let open = Ask::new(Dialect::Messages, "up").bytes();
    let keyed = Ask::new(Dialect::Messages, "up").key(&rig.keys.capped).bytes();
    let folder = rig.place.folder("nginx-cold")?;
    let (mut nginx, mut forge) = (Vec::new(), Vec::new());
    for _ in 0..rounds * 4 {
        let address = servers::free_address()?;
        nginx.push(first(&open, || servers::nginx(&folder, CORES.0, &rig.mock, address)).await?);
        let address = servers::free_address()?;
        forge.push(first(&keyed, || rig.forge.serve_at(address)).await?);
    }
    let [nginx, forge] = [nginx, forge].map(|times| median(&times));
    let ms = |value: f64| format!("{value:.1} ms");
    let ratio = format!("{:.1}", forge / nginx);
    Ok(vec![row(
        "cold start to the first 200, SQLite, 100 keys",
        "<= 25 ms",
        [&ms(nginx), &ms(forge), &ratio],
    )])
}

async fn first(request: &Bytes, start: impl FnOnce() -> Result<Server, Failure>) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut server = start()?;
    while TcpStream::connect(server.address).await.is_err() {
        if begun.elapsed() > Duration::from_secs(30) {
            return Err("a server does not start".into());
        }
        tokio::task::yield_now().await;
    }
    let reply = Connection::new(server.address).exchange(request, begun).await?;
    if !reply.is_good() {
        return Err(format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)).into());
    }
    server.process.terminate().await?;
    Ok(reply.took.as_secs_f64() * 1e3)
}
