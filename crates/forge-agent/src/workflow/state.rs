//! What a workflow has come to, folded from its journal.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::{DateTime, Utc};
use forge_core::Money;
use forge_edit::{Checkpoint, EditPath, Intent};

use super::{
    brief::Brief,
    event::{Act, AgentId, CheckReport, Event, MergedInto, Outcome, ReviewFinding, TaskEnd},
    stage::Stage,
};
use crate::{
    agent::{AgentEvent, Dialogue},
    plan::{Plan, PlanTask, TaskFiles},
};

/// Readings of the change, the first one included.
pub(super) const MOST_REVIEWS: u32 = 3;

/// What a workflow has come to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct State {
    /// What was asked; `None` before the first entry.
    pub brief: Option<Box<Brief>>,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// Where it stands.
    pub stage: Stage,
    /// Why nothing new begins, if that is so.
    pub paused: Option<String>,
    /// Why it failed, and where it stood.
    pub failed: Option<(Stage, String)>,
    /// The folder that is worked in.
    pub root: Option<PathBuf>,
    /// The state of that folder before anything was written.
    pub base: Option<Checkpoint>,
    /// Files of the user that were not committed and are part of the base.
    pub dirty: Vec<String>,
    /// What the clarifier asks; empty once it is answered.
    pub questions: Vec<String>,
    /// What a person answered to it.
    pub answers: Option<String>,
    /// The plan that stands.
    pub plan: Option<Plan>,
    /// Who approved it.
    pub approved_by: Option<Option<String>>,
    /// The tasks in the order of the plan, and behind them those that a review asked for.
    pub tasks: Vec<TaskState>,
    /// What the checks said before the first edit.
    pub baseline: Vec<CheckReport>,
    /// The readings of the change.
    pub reviews: Vec<Review>,
    /// Where the result is.
    pub merged: Option<MergedInto>,
    /// What a merge that is not over, or that can be taken back, is about to do or has done.
    pub merging: Option<(Box<Intent>, Checkpoint)>,
    /// The state of the folder that is worked in, right after the last edits.
    pub(super) last: Option<Checkpoint>,
    /// The state of the user's folder, right after the result came there.
    pub(super) merged_at: Option<Checkpoint>,
    /// What is said with each agent.
    pub dialogues: BTreeMap<AgentId, Dialogue>,
    /// What the host is doing, or was when its run died.
    pub(super) in_flight: Vec<Act>,
    /// The change that is to be read next.
    pub(super) diff: Option<String>,
    /// What dialogues took that began anew.
    earlier_cost: Money,
    earlier_tokens: u64,
}

/// A task and what became of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskState {
    /// The task.
    pub task: PlanTask,
    /// How it ended; `None` while it has not.
    pub end: Option<TaskEnd>,
    /// The last checks, in their order.
    pub checks: Vec<CheckReport>,
    /// How often all of its checks were run.
    pub check_rounds: u32,
    /// The state before its first edit.
    pub before: Option<Checkpoint>,
    /// What a hook has against its last edits.
    pub(super) objection: Option<CheckReport>,
    /// Edits that have their places and are not written.
    pub(super) intent: Option<Box<Intent>>,
    /// Whether edits are written that are not checked.
    pub(super) is_applied: bool,
    /// Answers that were no set of edits, since the last that was.
    pub(super) refusals: usize,
    /// What is wrong with its last answer, for people and for the model.
    pub(super) unfit: Option<(String, String)>,
    /// Whether it is being undone, and why.
    pub(super) giving_up: Option<String>,
}

/// A reading of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Review {
    /// In a few sentences.
    pub summary: String,
    /// What was found.
    pub findings: Vec<ReviewFinding>,
}

impl TaskState {
    fn new(task: PlanTask) -> Self {
        Self {
            task,
            end: None,
            checks: Vec::new(),
            check_rounds: 0,
            before: None,
            objection: None,
            intent: None,
            is_applied: false,
            refusals: 0,
            unfit: None,
            giving_up: None,
        }
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.end == Some(TaskEnd::Done)
    }
}

