//! A workflow that goes on: what it says meanwhile, and what a person decides in between.

use std::{
    io::{BufRead as _, IsTerminal as _, stdin},
    process::ExitCode,
    sync::Arc,
};

use forge::agent::{
    agent::AgentEvent,
    workflow::{AgentId, Command, Event, Observer, Outcome, Stage, State, TaskEnd, Workflow},
};
use serde_json::json;

use super::{Desk, failed, show, user};
use crate::{
    error::CliError,
    signals::Interrupts,
    terminal::{self, note},
};

/// Tells what happens: in lines on stderr, or as objects on stdout.
pub(super) fn observer(quiet: bool, jsonl: bool) -> Observer {
    Arc::new(move |name, number, event, state| {
        if jsonl {
            let object =
                json!({"workflow": name.as_str(), "sequence": number, "stage": state.stage, "event": event});
            // A closed pipe ends the command where it next writes.
            let _ = terminal::line(object, "workflow_event");
        } else if let Some(line) = said(event, state) {
            note(quiet, &line);
        }
    })
}

/// An entry in a line; `None` for those that nobody waits for.
fn said(event: &Event, state: &State) -> Option<String> {
    Some(match event {
        Event::Agent { agent, event: AgentEvent::Answered(reply) } => {
            let cost = reply.cost.map_or_else(|| "unknown cost".to_owned(), |cost| cost.to_string());
            format!("{agent}: {}/{} answered, {cost}", reply.provider, reply.model)
        }
        Event::Agent { agent, event: AgentEvent::Refused { problem } } => {
            format!("{agent}: its answer cannot be used: {}", problem.lines().next().unwrap_or_default())
        }
        Event::Agent { agent: AgentId::Editor(task), event: AgentEvent::Told { .. } } => {
            format!("{task}: a check failed; its editor is told")
        }
        Event::Ended { outcome, .. } => match &**outcome {
            Outcome::Prepared { root, dirty, .. } => {
                let with = if dirty.is_empty() {
                    String::new()
                } else {
                    format!(", with {} files that are not committed", dirty.len())
                };
                format!("works in {}{with}", root.display())
            }
            Outcome::Failed { reason } => format!("failed: {reason}"),
            Outcome::Checked(report) => format!("`{}` {}", report.command, report.ended),
            _ => return None,
        },
        Event::TaskEnded { task, end } => match end {
            TaskEnd::Done => format!("{task}: done"),
            TaskEnd::Failed(reason) => {
                format!("{task}: failed: {}", reason.lines().next().unwrap_or_default())
            }
            TaskEnd::Skipped(first) => format!("{task}: skipped, because {first} failed"),
            _ => return None,
        },
        Event::Reviewed { findings, .. } => {
            format!("review: {} findings, {} of them blocking", findings.len(), state.blocking().count())
        }
        Event::Paused { reason, .. } => format!("paused: {reason}"),
        Event::Failed { reason } => format!("failed: {}", reason.lines().next().unwrap_or_default()),
        _ => return None,
    })
}

impl Desk<'_> {
    /// Runs until it is over or a person has to decide, who is asked where there is a terminal.
    pub(super) async fn go_on(&self, workflow: Workflow) -> Result<ExitCode, CliError> {
        let id = workflow.name().clone();
        let mut interrupts = Interrupts::new()?;
        let mut workflow = workflow;
        loop {
            let controls = workflow.controls();
            // Apart, because it is large.
            let mut going = Box::pin(workflow.run());
            let mut interrupted = false;
            let state = loop {
                tokio::select! {
                    state = &mut going => break state.map_err(|error| failed(&error.into()))?,
                    () = interrupts.next() => {
                        if interrupted {
                            return Ok(130.into());
                        }
                        interrupted = true;
                        note(false, "what is under way is waited for; Ctrl-C once more ends now");
                        note(false, &format!("`forge workflow resume {id}` goes on"));
                        controls.send(Command::Pause, user());
                    }
                }
            };
            if !self.asks(&state) {
                return self.end(&id, &state, interrupted);
            }
            let Some(command) = decision(&state)? else { return self.end(&id, &state, interrupted) };
            workflow = self.open(&id).await?;
            self.command(&mut workflow, command).await?;
        }
    }

    fn asks(&self, state: &State) -> bool {
        let waits =
            matches!(state.stage, Stage::Clarifying | Stage::AwaitingApproval) && state.paused.is_none();
        waits && !self.jsonl && !self.globals.json && stdin().is_terminal()
    }

    /// The last words, and the exit code.
    fn end(&self, id: &forge::WorkflowId, state: &State, interrupted: bool) -> Result<ExitCode, CliError> {
        if self.globals.json {
            terminal::json(&show::object(id, state, self.system.is_simulated()))?;
        } else if !self.jsonl {
            terminal::out(&state.text(id.as_str()))?;
            let offline = if self.system.is_simulated() { " --offline" } else { "" };
            if let Some(next) = show::next(id, state) {
                note(self.globals.quiet, &format!("next: forge workflow {next}{offline}"));
            }
        }
        Ok(match state.stage {
            _ if interrupted => 130.into(),
            _ if state.paused.is_some() => 4.into(),
            Stage::Failed => ExitCode::FAILURE,
            // There is a result, and somebody should look at it before it is used.
            Stage::AwaitingMerge if state.blocking().next().is_some() => 6.into(),
            _ => ExitCode::SUCCESS,
        })
    }
}

/// What a person at the terminal decides; `None` to leave it for later.
fn decision(state: &State) -> Result<Option<Command>, CliError> {
    if state.stage == Stage::Clarifying {
        terminal::out(&state.questions_text())?;
        return Ok(asked("answers (empty for later): ")?.map(Command::Answer));
    }
    terminal::out(&state.plan_text())?;
    Ok(match asked("[y]es, [n]o, later (empty), or what should be different: ")?.as_deref() {
        None => None,
        Some("y" | "yes") => Some(Command::Approve(state.plan_hash().unwrap_or_default())),
        Some("n" | "no") => Some(Command::Abort),
        Some(text) => Some(Command::RequestChanges(text.to_owned())),
    })
}

/// A line from the terminal; `None` if it is empty or there is none.
fn asked(question: &str) -> Result<Option<String>, CliError> {
    terminal::out(question)?;
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::failed("standard input cannot be read", &error))?;
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}
