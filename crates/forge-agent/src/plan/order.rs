//! The order of tasks.

use std::collections::HashMap;

use super::{
    check::{InvalidPlan, PlanProblem},
    model::Plan,
};

impl Plan {
    /// The tasks by their number in the plan, in groups: a task stands in the first group in which all that it depends on is
    /// done. The tasks of a group do not wait for each other, and stand in the order of the plan.
    ///
    /// # Errors
    /// The tasks of a cycle. Names that are no task are passed over; [`check`](Self::check) reports them.
    pub fn groups(&self) -> Result<Vec<Vec<usize>>, InvalidPlan> {
        let waits_for = self.dependencies();
        let mut group_of: Vec<Option<usize>> = vec![None; self.tasks.len()];
        let mut groups = Vec::new();
        loop {
            let is_free = |at: &usize| {
                group_of[*at].is_none() && waits_for[*at].iter().all(|first| group_of[*first].is_some())
            };
            let group: Vec<usize> = (0..self.tasks.len()).filter(is_free).collect();
            if group.is_empty() {
                break;
            }
            for at in &group {
                group_of[*at] = Some(groups.len());
            }
            groups.push(group);
        }
        match group_of.iter().position(Option::is_none) {
            None => Ok(groups),
            Some(stuck) => Err(InvalidPlan {
                problems: vec![PlanProblem::Cycle(self.cycle(stuck, &waits_for, &group_of))],
            }),
        }
    }

    /// For each task the numbers of those that come first.
    fn dependencies(&self) -> Vec<Vec<usize>> {
        let by_id: HashMap<&str, usize> =
            self.tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
        let numbers =
            |ids: &Vec<String>| ids.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect();
        self.tasks.iter().map(|task| numbers(&task.depends_on)).collect()
    }

    /// The ids along a cycle that is found from a task that never becomes free, the first one again at the end.
    fn cycle(&self, stuck: usize, waits_for: &[Vec<usize>], group_of: &[Option<usize>]) -> Vec<String> {
        let mut path = vec![stuck];
        let mut at = stuck;
        loop {
            // A task that never becomes free waits for another one of the kind, so that the path ends in a cycle.
            let Some(next) = waits_for[at].iter().copied().find(|first| group_of[*first].is_none()) else {
                return Vec::new();
            };
            if let Some(begin) = path.iter().position(|seen| *seen == next) {
                path.drain(..begin);
                path.push(next);
                return path.into_iter().map(|at| self.tasks[at].id.clone()).collect();
            }
            path.push(next);
            at = next;
        }
    }
}
