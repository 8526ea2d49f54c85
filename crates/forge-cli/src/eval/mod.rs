//! `forge eval`: figures of one's own on who finds what.

mod critics;
mod page;
mod panels;
mod text;

use std::process::ExitCode;

use forge_eval::Wish;

use crate::{
    args::{EvalCommand, EvalWish, GlobalArgs, Source},
    error::CliError,
};

pub(crate) async fn run<'a>(
    command: EvalCommand,
    globals: impl Fn(Source) -> GlobalArgs<'a>,
) -> Result<ExitCode, CliError> {
    match command {
        EvalCommand::Critics(critics) => {
            let source = critics.source;
            critics::run(*critics, globals(source)).await
        }
        EvalCommand::Panels(panels) => panels::run(&panels, globals(Source::default())),
    }
}

fn wish(typed: &EvalWish) -> Wish {
    Wish::default().with_coverage(typed.coverage).with_size(typed.seats)
}
