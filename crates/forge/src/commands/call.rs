//! What a command is given when it is carried out.

use std::{fmt, path::PathBuf, sync::Arc};

use tokio::sync::{Mutex, MutexGuard};

use super::error::CommandError;
use crate::{
    agent::command::{Arguments, CommandSpec},
    conversation::Conversation,
    session::Observer,
    storage::journal::StreamName,
    system::System,
};

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "written as a literal by whoever executes a line")]
pub struct CommandContext {
    /// The conversation.
    pub session: Option<StreamName>,
    /// The workflow.
    pub workflow: Option<StreamName>,
}

/// A conversation that commands and questions share.
pub type Talk = Arc<Mutex<Conversation>>;

/// A command that is carried out now.
#[derive(Clone)]
#[non_exhaustive]
pub struct CommandCall {
    /// What it runs on.
    pub system: System,
    /// The folder that it is about.
    pub workspace: PathBuf,
    /// What the line is about.
    pub context: CommandContext,
    /// Its own name.
    pub name: String,
    /// What was typed behind its name.
    pub arguments: Arguments,
    /// Every command that there is.
    pub commands: Vec<CommandSpec>,
    /// Who is told what a session does that the command runs.
    pub observer: Option<Observer>,
    pub(super) talk: Option<Talk>,
}

impl CommandCall {
    /// The conversation that the line is about, for as long as the guard lives.
    ///
    /// # Errors
    /// None is named.
    pub async fn conversation(&self) -> Result<MutexGuard<'_, Conversation>, CommandError> {
        match &self.talk {
            Some(talk) => Ok(talk.lock().await),
            None => Err(CommandError::NoConversation(self.name.clone())),
        }
    }

    /// The same, if one is named.
    pub async fn any_conversation(&self) -> Option<MutexGuard<'_, Conversation>> {
        match &self.talk {
            Some(talk) => Some(talk.lock().await),
            None => None,
        }
    }
}

impl fmt::Debug for CommandCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandCall").field("name", &self.name).finish_non_exhaustive()
    }
}
