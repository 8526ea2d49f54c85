//! `forge workflow`, `forge plan`, `forge edit`.

mod going;
mod show;

use std::{process::ExitCode, time::Duration};

use forge::{
    ControllerError, WorkflowId, WorkflowModeController,
    agent::workflow::{Check, Command, MergedInto, Stage, Workflow, WorkflowError},
    storage::journal::StreamName,
};
use serde_json::json;

use crate::{
    args::{GlobalArgs, Source, WorkflowCommand, WorkflowGo, WorkflowOne, WorkflowStart},
    error::CliError,
    setup::Setup,
    terminal::{self, note},
};

/// A workflow and the folder it is for.
struct Desk<'a> {
    system: &'a Setup,
    controller: WorkflowModeController,
    globals: GlobalArgs<'a>,
    jsonl: bool,
}

pub(crate) async fn run<'a>(
    command: WorkflowCommand,
    globals: impl Fn(Source) -> GlobalArgs<'a>,
) -> Result<ExitCode, CliError> {
    let globals = globals(command.source());
    let system = Setup::open(globals).await?;
    let jsonl = command.is_jsonl();
    let controller = WorkflowModeController::new((*system).clone(), ".")
        .with_observer(going::observer(globals.quiet, jsonl));
    let desk = Desk { system: &system, controller, globals, jsonl };
    let done = desk.run(command).await;
    system.close(Duration::ZERO).await;
    done
}

