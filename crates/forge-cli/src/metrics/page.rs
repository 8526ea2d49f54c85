//! The summary as one page for a browser: no scripts, nothing loaded from elsewhere.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use forge::store::{Bucket, Figures, Filter, GroupBy, Store, StoreError, SummaryRow, TrendPoint};

use super::figures::{cost, names, share, time, trend};

/// Groups that a chart shows; more are not readable.
const BARS: usize = 20;

/// Points that a chart over time shows.
const POINTS: usize = 120;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d0d5dd; --paper: #fff;
  --a: #2e6fdb; --b: #8fb4f2; --c: #d3e2fb; --bad: #d9482b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #344054; --paper: #14181f;
  --a: #6ea2f7; --b: #3b62a8; --c: #263a5e; --bad: #f0795f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { color: var(--soft); margin: .25rem 0 1rem; }
.simulated { background: var(--bad); color: #fff; font-weight: 700; padding: .5rem 1rem; border-radius: .3rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1.5rem 0; }
.figures b { display: block; font-size: 1.4rem; } .figures span { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th.name, td.name { text-align: left; } th { color: var(--soft); font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 12px; }
svg .a { fill: var(--a); } svg .b { fill: var(--b); } svg .c { fill: var(--c); } svg .bad { fill: var(--bad); }
svg line { stroke: var(--line); }
";

pub(super) fn render(
    store: &Store,
    filter: &Filter,
    (rows, by): (&[SummaryRow], &[GroupBy]),
    total: &Figures,
    now: DateTime<Utc>,
    simulated: bool,
) -> Result<String, StoreError> {
    let providers = store.summary(filter, &[GroupBy::Provider])?;
    let (bucket, trend) = trend(store, filter, now)?;
    let trend = &trend[trend.len().saturating_sub(POINTS)..];
    let unit = match bucket {
        Bucket::Hour => "hour",
        Bucket::Day => "day",
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Forge: calls and costs</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    if simulated {
        page.push_str("<div class=\"simulated\">SIMULATED: no model was asked</div>\n");
    }
    let about = escape(&span(filter, now));
    let _ = write!(page, "<h1>Calls and costs</h1>\n<p>{about}</p>\n{}", head(total));
    if total.attempts == 0 {
        page.push_str("<p>No calls are recorded.</p>\n");
    } else {
        page.push_str(
            "<h2>Latency by provider</h2>\n<p>Half of the calls, 95 % and 99 % did not take longer.</p>\n",
        );
        page.push_str(&latency(&providers));
        let _ = writeln!(page, "<h2>Cost by {unit}</h2>");
        page.push_str(&bars(trend, "a", |figures| figures.cost.dollars(), |most| format!("${most:.4}")));
        let _ = writeln!(page, "<h2>Failed attempts by {unit}</h2>");
        let failed = |figures: &Figures| figures.attempt_success_rate().map_or(0.0, |rate| 1.0 - rate);
        page.push_str(&bars(trend, "bad", failed, |most| share(Some(most))));
        page.push_str("<h2>Details</h2>\n");
        page.push_str(&table(rows, by));
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn span(filter: &Filter, now: DateTime<Utc>) -> String {
    let until = filter.until.unwrap_or(now).format("%F %R");
    match filter.since {
        Some(since) => format!("{} to {until} UTC", since.format("%F %R")),
        None => format!("Everything up to {until} UTC"),
    }
}

fn head(total: &Figures) -> String {
    let figures = [
        (total.calls.to_string(), "calls"),
        (share(total.success_rate()), "answered"),
        (cost(total), "cost"),
        (total.tokens.total().to_string(), "tokens"),
        (time(total.latency.p50), "median latency"),
        (total.fallbacks.to_string(), "fallbacks"),
        (total.retries.to_string(), "retries"),
    ];
    let cells = figures.iter().map(|(figure, name)| format!("<div><b>{figure}</b><span>{name}</span></div>"));
    format!("<div class=\"figures\">{}</div>\n", cells.collect::<String>())
}

/// Three bars on top of each other for each provider.
fn latency(rows: &[SummaryRow]) -> String {
    let rows = &rows[..rows.len().min(BARS)];
    let seconds = |time: Option<std::time::Duration>| time.map_or(0.0, |time| time.as_secs_f64());
    let most = rows.iter().map(|row| seconds(row.figures.latency.p99)).fold(f64::EPSILON, f64::max);
    let mut marks = String::new();
    for (at, row) in rows.iter().enumerate() {
        let (top, timing) = (at * 28, &row.figures.latency);
        let name = escape(&names(row, &[GroupBy::Provider]).concat());
        let _ = write!(marks, "<text x=\"0\" y=\"{}\">{name}</text>", top + 17);
        for (class, percentile) in [("c", timing.p99), ("b", timing.p95), ("a", timing.p50)] {
            let width = seconds(percentile) / most * 520.0;
            let _ = write!(
                marks,
                "<rect class=\"{class}\" x=\"160\" y=\"{}\" width=\"{width:.1}\" height=\"18\" rx=\"2\"/>",
                top + 4
            );
        }
        let text = format!("{} / {} / {}", time(timing.p50), time(timing.p95), time(timing.p99));
        let _ = write!(marks, "<text x=\"900\" y=\"{}\" text-anchor=\"end\">{text}</text>", top + 17);
    }
    svg("latency by provider", rows.len() * 28, &marks)
}

/// A bar for each point of time, and the height of the tallest.
fn bars(
    trend: &[TrendPoint],
    class: &str,
    height: impl Fn(&Figures) -> f64,
    label: impl Fn(f64) -> String,
) -> String {
    let most = trend.iter().map(|point| height(&point.figures)).fold(0.0, f64::max);
    let step = 820.0 / trend.len().max(1) as f64;
    let mut marks = format!("<text x=\"0\" y=\"14\">{}</text><text x=\"0\" y=\"124\">0</text>", label(most));
    marks.push_str("<line x1=\"80\" y1=\"120\" x2=\"900\" y2=\"120\"/>");
    for (at, point) in trend.iter().enumerate() {
        let value = height(&point.figures);
        let tall = if most > 0.0 { value / most * 110.0 } else { 0.0 };
        let _ = write!(
            marks,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{}: {}</title></rect>",
            80.0 + at as f64 * step,
            120.0 - tall,
            (step * 0.8).min(60.0),
            point.start.format("%F %R"),
            label(value),
        );
    }
    if let (Some(first), Some(last)) = (trend.first(), trend.last()) {
        let (first, last) = (first.start.format("%F %R"), last.start.format("%F %R"));
        let _ = write!(marks, "<text x=\"80\" y=\"138\">{first}</text>");
        if trend.len() > 1 {
            let _ = write!(marks, "<text x=\"900\" y=\"138\" text-anchor=\"end\">{last}</text>");
        }
    }
    svg("by time", 142, &marks)
}

fn svg(label: &str, height: usize, marks: &str) -> String {
    format!("<svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 900 {height}\">{marks}</svg>\n")
}

fn table(rows: &[SummaryRow], by: &[GroupBy]) -> String {
    let headings =
        ["", "Calls", "Answered", "Cost", "p50", "p95", "p99", "Tokens in", "Cached", "Tokens out"];
    let mut body = String::new();
    for row in rows {
        let (figures, tokens) = (&row.figures, &row.figures.tokens);
        let cells = [
            figures.calls.to_string(),
            share(figures.success_rate()),
            cost(figures),
            time(figures.latency.p50),
            time(figures.latency.p95),
            time(figures.latency.p99),
            (tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h).to_string(),
            tokens.cache_read.to_string(),
            (tokens.output + tokens.reasoning).to_string(),
        ];
        let cells = cells.map(|cell| format!("<td>{cell}</td>")).concat();
        let _ =
            writeln!(body, "<tr><td class=\"name\">{}</td>{cells}</tr>", escape(&names(row, by).join(" ")));
    }
    let heads = headings.map(|heading| format!("<th>{heading}</th>")).concat();
    format!("<div class=\"scroll\"><table>\n<tr>{heads}</tr>\n{body}</table></div>\n")
}

/// Names come from configurations and vendors; none of them becomes markup.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}
