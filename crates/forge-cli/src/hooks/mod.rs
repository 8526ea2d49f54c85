//! `forge hooks`: what runs when, and what it says.

mod fire;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use forge::agent::hook::{Hook, HookAction, HookManager, Preset};
use serde_json::{Value, json};

use crate::{args::HooksCommand, config, error::CliError, layout, paths::variable, terminal};

pub(crate) async fn run(
    command: HooksCommand,
    named: Option<&Path>,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let folder = std::env::current_dir().map_err(|error| CliError::file(Path::new("."), &error))?;
    let plans = config::find_and_load(named)?.map(|loaded| loaded.file.hooks).unwrap_or_default();
    let hooks = forge::hook_manager(&plans, &folder, variable);
    match command {
        HooksCommand::List => list(&hooks, quiet, as_json),
        HooksCommand::Check => check(&hooks, &folder, quiet, as_json),
        HooksCommand::Fire(fire) => fire::run(&hooks, &fire, folder, quiet, as_json).await,
    }
}

fn list(hooks: &HookManager, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        let hooks: Vec<Value> = hooks.hooks().iter().map(about).collect();
        terminal::json(&json!({ "hooks": hooks }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if hooks.hooks().is_empty() {
        terminal::note(quiet, "there are no hooks: write the section `hooks` of forge.yaml");
        return Ok(ExitCode::SUCCESS);
    }
    let row = |hook: &Hook| {
        let name = if hook.required { format!("{} (required)", hook.name) } else { hook.name.clone() };
        let matcher = hook.matcher.clone().unwrap_or_else(|| "*".to_owned());
        [hook.event.to_string(), matcher, name, what(&hook.action), hook.origin.clone()]
            .map(|it| clean(&it))
            .to_vec()
    };
    let rows: Vec<_> = hooks.hooks().iter().map(row).collect();
    terminal::out(&layout::table(&["EVENT", "FOR", "NAME", "RUNS", "WRITTEN AT"], &[], &rows))?;
    Ok(ExitCode::SUCCESS)
}

/// What a program is told of a hook.
fn about(hook: &Hook) -> Value {
    let (argv, shell) = match &hook.action {
        HookAction::Program(argv) | HookAction::Preset(Preset::RunTests { run: argv }) => (Some(argv), None),
        HookAction::Shell(line) => (None, Some(line)),
        HookAction::Preset(_) => (None, None),
    };
    let scripts = hook.scripts.iter();
    let scripts = scripts.map(|one| json!({ "path": one.path, "sha256": one.sha256 }));
    json!({
        "name": hook.name,
        "event": hook.event,
        "matcher": hook.matcher,
        "argv": argv,
        "shell": shell,
        "preset": preset(&hook.action),
        "required": hook.required,
        "timeout_ms": terminal::millis(hook.timeout),
        "scripts": scripts.collect::<Vec<_>>(),
        "origin": hook.origin,
    })
}

fn what(action: &HookAction) -> String {
    match action {
        HookAction::Program(argv) => argv.join(" "),
        HookAction::Shell(line) => format!("sh: {line}"),
        HookAction::Preset(Preset::RunTests { run }) => format!("run_tests: {}", run.join(" ")),
        HookAction::Preset(_) => preset(action).unwrap_or_default().to_owned(),
    }
}

fn preset(action: &HookAction) -> Option<&'static str> {
    match action {
        HookAction::Preset(Preset::ValidateFiles { .. }) => Some("validate_files"),
        HookAction::Preset(Preset::RunTests { .. }) => Some("run_tests"),
        HookAction::Preset(Preset::CheckCommitMessage { .. }) => Some("check_commit_message"),
        HookAction::Preset(Preset::DeployCheck { .. }) => Some("deploy_check"),
        HookAction::Preset(_) | HookAction::Program(_) | HookAction::Shell(_) => None,
    }
}

/// Programs that are not there. Mistakes in the file have been told by now.
fn check(hooks: &HookManager, folder: &Path, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let missing: Vec<(&Hook, &str)> = hooks
        .hooks()
        .iter()
        .filter_map(|hook| Some((hook, program(&hook.action)?)))
        .filter(|(_, program)| !is_there(program, folder))
        .collect();
    if as_json {
        let one = |(hook, program): &(&Hook, &str)| json!({ "name": hook.name, "program": program, "origin": hook.origin });
        let missing: Vec<Value> = missing.iter().map(one).collect();
        terminal::json(&json!({ "hooks": hooks.hooks().len(), "missing": missing }))?;
    }
    for (hook, program) in &missing {
        let text = format!("{}: the hook `{}` runs `{program}`, which is not there", hook.origin, hook.name);
        terminal::note(false, &clean(&text));
    }
    if missing.is_empty() {
        let count = hooks.hooks().len();
        terminal::note(
            quiet,
            &format!("{count} {}, nothing is missing", if count == 1 { "hook" } else { "hooks" }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

fn program(action: &HookAction) -> Option<&str> {
    match action {
        HookAction::Program(argv) | HookAction::Preset(Preset::RunTests { run: argv }) => {
            argv.first().map(String::as_str)
        }
        HookAction::Shell(_) => Some("sh"),
        HookAction::Preset(Preset::DeployCheck { .. }) => Some("git"),
        HookAction::Preset(_) => None,
    }
}

/// As it is looked up when it is run: a name in `PATH`, a path from the project's folder.
fn is_there(program: &str, folder: &Path) -> bool {
    if program.contains('/') {
        return can_run(&folder.join(program));
    }
    // Without the variable, these are where the operating system looks.
    let path = variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned());
    let mut folders = std::env::split_paths(&path);
    folders.any(|one: PathBuf| can_run(&one.join(program)) || can_run(&one.join(format!("{program}.exe"))))
}

fn can_run(path: &Path) -> bool {
    let Ok(about) = path.metadata() else { return false };
    #[cfg(unix)]
    let may = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may = true;
    about.is_file() && may
}

/// On one line, without what a terminal would obey.
fn clean(text: &str) -> String {
    layout::clean(text).replace('\n', " ")
}
