//! Why a system could not be put together.

use std::{error::Error, io, path::PathBuf};

use forge_config::ConfigError;

use crate::{
    provider::RegistryError,
    session::{PromptError, SessionError},
    store::StoreError,
};

/// Why a system could not be put together, or a session of it not begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// A file cannot be read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is not {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The configuration has mistakes.
    #[error("{} has mistakes", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Each of them.
        source: ConfigError,
    },
    /// A project takes a file for its own that is not.
    #[error("{} is outside of the project, so trust does not cover it", path.display())]
    Outside {
        /// The file, as the project names it.
        path: PathBuf,
    },
    /// There is no folder for what is remembered.
    #[error("there is no folder to keep anything in; set FORGE_HOME to a folder, or HOME")]
    NoState,
    /// No file names a provider, no key is set, and no local server answers.
    #[error("no provider is known: write a configuration, set an API key, or start a local server")]
    NoProvider,
    /// An adapter cannot be built.
    #[error("a provider cannot be set up")]
    Adapter(#[from] RegistryError),
    /// The accounts cannot be opened.
    #[error("the accounts cannot be opened")]
    Store(#[from] StoreError),
    /// A prompt template cannot be used.
    #[error("a prompt cannot be used")]
    Prompt(#[from] PromptError),
    /// A session cannot begin or go on.
    #[error(transparent)]
    Session(#[from] SessionError),
}
