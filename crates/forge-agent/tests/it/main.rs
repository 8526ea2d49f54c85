//! Reviews and workflows as users have them: real diffs, real repositories, scripts in place of models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]
#![allow(clippy::print_stdout, reason = "seeds are printed")]
#![allow(clippy::format_push_string, reason = "texts of tests are short")]

mod caps;
mod folder;
mod formats;
mod generated;
mod judged;
mod repository;
mod rounds;
mod support;
mod workflow;
