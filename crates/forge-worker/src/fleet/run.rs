//! A fleet at work.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use forge_core::storage::queue::{DecisionLog, KeptDecision};

use super::{
    news::{FleetError, FleetNews},
    plan::FleetPlan,
    planner::FleetPlanner,
    prompt::prompt,
    step::FleetStep,
    view::{FleetState, FleetView, FleetWorker, HeldTask, SeenQueue},
};
use crate::{
    bead::{BeadId, BeadStatus},
    deliver::{DeliverError, Message},
    id::WorkerId,
    launch::{LaunchConfig, LauncherError, SpawnRequest, WorkerLauncher},
    queue::{Claim, Release, Snapshot, TaskQueue, TaskQueueError},
    renewal::LeaseRecord,
    routing::RoutingDecision,
};

/// A fleet on the queue of one workspace.
#[derive(Debug)]
pub struct Fleet {
    launcher: WorkerLauncher,
    queue: Arc<TaskQueue>,
    decisions: Arc<dyn DecisionLog>,
    planner: FleetPlanner,
    config: LaunchConfig,
    program: PathBuf,
    /// What workers had at the last look.
    had: Vec<(WorkerId, BeadId, u64)>,
    state: FleetState,
    /// Workers that had not ended at the last look.
    running: usize,
}

impl Fleet {
    /// A fleet of `plan` on this queue. Its workers are launched like `config`, but for the tier; `program` is the command `forge`
    /// as agents are told it.
    pub fn new(
        launcher: WorkerLauncher,
        queue: Arc<TaskQueue>,
        decisions: Arc<dyn DecisionLog>,
        plan: FleetPlan,
        config: LaunchConfig,
        program: impl Into<PathBuf>,
    ) -> Self {
        let (planner, program) = (FleetPlanner::new(plan), program.into());
        Self {
            launcher,
            queue,
            decisions,
            planner,
            config,
            program,
            had: Vec::new(),
            state: FleetState::Idle,
            running: 0,
        }
    }

    /// What it was doing at the last look.
    #[must_use]
    pub const fn state(&self) -> FleetState {
        self.state
    }

    /// How many of its workers had not ended at the last look.
    #[must_use]
    pub const fn running(&self) -> usize {
        self.running
    }

    /// Hands nothing more out and starts nobody.
    pub const fn drain(&mut self) {
        self.planner.drain();
    }

    /// The workers that have a bead, as of the last look.
    #[must_use]
    pub fn busy(&self) -> Vec<WorkerId> {
        self.had.iter().map(|(worker, ..)| worker.clone()).collect()
    }

