//! One workflow, claimed by a process.

use std::pin::pin;

use forge_core::storage::journal::{Journal, StreamInfo, StreamName};
use forge_durable::{Controls, Machine as _, Run};
use futures_util::future::{Either, select};
use serde_json::{Map, json};

use super::{
    brief::Brief,
    command::Command,
    deps::WorkflowDeps,
    effect::Guard,
    error::WorkflowError,
    event::{Event, MergedInto, VERSION},
    machine::{KIND, Order, WorkflowMachine},
    merge::Merge,
    orders::Orders,
    stage::Stage,
    state::State,
};
use crate::hook::HookEvent;

/// One workflow, claimed and ready to go on. Dropped without being closed, it is like one whose process died.
#[derive(Debug)]
pub struct Workflow {
    run: Run<WorkflowMachine>,
    orders: Orders,
}

/// Steers a workflow while it runs. Clones steer the same one.
#[derive(Debug, Clone)]
pub struct WorkflowControls(Controls<Order>);

impl WorkflowControls {
    /// Gives a command. One that cannot be done when it arrives changes nothing.
    pub fn send(&self, command: Command, by: Option<String>) {
        self.0.send(Order { command, by });
    }
}

impl Workflow {
    /// Begins a workflow under a new name. Nothing is done before [`run`](Self::run).
    ///
    /// # Errors
    /// A name that is taken, or a journal that refuses.
    pub async fn start(deps: WorkflowDeps, name: StreamName, brief: Brief) -> Result<Self, WorkflowError> {
        let at = deps.run.timer.now();
        let mut workflow = Self::claim(deps, name.clone()).await?;
        if !workflow.run.is_new() {
            workflow.run.close().await?;
            return Err(WorkflowError::Exists(name));
        }
        let event = Event::Started { version: VERSION, at, brief: Box::new(brief) };
        workflow.run.record(event).await?;
        Ok(workflow)
    }

    /// Claims a workflow that was begun earlier.
    ///
    /// # Errors
    /// There is none of this name, another process is at work on it, or its journal cannot be read.
    pub async fn open(deps: WorkflowDeps, name: StreamName) -> Result<Self, WorkflowError> {
        let workflow = Self::claim(deps, name.clone()).await?;
        if workflow.run.is_new() {
            workflow.run.close().await?;
            return Err(WorkflowError::Unknown(name));
        }
        Ok(workflow)
    }

    async fn claim(deps: WorkflowDeps, name: StreamName) -> Result<Self, WorkflowError> {
        let (run, folder) = (deps.run.clone(), deps.folder(&name));
        let machine = WorkflowMachine::new(deps, name.clone());
        let run = Run::open(run, name, machine).await?;
        Ok(Self { run, orders: Orders::of(&folder) })
    }

    /// What a workflow has come to, without claiming it.
    ///
    /// # Errors
    /// There is none of this name, or its journal cannot be read.
    pub async fn read(journal: &dyn Journal, name: &StreamName) -> Result<State, WorkflowError> {
        let mut state = State::default();
        for entry in journal.read(name, 0).await? {
            state.apply(&WorkflowMachine::decode(name, &entry)?.1);
        }
        if state.brief.is_none() { Err(WorkflowError::Unknown(name.clone())) } else { Ok(state) }
    }

