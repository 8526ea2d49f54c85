//! Many calls: a file of requests, and a file of their answers in the same order.
//!
//! A batch is durable work, see [`durable`](crate::durable): its input is cut into segments of lines, each with a journal of its
//! own in which the intent of a call stands before it begins and its answer before it is used. What the answers of a segment are
//! is appended to `OUTPUT.part`, which gets its name when all are there. Memory holds one segment, however long the input is.
//!
//! Guarantees, wherever the process is killed:
//!
//! - An answer that is in a journal is not paid again. Calls that were in flight are asked again, and the accounts have a row for
//!   each of those that died.
//! - The output has one line for each line of the input, in its order, and is never half-written under its name.
//! - Of several processes on one output exactly one is at work.
//! - The money of a batch is a budget of the store: reserved before each call, and never overrun.

mod error;
mod files;
mod form;
mod machine;
mod segment;
mod shared;
mod state;
#[cfg(feature = "ingress")]
mod vendor;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicBool},
};

use forge_core::{
    ModelResponse, Money, Provider,
    storage::journal::{StreamName, Streams},
    tags::Tags,
};
use forge_durable::{Controls, Run, RunDeps};

#[cfg(feature = "ingress")]
pub use self::vendor::{Unreadable, VendorRequest, vendor_line_failed};
pub use self::{
    error::BatchError,
    form::{BatchCall, BatchForm, BatchLine, BatchWriter},
    state::{BatchReport, BatchStop},
};
use self::{
    files::{Input, Output},
    machine::BatchMachine,
    shared::{Shared, Stop},
    state::{Begun, Event},
};

/// Says what a response cost; `None` where no price is known.
pub type Price = Arc<dyn Fn(&ModelResponse) -> Option<Money> + Send + Sync>;

/// Told of each answer once it is in the journal. It must not block.
pub type BatchObserver = Arc<dyn Fn(&BatchReport) + Send + Sync>;

/// What a batch runs on.
#[derive(Clone)]
#[non_exhaustive]
pub struct BatchDeps {
    /// Who is asked.
    pub provider: Arc<dyn Provider>,
    /// What answers cost.
    pub price: Price,
    /// Journal, locks, accounts and budgets.
    pub run: RunDeps,
    /// Where the journals of segments are deleted that stand in the output.
    pub streams: Arc<dyn Streams>,
}

impl BatchDeps {
    /// These.
    pub fn new(provider: Arc<dyn Provider>, price: Price, run: RunDeps, streams: Arc<dyn Streams>) -> Self {
        Self { provider, price, run, streams }
    }
}

impl fmt::Debug for BatchDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchDeps").field("run", &self.run).finish_non_exhaustive()
    }
}

/// How a batch is run.
#[derive(Clone)]
#[non_exhaustive]
pub struct BatchOptions {
    /// How many calls are under way at once.
    pub concurrency: usize,
    /// The most that all calls of the batch may cost, those of earlier runs among them.
    pub money: Option<Money>,
    /// Whether the lines of a batch that is complete are asked again where they failed.
    pub retry_failed: bool,
    /// Tags of each call.
    pub tags: Tags,
    /// Who is told of answers.
    pub observer: Option<BatchObserver>,
}

impl Default for BatchOptions {
    /// Eight calls at once, without a cap.
    fn default() -> Self {
        Self { concurrency: 8, money: None, retry_failed: false, tags: Tags::default(), observer: None }
    }
}

impl fmt::Debug for BatchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchOptions").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}

/// A batch that is claimed, and has not begun or gone on yet.
pub struct Batch {
    run: Run<BatchMachine>,
    is_over: bool,
}

/// Ends a batch early: no further call begins, and those under way end.
#[derive(Clone, Debug)]
pub struct BatchControls(Controls<Stop>);

impl BatchControls {
    /// Has no further call begin.
    pub fn stop(&self) {
        self.0.send(Stop);
    }
}

