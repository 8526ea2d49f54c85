//! What a fleet does next: a function of what it sees, of the time, and of what it has done.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};

use super::{
    plan::FleetPlan,
    step::FleetStep,
    view::{FleetState, FleetView, FleetWorker, SeenQueue},
};
use crate::{
    bead::{Bead, BeadId},
    health::{HealthMonitorConfig, Recovery, RecoveryStep},
    id::WorkerId,
    state::WorkerState,
    tier::WorkerTier,
    worker::{Availability, AvailableWorker},
};

/// How far apart workers are started: agents that start at the same moment ask their vendor at the same moment.
const STAGGER: Duration = Duration::seconds(2);

/// A turn that ended must have been over for so long before its bead is taken back: the agent may close it a moment later.
const SETTLED: Duration = Duration::seconds(5);

/// How often a bead may come back before it is left to people.
const RETURNS: u32 = 3;

/// A worker of which the fleet knows something beyond what it sees.
#[derive(Clone, Debug, Default)]
struct Known {
    recovery: Recovery,
    /// The end that was already taken into account.
    ended_at: Option<DateTime<Utc>>,
    restart_at: Option<DateTime<Utc>>,
    /// It was seen alive, or was started by this fleet.
    was_ours: bool,
}

/// Says what a fleet does next.
#[derive(Debug)]
pub struct FleetPlanner {
    plan: FleetPlan,
    known: HashMap<WorkerId, Known>,
    returns: HashMap<BeadId, u32>,
    left: BTreeSet<BeadId>,
    next_start: Option<DateTime<Utc>>,
    starts: u32,
    is_draining: bool,
}

impl FleetPlanner {
    /// A planner for a fleet that has not begun.
    #[must_use]
    pub fn new(plan: FleetPlan) -> Self {
        let (known, returns, left) = (HashMap::new(), HashMap::new(), BTreeSet::new());
        Self { plan, known, returns, left, next_start: None, starts: 0, is_draining: false }
    }

    /// What the fleet is to be.
    #[must_use]
    pub const fn plan(&self) -> &FleetPlan {
        &self.plan
    }

    /// From now on nothing is handed out and nobody is started. What workers have they keep.
    pub const fn drain(&mut self) {
        self.is_draining = true;
    }

    /// What the fleet is doing.
    #[must_use]
    pub fn state(&self, view: &FleetView) -> FleetState {
        let Some(queue) = &view.queue else { return FleetState::Blind };
        let has_work =
            view.workers.iter().any(|worker| worker.task.is_some()) || self.ready(queue).next().is_some();
        match (has_work, queue.held_by_others) {
            (true, _) => FleetState::Working,
            (false, 0) => FleetState::Idle,
            (false, _) => FleetState::AllClaimed,
        }
    }

    /// The beads that may be handed out.
    fn ready<'a>(&'a self, queue: &'a SeenQueue) -> impl Iterator<Item = &'a Bead> {
        queue.ready.iter().filter(|bead| !self.left.contains(&bead.id))
    }

    /// The next steps, in the order in which they are to be taken.
    pub fn next(&mut self, view: &FleetView) -> Vec<FleetStep> {
        let mut steps = Vec::new();
        for worker in &view.workers {
            self.watch(worker, view.now, &mut steps);
        }
        let Some(queue) = &view.queue else { return steps };
        if !self.is_draining {
            self.hand_out(view, queue, &mut steps);
            self.start(view, queue, &mut steps);
        }
        let is_over = steps.is_empty() && self.state(view) == FleetState::Idle;
        if is_over && self.plan.until_empty {
            steps.push(FleetStep::End);
        }
        steps
    }

    /// Looks after one worker: takes back what it does not do, and recovers it.
    fn watch(&mut self, worker: &FleetWorker, now: DateTime<Utc>, steps: &mut Vec<FleetStep>) {
        if let (Some(task), Some(reason)) = (&worker.task, failure(worker, now)) {
            let (bead, generation, worker) = (task.bead.clone(), task.generation, worker.id.clone());
            steps.push(FleetStep::TakeBack { bead: bead.clone(), generation, worker, reason });
            self.came_back(bead, steps);
        }
        let known = self.known.entry(worker.id.clone()).or_default();
        if !has_ended(&worker.state) {
            known.was_ours = true;
            (known.ended_at, known.restart_at) = (None, None);
            return;
        }
        let is_new = known.was_ours && known.ended_at.is_none();
        known.ended_at.get_or_insert(worker.since);
        if is_new && crashed(&worker.state) {
            match self.plan.restart.then(|| known.recovery.crashed(HealthMonitorConfig::default(), now)) {
                Some(RecoveryStep::At(at)) => known.restart_at = Some(at),
                Some(RecoveryStep::GiveUp) => steps.push(FleetStep::GiveUp {
                    worker: worker.id.clone(),
                    reason: format!(
                        "it crashed again; it was started again {} times",
                        known.recovery.attempts()
                    ),
                }),
                None => steps.push(FleetStep::GiveUp {
                    worker: worker.id.clone(),
                    reason: format!(
                        "it is {}, and is not started again without `--restart`",
                        worker.state.as_str()
                    ),
                }),
            }
        }
        if known.restart_at.is_some_and(|at| at <= now) && !self.is_draining {
            known.restart_at = None;
            known.ended_at = None;
            steps.push(FleetStep::Restart { worker: worker.id.clone() });
        }
    }

