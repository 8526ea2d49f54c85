//! Slash commands: what each is called and takes, the help on all of them, and the files of one's own.
//!
//! Nothing here asks anybody. A line is read against a [`CommandSpec`]; what a command does is the business of whoever
//! registers it. Help and completion come from the same data as the reading, so that they cannot say anything else.

mod material;
mod own;
mod read;
mod spec;
mod typed;

pub use self::{
    material::{Material, MaterialError, Source},
    own::{OwnCommand, OwnFront},
    read::Arguments,
    spec::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    typed::{complete, find, help, split},
};
