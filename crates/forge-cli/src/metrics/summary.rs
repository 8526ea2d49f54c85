//! `forge metrics summary`.

use std::{io::IsTerminal as _, process::ExitCode};

use chrono::Utc;
use forge::store::{Bucket, Figures, Filter, GroupBy, SummaryRow, Timing, TrendPoint, export};

use super::{
    figures::{cost, names, share, time, trend},
    filter, json, open, page,
};
use crate::{
    args::{MetricsBy, MetricsSummary, SummaryFormat},
    error::CliError,
    files, layout, terminal,
};

/// Points of a trend in the terminal.
const SPARKS: usize = 60;

pub(super) fn run(args: &MetricsSummary, quiet: bool) -> Result<ExitCode, CliError> {
    let now = Utc::now();
    let (store, filter) = (open(args.filter.offline)?, filter::read(&args.filter, now)?);
    let by: Vec<GroupBy> = args.by.iter().map(|by| group(*by)).collect();
    let by = if by.is_empty() { vec![GroupBy::Provider, GroupBy::Model, GroupBy::Role] } else { by };
    let failed = |error| CliError::store(&error);
    let rows = store.summary(&filter, &by).map_err(failed)?;
    let total = store.summary(&filter, &[]).map_err(failed)?;
    let total = total.into_iter().next().map(|row| row.figures).unwrap_or_default();
    let simulated = args.filter.offline;
    if let Some(path) = &args.html {
        let page = page::render(&store, &filter, (&rows, &by), &total, now, simulated).map_err(failed)?;
        files::write(path, &page, quiet)?;
        return Ok(ExitCode::SUCCESS);
    }
    let shown = match args.format {
        SummaryFormat::Table => {
            let (bucket, trend) = trend(&store, &filter, now).map_err(failed)?;
            let text = table(&rows, &total, &by, width());
            let head = if simulated { "SIMULATED\n\n" } else { "" };
            terminal::out(&format!("{head}{text}{}", sparkline(bucket, &trend)))
        }
        SummaryFormat::Csv => terminal::out(&csv(&rows)),
        SummaryFormat::Json => terminal::json(&json::summary(&filter, &total, &rows, simulated)),
    };
    shown?;
    // An empty table may only mean that all calls so far were simulated.
    if rows.is_empty()
        && !simulated
        && let Some(others) = super::open_if_there(true)
        && let Ok(found) = others.summary(&Filter::default(), &[])
        && let Some(calls) = found.first().map(|row| row.figures.calls).filter(|calls| *calls > 0)
    {
        terminal::note(quiet, &format!("{calls} simulated ones: with `--offline`"));
    }
    Ok(ExitCode::SUCCESS)
}

fn group(by: MetricsBy) -> GroupBy {
    match by {
        MetricsBy::Provider => GroupBy::Provider,
        MetricsBy::Model => GroupBy::Model,
        MetricsBy::Role => GroupBy::Role,
        MetricsBy::Day => GroupBy::Day,
        MetricsBy::Hour => GroupBy::Hour,
        MetricsBy::Status => GroupBy::Status,
    }
}

/// The width that the table may have: that of the terminal, and any in a file or a pipe.
fn width() -> usize {
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    if std::io::stdout().is_terminal() { terminal().unwrap_or(80) } else { usize::MAX }
}

/// A column: its heading, and what stands in it.
type Column = (&'static str, fn(&Figures) -> String);

/// Every column, the ones that can be done without last.
const COLUMNS: [Column; 15] = [
    ("CALLS", |figures| figures.calls.to_string()),
    ("OK", |figures| share(figures.success_rate())),
    ("ERRORS", |figures| errors(figures)),
    ("COST", |figures| cost(figures)),
    ("P50", |figures| time(figures.latency.p50)),
    ("P95", |figures| time(figures.latency.p95)),
    ("TOKENS", |figures| figures.tokens.total().to_string()),
    ("RETRIES", |figures| figures.retries.to_string()),
    ("DROPPED", |figures| figures.cancelled.to_string()),
    ("FALLBACKS", |figures| figures.fallbacks.to_string()),
    ("FIRST P50", |figures| time(figures.first_token.p50)),
    ("P99", |figures| time(figures.latency.p99)),
    ("MEAN", |figures| time(figures.latency.mean)),
    ("CACHED", |figures| figures.tokens.cache_read.to_string()),
    ("THOUGHT", |figures| figures.tokens.reasoning.to_string()),
];

fn table(rows: &[SummaryRow], total: &Figures, by: &[GroupBy], width: usize) -> String {
    if rows.is_empty() {
        return "no calls are recorded\n".into();
    }
    let mut text = String::new();
    // As many columns as fit: each try leaves the last one out.
    for count in (1..=COLUMNS.len()).rev() {
        let columns = &COLUMNS[..count];
        let cells = |names: Vec<String>, figures: &Figures| {
            names.into_iter().chain(columns.iter().map(|(_, cell)| cell(figures))).collect::<Vec<_>>()
        };
        let mut lines: Vec<_> = rows.iter().map(|row| cells(names(row, by), &row.figures)).collect();
        if rows.len() > 1 {
            let name = |at| if at == 0 { "all".to_owned() } else { String::new() };
            lines.push(cells((0..by.len()).map(name).collect(), total));
        }
        let headings: Vec<_> =
            by.iter().map(|by| heading(*by)).chain(columns.iter().map(|(heading, _)| *heading)).collect();
        let right: Vec<_> = (by.len()..headings.len()).collect();
        text = layout::table(&headings, &right, &lines);
        if text.lines().all(|line| line.chars().count() <= width) {
            break;
        }
    }
    text
}

fn heading(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Provider => "PROVIDER",
        GroupBy::Model => "MODEL",
        GroupBy::Role => "ROLE",
        GroupBy::Day => "DAY",
        GroupBy::Hour => "HOUR",
        GroupBy::Status => "STATUS",
    }
}

