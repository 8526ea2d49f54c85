//! A command with what it does.

use std::{fmt, pin::Pin};

use super::{answer::CommandAnswer, call::CommandCall, error::CommandError};
use crate::agent::command::CommandSpec;

type Running = Pin<Box<dyn Future<Output = Result<CommandAnswer, CommandError>> + Send>>;

/// A command: how it is typed, and what it does.
pub struct SlashCommand {
    pub(super) spec: CommandSpec,
    pub(super) run: Box<dyn Fn(CommandCall) -> Running + Send + Sync>,
}

impl SlashCommand {
    /// A command that is carried out by this function.
    pub fn new<F, R>(spec: CommandSpec, run: F) -> Self
    where
        F: Fn(CommandCall) -> R + Send + Sync + 'static,
        R: Future<Output = Result<CommandAnswer, CommandError>> + Send + 'static,
    {
        Self { spec, run: Box::new(move |call| Box::pin(run(call))) }
    }
}

impl fmt::Debug for SlashCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlashCommand").field("spec", &self.spec).finish_non_exhaustive()
    }
}