    /// Looks once and does what is to be done.
    ///
    /// # Errors
    ///
    /// Where the workers cannot be seen, or one of a name that this fleet would give works for another folder. A queue that
    /// cannot be seen is news, and changes nothing.
    pub async fn look(&mut self, now: DateTime<Utc>) -> Result<Vec<FleetNews>, FleetError> {
        let mut news = Vec::new();
        let snapshot = match self.queue.snapshot(now).await {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                news.push(FleetNews::Blind(error.to_string()));
                None
            }
        };
        let workers = self.workers(snapshot.as_ref()).await?;
        if let Some(snapshot) = &snapshot {
            self.note_ends(snapshot, &workers, &mut news);
        }
        self.running = workers.iter().filter(|worker| !worker.state.has_ended()).count();
        let queue = snapshot.as_ref().map(|snapshot| seen(snapshot, &workers));
        let view = FleetView::new(now, workers, queue);
        let steps = self.planner.next(&view);
        self.state = self.planner.state(&view);
        for step in steps {
            self.take(step, now, &mut news).await;
        }
        Ok(news)
    }

    /// The workers of this fleet, with what they have.
    async fn workers(&self, snapshot: Option<&Snapshot>) -> Result<Vec<FleetWorker>, FleetError> {
        let (plan, project) = (self.planner.plan(), Path::new(self.queue.name()));
        let all = self.launcher.overview().await?;
        let (own, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .filter(|(handle, _)| plan.place(&handle.id).is_some())
            .partition(|(handle, _)| handle.project == project);
        // Never a second worker of a name, and never a bead for whoever works elsewhere.
        if let Some((other, _)) = others.into_iter().find(|(handle, _)| plan.wants(&handle.id)) {
            return Err(FleetError::NameTaken { worker: other.id, project: other.project });
        }
        let worker = |(handle, seen): (crate::launch::WorkerHandle, crate::status::Observation)| {
            let mut worker = FleetWorker::new(handle.id.clone(), handle.tier, seen.state, seen.since);
            worker.model = handle.model;
            worker.task = match snapshot {
                Some(snapshot) => held(snapshot, &handle.id),
                None => None,
            };
            worker
        };
        Ok(own.into_iter().map(worker).collect())
    }

    /// Tells which beads were closed since the last look.
    fn note_ends(&mut self, snapshot: &Snapshot, workers: &[FleetWorker], news: &mut Vec<FleetNews>) {
        for (worker, bead, generation) in &self.had {
            let has_it_still = snapshot.held(bead).is_some_and(|lease| lease.generation == *generation);
            if has_it_still {
                continue;
            }
            let is_closed = snapshot.bead(bead).is_some_and(|bead| bead.status == BeadStatus::Closed);
            if is_closed {
                news.push(FleetNews::Closed(bead.clone(), worker.clone()));
            }
            // What a worker has no more is not renewed; a lost lease is refused in any case.
            let _ = self.launcher.home().worker(worker).set_lease(None);
        }
        let task = |worker: &FleetWorker| {
            let task = worker.task.as_ref()?;
            Some((worker.id.clone(), task.bead.clone(), task.generation))
        };
        self.had = workers.iter().filter_map(task).collect();
    }

    async fn take(&mut self, step: FleetStep, now: DateTime<Utc>, news: &mut Vec<FleetNews>) {
        match step {
            FleetStep::Spawn { worker, tier } => {
                let config = self.config.clone().with_tier(tier);
                let spawned = self.launcher.spawn(SpawnRequest::new(worker.clone(), config)).await;
                news.push(started(worker, spawned.map(drop)));
            }
            FleetStep::Restart { worker } => {
                let spawned = self.launcher.restart(&worker).await;
                news.push(started(worker.to_string(), spawned.map(drop)));
            }
            FleetStep::GiveUp { worker, reason } => news.push(FleetNews::GaveUp(worker, reason)),
            FleetStep::HandOut(decision) => news.push(self.hand_out(decision, now).await),
            FleetStep::TakeBack { bead, generation, worker, reason } => {
                let released = self.queue.release(&bead, Release::Own(generation), &reason, now).await;
                match released {
                    Ok(_) => news.push(FleetNews::TakenBack(bead, worker, reason)),
                    // It was closed or taken meanwhile: nothing of ours is left to give back.
                    Err(TaskQueueError::Stale { .. }) => {}
                    Err(error) => news.push(FleetNews::Blind(error.to_string())),
                }
            }
            FleetStep::LeaveToPeople { bead } => news.push(FleetNews::Left(bead)),
            FleetStep::End => news.push(FleetNews::End),
        }
    }

    /// Claims a bead for a worker, keeps why, and tells the worker.
    async fn hand_out(&mut self, decision: Box<RoutingDecision>, now: DateTime<Utc>) -> FleetNews {
        let (bead, worker) = (decision.bead.clone(), decision.chosen_worker.clone());
        let claim = Claim::new(worker.clone()).with_only(bead.clone());
        let claimed = match self.queue.claim(&claim, now).await {
            Ok(Some(claimed)) => claimed,
            // Another fleet was faster.
            Ok(None) => return FleetNews::NotHandedOut(bead, "somebody else has it".to_owned()),
            Err(error) => return FleetNews::NotHandedOut(bead, error.to_string()),
        };
        let generation = claimed.lease.generation;
        let kept = serde_json::to_string(&*decision).unwrap_or_default();
        // A decision that is not kept is a report less, and no reason to leave the bead.
        let _ = self
            .decisions
            .keep_decision(self.queue.name(), KeptDecision::new(bead.as_str(), now, kept))
            .await;
        let place = self.launcher.home().worker(&worker);
        let lease = LeaseRecord::new(self.queue.name(), bead.as_str(), generation);
        let told = match place.set_lease(Some(&lease)) {
            Ok(()) => self.tell(&worker, &claimed.bead, generation).await,
            Err(error) => Err(error.into()),
        };
        match told {
            Ok(()) => {
                self.had.push((worker, bead, generation));
                FleetNews::HandedOut(decision, generation)
            }
            Err(error) => {
                let reason = format!("{worker} could not be told: {error}");
                let _ = place.set_lease(None);
                // What cannot be given back runs out.
                let _ = self.queue.release(&bead, Release::Own(generation), &reason, now).await;
                let mut left = Vec::new();
                self.planner.came_back(bead.clone(), &mut left);
                FleetNews::NotHandedOut(bead, reason)
            }
        }
    }

    async fn tell(
        &self,
        worker: &WorkerId,
        bead: &crate::bead::Bead,
        generation: u64,
    ) -> Result<(), DeliverError> {
        let text = prompt(bead, worker, generation, &self.program, Path::new(self.queue.name()));
        // The same generation is told once, however often it is tried.
        let message = Message::new(format!("{}-{generation}", bead.id), text);
        self.launcher.deliver(worker, &message).await.map(drop)
    }

    /// Stops the workers of this fleet that run; each that did not stop with its reason.
    pub async fn stop(&self) -> Vec<(WorkerId, LauncherError)> {
        let mut failed = Vec::new();
        for worker in self.workers(None).await.unwrap_or_default() {
            if !worker.state.has_ended()
                && let Err(error) = self.launcher.stop(&worker.id).await
            {
                failed.push((worker.id, error));
            }
        }
        failed
    }
}

fn started(worker: String, started: Result<(), LauncherError>) -> FleetNews {
    match started {
        Ok(()) => FleetNews::Started(worker),
        Err(error) => FleetNews::NotStarted(worker, error.to_string()),
    }
}

fn held(snapshot: &Snapshot, worker: &WorkerId) -> Option<HeldTask> {
    let mut beads = snapshot.beads().iter();
    beads.find_map(|bead| {
        let lease = snapshot.held(&bead.id).filter(|lease| *lease.owner == *worker.as_str())?;
        Some(HeldTask::new(bead.id.clone(), lease.generation, lease.began_at))
    })
}

fn seen(snapshot: &Snapshot, workers: &[FleetWorker]) -> SeenQueue {
    let ready = snapshot.ready(&[]).into_iter().map(|(bead, _)| bead.clone()).collect();
    let is_ours = |owner: &str| workers.iter().any(|worker| worker.id.as_str() == owner);
    let mut leases = snapshot.beads().iter().filter_map(|bead| snapshot.held(&bead.id));
    let others = leases.by_ref().filter(|lease| !is_ours(&lease.owner)).count();
    SeenQueue::new(ready).with_held_by_others(others)
}
