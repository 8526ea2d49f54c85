//! What agents are told at first.

use std::path::Path;

use forge_core::storage::journal::StreamName;
use forge_prompt::{PromptSet, clean, fence_marker, shorten};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    agent::AgentEvent,
    tool::{listed, readable},
    workflow::{
        event::{AgentId, Outcome},
        state::State,
    },
};

/// Files that are listed.
const MAX_FILES: usize = 300;
/// Bytes of a file that an editor is shown; the rest it can read.
const MAX_FILE: usize = 64 << 10;
/// Bytes of the project's rules.
const MAX_RULES: usize = 8 << 10;
/// Bytes of a change.
const MAX_DIFF: usize = 200 << 10;
/// Where a project says how it is worked on.
const RULES: &str = "AGENTS.md";

/// What the state of a workflow gives to its prompts.
pub(super) struct Told {
    name: String,
    task: String,
    answers: String,
    checks: Vec<String>,
    summary: String,
    diff: String,
    edits: Option<crate::plan::PlanTask>,
}

impl Told {
    pub(super) fn of(state: &State, agent: &AgentId, name: &StreamName) -> Self {
        let brief = state.brief.as_deref();
        let edits = match agent {
            AgentId::Editor(task) => state.task(task).map(|task| task.task.clone()),
            _ => None,
        };
        Self {
            name: name.as_str().to_owned(),
            task: brief.map(|brief| brief.task.clone()).unwrap_or_default(),
            answers: state.answers.clone().unwrap_or_default(),
            checks: brief
                .map(|brief| brief.checks.iter().map(|check| check.run.join(" ")).collect())
                .unwrap_or_default(),
            summary: state.plan.as_ref().map(|plan| plan.summary.clone()).unwrap_or_default(),
            diff: state.diff.clone().unwrap_or_default(),
            edits,
        }
    }
}

/// Renders the first words for an agent.
pub(super) fn open(
    root: &Path,
    prompts: &PromptSet,
    agent: &AgentId,
    told: &Told,
) -> Result<Outcome, String> {
    let prompt = match agent {
        AgentId::Clarifier => "clarify",
        AgentId::Planner => "plan",
        AgentId::Editor(_) => "edit",
        AgentId::Reviewer(_) => "inspect",
    };
    let rules = readable(root, RULES).map(|text| shorten(&text, MAX_RULES).0.to_owned()).unwrap_or_default();
    let files = match &told.edits {
        Some(task) => contents(root, task),
        None => json!(names(root)?),
    };
    let (diff, left_out) = shorten(&told.diff, MAX_DIFF);
    let more = if left_out > 0 { format!("\n[{left_out} more bytes]") } else { String::new() };
    let diff = clean(&format!("{diff}{more}")).into_owned();
    let marker = marker(&told.name, agent, &[&told.task, &told.answers, &rules, &diff, &files.to_string()]);
    let form = match agent {
        AgentId::Editor(_) => {
            prompts.render_as_is("form.search_replace", &json!({})).map_err(|why| why.to_string())?
        }
        _ => String::new(),
    };
    let values = json!({
        "task": told.edits.as_ref().map_or_else(|| json!(told.task), |task| json!(task)),
        "answers": told.answers, "checks": told.checks, "summary": told.summary, "rules": rules, "files": files,
        "diff": diff, "marker": marker, "form": form,
    });
    let render = |part: &str| {
        prompts.render_as_is(&format!("{prompt}.{part}"), &values).map_err(|why| why.to_string())
    };
    Ok(Outcome::Said(AgentEvent::Opened { system: render("system")?, user: render("user")? }))
}

/// Nobody who wrote a file knows the name of the workflow, so that no text can end its own fence.
fn marker(name: &str, agent: &AgentId, texts: &[&str]) -> String {
    let mut number = 0_u64;
    let numbers = || {
        number += 1;
        let digest = Sha256::digest(format!("{name} {agent} {number}"));
        digest.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
    };
    fence_marker(numbers, texts)
}

fn names(root: &Path) -> Result<String, String> {
    let names = listed(root, "")?;
    let more = names.len().saturating_sub(MAX_FILES);
    let mut shown = names.into_iter().take(MAX_FILES).collect::<Vec<_>>().join("\n");
    if more > 0 {
        shown.push_str("\n[and more; `list_files` lists them]");
    }
    Ok(shown)
}

/// The files of a task as they are now. What an editor may not read it is told as not there; writing it is refused later.
fn contents(root: &Path, task: &crate::plan::PlanTask) -> Value {
    let mut paths: Vec<&String> = task.files.write.iter().chain(&task.files.read).collect();
    let mut seen = std::collections::HashSet::new();
    paths.retain(|path| seen.insert(path.as_str()));
    let file = |path: &String| match readable(root, path) {
        Ok(text) => {
            let text = clean(&text);
            let (head, left_out) = shorten(&text, MAX_FILE);
            let more = if left_out > 0 { "\n[the rest can be read with `read_file`]" } else { "" };
            json!({"path": path, "exists": true, "text": format!("{head}{more}")})
        }
        Err(_) => json!({"path": path, "exists": false, "text": ""}),
    };
    paths.into_iter().map(file).collect()
}
