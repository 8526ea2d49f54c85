//! `forge eval panels`: a report on what others have measured.

use std::process::ExitCode;

use forge_eval::{Matrix, MatrixError, PanelReport};
use serde_json::json;

use super::{page, text};
use crate::{
    args::{EvalPanels, GlobalArgs},
    error::CliError,
    files, terminal,
};

pub(super) fn run(typed: &EvalPanels, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    typed.wish.html.as_deref().map(files::check_output).transpose()?;
    let matrix = matrix(typed)?;
    let report = PanelReport::of(&matrix, &super::wish(&typed.wish), typed.seed);
    if let Some(path) = &typed.wish.html {
        files::write(path, &page::panels(&report, &typed.file.display().to_string()), args.quiet)?;
    }
    if args.json {
        terminal::json(&json!(report))?;
    } else {
        terminal::out(&text::panels(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn matrix(typed: &EvalPanels) -> Result<Matrix, CliError> {
    let mut matrix = Matrix::read(&typed.file).map_err(|error| refused(&error))?;
    if let Some(path) = &typed.false_claims {
        matrix = matrix.with_false_claims(path).map_err(|error| refused(&error))?;
    }
    if typed.participants.is_empty() {
        return Ok(matrix);
    }
    let known = matrix.participants.join(", ");
    matrix.of(&typed.participants).map_err(|fault| {
        CliError::usage(format!("--participants: {fault}"), format!("choose two or more of {known}"))
    })
}

fn refused(error: &MatrixError) -> CliError {
    let next = "see docs/evaluation.md for the form";
    match error {
        MatrixError::Unreadable { path, source } => CliError::file(path.as_ref(), source),
        error => CliError::usage(error.to_string(), next),
    }
}
