//! Tools that an agent may call. They are run by the host, below one root, and their results are data.
//!
//! What a tool says has a limit, and what goes wrong is said to the model and ends nothing: a model that names a file that
//! is not there looks for another one.

#![allow(
    clippy::format_push_string,
    reason = "`write!` into a String gives a result that cannot be an error and has to be dropped"
)]

mod code;
#[cfg(unix)]
mod files;
mod run;
#[cfg(unix)]
mod search;
mod toolbox;

#[cfg(unix)]
pub(crate) use self::files::{listed, readable};
pub(crate) use self::run::{RUN, command, end_of};
pub use self::{
    code::code_tools,
    run::run_tool,
    toolbox::{MAX_OUTPUT, Tool, ToolOutput, Toolbox},
};
#[cfg(unix)]
pub use self::{files::file_tools, search::search_tool};
