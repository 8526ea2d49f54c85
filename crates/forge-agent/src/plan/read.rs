//! From the answer of a planner to a plan.

use forge_prompt::json::{self, Fit};
use serde_json::Value;

use super::{
    check::{InvalidPlan, PlanProblem},
    model::Plan,
};

impl Plan {
    /// The last plan in an answer, checked. What stands around it, and slips in its JSON, are forgiven.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(answer: &str) -> Result<Self, InvalidPlan> {
        let has_tasks = |value: &Value| {
            let is_plan =
                value.is_object() && (value.get("tasks").is_some() || value.get("questions").is_some());
            Fit::of((is_plan && !json::is_schema(value)).then(|| value.clone()))
        };
        // An answer that thinks aloud has its conclusion at the end.
        let found = json::values(answer, &has_tasks).into_iter().flat_map(|found| found.fits).next_back();
        let value = found.ok_or(InvalidPlan { problems: vec![PlanProblem::NoPlan] })?;
        let form =
            |error: serde_json::Error| InvalidPlan { problems: vec![PlanProblem::Form(error.to_string())] };
        let plan: Self = serde_json::from_value(value).map_err(form)?;
        plan.check()?;
        Ok(plan)
    }
}
