//! Which configuration holds, and `forge config`.

pub(crate) mod env_file;
mod litellm;
mod secrets;
mod settings;
mod snippet;
mod trust;

use std::{
    collections::HashMap,
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use forge::{
    FoundFile, SystemError,
    config::{self, ConfigError, ConfigFile, Report, Severity},
    provider::RegistryError,
};
use serde_json::json;

use crate::{
    args::{
        CheckFormat, ConfigCheck, ConfigCommand, ConfigImport, ConfigInit, ConfigShow, ImportProgram,
        ShowFormat,
    },
    error::CliError,
    paths::{paths, variable},
    terminal,
};

/// What `forge config init` writes.
const SAMPLE: &str = include_str!("sample.yaml");

/// The file looked for in the working directory.
const PROJECT_FILE: &str = "forge.yaml";

/// The configuration in use.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) file: ConfigFile,
}

/// The configuration that holds; `None` without any. The reports about a file that cannot be used are written to
/// stderr.
pub(crate) fn find_and_load(named: Option<&Path>) -> Result<Option<Loaded>, CliError> {
    let Some(found) = FoundFile::find(named, &paths()).map_err(refused)? else { return Ok(None) };
    match load(&found) {
        Ok(file) => Ok(Some(Loaded { path: found.path, file })),
        Err(source) => Err(refused(SystemError::Config { path: found.path, source })),
    }
}