impl State {
    /// Applies an entry.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { brief, at, .. } => (self.brief, self.started) = (Some(brief.clone()), Some(*at)),
            Event::Begun { act } => self.in_flight.push(act.clone()),
            Event::Ended { act, outcome } => {
                self.in_flight.retain(|one| one != act);
                self.ended(act, outcome);
            }
            Event::Agent { agent, event } => self.agent_said(agent, event),
            Event::Clarified { questions } => {
                self.questions.clone_from(questions);
                if questions.is_empty() || self.is_unattended() {
                    self.stage = Stage::Planning;
                }
            }
            Event::QuestionsAnswered { text, .. } => {
                (self.answers, self.stage) = (Some(text.clone()), Stage::Planning);
                self.questions.clear();
            }
            Event::Proposed { plan } => {
                (self.plan, self.stage) = (Some(plan.clone()), Stage::AwaitingApproval);
            }
            Event::ChangesRequested { text, .. } => {
                self.stage = Stage::Planning;
                self.tell(&AgentId::Planner, text);
            }
            Event::Approved { by, .. } => {
                (self.approved_by, self.stage) = (Some(by.clone()), Stage::Editing);
                let tasks = self.plan.iter().flat_map(|plan| plan.tasks.clone());
                self.tasks = tasks.map(TaskState::new).collect();
            }
            Event::GivenUp { task, reason } => {
                if let Some(task) = self.task_mut(task) {
                    (task.giving_up, task.intent) = (Some(reason.clone()), None);
                }
            }
            Event::TaskEnded { task, end } => self.task_ended(task, end),
            Event::Reviewed { summary, findings, .. } => self.reviewed(summary, findings),
            Event::Paused { reason, .. } => self.paused = Some(reason.clone()),
            Event::Resumed { money, .. } => self.resumed(*money),
            Event::Aborted { .. } => self.stage = Stage::Aborted,
            Event::Failed { reason } => self.fail(reason.clone()),
            Event::Merging { intent, before } => self.merging = Some((intent.clone(), before.clone())),
            Event::Merged { into, after, .. } => {
                (self.merged, self.merged_at) = (Some(into.clone()), after.clone());
                self.stage = Stage::Completed;
            }
            Event::Unmerged { .. } => {
                (self.merged, self.merging, self.stage) = (None, None, Stage::AwaitingMerge);
            }
        }
    }

    fn agent_said(&mut self, agent: &AgentId, event: &AgentEvent) {
        self.dialogues.entry(agent.clone()).or_default().apply(event);
        let AgentId::Editor(task) = agent else { return };
        match event {
            AgentEvent::Refused { .. } => {
                if let Some(task) = self.task_mut(task) {
                    task.unfit = None;
                }
            }
            // Its checks failed, and it is told.
            AgentEvent::Told { .. } => {
                if let Some(task) = self.task_mut(task) {
                    (task.is_applied, task.check_rounds) = (false, task.check_rounds + 1);
                }
                self.enter(Stage::Editing);
            }
            _ => {}
        }
    }

    /// What ends after a failure moves the place from which it goes on, and what ends after an abort nothing.
    fn enter(&mut self, stage: Stage) {
        match (self.stage, &mut self.failed) {
            (Stage::Failed, Some((from, _))) => *from = stage,
            (Stage::Aborted, _) => {}
            _ => self.stage = stage,
        }
    }

    fn tell(&mut self, agent: &AgentId, text: &str) {
        let told = AgentEvent::Told { text: text.to_owned() };
        self.dialogues.entry(agent.clone()).or_default().apply(&told);
    }

    fn ended(&mut self, act: &Act, outcome: &Outcome) {
        match (act, outcome) {
            (_, Outcome::Failed { reason }) => self.host_failed(act, reason),
            (Act::Prepare, Outcome::Prepared { root, base, dirty }) => {
                (self.root, self.base, self.dirty) = (Some(root.clone()), Some(base.clone()), dirty.clone());
                let asks = self.brief.as_ref().is_some_and(|brief| brief.casting.clarifier.is_some());
                self.stage = if asks { Stage::Clarifying } else { Stage::Planning };
            }
            (Act::Open(agent) | Act::Tool(agent, _), Outcome::Said(event)) => {
                self.dialogues.entry(agent.clone()).or_default().apply(event);
            }
            (Act::Diff(_), Outcome::Diff { text }) => self.diff = Some(text.clone()),
            (Act::Resolve(task), _) => self.resolved(task, outcome),
            (Act::Apply(task), _) => {
                let objection = match outcome {
                    Outcome::Applied { after, objection } => {
                        self.last = Some(after.clone());
                        objection.clone()
                    }
                    _ => None,
                };
                if let Some(task) = self.task_mut(task) {
                    (task.is_applied, task.intent, task.refusals) = (true, None, 0);
                    task.objection = objection;
                    task.checks.clear();
                }
                self.enter(Stage::Checking);
            }
            (Act::Baseline(_), Outcome::Checked(report)) => self.baseline.push(report.clone()),
            (Act::Check(task, _), Outcome::Checked(report)) => {
                if let Some(task) = self.task_mut(task) {
                    task.checks.push(report.clone());
                }
            }
            (Act::Rollback(task), _) => {
                if let Some(task) = self.task_mut(task) {
                    (task.is_applied, task.before) = (false, None);
                }
            }
            _ => {}
        }
    }

    fn resolved(&mut self, task: &str, outcome: &Outcome) {
        let Some(task) = self.task_mut(task) else { return };
        match outcome {
            Outcome::Resolved { intent, before } => {
                task.intent = Some(intent.clone());
                task.before.get_or_insert_with(|| before.clone());
            }
            Outcome::Unfit { problem, told } => {
                task.unfit = Some((problem.clone(), told.clone()));
                task.refusals += 1;
            }
            _ => {}
        }
    }

    /// The host cannot do what it has to. For a task it is given up; otherwise the workflow is.
    fn host_failed(&mut self, act: &Act, reason: &str) {
        match act {
            Act::Resolve(task) | Act::Apply(task) => {
                if let Some(task) = self.task_mut(task) {
                    task.intent = None;
                    task.giving_up = Some(reason.to_owned());
                }
            }
            _ => self.fail(format!("{act}: {reason}")),
        }
    }

    fn fail(&mut self, reason: String) {
        if !matches!(self.stage, Stage::Failed | Stage::Aborted) {
            self.failed = Some((self.stage, reason));
            self.stage = Stage::Failed;
        }
    }

    fn task_ended(&mut self, id: &str, end: &TaskEnd) {
        if let Some(task) = self.task_mut(id) {
            task.end = Some(end.clone());
            (task.is_applied, task.giving_up) = (false, None);
        }
        let is_over = self.tasks.iter().all(|task| task.end.is_some());
        let is_done = self.tasks.iter().all(TaskState::is_done);
        let reads = self.brief.as_ref().is_some_and(|brief| brief.casting.reviewer.is_some());
        self.enter(match (is_over, is_done) {
            // With tasks that failed, what comes next is a failure with its reason.
            (false, _) | (true, false) => Stage::Editing,
            (true, true) if reads => Stage::Reviewing,
            (true, true) => Stage::AwaitingMerge,
        });
    }

    fn reviewed(&mut self, summary: &str, findings: &[ReviewFinding]) {
        self.diff = None;
        self.reviews.push(Review { summary: summary.to_owned(), findings: findings.to_owned() });
        let rounds = u32::try_from(self.reviews.len()).unwrap_or(u32::MAX);
        let blocking: Vec<_> = findings.iter().filter(|finding| finding.is_blocking()).collect();
        if blocking.is_empty() || rounds >= MOST_REVIEWS {
            self.stage = Stage::AwaitingMerge;
            return;
        }
        let task = self.mending(rounds, &blocking);
        self.tasks.push(TaskState::new(task));
        self.stage = Stage::Editing;
    }

    /// A task that mends what a review found.
    fn mending(&self, round: u32, blocking: &[&ReviewFinding]) -> PlanTask {
        let said = blocking.iter().map(|finding| {
            let ReviewFinding { severity, claim, quote, place, suggestion } = finding;
            let place = place.as_deref().unwrap_or_default();
            format!("{place} ({severity}): {claim}\nPassage: {quote}\nSuggestion: {suggestion}")
        });
        let write = self.written().iter().map(EditPath::to_string).collect();
        PlanTask {
            id: format!("review-{round}"),
            title: "Mend what the review found".to_owned(),
            detail: said.collect::<Vec<_>>().join("\n\n"),
            kind: "review".to_owned(),
            files: TaskFiles { read: Vec::new(), write },
            depends_on: self.tasks.iter().map(|task| task.task.id.clone()).collect(),
            ..PlanTask::default()
        }
    }

    /// What failed is tried once more; what is done stays.
    fn resumed(&mut self, money: Option<Money>) {
        self.paused = None;
        if let (Some(money), Some(brief)) = (money, &mut self.brief) {
            brief.money = Some(money);
        }
        // A model that could not be asked is asked again.
        let had_failed: Vec<AgentId> =
            self.dialogues.iter_mut().filter_map(|(id, one)| one.retry().then(|| id.clone())).collect();
        let Some((stage, _)) = self.failed.take() else { return };
        self.stage = stage;
        let round = u32::try_from(self.reviews.len()).unwrap_or(u32::MAX).saturating_add(1);
        let asked = match stage {
            Stage::Clarifying => Some(AgentId::Clarifier),
            Stage::Planning => Some(AgentId::Planner),
            Stage::Reviewing => Some(AgentId::Reviewer(round)),
            _ => None,
        };
        // One whose answers could not be used begins anew.
        let mut anew: Vec<AgentId> = asked.into_iter().filter(|id| !had_failed.contains(id)).collect();
        for task in self.tasks.iter_mut().filter(|task| task.end.is_some() && !task.is_done()) {
            anew.push(AgentId::Editor(task.task.id.clone()));
            *task = TaskState::new(task.task.clone());
        }
        for dialogue in anew.iter().filter_map(|id| self.dialogues.remove(id)) {
            self.earlier_cost += dialogue.cost();
            self.earlier_tokens += dialogue.tokens();
        }
    }

    fn task_mut(&mut self, id: &str) -> Option<&mut TaskState> {
        self.tasks.iter_mut().find(|task| task.task.id == id)
    }

    /// The task of this id.
    pub fn task(&self, id: &str) -> Option<&TaskState> {
        self.tasks.iter().find(|task| task.task.id == id)
    }

    /// The files that tasks may write, sorted.
    pub fn written(&self) -> Vec<EditPath> {
        let paths = self.tasks.iter().flat_map(|task| &task.task.files.write);
        let mut paths: Vec<EditPath> = paths.filter_map(|path| EditPath::new(path).ok()).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Whether nobody is there to be asked.
    pub fn is_unattended(&self) -> bool {
        self.brief.as_ref().is_some_and(|brief| brief.unattended)
    }

    /// What all calls have cost, as far as that is known.
    pub fn cost(&self) -> Money {
        self.dialogues.values().map(Dialogue::cost).sum::<Money>() + self.earlier_cost
    }

    /// What all calls have taken, as far as that is known.
    pub fn tokens(&self) -> u64 {
        self.dialogues.values().map(Dialogue::tokens).sum::<u64>() + self.earlier_tokens
    }

    /// Blocking findings of the last review, if it had any.
    pub fn blocking(&self) -> impl Iterator<Item = &ReviewFinding> {
        self.reviews.last().into_iter().flat_map(|review| &review.findings).filter(|one| one.is_blocking())
    }
}
