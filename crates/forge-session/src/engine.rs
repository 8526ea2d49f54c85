//! Runs a session: decides, writes down, acts, waits.

mod calls;

use std::{
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use forge_core::{Batch, Claim, Fence, JournalError, StreamName};

use serde_json::json;

use self::calls::{Ended, Live};
use crate::{
    CallKey, Controls, Decree, DropReason, Event, Notice, Parts, Plan, Planner, Record, SessionError,
    SessionResult, SessionSummary, Settings, Stage, State, Stop,
    attend::Command,
    budget::{self, Reached},
    event::VERSION,
    planner::Action,
};

/// How long the right to write the journal holds without a renewal.
const LEASE: Duration = Duration::from_secs(60);
const RENEWAL: Duration = Duration::from_secs(20);

/// One session, ready to run.
#[derive(Debug)]
pub struct Session {
    name: StreamName,
    parts: Parts,
    state: State,
    controls: Controls,
    fence: Fence,
    /// Entries in the journal.
    sequence: u64,
    /// Entries that are applied and not yet written.
    batch: Vec<Record>,
    begun: Instant,
    /// For how long earlier runs had run.
    before: Duration,
    renewed: Instant,
    reached: Option<Reached>,
    /// Whether the watcher knows that a price is unknown.
    warned: bool,
}

/// A question to the attendant that is not answered yet. It is asked once, however often the session wakes.
type Asking = (u32, Pin<Box<dyn Future<Output = Decree> + Send>>);

/// What ended a wait.
enum Woken {
    Calls(Vec<Ended>),
    Decided(Decree),
    Again,
}

impl Session {
    /// Begins a session under a new name.
    ///
    /// # Errors
    /// A plan that cannot be run, a name that is taken, or a journal that refuses.
    pub async fn start(parts: Parts, name: StreamName, plan: Plan) -> Result<Self, SessionError> {
        plan.check()?;
        parts.check(&plan)?;
        let mut session = Self::claim(parts, name).await?;
        if session.sequence > 0 {
            session.release().await?;
            return Err(SessionError::Exists(session.name));
        }
        let said = plan.notes.len();
        let plan = session.parts.settled(plan);
        for message in plan.notes.iter().skip(said) {
            session.tell(&Notice::Warning { message: message.clone() });
        }
        let started = session.parts.timer.now();
        session.note(Event::SessionStarted { version: VERSION, started, plan: Box::new(plan) });
        session.flush().await?;
        Ok(session)
    }

    /// Goes on where an earlier run ended. Answers in the journal are not asked for again; calls that were in
    /// flight are. A session that ended stays as it is, unless the user had broken it off.
    ///
    /// # Errors
    /// [`JournalError::Held`] while another run is at work, or a journal that cannot be read.
    pub async fn resume(parts: Parts, name: StreamName) -> Result<Self, SessionError> {
        let mut session = Self::claim(parts, name).await?;
        if session.sequence == 0 {
            session.release().await?;
            return Err(SessionError::Unknown(session.name));
        }
        if let Err(error) = session.parts.check(&session.state.plan) {
            session.release().await?;
            return Err(error.into());
        }
        let settings = session.state.plan.settings.clone();
        match session.state.stopped {
            Some((Stop::UserAborted, _)) => session.reopen(settings).await?,
            None if session.state.paused => session.reopen(settings).await?,
            Some(_) | None => {}
        }
        Ok(session)
    }

    /// Lets a session that ended go on with other settings: more money, more time, more cycles.
    ///
    /// # Errors
    /// Settings that the cast does not suffice for; the journal's.
    pub async fn reopen(&mut self, settings: Settings) -> Result<(), SessionError> {
        Plan { settings: settings.clone(), ..self.state.plan.clone() }.check()?;
        self.note(Event::Resumed { settings: Box::new(settings) });
        self.flush().await
    }

    /// Steers the session while it runs.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// The state so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Runs to the end and gives the journal back.
    ///
    /// # Errors
    /// The journal's, or a prompt template's. A model that fails is part of the result.
    pub async fn run(mut self) -> Result<SessionResult, SessionError> {
        let outcome = self.drive().await;
        let released = self.release().await;
        outcome?;
        released?;
        Ok(SessionResult::of(self.name.as_str(), &self.state))
    }

    async fn claim(parts: Parts, name: StreamName) -> Result<Self, SessionError> {
        let fence = parts.journal.claim(&name, &Claim::new(&*parts.holder, LEASE)).await?;
        let now = parts.timer.instant();
        let read = parts.journal.read(&name, 0).await.map_err(SessionError::from);
        let read = read.and_then(|entries| Ok((entries.len() as u64, State::of(&name, &entries)?)));
        let (sequence, state) = match read {
            Ok(read) => read,
            Err(error) => {
                // Nothing was begun, so that others need not wait for the lease to end.
                let _ = parts.journal.release(&name, fence).await;
                return Err(error);
            }
        };
        Ok(Self {
            sequence,
            before: Duration::from_millis(state.at),
            controls: Controls::default(),
            batch: Vec::new(),
            begun: now,
            renewed: now,
            reached: None,
            warned: false,
            name,
            parts,
            state,
            fence,
        })
    }

    async fn release(&self) -> Result<(), JournalError> {
        self.parts.journal.release(&self.name, self.fence).await
    }

    async fn drive(&mut self) -> Result<(), SessionError> {
        let mut live = self.take_up().await?;
        let mut asking: Option<Asking> = None;
        loop {
            self.obey();
            let mut launch = Vec::new();
            let (wake, ask) = loop {
                match self.planner().next()? {
                    Action::Record(event) => self.note(event),
                    Action::Call(planned) => launch.push(self.intend(*planned)),
                    Action::Ask(cycle) => break (None, Some(cycle)),
                    Action::Wait(until) => break (until, None),
                    Action::Done => {
                        self.flush().await?;
                        return Ok(());
                    }
                }
            };
            self.flush().await?;
            live.retain(|one| one.key.stage == Stage::Critique || !self.is_dropped(one.key));
            live.extend(launch.into_iter().map(|(planned, cx)| self.launch(planned, cx)));
            asking = ask.map(|cycle| match asking.take() {
                Some(same) if same.0 == cycle => same,
                _ => (cycle, self.ask(cycle)),
            });
            let woken = self.wait(&mut live, wake, &mut asking).await;
            match woken {
                Woken::Calls(ended) => ended.into_iter().for_each(|ended| self.end(ended)),
                Woken::Decided(decision) => {
                    if let Some((cycle, _)) = asking.take() {
                        self.note(Event::Attended { cycle, decision });
                    }
                }
                Woken::Again => {}
            }
            self.renew().await?;
        }
    }

    fn planner(&self) -> Planner<'_> {
        Planner { state: &self.state, parts: &self.parts, now: self.now() }
    }

    /// For how long the session has run.
    fn now(&self) -> Duration {
        self.before + self.parts.timer.instant().saturating_duration_since(self.begun)
    }

    fn is_dropped(&self, key: CallKey) -> bool {
        self.state.dropped.contains_key(&(key.cycle, key.stage, key.seat))
    }

    fn note(&mut self, event: Event) {
        let record = Record { at: millis(self.now()), event };
        self.state.apply(&record);
        self.batch.push(record);
    }

    /// Writes what is noted, as one unit, and only then tells the watcher.
    async fn flush(&mut self) -> Result<(), SessionError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let payloads = batch.iter().map(Record::to_bytes).collect();
        let summary = json!(SessionSummary::of(self.name.as_str(), &self.state));
        let journal = &self.parts.journal;
        let written = Batch::new(self.sequence, payloads).with_summary(summary);
        self.sequence = journal.append(&self.name, self.fence, written).await?;
        for record in &batch {
            for notice in Notice::of(&record.event, &self.state) {
                self.tell(&notice);
            }
            if let Event::CallIntended(intent) = &record.event
                && !intent.priced
                && !std::mem::replace(&mut self.warned, true)
            {
                let who = &intent.participant.display_name;
                let message =
                    format!("the price of {who} is unknown; only its tokens count against the budget");
                self.tell(&Notice::Warning { message });
            }
        }
        let used = self.state.used();
        let reached = budget::reached(&self.state.plan.settings.caps, used);
        if let Some(mark) = reached.filter(|_| reached > self.reached) {
            self.reached = reached;
            self.tell(&Notice::Budget { percent: mark.percent(), money: used.money, tokens: used.tokens });
        }
        Ok(())
    }

    fn tell(&self, notice: &Notice) {
        if let Some(observer) = &self.parts.observer {
            observer(notice);
        }
    }

    /// Asks the attendant, who sees the session as it is now; without one, the rules decide.
    fn ask(&self, cycle: u32) -> Pin<Box<dyn Future<Output = Decree> + Send>> {
        let Some(attendant) = self.parts.attendant.clone() else {
            return Box::pin(std::future::ready(Decree::Continue));
        };
        let state = self.state.clone();
        Box::pin(async move { attendant.decide(cycle, &state).await })
    }

    /// Until a call ends, the attendant decides, a command comes, or it is time to look again.
    async fn wait(&self, live: &mut Vec<Live>, wake: Option<Duration>, asking: &mut Option<Asking>) -> Woken {
        let planner = self.planner();
        let at = [wake, planner.deadline()].into_iter().flatten().min();
        let at = at.and_then(|at| self.begun.checked_add(at.saturating_sub(self.before)));
        let renewal = self.renewed + RENEWAL;
        let mut sleep = self.parts.timer.sleep_until(at.map_or(renewal, |at| at.min(renewal)));
        poll_fn(|cx| {
            let mut ended = Vec::new();
            live.retain_mut(|one| match one.future.as_mut().poll(cx) {
                Poll::Ready(end) => {
                    ended.push(end);
                    false
                }
                Poll::Pending => true,
            });
            if !ended.is_empty() {
                return Poll::Ready(Woken::Calls(ended));
            }
            if let Some((_, answer)) = asking
                && let Poll::Ready(decree) = answer.as_mut().poll(cx)
            {
                return Poll::Ready(Woken::Decided(decree));
            }
            if self.controls.is_called(cx) || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::Again);
            }
            Poll::Pending
        })
        .await
    }

    async fn renew(&mut self) -> Result<(), SessionError> {
        let now = self.parts.timer.instant();
        if now >= self.renewed + RENEWAL {
            self.fence =
                self.parts.journal.claim(&self.name, &Claim::new(&*self.parts.holder, LEASE)).await?;
            self.renewed = now;
        }
        Ok(())
    }

    /// Does what the user asked for.
    fn obey(&mut self) {
        while let Some(command) = self.controls.take() {
            match command {
                Command::Pause if !self.state.paused => self.note(Event::Paused),
                Command::Resume if self.state.paused => self.note(Event::Unpaused),
                Command::Pause | Command::Resume => {}
                Command::Abort => {
                    let reason = Stop::UserAborted;
                    self.note(Event::Stopped { reason, status: reason.status() });
                    return;
                }
                Command::Skip => self.skip(),
                Command::Feedback(text) => self.note(Event::FeedbackGiven { text }),
            }
        }
    }

    /// Drops the seats of the stage that is under way.
    fn skip(&mut self) {
        let cycle = self.state.cycle();
        let Some(stage) = self
            .state
            .running()
            .map(|call| call.intent.call)
            .filter(|key| key.cycle == cycle)
            .map(|key| key.stage)
            .max()
        else {
            return;
        };
        let seats = if stage == Stage::Critique { self.state.plan.seats() } else { 0..1 };
        for seat in seats {
            self.note(Event::SeatDropped { cycle, stage, seat, reason: DropReason::Skipped });
        }
        // Critics go on, and may join the next cycle.
        if stage != Stage::Critique {
            let running = self.state.running().map(|call| call.intent.call);
            let cancelled: Vec<_> = running.filter(|key| (key.cycle, key.stage) == (cycle, stage)).collect();
            for key in cancelled {
                self.give_up(key);
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
