//! Slash commands, for a conversation and for a single line.

use std::{path::Path, sync::Arc};

use forge::{
    CallContext, ModelRequest, System,
    commands::{CommandError, OwnCommands, Question, SlashCommandRegistry, Talk},
    router::TaskContext,
};

use crate::{ask, error::CliError, session::progress::Progress, setup::Setup, terminal::note};

/// Every command, those in files of the project and of the user among them. What is wrong with files is said.
pub(crate) fn registry(system: &Setup, quiet: bool) -> SlashCommandRegistry {
    // Without a folder before them, files are called as the user would.
    let own = OwnCommands::read(Path::new(""), system.paths());
    for mistake in &own.mistakes {
        note(quiet, &mistake.to_string());
    }
    if let Some(first) = own.untrusted.first() {
        let more = own.untrusted.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        note(
            quiet,
            &format!("commands are not used: {first}{more}; `forge config trust` shows and trusts them"),
        );
    }
    SlashCommandRegistry::new(System::clone(system), ".").with_own(own).with_observers(move || {
        // Lines at work are taken from the screen when it is dropped.
        Progress::new(quiet, false).observer()
    })
}

/// A question on its way.
pub(crate) struct Asking {
    pub(crate) cx: CallContext,
    pub(crate) request: Arc<ModelRequest>,
    task: TaskContext,
}

impl Asking {
    pub(crate) async fn new(
        system: &Setup,
        question: &Question,
        talk: Option<&Talk>,
        quiet: bool,
    ) -> Result<Self, CommandError> {
        let conversation = match talk {
            Some(talk) => Some(talk.lock().await),
            None => None,
        };
        let called = question.call(system, Path::new("."), conversation.as_deref()).await?;
        let (mut cx, request, notes) = called;
        for line in notes {
            note(quiet, &line);
        }
        let task = TaskContext::new(cx.call_id.to_string(), cx.participant.role.clone());
        cx.tags = cx.tags.with_task(task.id());
        Ok(Self { cx, request: Arc::new(request), task })
    }

    /// Accounts for the answer, says what it took, and keeps it in the conversation.
    pub(crate) async fn end(
        self,
        system: &Setup,
        outcome: Result<forge::ModelResponse, forge::ProviderError>,
        (question, talk): (&Question, Option<&Talk>),
        quiet: bool,
    ) -> Result<(), CliError> {
        system.log(self.task, &outcome);
        let response = outcome.map_err(|error| CliError::provider(&error))?;
        let cost = system.router().cost(&response);
        ask::report(quiet, &response, cost);
        if let Some(talk) = talk {
            let kept = talk.lock().await.keep(&question.text, &self.cx, &response, cost).await;
            kept.map_err(|error| CliError::conversation(&error))?;
        }
        Ok(())
    }
}

/// What is said of a command that was not carried out.
pub(crate) fn refused(error: CommandError) -> CliError {
    match error {
        CommandError::Provider(error) => CliError::provider(&error),
        CommandError::Session(error) => CliError::session(&error),
        CommandError::NotAsked(error) => CliError::usage(error.to_string(), error.next()),
        CommandError::Conversation(error) => CliError::conversation(&error),
        error if error.is_usage() => CliError::usage(error.to_string(), ""),
        error => CliError::failed("the command could not be carried out", &error),
    }
}
