//! `forge exec`: one slash command.

use std::{process::ExitCode, sync::Arc, time::Duration};

use forge::{
    commands::{CommandContext, CommandError, SlashCommandRegistry},
    storage::journal::StreamName,
};
use serde_json::json;

use crate::{
    args::{Exec, GlobalArgs},
    ask, chat,
    commands::{self, Asking, refused},
    error::CliError,
    setup::Setup,
    signals::Interrupts,
    terminal::{self, note},
};

pub(crate) async fn run(args: Exec, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let system = Setup::open(globals).await?;
    let registry = commands::registry(&system, globals.quiet).with_permission(args.allow.into());
    let mut interrupts = Interrupts::new()?;
    let ended = tokio::select! {
        ended = execute(&args, globals, &system, &registry) => ended,
        () = interrupts.next() => {
            note(false, "interrupted; the command was cancelled");
            Ok(130.into())
        }
    };
    system.close(Duration::ZERO).await;
    ended
}

async fn execute(
    args: &Exec,
    globals: GlobalArgs<'_>,
    system: &Setup,
    registry: &SlashCommandRegistry,
) -> Result<ExitCode, CliError> {
    let line = args.line.join(" ");
    let own = registry.question(&line).map_err(unknown)?;
    let session = match &args.session {
        Some(id) => Some(chat::named(system, id).await?),
        None => None,
    };
    let unnamed = |_| CliError::usage("that is no name of a workflow", "see `forge exec /status`");
    let workflow = args.workflow.as_deref().map(StreamName::new).transpose().map_err(unnamed)?;
    if system.is_simulated() && !globals.json {
        terminal::out("SIMULATED\n\n")?;
    }
    // A person reads the answer of a model while it comes.
    if let Some(question) = own.filter(|_| !globals.json) {
        let talk = match &session {
            Some(name) => Some(registry.conversation(name).await.map_err(refused)?),
            None => None,
        };
        let asking = Asking::new(system, &question, talk.as_ref(), globals.quiet).await.map_err(refused)?;
        let request = Arc::clone(&asking.request);
        let outcome = ask::call(&asking.cx, system, request, args.raw, globals).await?;
        asking.end(system, outcome, (&question, talk.as_ref()), globals.quiet).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let answer = registry.execute(&line, &CommandContext { session, workflow }).await.map_err(refused)?;
    if globals.json {
        let object = json!({
            "simulated": system.is_simulated(), "line": line, "text": answer.text, "data": answer.data,
            "notes": answer.notes,
        });
        terminal::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in &answer.notes {
        note(globals.quiet, line);
    }
    if answer.markdown {
        terminal::prose(&answer.text, args.raw)?;
    } else {
        terminal::out(&answer.text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that a person could have meant are listed by the program itself here, and not by a line of a conversation.
fn unknown(error: CommandError) -> CliError {
    match error {
        CommandError::Unknown { name, near } => {
            let near = near.map_or_else(String::new, |near| format!("did you mean /{near}? "));
            CliError::usage(
                format!("there is no command /{name}"),
                format!("{near}`forge exec /help` lists them"),
            )
        }
        error => refused(error),
    }
}