pub(crate) fn run(
    command: ConfigCommand,
    named: Option<&Path>,
    quiet: bool,
    json: bool,
) -> Result<ExitCode, CliError> {
    match command {
        ConfigCommand::Init(init) => write_sample(&init, quiet, json),
        ConfigCommand::Check(check) => self::check(&check, named, quiet, json),
        ConfigCommand::Show(args) => self::show(&args, named, quiet, json),
        ConfigCommand::Import(import) => self::import(&import, quiet, json),
        ConfigCommand::Schema => {
            terminal::raw(config::schema())?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Trust(one) => trust::run(&one, quiet, json),
    }
}

fn write_sample(init: &ConfigInit, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let path = init.file.as_deref().unwrap_or(Path::new(PROJECT_FILE));
    write_new(path, SAMPLE, init.force)?;
    let mut keys: Vec<&str> = SAMPLE
        .split("${")
        .filter_map(|rest| rest.split('}').next())
        .filter(|name| name.ends_with("_KEY"))
        .collect();
    keys.dedup();
    let set: Vec<&str> =
        keys.iter().copied().filter(|key| variable(key).is_some_and(|key| !key.is_empty())).collect();
    let next = match set.as_slice() {
        [] => format!("set one of {}, or try it with `forge run --offline`", keys.join(", ")),
        set if set.len() < keys.len() => {
            format!(
                "{} is set, and providers without a key are disabled; run `forge config check`",
                set.join(" and ")
            )
        }
        _ => "every key it names is set; run `forge config check`".to_owned(),
    };
    if as_json {
        let unset: Vec<_> = keys.iter().filter(|key| !set.contains(key)).collect();
        terminal::json(&json!({"file": path, "keys_set": set, "keys_unset": unset}))?;
    }
    terminal::note(quiet, &format!("wrote {}; {next}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is not there yet, unless with `force`.
pub(crate) fn write_new(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        // Asked and made in one step, so that no other program's file is overwritten in between.
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            CliError::usage(format!("{} already exists", path.display()), "add `--force` to overwrite it")
        } else {
            CliError::failed(format!("{} cannot be written", path.display()), &error)
        }
    })
}

fn import(import: &ConfigImport, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let ImportProgram::Litellm = import.program;
    let text = fs::read_to_string(&import.file).map_err(|error| CliError::file(&import.file, &error))?;
    let name = import.file.display().to_string();
    let imported = litellm::import(&name, &text)
        .map_err(|source| refused(SystemError::Config { path: import.file.clone(), source }))?;
    let head = format!(
        "# From {}, a file of LiteLLM's proxy. `forge config check` says what it lacks.\n",
        import.file.file_name().map_or(name.as_str().into(), |name| name.to_string_lossy())
    );
    let yaml = format!(
        "{}{}",
        head.replace(|sign: char| sign.is_control() && sign != '\n', ""),
        settings::to_yaml(&imported.settings, None)
    );
    match &import.output {
        Some(path) => write_new(path, &yaml, import.force)?,
        // The object has the configuration; YAML before it would make stdout no JSON.
        None if as_json => {}
        None => terminal::out(&yaml)?,
    }
    if as_json {
        let (settings, notes) = (&imported.settings, &imported.notes);
        terminal::json(&json!({"file": import.output, "configuration": settings, "notes": notes}))?;
    }
    for note in &imported.notes {
        terminal::note(quiet, note);
    }
    Ok(ExitCode::SUCCESS)
}

fn check(
    check: &ConfigCheck,
    named: Option<&Path>,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let named = check.file.as_deref().or(named);
    let Some(found) = FoundFile::find(named, &paths()).map_err(refused)? else {
        return Err(CliError::usage(
            "there is no configuration to check",
            "name a file, or write one with `forge config init`",
        ));
    };
    let path = &found.path;
    let (reports, good) = match load(&found) {
        Ok(file) => {
            let good = !check.strict || file.warnings.is_empty();
            (file.warnings, good)
        }
        Err(ConfigError { mut reports }) => {
            env_file::explain(&mut reports, Path::new(""));
            (reports, false)
        }
    };
    match if as_json { CheckFormat::Json } else { check.format } {
        CheckFormat::Json => {
            let file = path.display().to_string();
            let object = json!({"file": file, "ok": good, "problems": reports});
            terminal::json(&object)?;
        }
        CheckFormat::Text => {
            tell(&reports, quiet);
            let verdict = if good { "can be used" } else { "cannot be used" };
            // A bad verdict is said in any case, for it explains the exit code.
            terminal::note(quiet && good, &format!("{} {verdict}: {}", path.display(), counted(&reports)));
        }
    }
    // The code of a wrong file, as from every command that would have to read it.
    Ok(if good { ExitCode::SUCCESS } else { 2.into() })
}

fn show(args: &ConfigShow, named: Option<&Path>, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let Some(found) = FoundFile::find(named, &paths()).map_err(refused)? else {
        // Nothing is wrong: without a file, providers come from the environment.
        terminal::note(quiet, "no configuration; `forge config init` writes one");
        return Ok(ExitCode::SUCCESS);
    };
    let file = load(&found).or_else(|error| {
        let lacks = |report: &Report| {
            report.severity == Severity::Warning
                || [config::code::UNSET_VARIABLE, "E128"].contains(&report.code)
        };
        if error.reports.iter().all(lacks) {
            // What is not set on this machine is shown as it is written.
            found.load(&forge::registry(), &forge::models(), written)
        } else {
            Err(error)
        }
    });
    let loaded = match file {
        Ok(file) => Loaded { path: found.path, file },
        Err(source) => return Err(refused(SystemError::Config { path: found.path, source })),
    };
    let settings =
        if args.resolved { settings::resolved(&loaded.file) } else { settings::written(&loaded.file) };
    let format = if as_json { ShowFormat::Json } else { args.format };
    let shown = match (format, args.origin) {
        (ShowFormat::Yaml, origin) => terminal::out(&settings::to_yaml(&settings, origin.then_some(&loaded))),
        (ShowFormat::Json, false) => terminal::raw(&settings),
        (ShowFormat::Json, true) => terminal::raw(&settings::with_origins(settings, &loaded)),
    };
    shown?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn load(found: &FoundFile) -> Result<ConfigFile, ConfigError> {
    found.load(&forge::registry(), &forge::models(), variable)
}

/// A variable, or what stands in the file where it is not set.
pub(crate) fn written(name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty()).or_else(|| Some(format!("${{{name}}}")))
}

/// A system that cannot be put together. The reports about a file that cannot be used are written to stderr.
pub(crate) fn refused(error: SystemError) -> CliError {
    match error {
        SystemError::Config { path, mut source } => {
            env_file::explain(&mut source.reports, Path::new(""));
            tell(&source.reports, false);
            let facts = json!({"file": path, "problems": source.reports});
            CliError::config(&path, &counted(&source.reports)).with_facts(facts)
        }
        SystemError::File { path, source } => CliError::file(&path, &source),
        SystemError::Content { path, what, source } => CliError::content(&path, what, &*source),
        SystemError::Adapter(RegistryError::Refused { source, .. }) => CliError::provider(&source),
        SystemError::Adapter(other) => CliError::failed("a provider cannot be set up", &other),
        SystemError::Store(error) => CliError::store(&error),
        SystemError::Session(error) => CliError::session(&error),
        SystemError::Prompt(error) => CliError::session(&error.into()),
        SystemError::Outside { path } => CliError::usage(
            format!("{} is outside of the project, so trust does not cover it", path.display()),
            "put it into a folder beside forge.yaml",
        ),
        SystemError::NoState => {
            CliError::usage("there is no folder to keep it in", "set FORGE_HOME to a folder, or HOME")
        }
        SystemError::NoProvider => {
            CliError::usage("no provider is left", "write a configuration, or set a key")
        }
        other => CliError::failed("the system cannot be put together", &other),
    }
}

/// A report a line; `quiet` leaves out the warnings. On a terminal the line of the file stands below each, unless
/// `quiet`.
fn tell(reports: &[Report], quiet: bool) {
    let is_quiet = quiet || !tracing::enabled!(tracing::Level::WARN);
    let width = (!is_quiet && io::stderr().is_terminal()).then(terminal::width);
    let mut texts: HashMap<&str, String> = HashMap::new();
    for report in reports {
        let is_left_out = quiet && report.severity == Severity::Warning;
        terminal::note(is_left_out, &report.to_string());
        let Some(width) = width else { continue };
        let text = texts.entry(&report.file).or_insert_with(|| text_of(&report.file));
        if let Some(lines) = snippet::render(text, report.line, report.column, width) {
            terminal::note(is_left_out, &lines);
        }
    }
}

/// The text of a file that could be read a moment ago.
fn text_of(file: &str) -> String {
    let mut text = String::new();
    // The file may have grown since; no more of it is read than a configuration may have.
    let file = fs::File::open(file).map(|file| file.take(config::MAX_BYTES as u64));
    let _ = file.and_then(|mut file| file.read_to_string(&mut text));
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// `2 mistakes, 1 warning`
fn counted(reports: &[Report]) -> String {
    let mistakes = reports.iter().filter(|report| report.severity == Severity::Error).count();
    let count = |number: usize, what: &str| match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    format!("{}, {}", count(mistakes, "mistake"), count(reports.len() - mistakes, "warning"))
}