    /// Notes that a bead was not done. Also for whoever could not give it to its worker.
    pub fn came_back(&mut self, bead: BeadId, steps: &mut Vec<FleetStep>) {
        let returns = self.returns.entry(bead.clone()).or_default();
        *returns += 1;
        if *returns >= RETURNS {
            self.left.insert(bead.clone());
            steps.push(FleetStep::LeaveToPeople { bead });
        }
    }

    fn hand_out(&self, view: &FleetView, queue: &SeenQueue, steps: &mut Vec<FleetStep>) {
        // What is being taken back is free at the next look, when that is certain.
        let mut workers: Vec<_> = view.workers.iter().map(available).collect();
        for bead in self.ready(queue) {
            let Some(decision) = self.plan.router.route(bead, &workers) else { return };
            let wanted = self.plan.router.tier(bead.priority);
            // A bead of a tier whose workers are still to come waits for them.
            if decision.tier != wanted && self.missing(view, wanted).is_some() {
                continue;
            }
            let chosen = workers.iter_mut().find(|worker| worker.id == decision.chosen_worker);
            if let Some(worker) = chosen {
                worker.availability = Availability::Busy;
            }
            steps.push(FleetStep::HandOut(Box::new(decision)));
        }
    }

    /// Starts one worker, where one is missing and has something to do: of the tier of the most urgent bead that nobody gets.
    fn start(&mut self, view: &FleetView, queue: &SeenQueue, steps: &mut Vec<FleetStep>) {
        let is_handed = |bead: &Bead| {
            steps.iter().any(|step| matches!(step, FleetStep::HandOut(decision) if decision.bead == bead.id))
        };
        let coming = view.workers.iter().filter(|worker| worker.state == WorkerState::Starting).count();
        let open: Vec<_> = self.ready(queue).filter(|bead| !is_handed(bead)).skip(coming).collect();
        let Some(next) = open.first().filter(|_| self.next_start.is_none_or(|at| at <= view.now)) else {
            return;
        };
        let wanted = self.plan.router.tier(next.priority);
        let tiers = [wanted].into_iter().chain(self.plan.workers.keys().copied());
        let Some(step) = tiers.into_iter().find_map(|tier| self.missing(view, tier)) else { return };
        if let FleetStep::Restart { worker } = &step {
            self.known.entry(worker.clone()).or_default().was_ours = true;
        }
        let jitter = Duration::milliseconds(i64::from(spread(self.plan.seed.wrapping_add(self.starts))));
        (self.next_start, self.starts) = (Some(view.now + STAGGER + jitter), self.starts.wrapping_add(1));
        steps.push(step);
    }

    /// The first worker of a tier that is wished for and is not there.
    fn missing(&self, view: &FleetView, tier: WorkerTier) -> Option<FleetStep> {
        let count = self.plan.workers.get(&tier).copied().unwrap_or_default();
        (1..=count).map(|number| self.plan.worker(tier, number)).find_map(|worker| {
            let Some(seen) = view.workers.iter().find(|seen| seen.id.as_str() == worker) else {
                return Some(FleetStep::Spawn { worker, tier });
            };
            // One that ended before this run of the fleet began is started again; later ends are crashes, or were asked for.
            let is_of_earlier =
                has_ended(&seen.state) && !self.known.get(&seen.id).is_some_and(|known| known.was_ours);
            is_of_earlier.then(|| FleetStep::Restart { worker: seen.id.clone() })
        })
    }
}

/// Milliseconds below 1,024, far apart for neighbouring numbers: the high bits of a product with the golden ratio.
const fn spread(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b9) >> 22
}

fn has_ended(state: &WorkerState) -> bool {
    state.has_ended() || *state == WorkerState::Orphaned
}

/// Whether it ended unasked and not well.
fn crashed(state: &WorkerState) -> bool {
    match state {
        WorkerState::Exited { asked, .. } => !asked,
        state => has_ended(state),
    }
}

/// Why what a worker has is not done; `None` while it may be.
fn failure(worker: &FleetWorker, now: DateTime<Utc>) -> Option<String> {
    let task = worker.task.as_ref()?;
    match &worker.state {
        state if has_ended(state) => Some(format!("its worker is {}", state.as_str())),
        WorkerState::TurnFailed(kind) => Some(format!("the turn of its worker failed: {kind}")),
        WorkerState::Undelivered => Some("its worker has no record of it".to_owned()),
        // Only a turn that began and ended since it got the bead says something of it.
        WorkerState::Ready | WorkerState::Paused
            if worker.since > task.since && now - worker.since >= SETTLED =>
        {
            Some("its worker ended the turn without closing it".to_owned())
        }
        _ => None,
    }
}

fn available(worker: &FleetWorker) -> AvailableWorker {
    let is_idle = worker.state == WorkerState::Ready && worker.task.is_none();
    AvailableWorker::new(worker.id.clone(), worker.tier, worker.model.clone()).with_availability(if is_idle {
        Availability::Idle
    } else {
        Availability::Busy
    })
}