impl Desk<'_> {
    async fn run(&self, command: WorkflowCommand) -> Result<ExitCode, CliError> {
        match command {
            WorkflowCommand::Start(start) => self.start(start).await,
            WorkflowCommand::List(_) => self.list().await,
            WorkflowCommand::Show(one) => self.show(&one).await,
            WorkflowCommand::Status(one) => self.status(&one).await,
            WorkflowCommand::Approve(go) => self.approve(&go).await,
            WorkflowCommand::Answer(say) => self.say(&say.go, Command::Answer(say.text)).await,
            WorkflowCommand::Change(say) => self.say(&say.go, Command::RequestChanges(say.text)).await,
            WorkflowCommand::Resume(resume) => self.say(&resume.go, Command::Resume(resume.max_cost)).await,
            WorkflowCommand::Pause(one) => self.order(&one, Command::Pause).await,
            WorkflowCommand::Abort(one) => self.order(&one, Command::Abort).await,
            WorkflowCommand::Diff(one) => self.diff(&one).await,
            WorkflowCommand::Apply(apply) => {
                let into = apply.branch.map_or(MergedInto::WorkingTree, MergedInto::Branch);
                self.apply(&apply.one, into).await
            }
            WorkflowCommand::Undo(one) => self.undo(&one).await,
            WorkflowCommand::Delete(one) => self.delete(&one).await,
        }
    }

    async fn start(&self, start: WorkflowStart) -> Result<ExitCode, CliError> {
        let mut brief = self.controller.brief(start.task.join(" ")).map_err(|error| failed(&error))?;
        (brief.here, brief.unattended) = (start.here, start.yes);
        brief.money = start.max_cost.or(brief.money);
        if !start.checks.is_empty() {
            let words = |line: &String| line.split_whitespace().map(str::to_owned).collect();
            brief.checks = start.checks.iter().map(words).map(Check::new).collect();
        }
        if start.no_clarify || start.yes {
            brief.casting.clarifier = None;
        }
        if start.no_review {
            brief.casting.reviewer = None;
        }
        let workflow = self.controller.start(brief).await.map_err(|error| failed(&error))?;
        note(self.globals.quiet, &format!("workflow {}", workflow.name()));
        self.go_on(workflow).await
    }

    async fn approve(&self, go: &WorkflowGo) -> Result<ExitCode, CliError> {
        let id = self.id(go.id.as_deref()).await?;
        let mut workflow = self.open(&id).await?;
        let hash = workflow.state().plan_hash().unwrap_or_default();
        if workflow.state().paused.is_some() {
            self.command(&mut workflow, Command::Resume(None)).await?;
        }
        self.command(&mut workflow, Command::Approve(hash)).await?;
        self.go_on(workflow).await
    }

    async fn say(&self, go: &WorkflowGo, command: Command) -> Result<ExitCode, CliError> {
        let id = self.id(go.id.as_deref()).await?;
        let mut workflow = self.open(&id).await?;
        let state = workflow.state();
        // One that was killed needs no entry: its state says what comes next.
        let is_over = matches!(state.stage, Stage::Completed | Stage::Aborted);
        let is_killed = state.paused.is_none() && state.failed.is_none() && !is_over;
        if !(matches!(command, Command::Resume(_)) && is_killed) {
            self.command(&mut workflow, command).await?;
        }
        self.go_on(workflow).await
    }

    /// Of a workflow that another process runs, the order is left for it.
    async fn order(&self, one: &WorkflowOne, command: Command) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        match self.controller.open(&id).await {
            Ok(mut workflow) => {
                self.command(&mut workflow, command).await?;
                workflow.close().await.map_err(|error| failed(&error.into()))?;
            }
            Err(error) if error.is_running() => {
                self.controller.order(&id, &command, user()).map_err(|error| failed(&error))?;
                note(self.globals.quiet, "another process runs it, and was told");
            }
            Err(error) => return Err(failed(&error)),
        }
        self.status(&WorkflowOne { id: Some(id.to_string()), source: one.source.clone() }).await
    }

    async fn command(&self, workflow: &mut Workflow, command: Command) -> Result<(), CliError> {
        workflow.command(command, user()).await.map_err(|error| failed(&error.into()))
    }

    async fn diff(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        let workflow = self.open(&id).await?;
        let diff = workflow.diff();
        self.close(workflow).await?;
        let diff = diff.map_err(|error| failed(&error.into()))?;
        if self.globals.json {
            terminal::json(&json!({"workflow": id.as_str(), "diff": diff}))?;
        } else {
            terminal::out(&diff)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn apply(&self, one: &WorkflowOne, into: MergedInto) -> Result<ExitCode, CliError> {
        let id = self.id(one.id.as_deref()).await?;
        let mut workflow = self.open(&id).await?;
        let merged = workflow.merge(into.clone(), user()).await;
        let state = self.close(workflow).await?;
        merged.map_err(|error| failed(&error.into()))?;
        let written: Vec<String> = state.written().iter().map(ToString::to_string).collect();
        let place = match &into {
            MergedInto::Branch(name) => format!("a commit on the branch {name}"),
            _ => "your folder, not committed".to_owned(),
        };
        if self.globals.json {
            terminal::json(&show::object(&id, &state, self.system.is_simulated()))?;
        } else {
            terminal::out(&format!("{} in {place}: {}\n", state.stage, written.join(", ")))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn undo(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let mut workflow = self.open(&self.id(one.id.as_deref()).await?).await?;
        let undone = workflow.undo(user()).await;
        self.close(workflow).await?;
        let kept = undone.map_err(|error| failed(&error.into()))?;
        for path in &kept {
            note(false, &format!("{} stays, because you changed it since", path.display()));
        }
        self.status(one).await
    }

    async fn delete(&self, one: &WorkflowOne) -> Result<ExitCode, CliError> {
        let workflow = self.open(&self.id(one.id.as_deref()).await?).await?;
        let forgotten = workflow.forget();
        self.close(workflow).await?;
        forgotten.map_err(|error| failed(&error.into()))?;
        note(self.globals.quiet, "its working tree and its checkpoints are gone; its journal stays");
        self.status(one).await
    }

    /// The workflow that is meant: that of this name, or the latest of this folder.
    async fn id(&self, named: Option<&str>) -> Result<WorkflowId, CliError> {
        if let Some(name) = named {
            let unknown = |_| CliError::usage(format!("there is no workflow `{name}`"), LIST);
            return StreamName::new(name).map_err(unknown);
        }
        let latest = self.controller.latest().await.map_err(|error| failed(&error))?;
        let none = || {
            CliError::usage("there is no workflow of this folder", "begin one: `forge workflow start TASK`")
        };
        latest.ok_or_else(none)
    }

    async fn open(&self, id: &WorkflowId) -> Result<Workflow, CliError> {
        self.controller.open(id).await.map_err(|error| failed(&error))
    }

    async fn close(&self, workflow: Workflow) -> Result<forge::agent::workflow::State, CliError> {
        workflow.close().await.map_err(|error| failed(&error.into()))
    }
}

const LIST: &str =
    "`forge workflow list` lists those that are kept; simulated ones are kept apart, with `--offline`";

fn failed(error: &ControllerError) -> CliError {
    let next = match error {
        ControllerError::Workflow(WorkflowError::Unknown(_)) => {
            return CliError::usage(error.to_string(), LIST);
        }
        ControllerError::Workflow(WorkflowError::Refused(_) | WorkflowError::NotNow(_)) => {
            return CliError::usage(error.to_string(), "`forge workflow show` says where it stands");
        }
        ControllerError::Workflow(WorkflowError::Conflicts(_)) => {
            "commit or undo your changes of these files, or take the result as a branch: `--branch NAME`"
        }
        ControllerError::Credentials { .. } => {
            let next =
                "`forge providers status` has the vendors' words; mend the key, or give the role a fallback";
            return CliError::failed("the workflow is not begun", error).with_next(next);
        }
        _ => "`forge workflow show` says where it stands",
    };
    CliError::failed("the workflow does not go on", error).with_next(next)
}

/// Who gives orders, for the journal.
fn user() -> Option<String> {
    crate::paths::variable("USER").filter(|name| !name.is_empty())
}
