//! The store as one of those that reserve: that it is alive, and which of its reservations have ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use forge_core::storage::budget::Amount;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time,
};
use tokio_postgres::Client;

use crate::{error::Failure, options::PostgresOptions, shared::Shared};

/// Ends that one statement books at most.
const MOST: usize = 1_000;

#[derive(Debug)]
enum Message {
    End(i64, Amount),
    /// Answered when all that came before was tried.
    Passed(oneshot::Sender<()>),
    Close,
}

/// Takes the ends of reservations, which one task books.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    sender: mpsc::UnboundedSender<Message>,
    /// Ends that are not booked yet.
    open: Arc<AtomicU64>,
}

impl Ends {
    pub(crate) fn end(&self, reservation: i64, actual: Amount) {
        self.open.fetch_add(1, Ordering::Release);
        // The task ends after the store alone.
        let _ = self.sender.send(Message::End(reservation, actual));
    }

    /// Waits until what this store has ended was tried to be booked: its next question sees it, if the database is there.
    pub(crate) async fn passed(&self) {
        if self.open.load(Ordering::Acquire) == 0 {
            return;
        }
        let (sender, passed) = oneshot::channel();
        if self.sender.send(Message::Passed(sender)).is_ok() {
            let _ = passed.await;
        }
    }

    pub(crate) fn close(&self) {
        let _ = self.sender.send(Message::Close);
    }
}

/// Starts the task that books ends and the one that keeps the process alive.
pub(crate) fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>, handle: &Handle) -> Ends {
    let (sender, receiver) = mpsc::unbounded_channel();
    let open = Arc::new(AtomicU64::new(0));
    tasks.spawn_on(book(Arc::clone(shared), receiver, Arc::clone(&open)), handle);
    // Beside the tasks that a drop waits for: it has no end of its own.
    drop(handle.spawn(live(Arc::clone(shared))));
    Ends { sender, open }
}

async fn book(shared: Arc<Shared>, mut receiver: mpsc::UnboundedReceiver<Message>, open: Arc<AtomicU64>) {
    let (mut held, mut is_open) = (Vec::new(), true);
    while is_open || !held.is_empty() {
        let mut passed = Vec::new();
        let mut next = if held.is_empty() {
            receiver.recv().await
        } else {
            time::timeout(shared.options.retry, receiver.recv()).await.unwrap_or(None)
        };
        // What waits already is booked in the same statement.
        while let Some(message) = next {
            match message {
                Message::End(id, amount) => held.push((id, amount)),
                Message::Passed(sender) => passed.push(sender),
                Message::Close => is_open = false,
            }
            next = if held.len() < MOST { receiver.try_recv().ok() } else { None };
        }
        if !held.is_empty() {
            match end(&shared, &held).await {
                Ok(()) => {
                    open.fetch_sub(held.len() as u64, Ordering::Release);
                    held.clear();
                }
                // Whoever closes does not wait for a database that is away. The process will count as dead.
                Err(_) if !is_open => break,
                // What was spent must not get lost: it is tried until it is booked.
                Err(failure) => {
                    tracing::warn!(error = %failure.source, "the ends of calls wait for the database");
                }
            }
        }
        for sender in passed {
            let _ = sender.send(());
        }
    }
}

async fn end(shared: &Shared, ends: &[(i64, Amount)]) -> Result<(), Failure> {
    let ids: Vec<_> = ends.iter().map(|(id, _)| *id).collect();
    let money: Vec<_> = ends.iter().map(|(_, amount)| amount.money.nanos().to_string()).collect();
    let tokens: Vec<_> = ends.iter().map(|(_, amount)| amount.tokens.to_string()).collect();
    let client = shared.client().await?;
    let sql = "SELECT end_reservations($1, $2::text[]::numeric[], $3::text[]::numeric[])";
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, &[&ids, &money, &tokens]).await?;
    Ok(())
}

/// Says that the process is alive, and returns its number.
pub(crate) async fn beat(
    client: &Client,
    process: Option<i64>,
    options: &PostgresOptions,
) -> Result<i64, Failure> {
    let ttl = options.reservation_ttl.as_secs_f64();
    let row = client.query_one("SELECT beat($1, make_interval(secs => $2))", &[&process, &ttl]).await?;
    Ok(row.get(0))
}

/// Renews the process, and notices others that have died, by the server's clock: no machine can be ahead of it.
async fn live(shared: Arc<Shared>) {
    // Twice as often as it must, so that one that fails is made up for.
    let every = (shared.options.reservation_ttl / 4).max(Duration::from_millis(10));
    loop {
        time::sleep(every).await;
        let once = async {
            let client = shared.client().await?;
            beat(&client, Some(shared.process), &shared.options).await?;
            sweep(&client).await?;
            client.execute("SELECT forget()", &[]).await?;
            Ok::<_, Failure>(())
        };
        if let Err(failure) = once.await {
            tracing::warn!(error = %failure.source, "the store could not say that it is alive");
        }
    }
}

/// Takes what dead processes had set aside out of the sums; returns how many reservations those were.
pub(crate) async fn sweep(client: &Client) -> Result<i64, Failure> {
    Ok(client.query_one("SELECT sweep()", &[]).await?.get(0))
}
