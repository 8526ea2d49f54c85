//! Commands that plan, edit and steer a workflow.

use serde_json::json;

use super::{answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand};
use crate::{
    agent::{
        command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
        workflow::{Command, Stage, State, Workflow, WorkflowError},
    },
    workflows::{ControllerError, WorkflowId, WorkflowModeController},
};

pub(super) fn commands() -> Vec<SlashCommand> {
    let spec = |name: &'static str, permission, help: &'static str| {
        CommandSpec::new(name, permission, [Form::new([], help)])
    };
    let task = Argument::new("TASK", ArgumentKind::Text);
    let plan = Form::new([task], "plan a task; /edit carries it out");
    vec![
        SlashCommand::new(CommandSpec::new("plan", Permission::Ask, [plan]), plan_task),
        SlashCommand::new(
            spec("edit", Permission::Write, "carry out the plan, beside this folder"),
            |call| async move {
                let (controller, mut workflow) = opened(&call).await?;
                let hash = workflow.state().plan_hash().unwrap_or_default();
                workflow.command(Command::Approve(hash), None).await?;
                go_on(&controller, workflow).await
            },
        ),
        SlashCommand::new(
            spec("resume", Permission::Write, "go on with a workflow that was paused or failed"),
            |call| async move {
                let (controller, mut workflow) = opened(&call).await?;
                let state = workflow.state();
                if state.paused.is_some() || state.failed.is_some() {
                    workflow.command(Command::Resume(None), None).await?;
                }
                go_on(&controller, workflow).await
            },
        ),
        SlashCommand::new(spec("pause", Permission::Ask, "begin nothing new in the workflow"), |call| {
            order(call, Command::Pause)
        }),
        SlashCommand::new(spec("abort", Permission::Ask, "end the workflow"), |call| {
            order(call, Command::Abort)
        }),
        SlashCommand::new(
            spec("undo", Permission::Write, "take the workflow's result out of this folder"),
            |call| async move {
                let (_, mut workflow) = opened(&call).await?;
                let undone = workflow.undo(None).await;
                let (name, state) = closed(workflow).await?;
                let kept = undone?;
                let notes =
                    kept.iter().map(|path| format!("{} stays, because it was changed since", path.display()));
                Ok(CommandAnswer { notes: notes.collect(), ..answer(&name, &state) })
            },
        ),
    ]
}

fn controller(call: &CommandCall) -> WorkflowModeController {
    WorkflowModeController::new(call.system.clone(), &call.workspace)
}

/// The workflow that the line is about: the one that it names, or the latest of the folder.
pub(super) async fn meant(call: &CommandCall) -> Result<Option<WorkflowId>, CommandError> {
    match &call.context.workflow {
        Some(id) => Ok(Some(id.clone())),
        None => Ok(controller(call).latest().await?),
    }
}

async fn opened(call: &CommandCall) -> Result<(WorkflowModeController, Workflow), CommandError> {
    let missing =
        || CommandError::Usage("there is no workflow of this folder; begin one with /plan TASK".to_owned());
    let id = meant(call).await?.ok_or_else(missing)?;
    let controller = controller(call);
    let workflow = controller.open(&id).await?;
    Ok((controller, workflow))
}

async fn plan_task(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let controller = controller(&call);
    let mut brief = controller.brief(call.arguments.text(0).unwrap_or_default())?;
    brief.session = call.context.session.as_ref().map(|name| name.as_str().to_owned());
    let workflow = controller.start(brief).await?;
    go_on(&controller, workflow).await
}

async fn go_on(
    controller: &WorkflowModeController,
    workflow: Workflow,
) -> Result<CommandAnswer, CommandError> {
    let id = workflow.name().clone();
    Box::pin(workflow.run()).await?;
    let state = controller.read(&id).await?;
    Ok(answer(&id, &state))
}

/// Of a workflow that another process runs, the order is left for it.
async fn order(call: CommandCall, command: Command) -> Result<CommandAnswer, CommandError> {
    match opened(&call).await {
        Ok((_, mut workflow)) => {
            let done = workflow.command(command, None).await;
            let (name, state) = closed(workflow).await?;
            done?;
            Ok(answer(&name, &state))
        }
        Err(CommandError::Workflow(error)) if error.is_running() => {
            let controller = controller(&call);
            let id = meant(&call).await?.ok_or(CommandError::Workflow(error))?;
            controller.order(&id, &command, None)?;
            Ok(CommandAnswer::default().with_note("another process runs it, and was told"))
        }
        Err(error) => Err(error),
    }
}

async fn closed(workflow: Workflow) -> Result<(WorkflowId, State), CommandError> {
    let name = workflow.name().clone();
    Ok((name, workflow.close().await?))
}

fn answer(id: &WorkflowId, state: &State) -> CommandAnswer {
    let text = match state.stage {
        Stage::AwaitingApproval => format!("{}{}", state.plan_text(), state.text(id.as_str())),
        _ => state.text(id.as_str()),
    };
    let data = json!({"workflow": id.as_str(), "stage": state.stage, "plan": state.plan,
        "plan_hash": state.plan_hash(), "cost_nano_usd": state.cost()});
    let answer = CommandAnswer::text(text).with_data(data);
    match state.stage {
        Stage::AwaitingApproval => answer.with_note("/edit carries it out"),
        Stage::AwaitingMerge => {
            answer.with_note(format!("`forge workflow apply {id}` brings it into your folder"))
        }
        _ => answer,
    }
}

impl From<WorkflowError> for CommandError {
    fn from(error: WorkflowError) -> Self {
        ControllerError::from(error).into()
    }
}
