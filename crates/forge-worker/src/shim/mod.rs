//! The process between tmux and an agent: leads the pane, holds the lock of the worker for life, and alone sends signals.
//!
//! It never writes to the terminal, and puts no terminal of its own in between: the kernel delivers Ctrl-C and the size of the
//! window to the agent, whose group is the foreground one.

mod control;
mod stage;
mod tree;

use std::{
    io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use forge_core::time::Clock;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, set_child_subreaper, wait};
use serde_json::{Value, json};

pub(crate) use self::control::ask;
pub(crate) use self::stage::{become_shell, second_stage};
use self::{control::Event, stage::start_agent, tree::Tree};
use crate::{
    home::WorkerPlace,
    lock::lock,
    private,
    process::ProcessId,
    record::{ExitRecord, ShimPhase, ShimRecord, WorkerSpec},
    renewal::Renewal,
    status,
};

/// The exit code of a shim that finds another one in its place.
pub const ALREADY_RUNNING: u8 = 75;

/// The exit code of a shim that could not start its agent.
const NOT_STARTED: u8 = 70;

/// How often the tree is looked at when nothing happens.
const TICK: Duration = Duration::from_secs(5);

/// How long what an agent leaves behind has to end by itself.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// Runs the agent of a worker to its end and returns its exit code, 128 and the signal where one ended it.
///
/// `program` and `second_stage` are the command line that leads to the second stage. What goes wrong stands in `exit.json`,
/// because the terminal belongs to the agent.
pub fn run(place: &WorkerPlace, program: &Path, second_stage: &[&str], clock: &dyn Clock) -> u8 {
    // Held to the end of this function, and of the process where that comes first.
    let _lock = match lock(place, "lock", true) {
        Ok(Some(lock)) => lock,
        Ok(None) => return ALREADY_RUNNING,
        Err(_) => return NOT_STARTED,
    };
    let Some(spec) = place.spec() else { return NOT_STARTED };
    let mut shim = match Shim::begin(place, &spec, program, clock) {
        Ok(shim) => shim,
        Err(error) => return fail(place, &spec, clock, &error),
    };
    let events = match control::listen(place) {
        Ok(events) => events,
        Err(error) => return fail(place, &spec, clock, &error),
    };
    match start_agent(&spec, place, program, second_stage) {
        Ok(agent) => shim.started(agent),
        Err(error) => return fail(place, &spec, clock, &error),
    }
    shim.watch(&events)
}

/// Says in `exit.json` why there is no agent.
fn fail(place: &WorkerPlace, spec: &WorkerSpec, clock: &dyn Clock, error: &io::Error) -> u8 {
    let (code, signal, error) = (None, None, Some(error.to_string()));
    let record = ExitRecord {
        run: spec.run.clone(),
        code,
        signal,
        asked: false,
        left: 0,
        error,
        ended_at: clock.now(),
    };
    let _ = place.save_exit(&record);
    let _ = status::publish(place, clock.now());
    NOT_STARTED
}

struct Shim<'a> {
    place: &'a WorkerPlace,
    spec: &'a WorkerSpec,
    clock: &'a dyn Clock,
    record: ShimRecord,
    tree: Tree,
    /// How the agent has ended.
    ended: Option<WaitStatus>,
    /// Processes that were there when it had.
    left: usize,
    asked: bool,
    /// When what has been asked to end is ended.
    kill_at: Option<Instant>,
    /// The command `forge`.
    program: &'a Path,
    renewal: Renewal,
}

impl<'a> Shim<'a> {
    fn begin(
        place: &'a WorkerPlace,
        spec: &'a WorkerSpec,
        program: &'a Path,
        clock: &'a dyn Clock,
    ) -> io::Result<Self> {
        // Whatever loses its parent below here becomes a child of the shim, and is found.
        set_child_subreaper(Some(getpid()))?;
        let own = ProcessId::own().ok_or_else(|| io::Error::other("/proc does not know this process"))?;
        private::remove(&place.file("exit.json"))?;
        let now = clock.now();
        let record = ShimRecord {
            seq: 0,
            run: spec.run.clone(),
            phase: ShimPhase::Starting,
            frozen: false,
            shim: own,
            agent: None,
            tree: Vec::new(),
            started_at: now,
            since: now,
        };
        let tree = Tree::new(own.pid());
        let (ended, left, asked, kill_at, renewal) = (None, 0, false, None, Renewal::default());
        let mut shim =
            Self { place, spec, clock, record, tree, ended, left, asked, kill_at, program, renewal };
        shim.save();
        Ok(shim)
    }

    fn started(&mut self, agent: i32) {
        self.record.agent = ProcessId::of(agent);
        self.enter(ShimPhase::Running);
    }

