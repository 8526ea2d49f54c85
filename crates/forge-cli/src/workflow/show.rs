//! What is shown of a workflow.

use std::process::ExitCode;

use forge::{
    WorkflowId,
    agent::workflow::{Stage, State, TaskEnd},
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
                    for name in ["title", "stage", "paused", "started"] {
                        row[name] = field(&stream.summary, name);
                    }
                    let cost = field(&stream.summary, "cost_nano_usd").as_u64();
                    terminal::with_cost(row, cost.map(forge::Money::from_nanos))
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
            terminal::out(&format!("{}{}", state.plan_text(), state.text(id.as_str())))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    pub(super) async fn status(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        let state = self.controller.read(&id).await.map_err(|error| failed(&error))?;
        if self.globals.json {
            terminal::json(&object(&id, &state, self.system.is_simulated()))?;
        } else {
            terminal::out(&format!("{id} {}\n", state.standing()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
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
            let (provider, model) = state.editor_of(task).map(|who| (who.provider_id.to_string(), who.model_id.to_string())).unzip();
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
