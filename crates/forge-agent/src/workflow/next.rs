//! What a workflow does next. It is found from the state alone, so that every run finds the same.

use forge_core::ErrorKind;

use super::{
    answer,
    brief::Cast,
    event::{Act, AgentId, CheckReport, Event, TaskEnd},
    stage::Stage,
    state::{State, TaskState},
};
use crate::agent::{Agent, AgentEvent, AgentLimits, AgentStep, Ended};

/// How often all checks of a task are run.
const MOST_CHECK_ROUNDS: u32 = 3;

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Record(Vec<Event>),
    Call {
        agent: AgentId,
        tools: bool,
    },
    Act(Act),
    Wait,
    /// It is over, or somebody has to say something.
    Done,
}

impl Step {
    fn record(event: Event) -> Self {
        Self::Record(vec![event])
    }
}

/// What comes of driving an agent.
enum Driven {
    Step(Step),
    Answer(String),
    Over(Ended),
}

impl State {
    pub(super) fn next(&self) -> Step {
        let is_quiet = self.in_flight.is_empty() && self.dialogues.values().all(|one| one.open.is_none());
        match self.stage {
            Stage::Aborted | Stage::Completed => Step::Done,
            // What runs is paid for, and its end is kept.
            _ if self.paused.is_some() || self.stage == Stage::Failed => {
                if is_quiet {
                    Step::Done
                } else {
                    Step::Wait
                }
            }
            Stage::Created => self.act(Act::Prepare),
            Stage::Clarifying => self.clarify(),
            Stage::Planning => self.make_plan(),
            Stage::AwaitingApproval => match self.plan_hash().filter(|_| self.is_unattended()) {
                Some(hash) => Step::record(Event::Approved { hash, by: None }),
                None => Step::Done,
            },
            Stage::Editing | Stage::Checking => self.edit(),
            Stage::Reviewing => self.review(),
            Stage::AwaitingMerge | Stage::Failed => Step::Done,
        }
    }

    /// An act, unless it is under way.
    fn act(&self, act: Act) -> Step {
        if self.in_flight.contains(&act) { Step::Wait } else { Step::Act(act) }
    }

    /// Who is asked as this agent; `None` if nobody is.
    pub fn cast(&self, agent: &AgentId) -> Option<&Cast> {
        let casting = &self.brief.as_ref()?.casting;
        match agent {
            AgentId::Clarifier => casting.clarifier.as_ref(),
            AgentId::Planner => Some(&casting.planner),
            AgentId::Editor(_) => Some(&casting.editor),
            AgentId::Reviewer(_) => casting.reviewer.as_ref(),
        }
    }

    fn limits(&self, agent: &AgentId) -> AgentLimits {
        self.cast(agent).map(|cast| cast.limits).unwrap_or_default()
    }

    fn drive(&self, agent: &AgentId) -> Driven {
        let limits = self.limits(agent);
        let step = match self.dialogues.get(agent) {
            Some(dialogue) => dialogue.next(&limits),
            None => AgentStep::Open,
        };
        Driven::Step(match step {
            AgentStep::Open => self.act(Act::Open(agent.clone())),
            AgentStep::Call { tools } => Step::Call { agent: agent.clone(), tools },
            AgentStep::Tool { id, .. } => self.act(Act::Tool(agent.clone(), id)),
            AgentStep::Wait => Step::Wait,
            AgentStep::Answer(text) => return Driven::Answer(text),
            AgentStep::Over(Ended::Failed(failure)) => stopped_by(agent, failure.kind, &failure.message),
            AgentStep::Over(ended) => return Driven::Over(ended),
        })
    }

    /// An answer that cannot be used goes back to its author, as long as it may be mended.
    fn refuse(&self, agent: &AgentId, problem: String) -> Result<Step, Ended> {
        let limits = self.limits(agent);
        let refused = match self.dialogues.get(agent) {
            Some(dialogue) => dialogue.refuse(problem, &limits)?,
            None => return Err(Ended::Repairs(problem)),
        };
        Ok(Step::record(Event::Agent { agent: agent.clone(), event: refused }))
    }