    /// What was done from the entry of this number on, each with its number, and the number of the first entry that is not there yet.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn steps(
        journal: &dyn Journal,
        name: &StreamName,
        from: u64,
    ) -> Result<(u64, Vec<(u64, String)>), WorkflowError> {
        let (mut next, mut steps) = (from, Vec::new());
        for entry in journal.read(name, from).await? {
            next = entry.sequence + 1;
            let step = WorkflowMachine::decode(name, &entry)?.1.step();
            steps.extend(step.map(|step| (entry.sequence, step)));
        }
        Ok((next, steps))
    }

    /// Whether a stream is a workflow.
    pub fn is_one(stream: &StreamInfo) -> bool {
        stream.summary.as_ref().is_some_and(|summary| summary["kind"] == KIND)
    }

    /// Its name.
    pub fn name(&self) -> &StreamName {
        self.run.stream()
    }

    /// What it has come to.
    pub fn state(&self) -> &State {
        &self.run.machine().state
    }

    /// Controls that steer it while it runs.
    pub fn controls(&self) -> WorkflowControls {
        WorkflowControls(self.run.controls())
    }

    /// Does what a person wants. It is in the journal when this returns; what follows from it is done by [`run`](Self::run).
    ///
    /// # Errors
    /// It cannot be done where the workflow stands, or the journal refuses.
    pub async fn command(&mut self, command: Command, by: Option<String>) -> Result<(), WorkflowError> {
        let event = self.state().command(command, by)?;
        Ok(self.run.record(event).await?)
    }

    /// Goes on until somebody has to say something, or it is over; releases it, and returns what it has come to.
    ///
    /// # Errors
    /// Those of the journal. What goes wrong in the work is part of the state.
    pub async fn run(self) -> Result<State, WorkflowError> {
        let machine = self.run.machine();
        let (name, deps) = (machine.name.clone(), machine.deps.clone());
        let told = |event, state: &State, message: &str| {
            let guard = Guard::of(&deps, &name, state);
            let fields = Map::from_iter([("message".to_owned(), json!(message))]);
            async move { guard.fire(event, None, Vec::new(), fields).await }
        };
        if let Err(reason) = told(HookEvent::SessionStart, self.state(), "").await {
            tracing::warn!(workflow = %name, "{reason}");
        }
        let state = self.go_on().await?;
        let message = format!("the workflow {name} is {}", state.stage);
        let events: &[HookEvent] = match state.stage {
            Stage::Clarifying => &[HookEvent::Notification],
            Stage::AwaitingApproval => &[HookEvent::PostPlan, HookEvent::Notification],
            Stage::AwaitingMerge if state.reviews.is_empty() => &[HookEvent::Notification],
            Stage::AwaitingMerge => &[HookEvent::PostReview, HookEvent::Notification],
            Stage::Failed => &[HookEvent::StopFailure],
            _ => &[],
        };
        for event in events.iter().chain([&HookEvent::SessionEnd]) {
            // Nothing is left to be kept from happening.
            if let Err(reason) = told(*event, &state, &message).await {
                tracing::warn!(workflow = %name, "{reason}");
            }
        }
        Ok(state)
    }

    async fn go_on(self) -> Result<State, WorkflowError> {
        let timer = std::sync::Arc::clone(&self.run.machine().deps.run.timer);
        let following = pin!(self.orders.follow(timer, self.run.controls()));
        // Apart, because it is large and moved about.
        match select(Box::pin(self.run.run()), following).await {
            Either::Left((done, _)) => Ok(done?.state),
            Either::Right(((), running)) => Ok(running.await?.state),
        }
    }

    /// Leaves an order for the process that runs the workflow. It is followed as soon as it is seen, if it can be then.
    ///
    /// # Errors
    /// The folder of the workflow cannot be written.
    pub fn order(
        deps: &WorkflowDeps,
        name: &StreamName,
        command: &Command,
        by: Option<String>,
    ) -> Result<(), WorkflowError> {
        let left = Orders::of(&deps.folder(name)).leave(command, by);
        left.map_err(|why| WorkflowError::Host(why.to_string()))
    }

    /// Releases it as it stands.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn close(self) -> Result<State, WorkflowError> {
        Ok(self.run.close().await?.state)
    }

    /// Brings the result to the user: into the working tree, as changes that are not committed, or into a commit of a new branch.
    /// Nothing is pushed.
    ///
    /// # Errors
    /// There is no result yet, user and result have changed the same lines, or there is such a branch. Then nothing is changed.
    pub async fn merge(&mut self, into: MergedInto, by: Option<String>) -> Result<(), WorkflowError> {
        let state = self.state();
        if state.stage != Stage::AwaitingMerge {
            return Err(WorkflowError::NotNow(format!(
                "a workflow that is {} has no result yet",
                state.stage
            )));
        }
        let machine = self.run.machine();
        let guard = Guard::of(&machine.deps, &machine.name, state);
        let events: &[HookEvent] = match &into {
            MergedInto::Branch(_) => &[HookEvent::PreApply, HookEvent::PreCommit, HookEvent::PreDeploy],
            MergedInto::WorkingTree => &[HookEvent::PreApply],
        };
        for event in events {
            let paths = state.written().iter().map(ToString::to_string).collect();
            let fields = Map::from_iter([
                ("message".to_owned(), json!(self.message())),
                ("branch".to_owned(), json!(if let MergedInto::Branch(name) = &into { name } else { "" })),
            ]);
            guard.fire(*event, None, paths, fields).await.map_err(WorkflowError::Host)?;
        }
        let merge = self.merging()?;
        let is_here = state.brief.as_ref().is_some_and(|brief| brief.here);
        let after = match &into {
            MergedInto::Branch(name) => {
                let message = self.message();
                merge.branch(state, name, &message)?;
                None
            }
            // The user's folder has it already.
            MergedInto::WorkingTree if is_here => None,
            MergedInto::WorkingTree => {
                let is_there = match &state.merging {
                    Some((intent, _)) => merge.recover(intent)?,
                    None => false,
                };
                if !is_there {
                    let (resolved, intent, before) = merge.plan(state)?;
                    let event = Event::Merging { intent: Box::new(intent.clone()), before };
                    self.run.record(event).await?;
                    merge.write(&resolved, &intent)?;
                }
                Some(merge.after()?)
            }
        };
        Ok(self.run.record(Event::Merged { into, after, by }).await?)
    }

    /// Takes the result back out of the user's folder. What the user has changed since stays and is returned.
    ///
    /// # Errors
    /// The folder does not have it, or it cannot be taken back.
    pub async fn undo(&mut self, by: Option<String>) -> Result<Vec<std::path::PathBuf>, WorkflowError> {
        let (state, merge) = (self.state(), self.merging()?);
        let is_here = state.brief.as_ref().is_some_and(|brief| brief.here);
        let in_place = state.base.as_ref().zip(state.last.as_ref()).zip(state.root.as_ref());
        let merged = state.merging.as_ref().zip(state.merged_at.as_ref()).zip(state.brief.as_ref());
        let conflicts = match (in_place, merged) {
            (Some(((base, last), root)), _) if is_here => merge.undo((base, last), root, "checkpoints")?,
            (_, Some((((_, before), after), brief))) => {
                merge.undo((before, after), &brief.workspace, "merge")?
            }
            _ => return Err(WorkflowError::NotNow("nothing of it is in your folder".to_owned())),
        };
        self.run.record(Event::Unmerged { by }).await?;
        Ok(conflicts)
    }

    /// The change so far as a diff.
    ///
    /// # Errors
    /// There is no folder yet, or git fails.
    pub fn diff(&self) -> Result<String, WorkflowError> {
        self.merging()?.diff(self.state())
    }

    /// Removes worktree and checkpoints. The journal stays.
    ///
    /// # Errors
    /// It is not over, or files cannot be removed.
    pub fn forget(&self) -> Result<(), WorkflowError> {
        let state = self.state();
        if !matches!(state.stage, Stage::Completed | Stage::Aborted | Stage::Failed) {
            return Err(WorkflowError::NotNow(format!(
                "a workflow that is {} is not over; abort it first",
                state.stage
            )));
        }
        self.merging()?.forget(state)
    }

    fn merging(&self) -> Result<Merge, WorkflowError> {
        let machine = self.run.machine();
        let nothing = || WorkflowError::NotNow("nothing was asked".to_owned());
        Merge::of(&machine.deps, &machine.name, &machine.state).ok_or_else(nothing)
    }

    fn message(&self) -> String {
        let state = self.state();
        let task = state.brief.as_ref().map(|brief| brief.task.clone()).unwrap_or_default();
        let summary = state.plan.as_ref().map(|plan| plan.summary.clone()).unwrap_or_default();
        let title: String = task.lines().next().unwrap_or_default().chars().take(72).collect();
        format!("{title}\n\n{summary}\n")
    }
}
