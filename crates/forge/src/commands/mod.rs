//! Slash commands: what people type in a conversation beside questions, and programs execute by a line.
//!
//! ```no_run
//! use forge::commands::{CommandContext, SlashCommandRegistry};
//!
//! # async fn demo(system: forge::System) -> Result<(), forge::commands::CommandError> {
//! let registry = SlashCommandRegistry::new(system, ".");
//! let session = registry.begin()?;
//! let context = CommandContext { session: Some(session), workflow: None };
//! registry.execute("/context add src/lib.rs", &context).await?;
//! println!("{}", registry.execute("/context", &context).await?.text);
//! # Ok(())
//! # }
//! ```

mod answer;
mod ask;
mod basic;
mod call;
mod context;
mod council;
mod error;
mod metrics;
mod own;
mod registry;
mod review;
mod slash;
mod table;
mod turn;
#[cfg(unix)]
mod workflow;

pub use self::{
    answer::CommandAnswer,
    ask::Question,
    call::{CommandCall, CommandContext, Talk},
    error::CommandError,
    own::OwnCommands,
    registry::SlashCommandRegistry,
    slash::SlashCommand,
};
