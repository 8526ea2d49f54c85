//! `forge config trust`.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use forge::{
    FoundFile, Paths, ProjectFile,
    config::{ConfigFile, is_reference},
    router::ProviderSpec,
};
use serde_json::json;
use similar::TextDiff;

use super::{PROJECT_FILE, refused, written};
use crate::{args::ConfigTrust, error::CliError, paths::paths, terminal};

/// Shows what is new since the files were trusted, asks where somebody can answer, and trusts them as they are.
pub(super) fn run(one: &ConfigTrust, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let paths = paths();
    let files = files(one, &paths)?;
    let mut asks = false;
    for file in &files {
        asks |= tell(file, quiet);
    }
    // Without a terminal nobody can be asked: the command itself is the answer.
    if asks && !one.yes && io::stdin().is_terminal() && !agreed()? {
        terminal::note(quiet, "nothing new is trusted");
        return Ok(ExitCode::FAILURE);
    }
    paths.trust(&files).map_err(refused)?;
    if as_json {
        let files: Vec<_> = files.iter().map(|file| &file.path).collect();
        terminal::json(&json!({"trusted": files}))?;
    }
    for file in &files {
        terminal::note(quiet, &format!("{} is trusted as it is now", file.path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file with all that it reaches. Without one, commands of the project may lie here all the same.
fn files(one: &ConfigTrust, paths: &Paths) -> Result<Vec<ProjectFile>, CliError> {
    let path = one.file.as_deref().unwrap_or(Path::new(PROJECT_FILE));
    let project_file = |path: &Path| paths.project_file(path).map_err(refused);
    if one.file.is_none() && !path.exists() {
        let commands = forge::project_commands(Path::new(""));
        if !commands.is_empty() {
            return commands.iter().map(|file| project_file(file)).collect();
        }
    }
    let found = FoundFile::find(Some(path), paths).map_err(refused)?;
    let loaded = found.map(|found| {
        // What is not set here must not keep a file from being trusted.
        let file = found.load(&forge::registry(), &forge::models(), written);
        file.map(|file| (found.reached(&file), secrets(&file)))
    });
    // Of a file with mistakes nobody knows what it reaches, nor what in it is a secret.
    let Some(Ok((reached, secrets))) = loaded else {
        let what = format!("{} cannot be used as it is", path.display());
        return Err(CliError::usage(what, "correct what `forge config check` names, then trust it"));
    };
    let mut files = vec![project_file(path)?.hiding(&secrets)];
    for prompt in reached.map_err(refused)? {
        files.push(project_file(&prompt)?);
    }
    Ok(files)
}

/// Shows the file, or what has changed in it. Tells whether there was anything to show.
fn tell(file: &ProjectFile, quiet: bool) -> bool {
    let name = file.path.display().to_string();
    if file.is_trusted {
        return false;
    }
    let before = file.before.as_deref().unwrap_or_default();
    let difference = TextDiff::from_lines(before, &file.shown);
    let difference = difference.unified_diff().context_radius(3).header("as trusted", &name).to_string();
    match difference.trim_end() {
        // The texts that are compared have no secrets, so that a changed one leaves no difference.
        "" => terminal::note(quiet, &format!("{name}: a key or header in it has changed")),
        difference => terminal::note(quiet, difference),
    }
    true
}

/// The keys and headers that stand in the file itself.
fn secrets(file: &ConfigFile) -> Vec<String> {
    let several = file.spec.providers.values().chain(&file.spec.provider);
    let of = |one: &ProviderSpec| {
        let keys = one.api_key.iter().chain(one.api_keys.iter().flatten());
        keys.chain(one.headers.values()).cloned().collect::<Vec<_>>()
    };
    several.flat_map(of).filter(|secret| !is_reference(secret)).collect()
}

fn agreed() -> Result<bool, CliError> {
    let failed = |error: io::Error| CliError::failed("the question could not be asked", &error);
    // On stderr, because stdout may be an object for a program.
    let mut stderr = io::stderr().lock();
    stderr.write_all(b"Trust this? [y/N] ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    // Anything but a clear yes is a no: a trusted file may say where keys are sent.
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
