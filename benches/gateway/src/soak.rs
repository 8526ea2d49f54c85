//! A soak: mixed load for a while, and then what has grown.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::task::LocalSet;

use crate::{
    Failure,
    client::{Ask, Bytes, Connection, Dialect, Reply, Statuses},
    load::median,
    mock::Mock,
    servers::{Forge, Place, Server},
};

/// Descriptors that may come and go: connections to the vendor that are opened once more, and files of the store.
const SLACK: f64 = 16.0;

/// A kind of client.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    clients: usize,
    request: Bytes,
    /// Between two requests of a client.
    pause: Duration,
    /// Statuses that it may get; 0 is a connection that breaks.
    allowed: &'static [u16],
    /// Whether every reply has to be a whole answer.
    whole: bool,
    /// When it goes away.
    gone: Option<Duration>,
}

/// What a kind of client got.
#[derive(Debug, Default)]
struct Got {
    statuses: Statuses,
    /// Replies that are not what this client may get, and the first of them.
    unexpected: u64,
    first: Option<String>,
}

pub(crate) async fn run(program: &Path, lasts: Duration) -> Result<(), Failure> {
    let place = Place::new()?;
    let mock = Mock::start().await?;
    mock.state.pace.store(5_000, Ordering::Relaxed);
    let forge = Forge::new(program, place.folder("soak")?, None, &mock)?;
    let key =
        forge.key("soak", &["--total-usd", "1000000", "--concurrent", "1000", "--rpm", "4000000000"])?;
    let server = forge.serve()?;
    let kinds = kinds(&key);
    let (got, samples) = load(&server, &kinds, lasts).await?;

    println!("| Clients | Replies | Unexpected |\n|---|---|--:|");
    for (kind, got) in kinds.iter().zip(&got) {
        let told: Vec<String> =
            got.statuses.iter().map(|(status, times)| format!("{times} x {status}")).collect();
        println!("| {} {} | {} | {} |", kind.clients, kind.name, told.join(", "), got.unexpected);
    }
    let mut wrong: Vec<String> = kinds
        .iter()
        .zip(&got)
        .filter_map(|(kind, got)| Some(format!("{}: {}", kind.name, got.first.as_ref()?)))
        .collect();
    wrong.extend(grown(&samples));
    // Whoever has gone away leaves nothing behind.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let left = server.process.descriptors()? as f64;
    let (before, most) =
        (samples[0].descriptors, kinds.iter().map(|kind| kind.clients).sum::<usize>() as f64);
    println!("\ndescriptors: {before} before any client, {left} after the last");
    // Idle connections to the vendor stay for a while: one at most for each client.
    if left > before + most + SLACK {
        wrong.push(format!(
            "{left} descriptors are open after the last client, {before} were before the first"
        ));
    }
    let mut server = server;
    let status = server.process.terminate().await?;
    if !status.success() {
        wrong.push(format!("the gateway ended with {status}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn kinds(key: &str) -> Vec<Kind> {
    let small = Ask::new(Dialect::Messages, "up").key(key);
    let kind = |name, clients, ask: &Ask<'_>, milliseconds| Kind {
        name,
        clients,
        request: ask.bytes(),
        pause: Duration::from_millis(milliseconds),
        allowed: &[200],
        whole: true,
        gone: None,
    };
    // A vendor that fails: refused with a status, or a stream that breaks off; left alone after a while.
    let failing = |kind: Kind| Kind { allowed: &[200, 500, 502, 503, 504, 529], whole: false, ..kind };
    let goes = |kind: Kind, after| Kind { gone: Some(Duration::from_millis(after)), ..kind };
    let refused = |kind: Kind| Kind { allowed: &[401], whole: false, ..kind };
    let chat = Ask { dialect: Dialect::Chat, ..small.clone() };
    let broken = Ask { model: "broken", ..small.clone() };
    let wrong_key = "fk_0123456789_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    vec![
        kind("whole calls", 8, &small, 20),
        kind("whole calls of Chat Completions", 4, &chat, 20),
        kind("whole calls of 100 KB", 1, &small.clone().padded(100_000), 50),
        kind("streams", 20, &small.clone().streamed(), 10),
        kind("streams of Chat Completions", 10, &chat.streamed(), 10),
        refused(kind("keys that open nothing", 2, &small.clone().key(wrong_key), 50)),
        goes(kind("clients that go away early", 2, &small, 20), 1),
        goes(kind("clients that go away in a stream", 4, &small.clone().streamed(), 20), 60),
        failing(kind("whole calls to a broken vendor", 2, &broken, 50)),
        failing(kind("streams of a broken vendor", 2, &broken.streamed(), 50)),
    ]
}

/// Memory in KiB and descriptors at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    rss: f64,
    descriptors: f64,
}

