//! What is shown of a workflow.

#![allow(
    clippy::format_push_string,
    reason = "`write!` into a String gives a result that cannot be an error and has to be dropped"
)]

use std::process::ExitCode;

use forge::{
    WorkflowId,
    agent::workflow::{ReviewFinding, Stage, State, TaskEnd, TaskState},
};
use serde_json::{Value, json};

use super::{Desk, failed};
use crate::{args::WorkflowOne, error::CliError, layout, terminal};

impl Desk<'_> {
    pub(super) async fn list(&self) -> Result<ExitCode, CliError> {
        let streams = self.controller.list().await.map_err(|error| failed(&error))?;
        let field = |summary: &Option<Value>, name: &str| {
            summary.as_ref().map(|summary| summary[name].clone()).unwrap_or_default()
        };
        if self.globals.json {
            let rows: Vec<_> = streams
                .iter()
                .map(|stream| {
                    let mut row = json!({"workflow": stream.name.as_str()});
                    for name in ["title", "stage", "paused", "started", "cost_nano_usd"] {
                        row[name] = field(&stream.summary, name);
                    }
                    row
                })
                .collect();
            terminal::json(&json!({"simulated": self.system.is_simulated(), "workflows": rows}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let text = |value: Value| value.as_str().unwrap_or_default().replace('_', " ");
        let rows: Vec<Vec<String>> = streams
            .iter()
            .map(|stream| {
                let stage = text(field(&stream.summary, "stage"));
                let title = field(&stream.summary, "title").as_str().unwrap_or_default().to_owned();
                vec![stream.name.to_string(), stage, title]
            })
            .collect();
        terminal::out(&layout::table(&["WORKFLOW", "STAGE", "TASK"], &[], &rows))?;
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn show(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        let state = self.controller.read(&id).await.map_err(|error| failed(&error))?;
        if self.globals.json {
            terminal::json(&object(&id, &state, self.system.is_simulated()))?;
        } else {
            terminal::out(&format!("{}{}", plan(&state), text(&id, &state)))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn status(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        let state = self.controller.read(&id).await.map_err(|error| failed(&error))?;
        if self.globals.json {
            terminal::json(&object(&id, &state, self.system.is_simulated()))?;
        } else {
            terminal::out(&format!("{id} {}\n", standing(&state)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Where it stands, in a line.
fn standing(state: &State) -> String {
    let done = state.tasks.iter().filter(|task| task.is_done()).count();
    let tasks = match state.tasks.len() {
        0 => String::new(),
        all => format!(", {done} of {all} tasks done"),
    };
    let paused = state.paused.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
    format!("{}{paused}{tasks}, {}", state.stage, state.cost())
}

/// What the clarifier asks.
pub(super) fn questions(state: &State) -> String {
    let lines = state.questions.iter().enumerate().map(|(at, question)| format!("{}. {question}\n", at + 1));
    lines.collect()
}

/// The plan for people.
pub(super) fn plan(state: &State) -> String {
    let Some(plan) = &state.plan else { return String::new() };
    let mut text = format!("{}\n\n", layout::clean(&plan.summary));
    for task in &plan.tasks {
        let after = if task.depends_on.is_empty() {
            String::new()
        } else {
            format!(", after {}", task.depends_on.join(", "))
        };
        text.push_str(&format!(
            "{}: {}{after}\n  writes {}\n",
            task.id,
            layout::clean(&task.title),
            task.files.write.join(", ")
        ));
        for line in &task.acceptance {
            text.push_str(&format!("  - {}\n", layout::clean(line)));
        }
    }
    for (title, lines) in
        [("risk", &plan.risks), ("open", &plan.questions), ("taken for granted", &plan.assumptions)]
    {
        for line in lines {
            text.push_str(&format!("{title}: {}\n", layout::clean(line)));
        }
    }
    text.push('\n');
    text
}

/// Where it stands and what came of its tasks, for people.
pub(super) fn text(id: &WorkflowId, state: &State) -> String {
    let mut text = format!("{id} {}\n", standing(state));
    if let Some((_, reason)) = &state.failed {
        text.push_str(&format!("{}\n", layout::clean(reason)));
    }
    text.push_str(&questions(state));
    for task in &state.tasks {
        let end = match &task.end {
            None => "open".to_owned(),
            Some(TaskEnd::Done) => "done".to_owned(),
            Some(TaskEnd::Failed(reason)) => format!("failed: {}", reason.lines().next().unwrap_or_default()),
            Some(TaskEnd::Skipped(first)) => format!("skipped, because {first} failed"),
            Some(_) => String::new(),
        };
        let who =
            who(state, task).map(|(provider, model)| format!(" ({provider}/{model})")).unwrap_or_default();
        text.push_str(&format!("  {}: {}{who}\n", task.task.id, layout::clean(&end)));
    }
    for finding in state.reviews.last().into_iter().flat_map(|review| &review.findings) {
        let ReviewFinding { severity, claim, place, .. } = finding;
        let place = place.as_deref().unwrap_or("nowhere in the change");
        text.push_str(&format!("  {severity} at {place}: {}\n", layout::clean(claim)));
    }
    text
}

/// Who wrote a task's last edits.
fn who(state: &State, task: &TaskState) -> Option<(String, String)> {
    let editor = forge::agent::workflow::AgentId::Editor(task.task.id.clone());
    let who = state.dialogues.get(&editor)?.answered_by()?;
    Some((who.provider_id.to_string(), who.model_id.to_string()))
}

/// What a person can do next, as the words of a command.
pub(super) fn next(id: &WorkflowId, state: &State) -> Option<String> {
    Some(match state.stage {
        _ if state.paused.is_some() => format!("resume {id}"),
        Stage::Clarifying => format!("answer TEXT {id}"),
        Stage::AwaitingApproval => format!("approve {id}"),
        Stage::AwaitingMerge => format!("apply {id}"),
        Stage::Failed => format!("resume {id}"),
        _ => return None,
    })
}

/// All of it for programs.
pub(super) fn object(id: &WorkflowId, state: &State, simulated: bool) -> Value {
    let tasks: Vec<Value> = state
        .tasks
        .iter()
        .map(|task| {
            let (provider, model) = who(state, task).unzip();
            let (status, reason) = match &task.end {
                None => ("open", None),
                Some(TaskEnd::Done) => ("done", None),
                Some(TaskEnd::Failed(reason)) => ("failed", Some(reason.clone())),
                Some(TaskEnd::Skipped(first)) => ("skipped", Some(format!("{first} failed"))),
                Some(_) => ("other", None),
            };
            json!({"id": task.task.id, "title": task.task.title, "status": status, "reason": reason,
                "provider": provider, "model": model, "check_rounds": task.check_rounds, "checks": task.checks})
        })
        .collect();
    let reviews: Vec<Value> = state
        .reviews
        .iter()
        .map(|review| json!({"summary": review.summary, "findings": review.findings}))
        .collect();
    let object = json!({
        "simulated": simulated, "workflow": id.as_str(), "task": state.brief.as_ref().map(|brief| &brief.task),
        "stage": state.stage, "paused": state.paused, "reason": state.failed.as_ref().map(|(_, reason)| reason),
        "started": state.started, "folder": state.root, "questions": state.questions, "plan": state.plan,
        "plan_hash": state.plan_hash(), "tasks": tasks, "reviews": reviews, "merged": state.merged,
        "tokens": state.tokens(),
    });
    terminal::with_cost(object, Some(state.cost()))
}
