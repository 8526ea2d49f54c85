//! `forge top`: the dashboard.

#[cfg(target_os = "linux")]
mod form;
#[cfg(target_os = "linux")]
mod records;
#[cfg(target_os = "linux")]
mod source;

use std::process::ExitCode;

use crate::{args::Top, error::CliError};

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "as on Linux")]
pub(crate) async fn run(_: Top, _: bool) -> Result<ExitCode, CliError> {
    Err(CliError::usage(
        "the dashboard is for Linux, as workers are",
        "use it there, or `forge serve` and its page",
    ))
}

#[cfg(target_os = "linux")]
pub(crate) async fn run(args: Top, as_json: bool) -> Result<ExitCode, CliError> {
    use std::{io::IsTerminal as _, sync::Arc};

    use chrono::Utc;
    use forge::time::SystemTimer;
    use forge_tui::{Options, Source as _, Theme};

    use crate::{args::TopTheme, paths::variable, signals::Interrupts, terminal};

    let source = source::Machine::open(args.workspace)?;
    if args.once || as_json {
        let (workers, records) = (source.workers().await, source.records().await);
        if as_json {
            terminal::json(&form::overview(workers.as_deref(), &records))?;
        } else {
            terminal::out(&forge_tui::overview(workers, records, Utc::now()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let problem = "the dashboard needs a terminal";
        return Err(CliError::usage(
            problem,
            "`forge top --once` prints the overview, `--json` as an object",
        ));
    }
    let theme = match args.theme {
        Some(TopTheme::Light) => Theme::Light,
        Some(TopTheme::None) => Theme::None,
        None if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => Theme::None,
        Some(TopTheme::Dark) | None => Theme::Dark,
    };
    // In the dashboard Ctrl-C is a key; whoever ends it from outside gets the terminal back as it was.
    let mut interrupts = Interrupts::new()?;
    let options = Options { theme, emoji: args.emoji };
    let ended = forge_tui::run(Arc::new(source), SystemTimer::shared(), options, interrupts.next()).await;
    ended.map_err(|error| CliError::failed("the terminal cannot be used", &error))?;
    Ok(ExitCode::SUCCESS)
}
