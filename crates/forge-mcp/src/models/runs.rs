//! Councils that this process works on. The journal has them all; here is what steers those that run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use forge::{
    session::{Controls, Notice, Session},
    storage::journal::StreamName,
};
use tokio::sync::{Notify, watch};

/// Councils at work at once.
pub(super) const MAX_RUNS: usize = 16;

/// The councils at work, by name.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<HashMap<StreamName, Arc<Live>>>);

/// A council at work, in a task of its own: whoever waits for it may go away.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) owner: String,
    calls: Mutex<Calls>,
    controls: Mutex<Option<Controls>>,
    /// Ends the task at once, which is like a kill: the journal has what was answered.
    stop: Notify,
    ended: watch::Sender<Option<Result<(), String>>>,
}

/// What is under way, so that a pause ends the task when nothing is, and no call is paid for nothing.
#[derive(Debug, Default)]
struct Calls {
    is_paused: bool,
    under_way: usize,
}

impl Live {
    pub(super) fn new(owner: &str) -> Arc<Self> {
        let (ended, _) = watch::channel(None);
        Arc::new(Self {
            owner: owner.to_owned(),
            calls: Mutex::default(),
            controls: Mutex::default(),
            stop: Notify::new(),
            ended,
        })
    }

    /// Told of everything that the council does.
    pub(super) fn observe(&self, notice: &Notice) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::StageStarted { .. } => calls.under_way += 1,
            Notice::ParticipantDone { .. } => calls.under_way = calls.under_way.saturating_sub(1),
            Notice::Paused => calls.is_paused = true,
            Notice::SessionStarted { .. } => calls.is_paused = false,
            _ => {}
        }
        if calls.is_paused && calls.under_way == 0 {
            self.stop.notify_one();
        }
    }

    /// Lets the calls under way come to their end, and begins no more.
    pub(super) fn pause(&self) {
        if let Some(controls) = &*self.controls.lock().unwrap_or_else(PoisonError::into_inner) {
            controls.pause();
        }
    }

    pub(super) fn resume(&self) {
        if let Some(controls) = &*self.controls.lock().unwrap_or_else(PoisonError::into_inner) {
            controls.resume();
        }
    }

    /// Waits until this process works on it no more: it has ended, or is paused, or the journal refused.
    pub(super) async fn ended(&self) -> Result<(), String> {
        let mut ended = self.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await;
        ended.ok().and_then(|ended| ended.clone()).unwrap_or(Ok(()))
    }
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamName, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &StreamName) -> Option<Arc<Live>> {
        self.lock().get(name).cloned()
    }

    pub(super) fn is_full(&self) -> bool {
        self.lock().len() >= MAX_RUNS
    }

    /// Runs a session in a task of its own.
    pub(super) fn spawn(self: &Arc<Self>, name: StreamName, session: Session, live: Arc<Live>) {
        *live.controls.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.controls());
        self.lock().insert(name.clone(), Arc::clone(&live));
        let runs = Arc::clone(self);
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = session.run() => ended.map(drop).map_err(|error| error.to_string()),
                () = live.stop.notified() => Ok(()),
            };
            // Gone before it is told, so that whoever hears of it finds the journal free.
            runs.lock().remove(&name);
            live.ended.send_replace(Some(ended));
        });
    }

    /// Ends every council at once.
    pub(super) fn stop(&self) {
        for live in self.lock().values() {
            live.stop.notify_one();
        }
    }
}
