//! `forge metrics`: what calls took and cost.

mod figures;
mod filter;
pub(crate) use self::filter::time;
mod json;
mod page;
mod sql;
mod summary;
mod upkeep;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::Utc;
use forge::store::{Filter, Store, StoreError, StoreOptions, export};

use crate::{
    args::{ExportFormat, MetricsCommand, MetricsExport},
    error::CliError,
    paths::paths,
    terminal::note,
};

/// Takes records whatever happens to the file; `None` without any place for it.
pub(crate) fn ledger(simulated: bool, quiet: bool) -> Option<Store> {
    let Some(path) = path(simulated) else {
        note(quiet, "calls are not recorded: set FORGE_HOME to a folder, or HOME");
        return None;
    };
    Some(Store::open_or_spool(options(&path)))
}

pub(crate) fn run(
    command: MetricsCommand,
    named: Option<&Path>,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    match if as_json { command.in_json() } else { command } {
        MetricsCommand::Summary(args) => summary::run(&args, quiet),
        MetricsCommand::Export(args) => self::export(&args, quiet),
        MetricsCommand::Sql(args) => sql::run(&args, quiet),
        MetricsCommand::Prune(args) => upkeep::prune(&args, quiet),
        MetricsCommand::Rebuild(args) => upkeep::rebuild(&args, quiet),
        MetricsCommand::Forget(args) => upkeep::forget(&args, named, quiet),
        MetricsCommand::Reprice(args) => upkeep::reprice(&args, quiet),
    }
}

/// Tells of a failure after a part of a document is out: it cannot become another document any more.
fn torn(error: &CliError) -> ExitCode {
    let _ = write!(io::stderr().lock(), "{error}");
    error.exit_code()
}

/// Opens the accounts to read or change them.
pub(crate) fn open(simulated: bool) -> Result<Store, CliError> {
    Store::open(options(&place(simulated)?)).map_err(|error| CliError::store(&error))
}

/// The same in this file.
#[cfg(all(target_os = "linux", feature = "worker"))]
pub(crate) fn open_at(path: &Path) -> Result<Store, CliError> {
    Store::open(options(path)).map_err(|error| CliError::store(&error))
}

/// The same, but makes no file; `None` where there is none, or none that can be read.
pub(crate) fn open_if_there(simulated: bool) -> Option<Store> {
    // A look must not make a file: an empty one would pass for accounts without calls.
    let path = path(simulated).filter(|path| path.exists())?;
    Store::open(options(&path)).ok()
}

/// The file of the accounts.
pub(crate) fn place(simulated: bool) -> Result<PathBuf, CliError> {
    path(simulated).ok_or_else(|| {
        CliError::usage("there is no folder for the accounts", "set FORGE_HOME to a folder, or HOME")
    })
}

/// Where the accounts are: those of real calls, or of simulated ones, which are kept apart.
pub(crate) fn path(simulated: bool) -> Option<PathBuf> {
    Some(paths().state?.join(if simulated { "simulated.db" } else { "forge.db" }))
}

/// The store at `path`, whose costs are marked with the day of the newest built-in price.
fn options(path: &Path) -> StoreOptions {
    forge::store_options(path, &forge::models())
}

fn export(args: &MetricsExport, quiet: bool) -> Result<ExitCode, CliError> {
    let store = open(args.filter.offline)?;
    let filter = filter::read(&args.filter, Utc::now())?;
    let format = args.format;
    let simulated = args.filter.offline;
    let written = match &args.output {
        Some(path) => {
            let file = File::create(path)
                .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
            write(&store, &filter, (format, simulated), &mut BufWriter::new(file))
        }
        None => write(&store, &filter, (format, simulated), &mut BufWriter::new(io::stdout().lock())),
    };
    match written {
        Ok(count) => note(quiet, &format!("{count} attempts")),
        // Rows are out already, so that no JSON object about the failure can follow them.
        Err(error) => return Ok(torn(&closed_or(&error))),
    }
    Ok(ExitCode::SUCCESS)
}

fn write(
    store: &Store,
    filter: &Filter,
    (format, simulated): (ExportFormat, bool),
    to: &mut impl Write,
) -> Result<u64, StoreError> {
    match format {
        ExportFormat::Csv => match export::csv(to) {
            Ok(lines) => store.export(filter, lines),
            Err(source) => Err(StoreError::Io { what: "export from", path: store.path().to_owned(), source }),
        },
        ExportFormat::Jsonl => store.export(filter, export::jsonl(to)),
        ExportFormat::Json => {
            let failed =
                |source| StoreError::Io { what: "export from", path: store.path().to_owned(), source };
            let mut document = export::json(to, simulated).map_err(failed)?;
            let count = store.export(filter, |attempt| document.attempt(attempt))?;
            document.end().map_err(failed)?;
            Ok(count)
        }
    }
}

/// A reader that has seen enough is no failure.
fn closed_or(error: &StoreError) -> CliError {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause {
        Some(cause) if cause.kind() == io::ErrorKind::BrokenPipe => CliError::stdout(cause),
        _ => CliError::store(error),
    }
}
