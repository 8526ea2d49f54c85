//! Commands that say who is asked.

use std::sync::Arc;

use super::{answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand};
use crate::{
    Participant, ParticipantRole,
    agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    asked::Asked,
    conversation::Conversation,
    system::System,
};

pub(super) fn commands() -> Vec<SlashCommand> {
    let spec = |name: &'static str, argument: &'static str, help: &'static str| {
        let shown = Form::new([], "say who is asked");
        let turned = Form::new([Argument::new(argument, ArgumentKind::Word)], help);
        CommandSpec::new(name, Permission::Converse, [shown, turned])
    };
    vec![
        SlashCommand::new(spec("role", "NAME", "ask whoever plays this role from now on"), role),
        SlashCommand::new(spec("provider", "ID", "ask this provider from now on"), provider),
        SlashCommand::new(spec("model", "NAME", "ask this model from now on"), model),
    ]
}

async fn role(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let name = call.arguments.text(0).map(ParticipantRole::from);
    turn(&call, |_| name.map(|role| Asked { role, ..Asked::default() })).await
}

async fn provider(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let id = call.arguments.text(0).map(str::to_owned);
    turn(&call, |now| id.map(|id| Asked { provider: Some(id), model: None, ..now })).await
}

async fn model(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let name = call.arguments.text(0).map(str::to_owned);
    turn(&call, |now| name.map(|name| Asked { model: Some(name), ..now })).await
}

/// Others are asked from now on, if they can be. Whoever names nobody is told who is asked.
async fn turn(
    call: &CommandCall,
    to: impl FnOnce(Asked) -> Option<Asked>,
) -> Result<CommandAnswer, CommandError> {
    let mut conversation = call.any_conversation().await;
    let now = whom(conversation.as_deref());
    let asked = match to(now.clone()) {
        None => now,
        Some(asked) => {
            // Before anything is changed.
            call.system.call_for(&asked, &Arc::default())?;
            let conversation =
                conversation.as_mut().ok_or_else(|| CommandError::NoConversation(call.name.clone()))?;
            conversation.turn_to(asked.clone()).await?;
            asked
        }
    };
    Ok(CommandAnswer::text(who(&call.system, &asked)))
}

/// Whom a conversation asks next.
pub(super) fn whom(conversation: Option<&Conversation>) -> Asked {
    conversation.and_then(Conversation::asked).cloned().unwrap_or_default()
}

/// Who that is, in words: the role, unless somebody is named, and the route that comes first.
pub(super) fn who(system: &System, asked: &Asked) -> String {
    let cx = system.call_for(asked, &Arc::default());
    let first = cx.ok().and_then(|cx| system.router().first_choice(&cx, &Arc::default()));
    let first = first.map_or_else(
        || "nobody can be asked".into(),
        |one: Participant| format!("{}/{}", one.provider_id, one.model_id),
    );
    let is_named = asked.provider.is_some() || asked.model.is_some();
    if is_named { first } else { format!("{}: {first}", asked.role) }
}
