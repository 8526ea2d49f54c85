//! What is wrong with a plan. Everything at once, in words that can go back to its author.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use forge_edit::{EditPath, PathProblem};

use super::model::{Plan, PlanTask};

/// More tasks than a plan may have.
const MOST_TASKS: usize = 200;

/// Why a plan cannot be carried out: all that is wrong with it, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidPlan {
    /// At least one.
    pub problems: Vec<PlanProblem>,
}

impl std::error::Error for InvalidPlan {}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanProblem {
    /// The answer holds no plan.
    #[error("the answer holds no JSON object with `tasks`")]
    NoPlan,
    /// A member has the wrong form.
    #[error("the plan has the wrong form: {0}")]
    Form(String),
    /// There is nothing to do and nothing to ask.
    #[error("the plan has no tasks and asks nothing")]
    Empty,
    /// There is too much to do.
    #[error("the plan has {0} tasks; at most {MOST_TASKS} can be carried out")]
    TooMany(usize),
    /// A name that cannot be used.
    #[error("task {number}: `{id}` is no id; use up to 40 letters, digits, `-` and `_`")]
    Id {
        /// Which task, from 1.
        number: usize,
        /// What it is called.
        id: String,
    },
    /// Two tasks of one name.
    #[error("two tasks are called `{0}`")]
    SameId(String),
    /// A task without a title.
    #[error("task `{0}` has no title")]
    NoTitle(String),
    /// A task that comes first and is not there.
    #[error("task `{task}` depends on `{missing}`, which is no task")]
    Unknown {
        /// The task.
        task: String,
        /// What it names.
        missing: String,
    },
    /// Tasks that wait for each other.
    #[error("these tasks wait for each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// A file that may not be named.
    #[error("task `{task}`: {path}: {why}")]
    Path {
        /// The task.
        task: String,
        /// The path as it is written.
        path: String,
        /// Why not.
        why: PathProblem,
    },
    /// Two tasks that run at the same time write the same file.
    #[error(
        "tasks `{one}` and `{other}` both write {path} and neither waits for the other; let one depend on the other"
    )]
    SameFile {
        /// The one that comes first in the plan.
        one: String,
        /// The other.
        other: String,
        /// The file.
        path: String,
    },
    /// A task that writes nothing.
    #[error("task `{0}` names no file to write")]
    WritesNothing(String),
}

impl Plan {
    /// Whether the plan can be carried out.
    ///
    /// # Errors
    /// All that is wrong with it: names, dependencies, a cycle with its tasks, files outside of the workspace, files that two
    /// tasks of one group would write.
    pub fn check(&self) -> Result<(), InvalidPlan> {
        let mut problems = Vec::new();
        if self.tasks.is_empty() && self.questions.is_empty() {
            problems.push(PlanProblem::Empty);
        }
        if self.tasks.len() > MOST_TASKS {
            problems.push(PlanProblem::TooMany(self.tasks.len()));
        }
        self.check_names(&mut problems);
        for task in &self.tasks {
            check_files(task, &mut problems);
        }
        // The order can only be found among tasks that are there.
        if problems.is_empty() {
            match self.groups() {
                Ok(groups) => self.check_writers(&groups, &mut problems),
                Err(cycle) => problems.extend(cycle.problems),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(InvalidPlan { problems }) }
    }

    fn check_names(&self, problems: &mut Vec<PlanProblem>) {
        let mut ids = HashSet::new();
        for (at, task) in self.tasks.iter().enumerate() {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if task.id.is_empty() || task.id.len() > 40 || !task.id.chars().all(fits) {
                problems.push(PlanProblem::Id { number: at + 1, id: task.id.clone() });
            } else if !ids.insert(task.id.as_str()) {
                problems.push(PlanProblem::SameId(task.id.clone()));
            }
            if task.title.trim().is_empty() {
                problems.push(PlanProblem::NoTitle(task.id.clone()));
            }
        }
        for task in &self.tasks {
            for missing in task.depends_on.iter().filter(|id| !ids.contains(id.as_str())) {
                problems.push(PlanProblem::Unknown { task: task.id.clone(), missing: missing.clone() });
            }
        }
    }

    fn check_writers(&self, groups: &[Vec<usize>], problems: &mut Vec<PlanProblem>) {
        for group in groups {
            let mut writers: HashMap<String, &PlanTask> = HashMap::new();
            for task in group.iter().map(|at| &self.tasks[*at]) {
                for path in task.files.write.iter().filter_map(|path| EditPath::new(path).ok()) {
                    // As file systems that ignore case see it.
                    match writers.insert(path.as_str().to_lowercase(), task) {
                        Some(one) if one.id != task.id => problems.push(PlanProblem::SameFile {
                            one: one.id.clone(),
                            other: task.id.clone(),
                            path: path.to_string(),
                        }),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn check_files(task: &PlanTask, problems: &mut Vec<PlanProblem>) {
    if task.files.write.is_empty() {
        problems.push(PlanProblem::WritesNothing(task.id.clone()));
    }
    for path in task.files.read.iter().chain(&task.files.write) {
        if let Err(why) = EditPath::new(path) {
            problems.push(PlanProblem::Path { task: task.id.clone(), path: path.clone(), why });
        }
    }
}
