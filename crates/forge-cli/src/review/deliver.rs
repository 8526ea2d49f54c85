//! What comes out of the review of a change.

use std::{path::Path, process::ExitCode, time::Duration};

use forge::agent::review::{Format, Report, Status, render};
use forge::{
    session::{Estimate, Severity},
    storage::budget::Amount,
};
use serde_json::json;

use super::{panel::Reviewers, prepare::Prepared};
use crate::{
    args::{FailOn, GlobalArgs, Review, ReviewFormat},
    error::CliError,
    files,
    terminal::{self, note},
};

/// The code of a review with a fault that the user does not accept.
const FAULTY: u8 = 6;
/// The code of one that fewer have read than was planned.
const DEGRADED: u8 = 5;
/// The code of one that a cap has ended.
const CAPPED: u8 = 4;

pub(super) fn exit_code(report: &Report, review: &Review, interrupted: bool) -> ExitCode {
    // What the user names as a failure goes before whatever became of the rest.
    if review.fail_on.is_some_and(|least| report.fails(severity(least))) {
        return FAULTY.into();
    }
    match report.coverage.status {
        _ if interrupted => 130.into(),
        Status::Capped => CAPPED.into(),
        Status::Partly | Status::NotReviewed if !review.accepts_less() => DEGRADED.into(),
        _ => ExitCode::SUCCESS,
    }
}

const fn severity(least: FailOn) -> Severity {
    match least {
        FailOn::Critical => Severity::Critical,
        FailOn::Major => Severity::Major,
        FailOn::Minor => Severity::Minor,
        FailOn::Nit => Severity::Nit,
    }
}

pub(super) fn deliver(report: &Report, review: &Review, args: GlobalArgs<'_>) -> Result<(), CliError> {
    let wanted = review.change.format.map(form);
    if let Some(path) = &review.session.output {
        files::write(path, &render(report, wanted.unwrap_or_else(|| of_ending(path))), args.quiet)?;
    }
    match (args.json, &review.session.output) {
        (true, _) => terminal::out(&render(report, Format::Json))?,
        (false, Some(_)) => {}
        (false, None) => terminal::out(&render(report, wanted.unwrap_or(Format::Text)))?,
    }
    note(args.quiet, &report.first_line());
    let usage = report.usage;
    let unknown = if usage.unknown > 0 { " and more of unknown cost" } else { "" };
    note(
        args.quiet,
        &format!(
            "{} calls, {} input and {} output tokens, ${:.4}{unknown}, {:.1} s",
            usage.calls,
            usage.input_tokens,
            usage.output_tokens,
            usage.cost.dollars(),
            Duration::from_millis(usage.duration_ms).as_secs_f64()
        ),
    );
    Ok(())
}

const fn form(format: ReviewFormat) -> Format {
    match format {
        ReviewFormat::Text => Format::Text,
        ReviewFormat::Json => Format::Json,
        ReviewFormat::Sarif => Format::Sarif,
        ReviewFormat::Github => Format::Github,
        ReviewFormat::Gitlab => Format::Gitlab,
        ReviewFormat::Rdjsonl => Format::Rdjsonl,
        ReviewFormat::Markdown => Format::Markdown,
        ReviewFormat::Html => Format::Html,
    }
}

fn of_ending(path: &Path) -> Format {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("json") => Format::Json,
        Some("sarif") => Format::Sarif,
        Some("html" | "htm") => Format::Html,
        Some("md" | "markdown") => Format::Markdown,
        _ => Format::Text,
    }
}

/// What a review will take. Sends nothing.
pub(super) fn dry(
    prepared: &Prepared,
    reviewers: &Reviewers<'_>,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let job = &prepared.job;
    let estimates = job.estimate(reviewers).map_err(|error| CliError::session(&error))?;
    let sum = |of: fn(&Estimate) -> Amount| estimates.iter().map(of).fold(Amount::default(), Amount::plus);
    let (likely, most) = (sum(|one| one.likely), sum(|one| one.most));
    let calls: usize = estimates.iter().map(|one| one.calls.len()).sum();
    let priced = estimates.iter().all(|one| one.priced);
    let files: std::collections::BTreeSet<&String> =
        job.pieces.iter().flat_map(|piece| &piece.files).collect();
    let lines: usize = job.pieces.iter().map(|piece| piece.changed_lines).sum();
    if as_json {
        let amount = |one: Amount| terminal::with_cost(json!({"tokens": one.tokens}), Some(one.money));
        terminal::json(&json!({
            "target": job.target, "files": files.len(), "lines": lines, "pieces": job.pieces.len(), "calls": calls,
            "likely": amount(likely), "most": amount(most), "priced": priced,
            "not_read": job.unread, "notices": prepared.notices,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "{}: {} files, {lines} changed lines, {} pieces, {calls} calls\nlikely {} tokens, ${:.4}; at most {} tokens, ${:.4}\n",
        job.target,
        files.len(),
        job.pieces.len(),
        likely.tokens,
        likely.money.dollars(),
        most.tokens,
        most.money.dollars(),
    );
    if !priced {
        text.push_str("some prices are unknown; the costs above are too low\n");
    }
    let unread = job.unread.iter().map(|unread| format!("not read: {}: {}\n", unread.path, unread.why));
    text.extend(unread.chain(prepared.notices.iter().map(|notice| format!("note: {notice}\n"))));
    terminal::out(&text)?;
    Ok(ExitCode::SUCCESS)
}
