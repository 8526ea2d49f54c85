//! The store: its connections, its runtime and its tasks.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64},
        mpsc,
    },
    thread,
    time::Duration,
};

use deadpool_postgres::Object;
use forge_core::storage::{Changes, StorageError, StorageErrorKind};
use tokio::{runtime, sync::oneshot, task::JoinSet};

use crate::{
    connect::Connector,
    error::{Failure, PostgresError},
    options::PostgresOptions,
    process::{self, Ends},
    records,
    schema::{self, Migration, SchemaStatus},
    shared::{Shared, limited},
};

/// How long a store that is dropped waits for what it still has to write.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every door to storage, in a PostgreSQL that any number of processes share.
///
/// Its futures need no runtime of their caller's: the store has one thread pool of its own, on which all of its work is done. A caller that blocks, as
/// [`CooldownStore`](forge_core::storage::cooldown::CooldownStore) has to, can therefore wait for it also on a thread of its own runtime.
///
/// Dropping it waits up to five seconds until the ends of reservations and the usage records are written.
pub struct PostgresStore {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ends: Ends,
    pub(crate) records: records::Queue,
    runtime: Runtime,
}

impl PostgresStore {
    /// Connects, migrates the schema if it is to be migrated, and checks that all of it can be used.
    ///
    /// # Errors
    /// Says what is wrong and what to do; nothing is left half-migrated.
    pub async fn connect(options: PostgresOptions) -> Result<Self, PostgresError> {
        let connector = Connector::new(&options)?;
        let runtime = Runtime::start()?;
        let open = async move {
            let mut client = connector.open_checked(&options).await?;
            schema::prepare(&connector, &mut client, &options).await?;
            let process = process::beat(&client, None, &options).await;
            let process =
                process.map_err(|failure| failure.to("enter the store among those that are open"))?;
            let pool = connector.pool(&options)?;
            Ok::<_, PostgresError>(Shared {
                options,
                connector,
                pool,
                process,
                reserved: AtomicI64::new(0),
                changes: Changes::default(),
                listens: AtomicBool::new(false),
            })
        };
        let shared = Arc::new(runtime.run(open).await??);
        let mut tasks = JoinSet::new();
        let ends = process::start(&shared, &mut tasks, &runtime.handle);
        let records = records::start(&shared, &mut tasks, &runtime.handle);
        let runtime = runtime.keeping(tasks);
        Ok(Self { shared, ends, records, runtime })
    }

    /// Which form the schema has. Changes nothing.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn status(options: PostgresOptions) -> Result<SchemaStatus, PostgresError> {
        let connector = Connector::new(&options)?;
        let ask = async move {
            let client = connector.open_checked(&options).await?;
            schema::status(&connector, &client, &options.schema).await
        };
        Runtime::start()?.run(ask).await?
    }

    /// Brings the schema to the newest form, and returns the steps that it took.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn migrate(options: PostgresOptions) -> Result<Vec<Migration>, PostgresError> {
        let connector = Connector::new(&options)?;
        let work = async move {
            let mut client = connector.open_checked(&options).await?;
            schema::migrate(&connector, &mut client, &options.schema).await
        };
        Runtime::start()?.run(work).await?
    }

    /// Does something on a connection of the pool.
    pub(crate) async fn ask<T, F>(
        &self,
        what: &'static str,
        work: impl FnOnce(Arc<Shared>, Object) -> F + Send + 'static,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.run(limited(Arc::clone(&self.shared), work)).await?.map_err(|failure| failure.to(what))
    }

    /// Waits, on the thread of the caller, for something that the threads of the store do.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, made) = mpsc::channel();
        self.spawn(async move {
            let _ = sender.send(work.await);
        });
        made.recv().unwrap_or_else(|error| Err(Failure::new(StorageErrorKind::Closed, error)))
    }

    /// Does something to its end, also when nobody waits for it any more.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.handle.spawn(work));
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.runtime.run(work).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

/// A thread that owns a runtime. It waits for the tasks that it keeps when it is dropped, which neither a runtime nor a
/// blocking wait inside of another runtime would allow.
struct Runtime {
    handle: runtime::Handle,
    keep: Option<oneshot::Sender<JoinSet<()>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Runtime {
    fn start() -> Result<Self, StorageError> {
        let failed = |error| StorageError::io("start the threads of the store", error);
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("forge-postgres")
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (keep, kept) = oneshot::channel::<JoinSet<()>>();
        let (end, ended) = mpsc::channel();
        let work = move || {
            runtime.block_on(async {
                if let Ok(mut tasks) = kept.await {
                    while tasks.join_next().await.is_some() {}
                }
            });
            runtime.shutdown_background();
            // Nobody listens after the patience of a drop.
            let _ = end.send(());
        };
        thread::Builder::new().name("forge-postgres".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, keep: Some(keep), ended: Mutex::new(ended) })
    }

    /// The same, which ends after these tasks.
    fn keeping(mut self, tasks: JoinSet<()>) -> Self {
        if let Some(keep) = self.keep.take() {
            let _ = keep.send(tasks);
        }
        self
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let closed =
            |error| StorageError::new(StorageErrorKind::Closed, "work in a store that is closed", error);
        Aborting(self.handle.spawn(work)).await.map_err(closed)
    }
}

/// A task that ends when nobody waits for it.
struct Aborting<T>(tokio::task::JoinHandle<T>);

impl<T> Future for Aborting<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        // Both tasks end once they have written what they were given.
        self.ends.close();
        self.records.close();
        let ended = self.runtime.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(PATIENCE);
    }
}
