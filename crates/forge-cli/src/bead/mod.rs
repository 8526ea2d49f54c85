//! `forge bead`: the queue of tasks of a workspace, and who has each of them.

mod carry;
mod desk;
mod form;
mod lease;
mod refused;
mod show;

pub(crate) use self::{desk::Desk, refused::refused};

use std::process::ExitCode;

use crate::{args::BeadCommand, error::CliError};

pub(crate) async fn run(command: BeadCommand, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    let open = |place| Desk::open(place, quiet, json);
    match command {
        BeadCommand::Add(args) => carry::add(&open(&args.place)?, &args).await,
        BeadCommand::List(args) => show::list(&open(&args.place)?, &args).await,
        BeadCommand::Ready(args) => show::ready(&open(&args.place)?, args.explain).await,
        BeadCommand::Show(args) => show::show(&open(&args.place)?, &args.id).await,
        BeadCommand::Claim(args) => lease::claim(&open(&args.place)?, &args).await,
        BeadCommand::Renew(args) => lease::renew(&open(&args.place)?, &args).await,
        BeadCommand::Release(args) => lease::release(&open(&args.place)?, &args).await,
        BeadCommand::Close(args) => lease::close(&open(&args.place)?, &args).await,
        BeadCommand::Dep(args) => carry::dep(&open(&args.place)?, &args).await,
        BeadCommand::Import(args) => carry::import(&open(&args.place)?, &args).await,
        BeadCommand::Export(_) if json => Err(CliError::usage(
            "this command prints JSON lines, each of which is an object",
            "leave `--json` out",
        )),
        BeadCommand::Export(place) => carry::export(&open(&place)?).await,
    }
}