/// How many attempts failed, and how most of them did.
fn errors(figures: &Figures) -> String {
    let failed = figures.failures + figures.retries;
    match figures.errors.first() {
        Some((kind, _)) if failed > 0 => format!("{failed} {}", kind.as_str()),
        _ => failed.to_string(),
    }
}

/// `calls by the hour: ▁▃█ (at most 12)`
fn sparkline(bucket: Bucket, trend: &[TrendPoint]) -> String {
    let shown = &trend[trend.len().saturating_sub(SPARKS)..];
    let most = shown.iter().map(|point| point.figures.calls).max().unwrap_or(0);
    if shown.len() < 2 || most == 0 {
        return String::new();
    }
    let blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |calls: u64| match calls {
        0 => ' ',
        // Rounded up: an hour with a single call is no empty hour.
        calls => blocks[usize::try_from((calls * 8).div_ceil(most).max(1) - 1).unwrap_or(7).min(7)],
    };
    let sparks: String = shown.iter().map(|point| block(point.figures.calls)).collect();
    let unit = match bucket {
        Bucket::Hour => "hour",
        Bucket::Day => "day",
    };
    format!("\ncalls by the {unit}: {sparks} (at most {most})\n")
}

fn csv(rows: &[SummaryRow]) -> String {
    let by = [GroupBy::Day, GroupBy::Provider, GroupBy::Model, GroupBy::Role, GroupBy::Status];
    let timing = |name: &str| ["mean", "p50", "p95", "p99"].map(|part| format!("{name}_{part}"));
    let mut headings: Vec<String> =
        ["start", "provider", "model", "role", "status"].map(str::to_owned).into();
    headings.extend(
        ["calls", "attempts", "successes", "failures", "retries", "cancelled", "killed", "fallbacks"]
            .map(str::to_owned),
    );
    headings.extend(timing("duration_ms").into_iter().chain(timing("first_token_ms")));
    headings.extend(
        ["input", "cache_read", "cache_write_5m", "cache_write_1h", "other_input", "output", "reasoning"]
            .map(|class| format!("{class}_tokens")),
    );
    headings.extend(["unknown_tokens", "cost_nano_usd", "cost_usd", "unknown_cost"].map(str::to_owned));
    let mut text = csv_line(&headings);
    for row in rows {
        let figures = &row.figures;
        let mut cells = names(row, &by);
        if let Some(start) = row.key.start {
            cells[0] = start.to_rfc3339();
        }
        let Figures { calls, attempts, successes, failures, retries, cancelled, killed, fallbacks, .. } =
            figures;
        let counts = [calls, attempts, successes, failures, retries, cancelled, killed, fallbacks];
        cells.extend(counts.map(ToString::to_string));
        cells.extend(millis(&figures.latency).into_iter().chain(millis(&figures.first_token)));
        let tokens = &figures.tokens;
        let classes = [
            tokens.input,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.other_input,
            tokens.output,
            tokens.reasoning,
        ];
        cells.extend(classes.map(|count| count.to_string()));
        cells.extend([figures.unknown_tokens, figures.cost.nanos()].map(|count| count.to_string()));
        cells.extend([export::dollars(figures.cost).to_string(), figures.unknown_cost.to_string()]);
        text.push_str(&csv_line(&cells));
    }
    text
}

fn csv_line(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| export::csv_field(cell)).collect();
    format!("{}\n", cells.join(","))
}

fn millis(timing: &Timing) -> [String; 4] {
    [timing.mean, timing.p50, timing.p95, timing.p99]
        .map(|time| time.map_or_else(String::new, |time| export::millis(time).to_string()))
}

#[cfg(test)]
mod tests {
    use forge::{Money, store::Key};

    use super::*;

    fn row(provider: &str, calls: u64) -> SummaryRow {
        let key = Key { provider: Some(provider.into()), ..Key::default() };
        let cost = Money::from_nanos(1_234_500_000);
        SummaryRow { key, figures: Figures { calls, successes: calls, cost, ..Figures::default() } }
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_and_never_a_broken_line() {
        let rows = [row("claude", 3), row("gpt", 4)];
        let total = Figures { calls: 7, ..Figures::default() };
        for width in [40, 60, 80, 120, usize::MAX] {
            let text = table(&rows, &total, &[GroupBy::Provider], width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.contains("CALLS") && text.lines().count() == 4, "{text}");
        }
        let wide = table(&rows, &total, &[GroupBy::Provider], usize::MAX);
        assert!(wide.contains("THOUGHT") && wide.contains("$1.2345") && wide.contains("100.0 %"), "{wide}");
    }

    #[test]
    fn the_busiest_hour_has_the_tallest_block_and_an_idle_one_none() {
        let start = "2026-11-21T00:00:00Z".parse().unwrap();
        let point = |calls| TrendPoint { start, figures: Figures { calls, ..Figures::default() } };
        let trend = [point(1), point(0), point(8), point(4)];
        assert_eq!(sparkline(Bucket::Hour, &trend), "\ncalls by the hour: ▁ █▄ (at most 8)\n");
        assert_eq!(sparkline(Bucket::Hour, &trend[..1]), "");
    }
}
