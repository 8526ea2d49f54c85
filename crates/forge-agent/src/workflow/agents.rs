//! The agents of a workflow: one kind of agent, with another answer each.

use forge_edit::{EditFormat, EditSet, parse};

use super::{answer, brief::Cast, event::ReviewFinding};
use crate::{agent::Agent, plan::Plan};

/// Asks what only the person can decide: its questions.
pub type ClarifierAgent = Agent<Vec<String>>;
/// Makes a plan, checked.
pub type PlannerAgent = Agent<Plan>;
/// Writes the edits of a task.
pub type EditorAgent = Agent<EditSet>;
/// Reads a change: what it says of all of it, and what it found, each with its place.
pub type ReviewerAgent = Agent<(String, Vec<ReviewFinding>)>;

fn cast<A>(
    cast: &Cast,
    name: &str,
    read: impl Fn(&str) -> Result<A, String> + Send + Sync + 'static,
) -> Agent<A> {
    Agent::new(name, cast.participant.clone(), read)
        .with_limits(cast.limits)
        .with_temperature(cast.temperature)
}

impl Cast {
    /// The clarifier that is asked so.
    pub fn clarifier(&self) -> ClarifierAgent {
        cast(self, "clarifier", answer::questions)
    }

    /// The planner that is asked so.
    pub fn planner(&self) -> PlannerAgent {
        cast(self, "planner", |text| Plan::read(text).map_err(|invalid| invalid.to_string()))
    }

    /// The editor that is asked so, for edits in this format.
    pub fn editor(&self, format: EditFormat) -> EditorAgent {
        cast(self, "editor", move |text| {
            let set = parse(text, format).map_err(|problem| problem.to_string())?;
            if set.files.is_empty() { Err("there are no edits in it".to_owned()) } else { Ok(set) }
        })
    }

    /// The reviewer that is asked so, of this diff.
    pub fn reviewer(&self, diff: impl Into<String>) -> ReviewerAgent {
        let diff = diff.into();
        cast(self, "reviewer", move |text| answer::review(text, &diff))
    }
}