    /// Until the agent and everything that it has started have ended.
    fn watch(&mut self, events: &Receiver<Event>) -> u8 {
        loop {
            let now = self.clock.instant();
            let wait = self.kill_at.map_or(TICK, |at| at.saturating_duration_since(now).min(TICK));
            match events.recv_timeout(wait) {
                Ok(Event::Child) => {}
                Ok(Event::HangUp) => self.end(false),
                Ok(Event::Terminate) => self.end(true),
                Ok(Event::Control(command, answer)) => answer.send(&self.obey(&command)),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                // Without its threads nobody could reach it any more.
                Err(RecvTimeoutError::Disconnected) => self.tree.signal(Signal::KILL),
            }
            self.reap();
            if self.kill_at.is_some_and(|at| at <= self.clock.instant()) {
                self.tree.signal(Signal::KILL);
                // Again, for what was started in between.
                self.kill_at = Some(self.clock.instant() + Duration::from_millis(20));
            }
            if let Some(status) = self.ended
                && self.tree.is_empty()
            {
                return self.finish(status);
            }
        }
    }

    fn tick(&mut self) {
        if self.ended.is_none() {
            self.renewal.look(self.place, self.program, self.clock.now());
        }
        let tree = self.tree.members();
        if tree == self.record.tree {
            let _ = status::publish(self.place, self.clock.now());
        } else {
            self.record.tree = tree;
            self.save();
        }
    }

    /// Takes the ends of children, and continues an agent that has stopped itself: nobody else could.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            let is_agent = self.record.agent.is_some_and(|agent| agent.pid() == pid.as_raw_nonzero().get());
            if !is_agent {
                continue;
            }
            if status.stopped() {
                if !self.record.frozen {
                    let _ = rustix::process::kill_process_group(pid, Signal::CONT);
                }
                continue;
            }
            self.ended = Some(status);
            let left = self.tree.members();
            self.left = left.len();
            self.record.tree = left;
            self.record.frozen = false;
            self.kill_at = Some(self.clock.instant() + LEFTOVERS);
            self.enter(ShimPhase::Stopping);
            self.tree.signal(Signal::TERM);
            self.tree.signal(Signal::CONT);
        }
    }

    fn obey(&mut self, command: &str) -> Value {
        match command {
            "status" => return serde_json::to_value(&self.record).unwrap_or_default(),
            "freeze" => {
                // Before the signals: a child that stops by them is not continued.
                self.record.frozen = true;
                self.tree.freeze();
                self.enter(self.record.phase);
            }
            "thaw" => {
                self.record.frozen = false;
                self.tree.signal(Signal::CONT);
                self.enter(self.record.phase);
            }
            "interrupt" => {
                if let Some(group) = self.record.agent.and_then(|agent| Pid::from_raw(agent.pid())) {
                    let _ = rustix::process::kill_process_group(group, Signal::INT);
                }
            }
            "term" => self.end(true),
            "kill" => {
                self.end(true);
                self.tree.signal(Signal::KILL);
                self.kill_at = Some(self.clock.instant());
            }
            _ => return json!({ "error": "unknown command" }),
        }
        json!({ "ok": true, "frozen": self.record.frozen, "tree": self.record.tree.len() })
    }

    /// Asks everything to end; what does not within the grace is ended.
    fn end(&mut self, asked: bool) {
        self.asked |= asked;
        if self.kill_at.is_none() {
            self.kill_at = Some(self.clock.instant() + Duration::from_millis(self.spec.grace_ms));
        }
        self.tree.signal(Signal::TERM);
        if self.record.frozen {
            self.record.frozen = false;
            self.tree.signal(Signal::CONT);
        }
        self.enter(ShimPhase::Stopping);
    }

    fn enter(&mut self, phase: ShimPhase) {
        self.record.phase = phase;
        self.record.since = self.clock.now();
        self.record.tree = self.tree.members();
        self.save();
    }

    /// A full disk keeps nobody from working: the record is then the one before.
    fn save(&mut self) {
        self.record.seq += 1;
        let _ = self.place.save_shim(&self.record);
        let _ = status::publish(self.place, self.clock.now());
    }

    fn finish(&self, status: WaitStatus) -> u8 {
        let (code, signal) = (status.exit_status(), status.terminating_signal());
        let record = ExitRecord {
            run: self.spec.run.clone(),
            code,
            signal,
            asked: self.asked,
            left: self.left,
            error: None,
            ended_at: self.clock.now(),
        };
        let _ = self.place.save_exit(&record);
        let _ = private::remove(&self.place.file("ctl"));
        let _ = status::publish(self.place, self.clock.now());
        let code = code.or_else(|| signal.map(|signal| 128 + signal));
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }
}
