//! Runs a machine: plan, write, act, wait.

mod in_flight;

use std::{
    fmt,
    time::{Duration, Instant},
};

use forge_core::storage::journal::{Batch, Claim, StreamName};

use self::in_flight::{Completed, InFlight, Intended, Wakeup};
use crate::{
    claim::{self, LEASE, Ownership, RENEWAL},
    controls::{Commanded, Controls},
    deps::RunDeps,
    error::RunError,
    machine::{Machine, Next, millis},
    recovery,
};

/// A claimed piece of work, from its claim to its release.
///
/// Dropping it is like killing the process: nothing is released, and a later run takes over by the lock that
/// its holder never gave back, or once the claim has lapsed.
pub struct Run<M: Machine> {
    pub(crate) stream: StreamName,
    pub(crate) deps: RunDeps,
    pub(crate) machine: M,
    pub(crate) commanded: Commanded<M::Command>,
    ownership: Ownership,
    /// The number of entries in the journal, which the next append expects to find.
    sequence: u64,
    /// Whether the journal was empty when the run started.
    is_new: bool,
    /// Entries that are applied to the machine and not yet written.
    batch: Vec<(Duration, M::Event)>,
    /// Whether they include the end of an effect.
    ended: bool,
    pub(crate) started: Instant,
    /// How long earlier runs had run.
    pub(crate) elapsed_before: Duration,
    pub(crate) renewed: Instant,
}

/// What to do after planning: effects to launch, when to plan again, and a question to ask.
struct Step<M: Machine> {
    launch: Vec<Intended<M>>,
    wake: Option<Duration>,
    ask: Option<(M::Key, M::Effect)>,
    done: bool,
}

impl<M: Machine> Run<M> {
    /// Claims the work and replays its journal into `machine`, which must be new.
    ///
    /// # Errors
    /// [`RunError::Running`] while another run is alive; a journal that cannot be read.
    pub async fn open(deps: RunDeps, stream: StreamName, machine: M) -> Result<Self, M::Error> {
        // The claim goes first: once it holds, no other run can append behind what is read below.
        let ownership = claim::claim(&deps, &stream).await?;
        let now = deps.timer.instant();
        let mut run = Self {
            stream,
            deps,
            machine,
            commanded: Commanded(Controls::new()),
            ownership,
            sequence: 0,
            is_new: true,
            batch: Vec::new(),
            ended: false,
            started: now,
            elapsed_before: Duration::ZERO,
            renewed: now,
        };
        if let Err(error) = run.replay().await {
            // Nothing was started, so that others need not wait for the lease to lapse.
            let _ = run.close().await;
            return Err(error);
        }
        Ok(run)
    }

    async fn replay(&mut self) -> Result<(), M::Error> {
        let entries = self.deps.journal.read(&self.stream, 0).await.map_err(RunError::from)?;
        for entry in &entries {
            let (at, event) = M::decode(&self.stream, entry)?;
            self.machine.apply(at, &event);
            self.elapsed_before = self.elapsed_before.max(at);
        }
        self.sequence = entries.len() as u64;
        self.is_new = entries.is_empty();
        Ok(())
    }

    /// Whether no earlier run has written an entry.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The name of the work.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// The machine in its current state. Entries that are applied and not yet written are part of it.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// Controls that steer the work while it runs. All of them share one queue of commands.
    pub fn controls(&self) -> Controls<M::Command> {
        self.commanded.0.clone()
    }

    /// Records a decision of the caller before the work starts or continues. It is on disk when this returns.
    ///
    /// # Errors
    /// Those of the journal. The run is of no use after one: its machine has applied what the journal does
    /// not hold.
    pub async fn record(&mut self, event: M::Event) -> Result<(), M::Error> {
        self.note(event);
        self.flush().await
    }

    /// Runs to the end, releases the work, and returns the machine.
    ///
    /// # Errors
    /// Those of the journal and of the machine. Dropping the future is like killing the process: the work can be resumed.
    pub async fn run(mut self) -> Result<M, M::Error> {
        // Released whatever came of it, so that nobody waits for the lease of a run that failed. The error of
        // the run is told before that of the release, because it is the cause.
        let outcome = self.drive().await;
        let machine = self.close().await;
        outcome?;
        machine
    }

    /// Releases the work without running it, and returns the machine as it stands.
    ///
    /// # Errors
    /// A journal that cannot be reached. The claim then lapses by itself.
    pub async fn close(self) -> Result<M, M::Error> {
        // The claim before the lock: whoever gets the lock next finds the journal free. If the release fails,
        // the lock is dropped and not given back, which proves to the next run that this one is gone.
        let released = self.deps.journal.release(&self.stream, self.ownership.fence).await;
        released.map_err(RunError::from)?;
        if let Some(lock) = self.ownership.lock {
            lock.release();
        }
        Ok(self.machine)
    }

