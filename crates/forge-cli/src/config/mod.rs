//! Which configuration holds, and `forge config`.

mod settings;
mod trust;

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::Utc;
use forge::config::{self, ConfigError, ConfigFile, Loader, Lookup, MAX_BYTES, Report, Severity, Trust};
use serde_json::json;

use crate::{
    args::{CheckFormat, ConfigCheck, ConfigCommand, ConfigInit, ConfigShow, ShowFormat},
    error::CliError,
    machine::{config_folder, variable},
    show,
};

/// What `forge config init` writes.
const SAMPLE: &str = include_str!("sample.yaml");

/// The file looked for in the working directory.
const PROJECT_FILE: &str = "forge.yaml";

/// The most bytes read for one `${file:PATH}`.
const MAX_SECRET: u64 = 64 * 1024;

/// The configuration in use.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) path: PathBuf,
    pub(crate) file: ConfigFile,
}

/// The configuration at `named`, else at `./forge.yaml`, else in the user's own folder; `None` without any.
/// The reports about a file that cannot be used are written to stderr.
pub(crate) fn find_and_load(named: Option<&Path>) -> Result<Option<Loaded>, CliError> {
    let Some((path, text, trust)) = find(named)? else { return Ok(None) };
    match load(&path, &text, trust) {
        Ok(file) => Ok(Some(Loaded { path, file })),
        Err(error) => {
            tell(&error.reports, false);
            Err(CliError::config(&path, &counted(&error.reports)))
        }
    }
}

pub(crate) fn run(command: ConfigCommand, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    match command {
        ConfigCommand::Init(init) => write_sample(&init, quiet),
        ConfigCommand::Check(check) => self::check(&check, named, quiet),
        ConfigCommand::Show(wanted) => self::show(&wanted, named, quiet),
        ConfigCommand::Schema => {
            show::json(config::schema())?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Trust(one) => {
            let path = one.file.unwrap_or_else(|| PROJECT_FILE.into());
            let text = read(&path)?;
            let canonical = trust::record(&path, &text)?;
            show::note(quiet, &format!("{} is trusted as it is now", canonical.display()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn write_sample(init: &ConfigInit, quiet: bool) -> Result<ExitCode, CliError> {
    let path = init.file.as_deref().unwrap_or(Path::new(PROJECT_FILE));
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if init.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| io::Write::write_all(&mut file, SAMPLE.as_bytes()));
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            CliError::usage(format!("{} is there already", path.display()), "add `--force` to overwrite it")
        } else {
            CliError::failed(format!("{} cannot be written", path.display()), &error)
        }
    })?;
    let next = "set the keys it names, then run `forge config check`";
    show::note(quiet, &format!("wrote {}; {next}", path.display()));
    Ok(ExitCode::SUCCESS)
}

fn check(check: &ConfigCheck, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    let Some((path, text, trust)) = find(check.file.as_deref().or(named))? else {
        return Err(CliError::usage(
            "there is no configuration to check",
            "name a file, or write one with `forge config init`",
        ));
    };
    let (reports, good) = match load(&path, &text, trust) {
        Ok(file) => (file.warnings, true),
        Err(ConfigError { reports }) => (reports, false),
    };
    match check.format {
        CheckFormat::Json => {
            let file = path.display().to_string();
            let object = json!({"schema_version": "1.0", "file": file, "ok": good, "problems": reports});
            show::json(&object)?;
        }
        CheckFormat::Text => {
            tell(&reports, quiet);
            let verdict = if good { "can be used" } else { "cannot be used" };
            show::note(quiet && good, &format!("{} {verdict}: {}", path.display(), counted(&reports)));
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { 2.into() })
}

fn show(wanted: &ConfigShow, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    let Some(loaded) = find_and_load(named)? else {
        show::note(quiet, "no configuration; `forge config init` writes one");
        return Ok(ExitCode::SUCCESS);
    };
    let settings =
        if wanted.resolved { settings::resolved(&loaded.file) } else { settings::written(&loaded.file) };
    let shown = match (wanted.format, wanted.origin) {
        (ShowFormat::Yaml, origin) => show::out(&settings::to_yaml(&settings, origin.then_some(&loaded))),
        (ShowFormat::Json, false) => show::json(&settings),
        (ShowFormat::Json, true) => show::json(&settings::with_origins(settings, &loaded)),
    };
    shown?;
    Ok(ExitCode::SUCCESS)
}

/// The file that holds, its text, and whether it is trusted. Files that the user names or owns are.
fn find(named: Option<&Path>) -> Result<Option<(PathBuf, String, Trust)>, CliError> {
    if let Some(path) = named {
        return Ok(Some((path.to_owned(), read(path)?, Trust::Trusted)));
    }
    let project = Path::new(PROJECT_FILE);
    if project.exists() {
        let text = read(project)?;
        let trust = if trust::is_recorded(project, &text)? { Trust::Trusted } else { Trust::Project };
        return Ok(Some((project.to_owned(), text, trust)));
    }
    match config_folder().map(|folder| folder.join("config.yaml")) {
        Some(path) if path.exists() => Ok(Some((path.clone(), read(&path)?, Trust::Trusted))),
        _ => Ok(None),
    }
}

fn load(path: &Path, text: &str, trust: Trust) -> Result<ConfigFile, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let (registry, models) = (forge::registry(), forge::models());
    let (today, machine) = (Utc::now().date_naive(), Machine { folder });
    Loader::new(&registry, &models, today, &machine).with_trust(trust).load(&path.display().to_string(), text)
}

/// The text of the file, or a little more than may be in one.
fn read(path: &Path) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| CliError::file(path, &error))?;
    if bytes.len() > MAX_BYTES {
        // The end may be in the middle of a character; the size alone is refused later.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|error| CliError::content(path, "text in UTF-8", &error))
}

/// A report a line; `quiet` leaves out the warnings.
fn tell(reports: &[Report], quiet: bool) {
    for report in reports {
        show::note(quiet && report.severity == Severity::Warning, &report.to_string());
    }
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

/// The environment, and files relative to the configuration.
#[derive(Debug)]
struct Machine {
    folder: PathBuf,
}

impl Lookup for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn file(&self, path: &str) -> io::Result<String> {
        let mut text = String::new();
        let read = File::open(self.folder.join(path))?.take(MAX_SECRET + 1).read_to_string(&mut text)?;
        if read as u64 > MAX_SECRET {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any key"));
        }
        Ok(text)
    }
}
