//! Sessions as durable runs.
//!
//! A session has no loop of its own: [`Run`] asks its machine what comes next, and writes each entry before
//! it counts. What is here starts, resumes and reopens sessions, and is over when the run is.

mod calls;
mod machine;

use forge_core::storage::journal::StreamName;
use forge_durable::Run;

use self::machine::SessionMachine;
use crate::{
    controls::Controls,
    deps::SessionDeps,
    error::{PlanError, SessionError},
    event::{Event, VERSION},
    notice::Notice,
    plan::{MAX_CYCLES, Plan, Settings},
    result::SessionResult,
    stage::Mode,
    state::State,
    stop::Stop,
};

/// One session, claimed and ready to run. Dropped without a run, it is like one whose process died.
#[derive(Debug)]
pub struct Session {
    run: Run<SessionMachine>,
}

impl Session {
    /// Starts a session under a new name.
    ///
    /// # Errors
    /// A plan that cannot be run, a name that is taken, or a journal that refuses.
    pub async fn start(deps: SessionDeps, name: StreamName, plan: Plan) -> Result<Self, SessionError> {
        plan.check()?;
        deps.check(&plan)?;
        let mut session = Self::open(deps, name).await?;
        if !session.run.is_new() {
            let name = session.run.stream().clone();
            session.run.close().await?;
            return Err(SessionError::Exists(name));
        }
        let machine = session.run.machine();
        // Resolved once and written down: a later run with other models keeps to what the user was told.
        let earlier = plan.notes.len();
        let plan = machine.deps.resolved(plan);
        for message in plan.notes.iter().skip(earlier) {
            machine.notify(&Notice::Warning { message: message.clone() });
        }
        let started = machine.deps.timer.now();
        let event = Event::SessionStarted { version: VERSION, started, plan: Box::new(plan) };
        session.run.record(event).await?;
        Ok(session)
    }

    /// Resumes a session where an earlier run ended. Answers in the journal are not asked for again; calls that were in
    /// flight are. A session that has ended stays as it is, unless the user aborted it; one that is paused continues.
    ///
    /// # Errors
    /// [`SessionError::Running`] or [`JournalError::Held`](forge_core::storage::journal::JournalError::Held) while another run is at work, or a journal that cannot be
    /// read.
    pub async fn resume(deps: SessionDeps, name: StreamName) -> Result<Self, SessionError> {
        let mut session = Self::open(deps, name).await?;
        if session.run.is_new() {
            let name = session.run.stream().clone();
            session.run.close().await?;
            return Err(SessionError::Unknown(name));
        }
        let machine = session.run.machine();
        // Only now, because the plan stands in the journal.
        if let Err(error) = machine.deps.check(&machine.state.plan) {
            session.run.close().await?;
            return Err(error.into());
        }
        let settings = session.state().plan.settings.clone();
        match session.state().stopped {
            // Whoever resumes takes an abort back. Every other end stands.
            Some((Stop::UserAborted, _)) => session.reopen(settings).await?,
            // A session that was merely killed needs no entry: its state says what comes next.
            None if session.state().paused => session.reopen(settings).await?,
            Some(_) | None => {}
        }
        Ok(session)
    }

    /// Claims the journal and replays it, whether or not there is a session in it.
    async fn open(deps: SessionDeps, name: StreamName) -> Result<Self, SessionError> {
        let run_deps = deps.run_deps();
        let machine = SessionMachine::new(deps, name.clone());
        Ok(Self { run: Run::open(run_deps, name, machine).await? })
    }

    /// Continues an ended session with other settings: more money, more time, more cycles.
    ///
    /// # Errors
    /// Settings that need more participants than the cast has; those of the journal.
    pub async fn reopen(&mut self, settings: Settings) -> Result<(), SessionError> {
        Plan { settings: settings.clone(), ..self.state().plan.clone() }.check()?;
        self.run.record(Event::Resumed { settings: Box::new(settings) }).await
    }

    /// Continues an ended session with feedback for one more cycle, and with these settings.
    ///
    /// # Errors
    /// A session that judges a document, that has had the most cycles already, or has no critics; those of the journal.
    pub async fn follow(&mut self, text: impl Into<String>, settings: Settings) -> Result<(), SessionError> {
        let had = u32::try_from(self.state().closed.len()).unwrap_or(u32::MAX);
        if self.state().plan.settings.mode == Mode::Judge {
            return Err(PlanError::NothingToRevise.into());
        }
        if had >= MAX_CYCLES {
            return Err(PlanError::TooManyCycles { had }.into());
        }
        // Only a council has another cycle, and the wish needs one of its own.
        let settings = Settings { mode: Mode::Council, cycles: settings.cycles.max(had + 1), ..settings };
        self.reopen(settings).await?;
        self.run.record(Event::FeedbackGiven { text: text.into(), by: None }).await
    }

    /// Controls that steer the session while it runs.
    pub fn controls(&self) -> Controls {
        Controls::new(self.run.controls())
    }

    /// The current state, as folded from the journal so far.
    pub fn state(&self) -> &State {
        &self.run.machine().state
    }

    /// Runs to the end, or until a budget of others pauses it, and releases the journal.
    ///
    /// # Errors
    /// Those of the journal, or of a prompt template. A failing model is part of the result.
    pub async fn run(self) -> Result<SessionResult, SessionError> {
        let name = self.run.stream().clone();
        let machine = self.run.run().await?;
        Ok(SessionResult::of(name.as_str(), &machine.state))
    }
}