    async fn drive(&mut self) -> Result<(), M::Error> {
        let mut flight = Vec::new();
        if !self.is_new {
            let calls = self.machine.pending().into_iter().filter_map(|open| open.call).collect();
            // Before new intents are written: they replace the old ones in the state, and another death would forget those.
            recovery::settle(&self.deps, &self.stream, calls).await;
            flight = self.relaunch().await?;
        }
        let mut asking: Option<InFlight<M>> = None;
        loop {
            self.handle_commands();
            let step = self.next_step()?;
            // On disk before anything is launched: a kill behind this line finds the intent of every effect
            // that may have begun, and one before it finds effects that never did.
            self.flush().await?;
            if step.done {
                return Ok(());
            }
            self.cancel_closed(&mut flight);
            flight.extend(step.launch.into_iter().map(|intended| self.launch(intended)));
            // A question that is still current stays asked, however often the work wakes.
            asking = step.ask.map(|(key, effect)| match asking.take() {
                Some(same) if same.key == key => same,
                _ => self.ask(key, effect),
            });
            match self.wait(&mut flight, step.wake, &mut asking).await {
                Wakeup::Completed(completed) => completed.into_iter().for_each(|one| self.end(one)),
                Wakeup::Answered(outcome) => {
                    if let Some(InFlight { key, .. }) = asking.take() {
                        self.end(Completed { key, outcome });
                    }
                }
                Wakeup::Again => {}
            }
            self.renew().await?;
        }
    }

    /// Plans and applies whatever follows from the state, up to where the work has to wait.
    fn next_step(&mut self) -> Result<Step<M>, M::Error> {
        let mut step = Step { launch: Vec::new(), wake: None, ask: None, done: false };
        loop {
            match self.machine.next(self.now())? {
                // Nothing changes the state here, so that the planner would give the same step for ever.
                Next::Record(events) if events.is_empty() => return Ok(step),
                Next::Record(events) => self.note_all(events),
                Next::Call { key, participant, tags, effect } => {
                    step.launch.push(self.intend_call(key, participant, tags, effect));
                }
                Next::Act { key, effect } => step.launch.push(self.intend_act(key, effect)),
                Next::Ask { key, effect } => return Ok(Step { ask: Some((key, effect)), ..step }),
                Next::Wait { until } => return Ok(Step { wake: until, ..step }),
                Next::Done => return Ok(Step { done: true, ..step }),
            }
        }
    }

    /// How long the work has run.
    pub(crate) fn now(&self) -> Duration {
        self.elapsed_before + self.deps.timer.instant().saturating_duration_since(self.started)
    }

    pub(crate) fn note_all(&mut self, events: Vec<M::Event>) {
        for event in events {
            self.note(event);
        }
    }

    fn note(&mut self, event: M::Event) {
        // Rounded as the journal stores it, so that a replay folds the same times.
        let at = Duration::from_millis(millis(self.now()));
        self.machine.apply(at, &event);
        self.batch.push((at, event));
    }

    /// Writes the applied entries in one batch, and only then notifies observers.
    pub(crate) async fn flush(&mut self) -> Result<(), M::Error> {
        let entries = std::mem::take(&mut self.batch);
        if entries.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.ended)
            && let Err(error) = self.deps.sink.flush().await
        {
            // Recovery looks only at calls without an end in the journal, so that the accounts have to be written first.
            tracing::warn!(stream = %self.stream, error = &error as &dyn std::error::Error, "accounts are behind");
        }
        let payloads = entries.iter().map(|(at, event)| M::encode(*at, event)).collect::<Result<_, _>>();
        let batch = Batch::new(self.sequence, payloads.map_err(RunError::Encode)?);
        let batch = match self.machine.summary(&self.stream) {
            Some(summary) => batch.with_summary(summary),
            None => batch,
        };
        let appended = self.deps.journal.append(&self.stream, self.ownership.fence, batch).await;
        self.sequence = appended.map_err(RunError::from)?;
        self.machine.written(&entries);
        Ok(())
    }

    fn end(&mut self, Completed { key, outcome }: Completed<M>) {
        tracing::debug!(stream = %self.stream, effect = %key, "ended");
        self.note_all(self.machine.ended(&key, outcome));
        self.ended = true;
    }

    async fn renew(&mut self) -> Result<(), M::Error> {
        let now = self.deps.timer.instant();
        if now >= self.renewed + RENEWAL {
            // Nothing is replaced here. A run that was taken over is refused and ends. One whose claim lapsed
            // unnoticed gets a new fence; what others wrote meanwhile is a conflict at the next append.
            let claim = Claim::new(&*self.deps.holder, LEASE);
            let claimed = self.deps.journal.claim(&self.stream, &claim).await;
            self.ownership.fence = claimed.map_err(RunError::from)?;
            self.renewed = now;
        }
        Ok(())
    }

    fn handle_commands(&mut self) {
        while let Some(command) = self.commanded.0.take() {
            // Written in one batch with what the planner makes of it, so that a kill keeps both or neither.
            let now = self.now();
            let events = self.machine.command(command, now);
            self.note_all(events);
        }
    }
}

impl<M: Machine> fmt::Debug for Run<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("stream", &self.stream).finish_non_exhaustive()
    }
}
