//! What a shell offers next. Its script asks the command, which looks around and changes, sends and says nothing.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::ExitCode,
};

use clap::CommandFactory as _;
use clap_complete::{
    ArgValueCandidates, ArgValueCompleter, CompleteEnv, CompletionCandidate, Shell, env::Shells,
};
use forge::{Environment, FoundFile, ParticipantRole, config::ConfigFile, store};

use crate::{
    args::{self, Args},
    error::CliError,
    layout, metrics,
    paths::{paths, variable},
    terminal,
};

/// The variable in which a script says which shell asks.
const VARIABLE: &str = "COMPLETE";

/// More sessions than this are no help to anybody who has typed nothing of the id.
const MOST: usize = 200;

/// Of a title, so much is shown.
const TITLE: usize = 60;

/// Answers a shell that asks; `None` if none does. Nothing that goes wrong is told: a shell shows what it can.
pub(crate) fn answer() -> Option<ExitCode> {
    let shell = variable(VARIABLE)?;
    // Another program may have a variable of that name; a script names its shell and puts `--` before the words.
    Shells::builtins().completer(&shell)?;
    let words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_none_or(|word| word != "--") {
        return None;
    }
    let folder = std::env::current_dir().ok();
    let begins_option = typed().get(before().len()).is_some_and(|word| word.starts_with('-'));
    let command = || with_candidates(on_the_way(), !begins_option);
    let _ = CompleteEnv::with_factory(command).var(VARIABLE).try_complete(words, folder.as_deref());
    Some(ExitCode::SUCCESS)
}

/// The script for a shell.
pub(crate) fn script(shell: Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
        let written = shell.write_registration(VARIABLE, "forge", "forge", "forge", &mut script);
        written.map_err(|error| CliError::failed("the script cannot be made", &error))?;
    }
    terminal::out(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// The command without those below it that the words have passed by, which would only take time.
fn on_the_way() -> clap::Command {
    let whole = Args::command();
    let found = before().iter().find_map(|word| whole.find_subcommand(word).cloned());
    let Some(found) = found else { return whole };
    clap::Command::new("forge").args(whole.get_arguments().cloned()).subcommand(found)
}

/// The command whose arguments know their values. They are told apart by what they are called, so that an argument of
/// a new command is completed like those of the old ones.
fn with_candidates(command: clap::Command, hides: bool) -> clap::Command {
    let is_guide = ["man", "help"].contains(&command.get_name());
    let command = command.disable_help_flag(hides).disable_version_flag(hides).disable_help_subcommand(true);
    let command = command.mut_args(|arg| {
        // An option is offered to those who begin one, or where nothing else is wanted.
        let arg = if arg.is_positional() { arg } else { arg.hide(hides) };
        let holds_vendor =
            arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "VENDOR"));
        match arg.get_id().as_str() {
            "id" | "session" | "sessions" => arg.add(ArgValueCompleter::new(sessions)),
            "key" => arg.add(ArgValueCandidates::new(|| plain(names().0))),
            "team" => arg.add(ArgValueCandidates::new(|| plain(names().1))),
            "role" | "roles" => arg.add(ArgValueCandidates::new(roles)),
            "provider" if holds_vendor => arg.add(ArgValueCandidates::new(vendors)),
            "provider" | "providers" => arg.add(ArgValueCandidates::new(providers)),
            "model" | "models" => arg.add(ArgValueCandidates::new(models)),
            "injected" => arg.add(ArgValueCandidates::new(|| plain(args::injections()))),
            "command" if is_guide => arg.add(ArgValueCandidates::new(words)),
            _ => arg,
        }
    });
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |below| with_candidates(below, hides)))
}

fn plain<T: Into<OsString>>(values: impl IntoIterator<Item = T>) -> Vec<CompletionCandidate> {
    values.into_iter().map(CompletionCandidate::new).collect()
}

