//! `forge batch`: many calls.

mod lines;
mod progress;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use forge::batch::{Batch, BatchDeps, BatchError, BatchOptions, BatchReport, BatchStop};
use serde_json::json;

use self::{lines::Lines, progress::Progress};
use crate::{
    args::{BatchCommand, BatchRun, GlobalArgs, Source},
    config,
    error::CliError,
    setup::Setup,
    signals::Interrupts,
    terminal::{self, note, with_cost},
};

/// How often people are told how far it is.
const TELL: Duration = Duration::from_secs(5);

pub(crate) async fn run<'a>(
    command: BatchCommand,
    globals: impl Fn(Source) -> GlobalArgs<'a>,
) -> Result<ExitCode, CliError> {
    let BatchCommand::Run(typed) = command;
    let args = globals(typed.source);
    // Before the system is opened: a missing file is told without a look for servers.
    std::fs::metadata(&typed.input).map_err(|error| CliError::file(&typed.input, &error))?;
    let system = Setup::open(args).await?;
    let ended = answer(&typed, args, &system).await;
    system.close(Duration::from_secs(1)).await;
    ended
}

async fn answer(typed: &BatchRun, args: GlobalArgs<'_>, system: &Setup) -> Result<ExitCode, CliError> {
    let Some(store) = system.store().cloned() else {
        let next = "set FORGE_HOME to a folder, or HOME";
        return Err(CliError::usage("a batch keeps its answers in a folder, and there is none", next));
    };
    let run = system.session_deps().map_err(config::refused)?.run_deps();
    let (router, prices) = (system.router().clone(), system.router().clone());
    let deps = BatchDeps::new(Arc::new(router), Arc::new(move |response| prices.cost(response)), run, store);
    let latest = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&latest);
    let mut options = BatchOptions::default();
    options.concurrency = usize::from(typed.concurrency);
    (options.money, options.retry_failed) = (typed.max_cost, typed.retry_failed);
    options.observer = Some(Arc::new(move |report: &BatchReport| {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
    }));
    let form = Arc::new(Lines::new((**system).clone(), typed, system.is_simulated()));
    let mut interrupts = Interrupts::new()?;
    let batch = Batch::open(deps, &typed.input, &typed.output, form, options).await.map_err(refused)?;
    let name = batch.name().to_string();
    let begun = batch.report().clone();
    if begun.done > 0 && begun.done < begun.lines {
        note(args.quiet, &format!("goes on behind {} of {} lines", begun.done, begun.lines));
    }
    let controls = batch.controls();
    let mut work = std::pin::pin!(batch.run());
    let progress = Progress::new(&begun, typed.max_cost, Instant::now());
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + TELL, TELL);
    let mut is_stopping = false;
    let report = loop {
        tokio::select! {
            ended = &mut work => break ended.map_err(refused)?,
            _ = ticks.tick() => {
                let report = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(report) = report {
                    note(args.quiet, &progress.tell(&report, Instant::now()));
                }
            }
            () = interrupts.next() => {
                if is_stopping {
                    // What is under way is cut off, as by a kill.
                    note(false, "interrupted; the same command goes on, and asks again what was under way");
                    return Ok(130.into());
                }
                is_stopping = true;
                controls.stop();
                note(args.quiet, "waits for the calls under way; Ctrl-C again cuts them off");
            }
        }
    };
    tell(typed, args, &name, &report)
}

fn tell(
    typed: &BatchRun,
    args: GlobalArgs<'_>,
    name: &str,
    report: &BatchReport,
) -> Result<ExitCode, CliError> {
    let output = typed.output.display().to_string();
    let (stopped, code, next) = match &report.stop {
        None if report.failed > 0 => {
            (None, 5, "`--retry-failed` asks the lines again that failed".to_owned())
        }
        None => (None, 0, String::new()),
        Some(BatchStop::Asked) => (Some("interrupted"), 130, "the same command goes on".to_owned()),
        Some(BatchStop::Budget(why)) => {
            (Some("budget"), 4, format!("{why}; the same command with a larger `--max-cost` goes on"))
        }
        Some(_) => (Some("failed"), 1, "the same command goes on".to_owned()),
    };
    if args.json {
        let object = json!({
            "batch": name,
            "output": output,
            "lines": report.lines,
            "done": report.done,
            "failed": report.failed,
            "unpriced": report.unpriced,
            "stopped": stopped,
        });
        terminal::json(&with_cost(object, Some(report.cost)))?;
    } else {
        let place = if report.stop.is_none() { output } else { format!("{output}.part so far") };
        let unknown = match report.unpriced {
            0 => String::new(),
            count => format!(" and {count} of unknown price"),
        };
        let BatchReport { lines, done, failed, cost, .. } = report;
        terminal::out(&format!("{done} of {lines} lines, {failed} failed, {cost}{unknown}: {place}\n"))?;
    }
    if !next.is_empty() {
        note(args.quiet, &next);
    }
    Ok(code.into())
}

fn refused(error: BatchError) -> CliError {
    let next = error.next();
    match error {
        BatchError::Run(error) => CliError::failed("the batch cannot go on", &error).with_next(next),
        BatchError::Io { .. } => CliError::failed(error.to_string(), &error).with_next(next),
        error => CliError::usage(error.to_string(), next),
    }
}