    /// Drives an agent whose failure is that of the workflow.
    fn ask<A>(
        &self,
        id: &AgentId,
        agent: impl FnOnce(&Cast) -> Agent<A>,
        event: impl FnOnce(A) -> Event,
    ) -> Step {
        // A stage without anybody to ask is never entered.
        let Some(cast) = self.cast(id) else { return Step::Wait };
        let failed = |ended: Ended| Step::record(Event::Failed { reason: format!("{id}: {ended}") });
        match self.drive(id) {
            Driven::Step(step) => step,
            Driven::Over(ended) => failed(ended),
            Driven::Answer(text) => match agent(cast).read(&text) {
                Ok(answer) => Step::record(event(answer)),
                Err(problem) => self.refuse(id, problem).unwrap_or_else(failed),
            },
        }
    }

    fn clarify(&self) -> Step {
        if !self.questions.is_empty() {
            return Step::Done;
        }
        self.ask(&AgentId::Clarifier, Cast::clarifier, |questions| Event::Clarified { questions })
    }

    fn make_plan(&self) -> Step {
        self.ask(&AgentId::Planner, Cast::planner, |mut plan| {
            if self.is_unattended() {
                // Nobody is there to answer; whoever reads the plan sees what was taken for granted.
                plan.assumptions.append(&mut plan.questions);
            }
            Event::Proposed { plan }
        })
    }

    fn review(&self) -> Step {
        let round = u32::try_from(self.reviews.len()).unwrap_or(u32::MAX).saturating_add(1);
        let Some(diff) = &self.diff else { return self.act(Act::Diff(round)) };
        if diff.trim().is_empty() {
            let summary = "nothing is different".to_owned();
            return Step::record(Event::Reviewed { round, summary, findings: Vec::new() });
        }
        self.ask(
            &AgentId::Reviewer(round),
            |cast| cast.reviewer(diff),
            |(summary, findings)| Event::Reviewed { round, summary, findings },
        )
    }

    fn edit(&self) -> Step {
        let open: Vec<&TaskState> = self.tasks.iter().filter(|task| task.end.is_none()).collect();
        if open.is_empty() {
            return Step::record(Event::Failed { reason: self.what_failed() });
        }
        if let Some((task, because)) = open.iter().find_map(|task| Some((task, self.failed_before(task)?))) {
            let (task, end) = (task.task.id.clone(), TaskEnd::Skipped(because));
            return Step::record(Event::TaskEnded { task, end });
        }
        // What is asked meanwhile does not wait for it.
        let checks = self.brief.as_ref().map_or(0, |brief| brief.checks.len());
        let baseline = self.baseline.len() < checks;
        if baseline && let begin @ Step::Act(_) = self.act(Act::Baseline(self.baseline.len())) {
            return begin;
        }
        // A task that waits for one of these belongs to a later group.
        let group: Vec<&TaskState> = open.iter().copied().filter(|task| !self.waits(task)).collect();
        let Some((first, others)) = group.split_first() else { return Step::Wait };
        // All are asked at the same state of the files before the first of them is written.
        let is_asked = |task: &&TaskState| match self.drive(&editor(task)) {
            Driven::Step(step) => Some(step),
            Driven::Answer(_) | Driven::Over(_) => None,
        };
        let asked: Vec<Step> = group.iter().filter_map(is_asked).collect();
        if let Some(step) = asked.iter().find(|step| **step != Step::Wait) {
            return step.clone();
        }
        let is_first_touched = first.before.is_some() || first.giving_up.is_some();
        if !asked.is_empty() && !is_first_touched && others.iter().all(|one| one.before.is_none()) {
            return Step::Wait;
        }
        if baseline { Step::Wait } else { self.settle(first) }
    }