fn sample(server: &Server, begun: Instant) -> Result<Sample, Failure> {
    Ok(Sample {
        seconds: begun.elapsed().as_secs_f64(),
        rss: server.process.rss()?,
        descriptors: server.process.descriptors()? as f64,
    })
}

async fn load(server: &Server, kinds: &[Kind], lasts: Duration) -> Result<(Vec<Got>, Vec<Sample>), Failure> {
    let begun = Instant::now();
    let mut samples = vec![sample(server, begun)?];
    let over = Rc::new(Cell::new(false));
    let clients = LocalSet::new();
    let mut got = Vec::new();
    for kind in kinds {
        let all = Rc::new(RefCell::new(Got::default()));
        for _ in 0..kind.clients {
            clients.spawn_local(client(server.address, kind, Rc::clone(&all), Rc::clone(&over)));
        }
        got.push(all);
    }
    let every = (lasts / 600).max(Duration::from_millis(500));
    clients
        .run_until(async {
            while begun.elapsed() < lasts {
                tokio::time::sleep(every.min(lasts)).await;
                samples.push(sample(server, begun)?);
            }
            over.set(true);
            Ok::<_, Failure>(())
        })
        .await?;
    clients.await;
    Ok((got.iter().map(|got| got.take()).collect(), samples))
}

/// One client, until it is over.
fn client(
    address: SocketAddr,
    kind: &Kind,
    got: Rc<RefCell<Got>>,
    over: Rc<Cell<bool>>,
) -> impl Future<Output = ()> + 'static {
    let Kind { request, pause, allowed, whole, gone, .. } = kind;
    let (request, pause, allowed, whole, gone) = (request.clone(), *pause, *allowed, *whole, *gone);
    async move {
        let mut connection = Connection::new(address);
        while !over.get() {
            match gone {
                Some(after) => connection.abandon(&request, after).await,
                None => {
                    let outcome = connection.exchange(&request, Instant::now()).await;
                    got.borrow_mut().add(outcome, allowed, whole);
                }
            }
            tokio::time::sleep(pause).await;
        }
    }
}

impl Got {
    fn add(&mut self, outcome: std::io::Result<Reply>, allowed: &[u16], whole: bool) {
        let (status, good, told) = match outcome {
            Ok(reply) => {
                let begin = String::from_utf8_lossy(&reply.body[..reply.body.len().min(300)]).into_owned();
                (reply.status, reply.is_good(), begin)
            }
            Err(error) => (0, false, error.to_string()),
        };
        *self.statuses.entry(status).or_default() += 1;
        if !allowed.contains(&status) || (whole && !good) {
            self.unexpected += 1;
            self.first.get_or_insert_with(|| format!("{status} {told}"));
        }
    }
}

/// Prints the slopes of the second half, and says whether descriptors grow. Memory is told and not judged: how it settles
/// depends on the machine.
fn grown(samples: &[Sample]) -> Option<String> {
    let late = &samples[samples.len() / 2..];
    let rss = slope(late, |sample| sample.rss) * 60.0;
    let (first, last) = (late.first()?, late.last()?);
    println!(
        "\nmemory: {:.0} KiB before any client, {:.0} half way, {:.0} at the end; {rss:+.1} KiB a minute in the second half",
        samples[0].rss, first.rss, last.rss
    );
    let thirds = late.len() / 3;
    let descriptors =
        |part: &[Sample]| median(&part.iter().map(|sample| sample.descriptors).collect::<Vec<_>>());
    let (early, end) =
        (descriptors(&late[..thirds.max(1)]), descriptors(&late[late.len() - thirds.max(1)..]));
    let a_minute = slope(late, |sample| sample.descriptors) * 60.0;
    println!("descriptors: {early} half way, {end} at the end; {a_minute:+.2} a minute in the second half");
    (end > early + SLACK).then(|| format!("descriptors grow from {early} to {end} under the same load"))
}

/// How much it grows in a second, by least squares.
fn slope(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / samples.len() as f64;
    let (time, level) = (mean(&|sample| sample.seconds), mean(&value));
    let spread: f64 = samples.iter().map(|sample| (sample.seconds - time).powi(2)).sum();
    let common: f64 = samples.iter().map(|sample| (sample.seconds - time) * (value(sample) - level)).sum();
    if spread > 0.0 { common / spread } else { 0.0 }
}