/// The ids of sessions, of real and of simulated models, the newest first.
fn sessions(start: &OsStr) -> Vec<CompletionCandidate> {
    let start = start.to_string_lossy();
    let files = [false, true].into_iter().filter_map(metrics::path);
    let mut found: Vec<_> = files.flat_map(|file| store::glance(&file, &start, MOST)).collect();
    // Names begin with the time, so that their order is that of time.
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    let candidate = |(name, summary): (forge::storage::journal::StreamName, Option<serde_json::Value>)| {
        let title = summary.as_ref().and_then(|summary| summary["title"].as_str()).unwrap_or_default();
        let title = layout::cut(title.lines().next().unwrap_or_default(), TITLE);
        // A title is the words of a user or of a model, and must not steer a terminal.
        let help = (!title.is_empty()).then(|| layout::clean(&title).into_owned().into());
        CompletionCandidate::new(name.as_str()).help(help)
    };
    found.into_iter().map(candidate).collect()
}

/// The names of keys and of teams, of the server that the line is about.
fn names() -> (Vec<String>, Vec<String>) {
    let simulated = typed().iter().any(|word| word == "--offline");
    metrics::path(simulated).map(|file| store::glance_names(&file, MOST)).unwrap_or_default()
}

fn roles() -> Vec<CompletionCandidate> {
    let file = file();
    let own = file.iter().flat_map(|file| file.spec.roles.keys());
    let own = own.filter(|role| !ParticipantRole::built_in().any(|built_in| built_in == *role));
    plain(ParticipantRole::built_in().map(str::to_owned).chain(own.cloned()))
}

/// Those of the configuration, else those whose keys are set, else the simulated ones.
fn providers() -> Vec<CompletionCandidate> {
    if typed().iter().any(|word| word == "--offline") {
        return vendors();
    }
    if let Some(file) = file() {
        return plain(file.plan.providers.into_iter().map(|one| one.id.to_string()));
    }
    let found = Environment::read(variable);
    let ids: Vec<_> =
        found.providers.iter().chain(&found.servers).map(|found| found.plan.id.to_string()).collect();
    if ids.is_empty() { vendors() } else { plain(ids) }
}

fn vendors() -> Vec<CompletionCandidate> {
    plain(forge::registry().names().into_iter().map(str::to_owned))
}

fn models() -> Vec<CompletionCandidate> {
    let models = forge::models();
    // `*` stands for whatever a server has, and is no name to type.
    let named = models.rows().iter().filter(|row| row.id.as_str() != "*");
    named
        .map(|row| CompletionCandidate::new(row.id.as_str()).help(Some(row.provider.to_string().into())))
        .collect()
}

/// The configuration; `None` without one, or with one that cannot be used.
fn file() -> Option<ConfigFile> {
    let words = typed();
    let mut words = words.iter();
    let named = words.find_map(|word| match word.strip_prefix("--config") {
        Some("") => Some(None),
        Some(rest) => rest.strip_prefix('=').map(|path| Some(PathBuf::from(path))),
        None => None,
    });
    let named = named.and_then(|glued| glued.or_else(|| words.next().map(PathBuf::from)));
    let found = FoundFile::find(named.as_deref(), &paths()).ok()??;
    // What is not set now changes nothing in who is there.
    let lookup = |name: &str| variable(name).or_else(|| Some("unset".to_owned()));
    found.load(&forge::registry(), &forge::models(), lookup).ok()
}

/// The words of the line, without `forge`.
fn typed() -> Vec<String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The words before the one that is completed.
fn before() -> Vec<String> {
    let mut words = typed();
    // Some shells say which word it is; for the others it is the last one.
    let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse::<usize>().ok());
    words.truncate(index.unwrap_or(words.len()).saturating_sub(1));
    words
}

/// The commands below the one that the words so far lead to.
fn words() -> Vec<CompletionCandidate> {
    let whole = Args::command();
    let typed = before();
    let mut typed = typed.iter().filter(|word| !word.starts_with('-')).skip(1);
    let found = typed.try_fold(&whole, |command, word| command.find_subcommand(word));
    let below = found.into_iter().flat_map(clap::Command::get_subcommands);
    below.map(|one| CompletionCandidate::new(one.get_name()).help(one.get_about().cloned())).collect()
}
