//! `forge completions` and `forge man`: what a shell and a reader need to know of the command line.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{args::Args, error::CliError, show};

pub(crate) fn completions(shell: Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "forge", &mut script);
    write(&script)
}

/// The page of the command that these words lead to.
pub(crate) fn page(words: &[String]) -> Result<ExitCode, CliError> {
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
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| CliError::failed("the page cannot be made", &error))?;
    write(&page)
}

fn write(text: &[u8]) -> Result<ExitCode, CliError> {
    show::out(&String::from_utf8_lossy(text))?;
    Ok(ExitCode::SUCCESS)
}
