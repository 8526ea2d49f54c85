//! `forge metrics`: what calls took and cost.

mod filter;
mod page;
mod summary;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::Utc;
use forge::{
    CallId, ModelTable,
    store::{Filter, Forgotten, Repriced, Store, StoreError, StoreOptions, export},
};

use crate::{
    args::{ExportFormat, MetricsCommand, MetricsExport, MetricsForget, MetricsPrune, MetricsReprice},
    config,
    error::CliError,
    files,
    paths::paths,
    show::note,
};

/// Takes records whatever happens to the file; `None` without any place for it.
pub(crate) fn ledger(simulated: bool, quiet: bool) -> Option<Store> {
    let Some(path) = path(simulated) else {
        note(quiet, "calls are not recorded: set FORGE_HOME to a folder, or HOME");
        return None;
    };
    Some(Store::open_or_spool(options(&path)))
}

pub(crate) fn run(command: MetricsCommand, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    match command {
        MetricsCommand::Summary(wanted) => summary::run(&wanted, quiet),
        MetricsCommand::Export(wanted) => self::export(&wanted, quiet),
        MetricsCommand::Prune(wanted) => prune(&wanted, quiet),
        MetricsCommand::Rebuild(wanted) => {
            open(wanted.offline)?.rebuild().map_err(|error| CliError::store(&error))?;
            note(quiet, "the sums were made anew from the attempts that are kept");
            Ok(ExitCode::SUCCESS)
        }
        MetricsCommand::Forget(wanted) => forget(&wanted, named, quiet),
        MetricsCommand::Reprice(wanted) => reprice(&wanted, quiet),
    }
}

/// Opens the accounts to read or change them.
pub(crate) fn open(simulated: bool) -> Result<Store, CliError> {
    Store::open(options(&place(simulated)?)).map_err(|error| CliError::store(&error))
}

/// The same, but makes no file; `None` where there is none, or none that can be read.
pub(crate) fn open_if_there(simulated: bool) -> Option<Store> {
    let path = path(simulated).filter(|path| path.exists())?;
    Store::open(options(&path)).ok()
}

/// The file of the accounts.
pub(crate) fn place(simulated: bool) -> Result<PathBuf, CliError> {
    path(simulated).ok_or_else(|| {
        CliError::usage("there is no place for the accounts", "set FORGE_HOME to a folder, or HOME")
    })
}

/// Where the accounts are: those of real calls, or of simulated ones, which are kept apart.
fn path(simulated: bool) -> Option<PathBuf> {
    Some(paths().state?.join(if simulated { "simulated.db" } else { "forge.db" }))
}

/// The store at `path`, whose costs are marked with the day of the newest built-in price.
fn options(path: &Path) -> StoreOptions {
    forge::store_options(path, &forge::models())
}

fn export(wanted: &MetricsExport, quiet: bool) -> Result<ExitCode, CliError> {
    let store = open(wanted.filter.offline)?;
    let filter = filter::read(&wanted.filter, Utc::now())?;
    let written = match &wanted.output {
        Some(path) => {
            let file = File::create(path)
                .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
            write(&store, &filter, wanted.format, &mut BufWriter::new(file))
        }
        None => write(&store, &filter, wanted.format, &mut BufWriter::new(io::stdout().lock())),
    };
    let count = written.map_err(|error| closed_or(&error))?;
    note(quiet, &format!("{count} attempts"));
    Ok(ExitCode::SUCCESS)
}

fn write(
    store: &Store,
    filter: &Filter,
    format: ExportFormat,
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
            let mut document = export::json(to).map_err(failed)?;
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

fn prune(wanted: &MetricsPrune, quiet: bool) -> Result<ExitCode, CliError> {
    let store = open(wanted.offline)?;
    let before = filter::time(&wanted.before, Utc::now())?;
    let pruned = store.prune(before, wanted.archive.as_deref()).map_err(|error| CliError::store(&error))?;
    let day = before.format("%F");
    note(quiet, &format!("{} attempts before {day} removed; their sums stay", pruned.attempts));
    Ok(ExitCode::SUCCESS)
}

fn forget(wanted: &MetricsForget, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    let unknown = || {
        let what = format!("no call `{}` is recorded", wanted.call);
        CliError::usage(what, "`forge metrics export` names the calls")
    };
    let call: CallId = wanted.call.parse().map_err(|_| unknown())?;
    let plan = config::find_and_load(named)?.map(|loaded| loaded.file.plan).unwrap_or_default();
    let store = open(wanted.offline)?;
    let failed = |error| CliError::store(&error);
    let mut budgets = Vec::new();
    let filter = Filter { calls: vec![call], ..Filter::default() };
    let booked = |one: &export::Attempt| {
        budgets.push((one.record.attempt, plan.budgets_of(&one.record)));
        Ok(())
    };
    if store.export(&filter, booked).map_err(failed)? == 0 {
        return Err(unknown());
    }
    let Forgotten { attempts, cost, tokens } = store.forget(call, budgets).map_err(failed)?;
    note(
        quiet,
        &format!("{attempts} attempts, {tokens} tokens and {cost} are in no sum and no budget any more"),
    );
    Ok(ExitCode::SUCCESS)
}

fn reprice(wanted: &MetricsReprice, quiet: bool) -> Result<ExitCode, CliError> {
    let now = Utc::now();
    let edge = |text: &Option<String>| text.as_deref().map(|text| filter::time(text, now)).transpose();
    let (since, until) = (edge(&wanted.since)?, edge(&wanted.until)?);
    let mut table = forge::models();
    let mut version = forge::price_version(&table);
    if let Some(path) = &wanted.prices {
        let rows = ModelTable::from_json(&files::read(path)?).map_err(|error| {
            CliError::content(path, "a table of models (rows as in `models.json`)", &error)
        })?;
        table.merge(&rows);
        version = format!("{}, {}", path.display(), now.format("%F"));
    }
    let done = open(wanted.offline)?.reprice(&table, since, until, &version);
    let Repriced { changed, unpriced, before, after } = done.map_err(|error| CliError::store(&error))?;
    let told =
        format!("{changed} attempts cost {after} now instead of {before}; {unpriced} have no known price");
    note(quiet, &told);
    Ok(ExitCode::SUCCESS)
}
