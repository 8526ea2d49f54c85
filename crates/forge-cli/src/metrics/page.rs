//! The summary as one page for a browser: no scripts, nothing loaded from elsewhere.

use std::{fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use forge::{
    prompt::html::{Bar, Safe, head, row},
    store::{Bucket, Figures, Filter, GroupBy, Store, StoreError, SummaryRow, TrendPoint},
};

use super::figures::{cost, names, share, time, trend};

/// Groups that a chart shows; more are not readable.
const BARS: usize = 20;

/// Points that a chart over time shows.
const POINTS: usize = 120;

const STYLE: &str = "\
:root{--chart:#4a7ab5}
@media(prefers-color-scheme:dark){:root{--chart:#6ea2f7}}
body{max-width:60rem}h1{margin-bottom:0}
.figures{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1.5rem 0}
.figures b{display:block;font-size:1.4rem}.figures span{color:var(--quiet)}
.wide table{width:100%;font-variant-numeric:tabular-nums}.wide td,.wide th{text-align:right;white-space:nowrap}
.wide .name{text-align:left}.bars th{width:20%}
.chart{display:block;width:100%;height:auto}.chart text{fill:var(--quiet);font-size:12px}
.chart line{stroke:var(--line)}.chart .cost{fill:var(--chart)}.chart .failed{fill:var(--bad)}
";

/// Colours of the bars of a provider, the longest first; the shorter ones lie over it.
const PERCENTILES: [&str; 3] = ["#4a7ab540", "#4a7ab580", "#4a7ab5"];

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
    let mut page = head("Forge: calls and costs", STYLE);
    if simulated {
        page.push_str("<p class=\"banner\"><strong>SIMULATED: no model was asked</strong></p>\n");
    }
    let about = span(filter, now);
    let _ =
        write!(page, "<h1>Calls and costs</h1>\n<p class=\"quiet\">{}</p>\n{}", Safe(&about), figures(total));
    if total.attempts == 0 {
        page.push_str("<p>No calls are recorded.</p>\n");
    } else {
        page.push_str(
            "<h2>Latency by provider</h2>\n<p class=\"quiet\">Half of the calls, 95 % and 99 % did not take longer.</p>\n",
        );
        page.push_str(&latency(&providers));
        let _ = writeln!(page, "<h2>Cost by {unit}</h2>");
        page.push_str(&bars(trend, "cost", |figures| figures.cost.dollars(), |most| format!("${most:.4}")));
        let _ = writeln!(page, "<h2>Failed attempts by {unit}</h2>");
        let failed = |figures: &Figures| figures.attempt_success_rate().map_or(0.0, |rate| 1.0 - rate);
        page.push_str(&bars(trend, "failed", failed, |most| share(Some(most))));
        page.push_str("<h2>Details</h2>\n");
        page.push_str(&table(rows, by));
    }
    page.push_str("</html>\n");
    Ok(page)
}

fn span(filter: &Filter, now: DateTime<Utc>) -> String {
    let until = filter.until.unwrap_or(now).format("%F %R");
    match filter.since {
        Some(since) => format!("{} to {until} UTC", since.format("%F %R")),
        None => format!("Everything up to {until} UTC"),
    }
}

fn figures(total: &Figures) -> String {
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

/// Three bars over each other for each provider.
fn latency(rows: &[SummaryRow]) -> String {
    let rows = &rows[..rows.len().min(BARS)];
    let length =
        |time: Option<Duration>| time.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    let longest = rows.iter().map(|row| length(row.figures.latency.p99)).max().unwrap_or(0);
    let mut table = "<table class=\"bars\">\n".to_owned();
    for one in rows {
        let timing = &one.figures.latency;
        let name = names(one, &[GroupBy::Provider]).concat();
        let text = format!("{} / {} / {}", time(timing.p50), time(timing.p95), time(timing.p99));
        let bars = [timing.p99, timing.p95, timing.p50].into_iter().zip(PERCENTILES);
        let bars: Vec<Bar<'_>> = bars.map(|(time, colour)| (0, length(time), colour)).collect();
        table.push_str(&row(&name, &bars, longest, &text));
    }
    table.push_str("</table>\n");
    table
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
    format!(
        "<svg class=\"chart\" role=\"img\" aria-label=\"by time\" viewBox=\"0 0 900 142\">{marks}</svg>\n"
    )
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
        let _ = writeln!(body, "<tr><td class=\"name\">{}</td>{cells}</tr>", Safe(&names(row, by).join(" ")));
    }
    let heads = headings.map(|heading| format!("<th>{heading}</th>")).concat();
    format!("<div class=\"wide\"><table>\n<tr>{heads}</tr>\n{body}</table></div>\n")
}
