//! Servers that speak Chat Completions each in its own way. Their habits are rows of one table.

mod base;
mod reply;
mod server;
mod table;
mod words;
mod words_others;

pub(crate) use reply::{CallIds, Thoughts, UsageShape};
pub(crate) use server::{ErrorForm, FieldWords, Model, Returned, Server, Words};
pub(crate) use table::SERVERS;
pub(crate) use words::USUAL;
