//! What a thousand watchers cost the calls: nine in ten read all events, the others nothing.

use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::watch,
};

use crate::{
    Failure,
    client::{Ask, Bytes, Dialect},
    load::{median, open, percentile},
    rig::Rig,
    row,
    servers::Server,
};

const WATCHERS: usize = 1_000;
const IDLE: usize = 100;
/// Calls a second.
const RATE: f64 = 200.0;
/// How long the vendor takes, in microseconds: no time at all, and less than any model does.
const DELAYS: [u64; 2] = [0, 50_000];
const LASTS: Duration = Duration::from_secs(10);
/// How long the server and the watchers are left alone between two measures.
const REST: Duration = Duration::from_secs(1);

/// What one load has shown: the median and the 99th percentile of a call in microseconds, and the processor's part of a
/// second.
type Shown = [f64; 3];

pub(crate) async fn rows(rig: &Rig, rounds: usize) -> Result<Vec<String>, Failure> {
    let forge = rig.another("watchers")?;
    let server = forge.serve()?;
    let url = forge.run(&["serve", "url"])?;
    let socket = PathBuf::from(url.strip_prefix("unix:").ok_or("the admin listener is no socket")?);
    let request = Ask::new(Dialect::Messages, "up").bytes();
    let (mut rows, mut most) = (Vec::new(), 0.0_f64);
    let idle = server.process.rss()?;
    for delay in DELAYS {
        rig.mock.state.delay.store(delay, Ordering::Relaxed);
        let mut shown: [Vec<Shown>; 2] = Default::default();
        for _ in 0..rounds {
            shown[0].push(load(&server, &request).await?);
            let watchers = Watchers::start(&socket)?;
            shown[1].push(load(&server, &request).await?);
            most = most.max(server.process.rss()?);
            watchers.end()?;
        }
        let names = [("p50", "<= 1.05 of itself"), ("p99", "<= 1.05 of itself"), ("processor", "")];
        for (at, (what, goal)) in names.into_iter().enumerate() {
            let [without, with] =
                [0, 1].map(|which| median(&shown[which].iter().map(|one| one[at]).collect::<Vec<_>>()));
            let unit = if at == 2 { "% of a core" } else { "µs" };
            rows.push(row(
                &format!(
                    "200 calls a second of {} ms with 1,000 watchers and without, {what}",
                    delay / 1_000
                ),
                goal,
                [
                    "",
                    &format!("{with:.0} and {without:.0} {unit}"),
                    &format!("{:.2} of itself", with / without),
                ],
            ));
        }
    }
    rig.mock.state.delay.store(0, Ordering::Relaxed);
    let mb = |kib: f64| format!("{:.1} MB", kib * 1024.0 / 1e6);
    rows.push(row(
        "memory with 1,000 watchers and without",
        "bounded",
        ["", &format!("{} and {}", mb(most), mb(idle)), ""],
    ));
    Ok(rows)
}

async fn load(server: &Server, request: &Bytes) -> Result<Shown, Failure> {
    tokio::time::sleep(REST).await;
    let before = server.process.cpu()?;
    let measured = open(server.address, request, RATE, LASTS, 64).await;
    if measured.failed > 0 {
        return Err(format!("calls failed: {:?}", measured.statuses).into());
    }
    let part = (server.process.cpu()? - before) / measured.seconds * 100.0;
    Ok([percentile(&measured.took, 0.5), percentile(&measured.took, 0.99), part])
}

/// Watchers on a thread of their own.
struct Watchers {
    end: watch::Sender<bool>,
    thread: thread::JoinHandle<Result<u64, String>>,
}

impl Watchers {
    fn start(socket: &Path) -> Result<Self, Failure> {
        let (end, ended) = watch::channel(false);
        let (ready, are_ready) = std::sync::mpsc::channel();
        let socket = socket.to_owned();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(watch_all(socket, ready, ended)).map_err(|error| error.to_string())
        });
        are_ready.recv().map_err(|_| "the watchers could not connect")?;
        Ok(Self { end, thread })
    }

    fn end(self) -> Result<(), Failure> {
        // Nobody listens where the thread has failed, which is told below.
        let _ = self.end.send(true);
        let read = self.thread.join().map_err(|_| "the watchers panicked")??;
        eprintln!("  the watchers read {:.1} MB", read as f64 / 1e6);
        if read == 0 { Err("the watchers saw nothing".into()) } else { Ok(()) }
    }
}

async fn watch_all(
    socket: PathBuf,
    ready: std::sync::mpsc::Sender<()>,
    ended: watch::Receiver<bool>,
) -> std::io::Result<u64> {
    let (mut readers, mut idle) = (tokio::task::JoinSet::new(), Vec::new());
    for at in 0..WATCHERS {
        let mut stream = UnixStream::connect(&socket).await?;
        stream.write_all(b"GET /v1/forge/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
        if at < IDLE {
            idle.push(stream);
        } else {
            readers.spawn(read(stream, ended.clone()));
        }
    }
    // Whoever waits for it is told by the end of the thread.
    let _ = ready.send(());
    let mut bytes = 0;
    while let Some(read) = readers.join_next().await {
        bytes += read.map_err(std::io::Error::other)??;
    }
    Ok(bytes)
}

async fn read(mut stream: UnixStream, mut ended: watch::Receiver<bool>) -> std::io::Result<u64> {
    let (mut bytes, mut taken) = (0, vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            read = stream.read(&mut taken) => match read? {
                0 => return Err(std::io::Error::other("a reader was cut")),
                read => bytes += read as u64,
            },
            _ = ended.wait_for(|ended| *ended) => return Ok(bytes),
        }
    }
}
