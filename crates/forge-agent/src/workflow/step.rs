//! What an entry of a journal says, for those who may not read its texts.

use super::event::{Act, Event, MergedInto, Outcome, TaskEnd};
use crate::agent::AgentEvent;

impl Event {
    /// What was done, in a few words without a text of a model, a file or a person; `None` for what is only begun, or is a part of
    /// a step that says so itself.
    pub fn step(&self) -> Option<String> {
        Some(match self {
            Self::Started { .. } => "started".to_owned(),
            Self::Begun { .. } | Self::Merging { .. } => return None,
            Self::Ended { act, outcome } => ended(act, outcome),
            Self::Agent { agent, event } => match event {
                AgentEvent::Answered(_) => format!("{agent} answered"),
                AgentEvent::Failed(_) => format!("{agent} failed"),
                _ => return None,
            },
            Self::Clarified { questions } => format!("clarified: {}", counted(questions.len(), "question")),
            Self::QuestionsAnswered { .. } => "questions answered".to_owned(),
            Self::Proposed { plan } => format!("planned: {}", counted(plan.tasks.len(), "task")),
            Self::ChangesRequested { .. } => "another plan wanted".to_owned(),
            Self::Approved { .. } => "approved".to_owned(),
            Self::GivenUp { task, .. } => format!("{task} given up"),
            Self::TaskEnded { task, end } => match end {
                TaskEnd::Done => format!("{task} done"),
                TaskEnd::Failed(_) => format!("{task} failed"),
                TaskEnd::Skipped(_) => format!("{task} skipped"),
            },
            Self::Reviewed { findings, .. } => format!("reviewed: {}", counted(findings.len(), "finding")),
            Self::Paused { .. } => "paused".to_owned(),
            Self::Resumed { .. } => "resumed".to_owned(),
            Self::Aborted { .. } => "aborted".to_owned(),
            Self::Failed { .. } => "failed".to_owned(),
            Self::Merged { into: MergedInto::WorkingTree, .. } => "applied".to_owned(),
            Self::Merged { into: MergedInto::Branch(_), .. } => "committed to a branch".to_owned(),
            Self::Unmerged { .. } => "taken back".to_owned(),
        })
    }
}

fn ended(act: &Act, outcome: &Outcome) -> String {
    let how = match outcome {
        Outcome::Checked(report) if report.passed => "passed",
        Outcome::Checked(_)
        | Outcome::Failed { .. }
        | Outcome::Said(AgentEvent::ToolEnded { is_error: true, .. }) => "failed",
        Outcome::Unfit { .. } => "refused",
        _ => "done",
    };
    format!("{act} {how}")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
