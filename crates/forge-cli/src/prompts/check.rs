//! `forge prompts check`.

use std::{path::Path, process::ExitCode};

use forge::{
    config::Severity,
    prompt::{PromptOrigin, PromptSet, read_folder},
};
use serde_json::json;

use super::desk;
use crate::{config, error::CliError, terminal};

pub(super) fn run(named: Option<&Path>, folder: Option<&Path>, as_json: bool) -> Result<ExitCode, CliError> {
    let read = match folder {
        Some(folder) => read_folder(folder).map(|files| vec![(PromptOrigin::Configured, files)]),
        None => desk::plan(named)?.files(),
    };
    let sets = read.map_err(|error| config::refused(error.into()))?;
    let count: usize = sets.iter().map(|(_, files)| files.len()).sum();
    let reports = match PromptSet::with(sets) {
        Ok(set) => set.warnings().to_vec(),
        Err(mistakes) => mistakes.reports,
    };
    let mistakes = reports.iter().filter(|one| one.severity == Severity::Error).count();
    if as_json {
        terminal::json(&json!({ "prompts": count, "mistakes": mistakes, "problems": reports }))?;
    } else {
        for report in &reports {
            terminal::note(false, &report.to_string());
        }
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let all = counted(count, "prompt");
        terminal::out(&format!("{all} read, {}\n", counted(mistakes, "mistake")))?;
    }
    Ok(if mistakes == 0 { ExitCode::SUCCESS } else { 2.into() })
}
