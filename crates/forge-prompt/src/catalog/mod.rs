//! Prompts as files: what one declares, the sets they come in, and every mistake at its line and column.

mod built_in;
mod check;
pub mod code;
mod folder;
mod front;
mod parse;
mod scan;
mod set;
mod variables;

pub use self::{
    folder::{PromptFile, read_folder},
    front::{ContextSource, FrontMatter, SourceKind},
    parse::{Prompt, PromptOrigin, normalise},
    set::{PromptMistakes, PromptSet},
};
