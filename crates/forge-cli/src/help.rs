//! `forge help`: the commands in groups, the common ones first.

use std::{fmt::Write as _, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{args::Args, error::CliError, layout, manual, paths::variable};

/// Commands that belong together.
struct Group {
    title: &'static str,
    /// Those that `forge --help` shows.
    common: &'static [&'static str],
    /// Those that `forge help --all` shows as well.
    rest: &'static [&'static str],
}

/// Every command stands in one of them, which a test holds.
const GROUPS: &[Group] = &[
    Group { title: "Ask", common: &["run", "review", "ask", "chat", "batch", "follow"], rest: &["exec"] },
    #[cfg(unix)]
    Group { title: "Work", common: &["workflow", "plan", "edit"], rest: &[] },
    Group { title: "Results", common: &["resume", "sessions", "log", "metrics"], rest: &["backup"] },
    #[cfg(feature = "eval")]
    Group { title: "Evidence", common: &["eval"], rest: &[] },
    Group { title: "Serve", common: SERVERS, rest: &["teams", "audit", "sim"] },
    #[cfg(feature = "index")]
    Group { title: "Code", common: &["index"], rest: &[] },
    #[cfg(feature = "worker")]
    Group { title: "Workers", common: &["worker", "bead", "fleet", "top"], rest: &["hook"] },
    Group {
        title: "Set up",
        common: &["config", "providers", "models", "prompts", "route", "doctor"],
        rest: &["hooks", "completions", "man", "help"],
    },
];

#[cfg(feature = "mcp")]
const SERVERS: &[&str] = &["serve", "mcp", "watch", "keys"];
#[cfg(not(feature = "mcp"))]
const SERVERS: &[&str] = &["serve", "watch", "keys"];

/// Lines are no longer than this, however wide the terminal is.
const WIDEST: usize = 100;

/// What was typed.
pub(crate) fn parse() -> Result<Args, clap::Error> {
    let mut matches = command(false).try_get_matches()?;
    Args::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command(false)))
}

/// Help on the command that these words lead to; without any, on the whole.
pub(crate) fn run(all: bool, words: &[String]) -> Result<ExitCode, CliError> {
    // First, because any error of clap's passes below for the help that was asked for.
    manual::find(words)?;
    let typed = ["forge"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    // Asking for help is an error for clap, which prints it as the terminal wants it.
    if let Err(help) = command(all).try_get_matches_from(typed) {
        help.print().map_err(|error| CliError::stdout(&error))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The command line, whose help has the commands in groups.
fn command(all: bool) -> clap::Command {
    let command = Args::command();
    let listed = listed(&command, all, width());
    let end = if all {
        "`forge help COMMAND` describes one in full.\n"
    } else {
        "`forge help COMMAND` describes one in full, `forge help --all` lists every command.\n\n{options-heading}\n{options}"
    };
    let styles = command.get_styles().get_header();
    let options = format!("{}Options:{}", styles.render(), styles.render_reset());
    let end = end.replace("{options-heading}", &options);
    command.help_template(format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listed}{end}"))
}

/// The groups, a line for each command.
fn listed(command: &clap::Command, all: bool, width: usize) -> String {
    let find = |name: &&str| command.find_subcommand(name);
    let groups = GROUPS.iter().map(|group| {
        let common = group.common.iter().filter_map(find).map(|one| (one.get_name().to_owned(), one));
        let rest = group.rest.iter().filter_map(find);
        let entries = if all {
            group.common.iter().filter_map(find).chain(rest).flat_map(whole).collect()
        } else {
            common.collect()
        };
        (group.title, entries)
    });
    let groups: Vec<(&str, Vec<(String, &clap::Command)>)> =
        groups.filter(|(_, entries): &(&str, Vec<_>)| !entries.is_empty()).collect();
    let names = groups.iter().flat_map(|(_, entries)| entries).map(|(name, _)| name.len());
    let column = names.max().unwrap_or_default();
    let (header, literal) = (command.get_styles().get_header(), command.get_styles().get_literal());
    let mut text = String::new();
    for (title, entries) in groups {
        let _ = writeln!(text, "{}{title}:{}", header.render(), header.render_reset());
        for (name, one) in entries {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            let about =
                layout::cut(about.lines().next().unwrap_or_default(), width.saturating_sub(column + 4));
            let (on, off) = (literal.render(), literal.render_reset());
            let _ = writeln!(text, "  {on}{name:<column$}{off}  {about}");
        }
        text.push('\n');
    }
    text
}

/// A command that can be run, and those below it, each with its words.
fn whole(command: &clap::Command) -> Vec<(String, &clap::Command)> {
    let name = command.get_name();
    let own = (!command.is_subcommand_required_set()).then(|| (name.to_owned(), command));
    let below = command.get_subcommands().flat_map(whole);
    own.into_iter().chain(below.map(|(words, one)| (format!("{name} {words}"), one))).collect()
}

/// Columns to fill: those of the terminal, as clap counts them for the options.
fn width() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = terminal.or_else(|| variable("COLUMNS")?.parse().ok());
    width.filter(|width| *width > 0).unwrap_or(WIDEST).min(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_one_group_and_no_group_names_another() {
        let mut grouped: Vec<_> =
            GROUPS.iter().flat_map(|group| group.common.iter().chain(group.rest)).copied().collect();
        grouped.sort_unstable();
        let command = Args::command();
        let mut known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }

    #[test]
    fn lines_end_at_the_width_and_nothing_in_them_is_a_tag() {
        for (all, width) in [(false, 80), (true, 80), (true, 40)] {
            let text = listed(&Args::command().styles(clap::builder::Styles::plain()), all, width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(!text.contains(['{', '}']), "{text}");
        }
    }
}
