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
    state::{Begun, Event, State},
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
            earlier: OnceLock::new(),
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

    /// Looks at all files before anything of it is written down.
    async fn prepare(&mut self, path: &Path, retry_failed: bool, usual: u64) -> Result<(), BatchError> {
        let shared = Arc::clone(&self.run.machine().shared);
        let state = &self.run.machine().state;
        let is_over = state.is_complete() && !shared.output.exists();
        let begun = state.begun.as_ref().filter(|_| !is_over);
        let segment_lines = begun.map_or(usual, |begun| begun.segment_lines);
        let scanned = path.to_owned();
        let input = blocking(move || Input::scan(&scanned, segment_lines)).await?;
        let Some(event) = beginning(state, &input, path, &shared.output, retry_failed, segment_lines)? else {
            self.is_over = true;
            return Ok(());
        };
        let is_again = matches!(event, Event::Again) || matches!(event, Event::Resumed) && state.is_again;
        let bytes = if matches!(event, Event::Resumed) { state.bytes } else { 0 };
        blocking(move || {
            shared.output.check(bytes)?;
            if is_again {
                let _ = shared.earlier.set(shared.output.segments(&input)?);
            }
            let _ = shared.input.set(input);
            Ok(())
        })
        .await?;
        Ok(self.run.record(event).await?)
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

/// What a run begins with; `None` where nothing is left to do. Nothing is overwritten that this batch has not written.
fn beginning(
    state: &State,
    input: &Input,
    path: &Path,
    output: &Output,
    retry_failed: bool,
    segment_lines: u64,
) -> Result<Option<Event>, BatchError> {
    let is_same = state.begun.as_ref().is_some_and(|begun| begun.input_sha256 == input.sha256);
    let has_begun = state.begun.is_some();
    Ok(Some(match (is_same, state.is_complete(), output.exists()) {
        (true, false, _) => Event::Resumed,
        (true, true, true) if retry_failed && state.report.failed > 0 => Event::Again,
        (true, true, true) => return Ok(None),
        (false, false, _) if has_begun => return Err(BatchError::Changed(path.to_owned())),
        (false, true, true) => return Err(BatchError::OtherInput(output.path.clone())),
        (false, false, true) => return Err(BatchError::Occupied(output.path.clone())),
        // What has grown here is known to another journal: somebody has paid for it.
        _ if output.part.exists() => return Err(BatchError::Occupied(output.part.clone())),
        // Nothing was begun under this name, or what was is complete and was taken away.
        _ => Event::Begun(Begun {
            input_sha256: input.sha256.clone(),
            input: path.display().to_string(),
            lines: input.lines(),
            segment_lines,
        }),
    }))
}

/// Work with files, which may take a while, beside the calls.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BatchError> + Send + 'static,
) -> Result<T, BatchError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(BatchError::Io { path: PathBuf::new(), doing: "worked on", source: std::io::Error::other(error) })
    })
}
