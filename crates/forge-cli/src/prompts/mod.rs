//! `forge prompts`: what models are told, its versions, and which of them is used.

mod check;
mod desk;
mod diff;
mod init;
mod labels;
mod list;
mod render;
mod report;
mod trial;

use std::{path::Path, process::ExitCode};

use crate::{
    args::{GlobalArgs, PromptsCommand},
    error::CliError,
};

pub(crate) async fn run(command: PromptsCommand, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let (config, quiet, json): (Option<&Path>, bool, bool) = (globals.config, globals.quiet, globals.json);
    match command {
        PromptsCommand::List(store) => list::list(&desk::Desk::open(config, store, quiet, json)?),
        PromptsCommand::Show(args) => list::show(&desk::Desk::open(config, args.store, quiet, json)?, &args),
        PromptsCommand::Render(args) => {
            render::run(&desk::Desk::open(config, args.store, quiet, json)?, &args)
        }
        PromptsCommand::Check { folder } => check::run(config, folder.as_deref(), json),
        PromptsCommand::Diff(args) => diff::run(&desk::Desk::open(config, args.store, quiet, json)?, &args),
        PromptsCommand::Init(args) => init::run(config, &args, quiet, json),
        PromptsCommand::Versions(args) => {
            labels::versions(&desk::Desk::open(config, args.store, quiet, json)?, &args.name)
        }
        PromptsCommand::Label(args) => {
            labels::label(&desk::Desk::open(config, args.store, quiet, json)?, &args).await
        }
        PromptsCommand::Rollback(args) => {
            labels::rollback(&desk::Desk::open(config, args.store, quiet, json)?, &args).await
        }
        PromptsCommand::Report(args) => {
            let desk = desk::Desk::open(config, args.store, quiet, json)?;
            report::report(&desk, &desk::plan(config)?.experiments, args.name.as_deref())
        }
        PromptsCommand::Test(args) => trial::run(&args, globals).await,
        PromptsCommand::Score(args) => report::score(&args, quiet, json).await,
    }
}
