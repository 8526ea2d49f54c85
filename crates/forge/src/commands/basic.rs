//! Commands that show where things stand, and those that end them.

use std::fmt::Write as _;

use serde_json::json;

#[cfg(unix)]
use super::workflow;
use super::{
    answer::CommandAnswer,
    call::CommandCall,
    error::CommandError,
    slash::SlashCommand,
    turn::{who, whom},
};
use crate::agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission, find, help};
#[cfg(unix)]
use crate::workflows::WorkflowModeController;

pub(super) fn commands() -> Vec<SlashCommand> {
    let spec = |name: &'static str, permission, form: Form| CommandSpec::new(name, permission, [form]);
    let of = Argument::optional("NAME", ArgumentKind::Word);
    vec![
        SlashCommand::new(
            spec("help", Permission::Read, Form::new([of], "list the commands, or show one")),
            listed,
        ),
        SlashCommand::new(
            spec("status", Permission::Read, Form::new([], "show who is asked, and what was said and spent")),
            status,
        ),
        SlashCommand::new(
            spec("cost", Permission::Read, Form::new([], "show what the conversation has cost")),
            cost,
        ),
        SlashCommand::new(
            spec(
                "clear",
                Permission::Converse,
                Form::new([], "forget what was said; it stays in the journal"),
            ),
            clear,
        ),
        SlashCommand::new(
            spec("exit", Permission::Read, Form::new([], "end the conversation, as Ctrl-D does"))
                .with_aliases(&["quit"]),
            exit,
        ),
    ]
}

async fn listed(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let commands = match call.arguments.text(0) {
        Some(name) => {
            let name = name.trim_start_matches('/');
            let found = find(call.commands.iter(), name).cloned();
            let near =
                || forge_config::nearest(name, call.commands.iter().map(|one| &*one.name)).map(str::to_owned);
            vec![found.ok_or_else(|| CommandError::Unknown { name: name.to_owned(), near: near() })?]
        }
        None => call.commands,
    };
    let rows = commands.iter().map(|spec| {
        let forms: Vec<_> = spec.help().into_iter().map(|(typed, help)| json!({"typed": typed, "help": help})).collect();
        json!({"name": spec.name, "aliases": spec.aliases, "permission": spec.permission.as_str(), "forms": forms})
    });
    let data = json!({"commands": rows.collect::<Vec<_>>()});
    Ok(CommandAnswer::text(help(commands.iter())).with_data(data))
}

async fn status(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let conversation = call.any_conversation().await;
    let asked = whom(conversation.as_deref());
    let mut text = format!("asked: {}\n", who(&call.system, &asked));
    let mut data = json!({"role": asked.role, "provider": asked.provider, "model": asked.model});
    if let Some(conversation) = conversation {
        let (said, cost) = (conversation.exchanges().count(), conversation.cost());
        let name = conversation.name();
        let _ = writeln!(text, "conversation: {name}, {said} questions carried, {cost}");
        data["session"] = conversation.name().as_str().into();
        data["questions"] = said.into();
        data["cost_nano_usd"] = cost.nanos().into();
        data["cost_usd"] = cost.dollars().into();
    }
    #[cfg(unix)]
    // Without a folder to keep them in there are no workflows.
    if let Some(id) = workflow::meant(&call).await.unwrap_or_default() {
        let state = WorkflowModeController::new(call.system.clone(), &call.workspace).read(&id).await?;
        let _ = writeln!(text, "workflow: {id}, {}", state.standing());
        data["workflow"] = id.as_str().into();
        data["stage"] = json!(state.stage);
    }
    Ok(CommandAnswer::text(text).with_data(data))
}

async fn cost(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let cost = call.conversation().await?.cost();
    let data = json!({"cost_nano_usd": cost.nanos(), "cost_usd": cost.dollars()});
    Ok(CommandAnswer::text(cost.to_string()).with_data(data))
}

async fn clear(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    call.conversation().await?.clear().await?;
    Ok(CommandAnswer::default())
}

async fn exit(_: CommandCall) -> Result<CommandAnswer, CommandError> {
    Ok(CommandAnswer { ends: true, ..CommandAnswer::default() })
}
