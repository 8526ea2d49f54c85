//! `forge chat`: a conversation.

mod input;
mod screen;
mod talk;

use std::{process::ExitCode, time::Duration};

use forge::{
    Asked, Conversation, ParticipantRole,
    commands::SlashCommandRegistry,
    storage::journal::{StreamName, Streams as _},
};

use self::{input::Input, talk::Conversing};
use crate::{
    args::{Chat, GlobalArgs},
    commands,
    error::CliError,
    setup::Setup,
    signals::Signals,
};

pub(crate) async fn run(args: Chat, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    if globals.json {
        return Err(CliError::usage("a conversation is text for people", "programs use `forge exec --json`"));
    }
    let system = Setup::open(globals).await?;
    let registry = commands::registry(&system, globals.quiet);
    let name = opened(&args, &system, &registry).await?;
    let talk = registry.conversation(&name).await.map_err(commands::refused)?;
    let history: Vec<_> = talk.lock().await.exchanges().map(|one| one.question.clone()).collect();
    let input = Input::new(registry.specs(), history)?;
    let conversing = Conversing { system: &system, registry, name, talk, raw: args.raw, globals };
    conversing.greet(input.is_terminal()).await?;
    // Listening begins before the first question does.
    let mut signals = Signals::new()?;
    let ended = conversing.go_on(input, &mut signals).await;
    system.close(Duration::ZERO).await;
    ended
}

/// The conversation that is meant, which asks whoever is meant: the last one, the one that is named, else a new one.
async fn opened(
    args: &Chat,
    system: &Setup,
    registry: &SlashCommandRegistry,
) -> Result<StreamName, CliError> {
    let name = match &args.session {
        Some(id) => Some(named(system, id).await?),
        None if args.goes_on => find(system, None).await?,
        None => None,
    };
    let name = match name {
        Some(name) => name,
        None => registry.begin().map_err(commands::refused)?,
    };
    let talk = registry.conversation(&name).await.map_err(commands::refused)?;
    let mut conversation = talk.lock().await;
    let is_said = args.role.is_some() || args.provider.is_some() || args.model.is_some();
    let asked = if is_said {
        let role = args.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from);
        Asked { role, provider: args.provider.clone(), model: args.model.clone() }
    } else {
        conversation.asked().cloned().unwrap_or_default()
    };
    // What cannot be asked is said before anything is typed.
    let refused = |error: forge::NotAsked| CliError::usage(error.to_string(), error.next());
    system.call_for(&asked, &std::sync::Arc::default()).map_err(refused)?;
    if is_said && conversation.asked() != Some(&asked) {
        conversation.turn_to(asked).await.map_err(|error| CliError::conversation(&error))?;
    }
    Ok(name)
}

/// The conversation of this name.
pub(crate) async fn named(system: &Setup, id: &str) -> Result<StreamName, CliError> {
    let unknown = || {
        CliError::usage(
            format!("there is no conversation `{id}`"),
            "`forge chat --continue` takes the last one; `forge sessions list --conversations` shows all",
        )
    };
    let name = StreamName::new(id).map_err(|_| unknown())?;
    find(system, Some(&name)).await?.ok_or_else(unknown)
}

/// The conversation of this name, or the last one, if it is kept.
async fn find(system: &Setup, name: Option<&StreamName>) -> Result<Option<StreamName>, CliError> {
    let Some(store) = system.store() else { return Ok(None) };
    let streams = store.list().await.map_err(|error| CliError::conversation(&error.into()))?;
    let is_meant = |stream: &StreamName| name.is_none_or(|name| stream == name);
    Ok(streams.into_iter().filter(Conversation::is_one).map(|stream| stream.name).find(is_meant))
}
