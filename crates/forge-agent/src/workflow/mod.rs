//! Workflows: a task is planned, the plan is approved, its tasks are edited and checked, the change is read, and the result is brought
//! to the user.
//!
//! A workflow is a fold over its journal ([`State`]) and a planner that reads nothing else, so that it can be killed anywhere: what was
//! paid is not paid again, and files are as they were before a step or as they are after it.

mod agents;
mod answer;
mod brief;
mod command;
mod deps;
mod effect;
mod error;
mod event;
mod machine;
mod merge;
mod next;
mod orders;
mod run;
mod stage;
mod state;
mod step;
mod text;

pub use self::{
    agents::{ClarifierAgent, EditorAgent, PlannerAgent, ReviewerAgent},
    brief::{Brief, Cast, Casting, Check},
    command::{Command, Refused},
    deps::{Observer, Price, Variable, WorkflowDeps},
    error::WorkflowError,
    event::{Act, AgentId, CheckReport, Event, MergedInto, Outcome, ReviewFinding, TaskEnd, VERSION},
    run::{Workflow, WorkflowControls},
    stage::Stage,
    state::{Review, State, TaskState},
};
