//! `forge man`: what a reader needs to know of the command line.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::{args::Args, error::CliError, terminal};

/// The page of the command that these words lead to.
pub(crate) fn page(words: &[String]) -> Result<ExitCode, CliError> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(find(words)?).render(&mut page);
    rendered.map_err(|error| CliError::failed("the page cannot be made", &error))?;
    terminal::out(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

/// The command that these words lead to.
pub(crate) fn find(words: &[String]) -> Result<clap::Command, CliError> {
    let mut command = Args::command();
    command.build();
    for word in words {
        let found = command.find_subcommand(word).cloned();
        let known = || command.get_subcommands().map(clap::Command::get_name).collect::<Vec<_>>().join(", ");
        command = found.ok_or_else(|| {
            CliError::usage(
                format!("`{}` has no command `{word}`", command.get_name()),
                format!("choose one of: {}", known()),
            )
        })?;
    }
    Ok(command)
}
