//! A workflow in words, for people.

use std::fmt::Write as _;

use forge_core::Participant;
use forge_prompt::one_line;

use super::{
    event::{AgentId, ReviewFinding, TaskEnd},
    state::{State, TaskState},
};

impl State {
    /// Where it stands, in a line.
    pub fn standing(&self) -> String {
        let done = self.tasks.iter().filter(|task| task.is_done()).count();
        let tasks = match self.tasks.len() {
            0 => String::new(),
            all => format!(", {done} of {all} tasks done"),
        };
        let paused = self.paused.as_ref().map(|reason| format!(", {}", one_line(reason))).unwrap_or_default();
        format!("{}{paused}{tasks}, {}", self.stage, self.cost())
    }

    /// What the clarifier asks, a line each.
    pub fn questions_text(&self) -> String {
        let mut text = String::new();
        for (at, question) in self.questions.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", at + 1, one_line(question));
        }
        text
    }

    /// The plan: its tasks with what they write, and what is open. Empty without one.
    pub fn plan_text(&self) -> String {
        let Some(plan) = &self.plan else { return String::new() };
        let mut text = format!("{}\n\n", one_line(&plan.summary));
        for task in &plan.tasks {
            let after = match task.depends_on.as_slice() {
                [] => String::new(),
                first => format!(", after {}", first.join(", ")),
            };
            let write = task.files.write.join(", ");
            let _ = writeln!(
                text,
                "{}: {}{after}\n  writes {}",
                task.id,
                one_line(&task.title),
                one_line(&write)
            );
            for line in &task.acceptance {
                let _ = writeln!(text, "  - {}", one_line(line));
            }
        }
        let lists =
            [("risk", &plan.risks), ("open", &plan.questions), ("taken for granted", &plan.assumptions)];
        for (title, lines) in lists {
            for line in lines {
                let _ = writeln!(text, "{title}: {}", one_line(line));
            }
        }
        text.push('\n');
        text
    }

    /// Where it stands, what came of its tasks, and what the last review found. `name` is what it is called.
    pub fn text(&self, name: &str) -> String {
        let mut text = format!("{name} {}\n", self.standing());
        if let Some((_, reason)) = &self.failed {
            for line in reason.lines() {
                let _ = writeln!(text, "{}", one_line(line));
            }
        }
        text.push_str(&self.questions_text());
        for task in &self.tasks {
            let end = match &task.end {
                None => "open".to_owned(),
                Some(TaskEnd::Done) => "done".to_owned(),
                Some(TaskEnd::Failed(reason)) => {
                    format!("failed: {}", reason.lines().next().unwrap_or_default())
                }
                Some(TaskEnd::Skipped(first)) => format!("skipped, because {first} failed"),
            };
            let who = self.editor_of(task).map(|who| format!(" ({}/{})", who.provider_id, who.model_id));
            let _ = writeln!(text, "  {}: {}{}", task.task.id, one_line(&end), who.unwrap_or_default());
        }
        for finding in self.reviews.last().into_iter().flat_map(|review| &review.findings) {
            let ReviewFinding { severity, claim, place, .. } = finding;
            let place = place.as_deref().unwrap_or("nowhere in the change");
            let _ = writeln!(text, "  {severity} at {}: {}", one_line(place), one_line(claim));
        }
        text
    }

    /// Who wrote the last edits of a task.
    pub fn editor_of(&self, task: &TaskState) -> Option<&Participant> {
        self.dialogues.get(&AgentId::Editor(task.task.id.clone()))?.answered_by()
    }
}