    /// Whether a check may fail after this task: it did before the first edit, and there are tasks to come.
    fn may_fail(&self, task: &TaskState, number: usize) -> bool {
        let is_last = !self.tasks.iter().any(|other| other.end.is_none() && other.task.id != task.task.id);
        !is_last && self.baseline.get(number).is_some_and(|report| !report.passed)
    }

    fn waits(&self, task: &TaskState) -> bool {
        task.task.depends_on.iter().any(|id| self.task(id).is_some_and(|first| !first.is_done()))
    }

    /// A task before this one that is not done and will not be.
    fn failed_before(&self, task: &TaskState) -> Option<String> {
        let failed =
            |id: &&String| self.task(id).is_some_and(|first| first.end.is_some() && !first.is_done());
        task.task.depends_on.iter().find(failed).cloned()
    }

    fn what_failed(&self) -> String {
        let failed: Vec<String> = self
            .tasks
            .iter()
            .filter_map(|task| match &task.end {
                Some(TaskEnd::Failed(reason)) => Some(format!("task {}: {reason}", task.task.id)),
                _ => None,
            })
            .collect();
        if failed.is_empty() { "the plan has no tasks".to_owned() } else { failed.join("\n") }
    }

    /// The task that is written and checked now.
    fn settle(&self, task: &TaskState) -> Step {
        let id = &task.task.id;
        let checks = self.brief.as_ref().map_or(0, |brief| brief.checks.len());
        if let Some(reason) = &task.giving_up {
            return self.give_up(task, reason.clone());
        }
        if task.intent.is_some() {
            return self.act(Act::Apply(id.clone()));
        }
        if task.is_applied {
            let counts =
                |(number, report): &(usize, &CheckReport)| !report.passed && !self.may_fail(task, *number);
            let failed = task.checks.iter().enumerate().find(counts).map(|(_, report)| report);
            let failed = task.objection.as_ref().or(failed);
            return match failed {
                Some(report) if task.check_rounds + 1 < MOST_CHECK_ROUNDS => Step::record(Event::Agent {
                    agent: editor(task),
                    event: AgentEvent::Told { text: answer::check_failed(report) },
                }),
                Some(CheckReport { command, ended, .. }) => {
                    self.give_up(task, format!("`{command}` {ended} after {MOST_CHECK_ROUNDS} attempts"))
                }
                None if task.checks.len() < checks => self.act(Act::Check(id.clone(), task.checks.len())),
                None => Step::record(Event::TaskEnded { task: id.clone(), end: TaskEnd::Done }),
            };
        }
        match (self.drive(&editor(task)), &task.unfit) {
            (Driven::Step(step), _) => step,
            (Driven::Over(ended), _) => self.give_up(task, ended.to_string()),
            (Driven::Answer(_), None) => self.act(Act::Resolve(id.clone())),
            (Driven::Answer(_), Some((problem, told))) => {
                let given_up = |_| self.give_up(task, format!("its edits cannot be made: {problem}"));
                self.refuse(&editor(task), told.clone()).unwrap_or_else(given_up)
            }
        }
    }

    /// Nothing of a task stays that is given up.
    fn give_up(&self, task: &TaskState, reason: String) -> Step {
        let id = task.task.id.clone();
        match (&task.giving_up, &task.before) {
            (None, _) => Step::record(Event::GivenUp { task: id, reason }),
            (Some(_), Some(_)) => self.act(Act::Rollback(id)),
            (Some(_), None) => Step::record(Event::TaskEnded { task: id, end: TaskEnd::Failed(reason) }),
        }
    }
}

fn editor(task: &TaskState) -> AgentId {
    AgentId::Editor(task.task.id.clone())
}

/// A model that cannot be asked is nobody's fault here: a budget without room pauses, anything else fails, and both can be resumed.
fn stopped_by(agent: &AgentId, kind: ErrorKind, message: &str) -> Step {
    let reason = format!("{agent}: {message}");
    Step::record(match kind {
        ErrorKind::BudgetExceeded => Event::Paused { reason, by: None },
        _ => Event::Failed { reason },
    })
}
