//! Plans: what a planner proposes, what is wrong with it, and in which order its tasks can be done.
//!
//! ```
//! use forge_agent::plan::Plan;
//!
//! let answer = r#"{"summary": "A greeting", "tasks": [
//!     {"id": "test", "title": "Test it", "files": {"write": ["tests/hello.py"]}, "depends_on": ["code"]},
//!     {"id": "code", "title": "Write it", "files": {"write": ["hello.py"]}}]}"#;
//! let plan = Plan::read(answer)?;
//! assert_eq!(plan.groups()?, [vec![1], vec![0]]);
//! # Ok::<(), forge_agent::plan::InvalidPlan>(())
//! ```

mod check;
mod model;
mod order;
mod read;

pub use self::{
    check::{InvalidPlan, PlanProblem},
    model::{Plan, PlanTask, TaskFiles, TaskSize},
};