impl Batch {
    /// Claims the batch with this output, and begins it or goes on with it.
    ///
    /// # Errors
    /// Another process is at work on it, a file cannot be used, or what is there belongs to another input.
    pub async fn open(
        deps: BatchDeps,
        input: &Path,
        output: &Path,
        form: Arc<dyn BatchForm>,
        options: BatchOptions,
    ) -> Result<Self, BatchError> {
        let output = Output::at(output)?;
        let name = output.name();
        let retry_failed = options.retry_failed;
        // Enough to keep the calls under way at the end of a segment few beside all of it.
        let segment_lines = options.concurrency.saturating_mul(32).max(256) as u64;
        let stream = StreamName::new(&name).map_err(forge_durable::RunError::from)?;
        let shared = Arc::new(Shared {
            deps,
            form,
            options,
            name,
            output,
            input: OnceLock::new(),
            controls: Mutex::new(None),
            stops: AtomicBool::new(false),
            failure: Mutex::new(None),
        });
        let run = Run::open(shared.deps.run.clone(), stream, BatchMachine::new(Arc::clone(&shared))).await?;
        let mut batch = Self { run, is_over: false };
        match batch.prepare(input, retry_failed, segment_lines).await {
            Ok(()) => Ok(batch),
            Err(error) => {
                // Nothing was begun, so that others need not wait for the lease to lapse.
                let _ = batch.run.close().await;
                Err(error)
            }
        }
    }

    async fn prepare(&mut self, path: &Path, retry_failed: bool, usual: u64) -> Result<(), BatchError> {
        let shared = Arc::clone(&self.run.machine().shared);
        let begun = self.run.machine().state.begun.clone();
        let is_complete = self.run.machine().state.is_complete();
        let kept = begun.as_ref().filter(|_| !is_complete || shared.output.exists());
        let segment_lines = kept.map_or(usual, |begun| begun.segment_lines);
        let scanned = path.to_owned();
        let input = blocking(move || Input::scan(&scanned, segment_lines)).await?;
        let is_whole = shared.output.exists();
        let is_same = begun.is_some_and(|begun| begun.input_sha256 == input.sha256);
        let has_begun = self.run.machine().state.begun.is_some();
        let event = match (is_same, is_complete, is_whole) {
            (true, false, _) => Some(Event::Resumed),
            (true, true, true) if retry_failed && self.run.machine().state.report.failed > 0 => {
                Some(Event::Again)
            }
            (true, true, true) => None,
            (false, false, _) if has_begun => return Err(BatchError::Changed(path.to_owned())),
            (false, true, true) => return Err(BatchError::OtherInput(shared.output.path.clone())),
            (false, false, true) => return Err(BatchError::Occupied(shared.output.path.clone())),
            // Nothing was begun under this name, or what was is complete and was taken away.
            (_, true, false) | (false, false, false) => {
                // Nothing is overwritten that this journal knows nothing of: somebody has paid for it.
                if shared.output.part.exists() {
                    return Err(BatchError::Occupied(shared.output.part.clone()));
                }
                Some(Event::Begun(Begun {
                    input_sha256: input.sha256.clone(),
                    input: path.display().to_string(),
                    lines: input.lines(),
                    segment_lines: usual,
                }))
            }
        };
        self.is_over = event.is_none();
        if let Some(event) = event {
            self.run.record(event).await?;
        }
        if self.is_over {
            return Ok(());
        }
        let (bytes, is_again) = (self.run.machine().state.bytes, self.run.machine().state.is_again);
        let lines = input.lines();
        let _ = shared.input.set(input);
        blocking(move || {
            shared.output.check(bytes)?;
            if is_again { shared.output.check_lines(lines) } else { Ok(()) }
        })
        .await
    }

    /// Its name in the journal, and the `task` of its calls in the accounts.
    #[must_use]
    pub fn name(&self) -> &StreamName {
        self.run.stream()
    }

    /// How far it is.
    #[must_use]
    pub fn report(&self) -> &BatchReport {
        &self.run.machine().state.report
    }

    /// What ends it early.
    #[must_use]
    pub fn controls(&self) -> BatchControls {
        BatchControls(self.run.controls())
    }

    /// Runs it to its end, or to where it has to stop. Dropping the future is like killing the process: the batch goes on when it
    /// is opened again.
    ///
    /// # Errors
    /// A journal or a file that cannot be used. What is answered is kept.
    pub async fn run(self) -> Result<BatchReport, BatchError> {
        if self.is_over {
            return Ok(self.run.close().await?.state.report);
        }
        let shared = Arc::clone(&self.run.machine().shared);
        let machine = self.run.run().await?;
        let failure = shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(machine.state.report), Err)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Work with files, which may take a while, beside the calls.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BatchError> + Send + 'static,
) -> Result<T, BatchError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(BatchError::Io { path: PathBuf::new(), doing: "worked on", source: std::io::Error::other(error) })
    })
}
