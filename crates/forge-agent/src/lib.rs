//! Work that several models do for people who write code, on the sessions of Forge.
//!
//! | Module | What it is |
//! |---|---|
//! | [`review`] | a change is read by several models that do not know of each other, somebody else decides what they found, a third one tries to refute it, and the host keeps only what has a place in the change |
//! | [`agent`] | a loop over one model: told, tools, answer, what is wrong with it, within limits |
//! | [`plan`] | what is to be done, in tasks with an order; everything that is wrong with it at once |
//! | [`command`] | what people type beside questions: commands, and files of their own |
//! | [`hook`] | programs of the user's that are asked, or told, at points of the work |
//! | [`permission`] | what models may do on the user's machine, and which rule says so |
//! | [`process`] | a program of the user's, ended with all that it started |
//! | [`tool`] | what a model may have the host do: read, list, search, look up |
//! | [`workflow`] | a task is planned, edited, checked and read, and survives its process |

pub mod agent;
pub mod command;
mod glob;
pub mod hook;
pub mod permission;
pub mod plan;
pub mod process;
pub mod review;
pub mod tool;
// What writes files stands on what Unix promises of them.
#[cfg(unix)]
pub mod workflow;
