//! Why a command was not carried out.

#[cfg(unix)]
use crate::workflows::ControllerError;
use crate::{
    ProviderError,
    agent::command::{MaterialError, Permission},
    asked::NotAsked,
    conversation::ConversationError,
    session::SessionError,
    system::SystemError,
};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The line is no command.
    #[error("`{0}` is no command; one begins with `/`, as in `/help`")]
    NoCommand(String),
    /// No command has this name.
    #[error("there is no command /{name}; {}/help lists them", near.as_ref().map_or_else(String::new, |near| format!("did you mean /{near}? ")))]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// What stands behind the name is wrong.
    #[error("{0}")]
    Usage(String),
    /// Commands of this kind may not be carried out here.
    #[error("/{name} may not be carried out here: it needs the permission `{}`, and `{}` is the most that is given", needs.as_str(), given.as_str())]
    Denied {
        /// The command.
        name: String,
        /// What it needs.
        needs: Permission,
        /// The most that is given.
        given: Permission,
    },
    /// The command is about a conversation, and none is named.
    #[error("/{0} is about a conversation, and none is named")]
    NoConversation(String),
    /// The conversation is not there, or cannot be written.
    #[error(transparent)]
    Conversation(#[from] ConversationError),
    /// Nobody can be asked who was named.
    #[error("{_0}; {}", _0.next())]
    NotAsked(#[from] NotAsked),
    /// Nothing can be carried.
    #[error(transparent)]
    Material(#[from] MaterialError),
    /// Nobody answered.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The session cannot be run.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The configuration does not allow it.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The workflow cannot be begun, opened or steered.
    #[cfg(unix)]
    #[error(transparent)]
    Workflow(#[from] ControllerError),
    /// What the command works on is not there.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// Whether what was typed is at fault: another line may succeed where this one never does.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NoCommand(_)
            | Self::Unknown { .. }
            | Self::Usage(_)
            | Self::Denied { .. }
            | Self::NoConversation(_)
            | Self::NotAsked(_)
            | Self::Material(_) => true,
            Self::Conversation(error) => matches!(error, ConversationError::Foreign(_)),
            #[cfg(unix)]
            Self::Workflow(error) => error.is_usage(),
            Self::Provider(_) | Self::Session(_) | Self::System(_) | Self::Failed(_) => false,
        }
    }
}
