//! Reports as text.

use std::fmt::Write as _;

use forge::Money;
use forge_eval::{CriticFigures, CriticState, CriticsReport, NamedPanel, PanelReport, Share, UnseenFigures};

use crate::layout::table;

/// Panels that cannot be told apart from the recommended one, as far as they are listed.
const ALIKE: usize = 5;
/// Pairs that are shown, the most and the least alike.
const PAIRS: usize = 12;
/// Severities in the order in which they are shown; others follow.
const SEVERITIES: [&str; 6] = ["critical", "high", "major", "medium", "minor", "low"];

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(super) fn maybe(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), percent)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// A share with its interval.
pub(super) fn with_interval(share: &Share) -> String {
    match (share.share, share.interval) {
        (Some(value), Some(interval)) => {
            format!("{} ({:.0}-{:.0})", percent(value), interval.low * 100.0, interval.high * 100.0)
        }
        _ => "-".to_owned(),
    }
}

fn cost(nanos: Option<u64>) -> String {
    nanos.map_or_else(|| "-".to_owned(), |nanos| format!("${:.4}", Money::from_nanos(nanos).dollars()))
}

/// Severities as they are shown: the known ones worst first.
pub(super) fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    let rank = |name: &&str| SEVERITIES.iter().position(|known| known == name).unwrap_or(SEVERITIES.len());
    names.sort_by_key(|name| (rank(name), *name));
    names.dedup();
    names
}

pub(super) fn panels(report: &PanelReport) -> String {
    let changes =
        report.changes.map_or_else(String::new, |count| format!(" in {}", counted(count, "change")));
    let many = counted(report.participants.len(), "participant");
    let mut out = format!("{}{changes}, {many}\n\n", counted(report.issues, "issue"));
    out.push_str(&participants(report));
    out.push('\n');
    out.push_str(&coverage(report));
    out.push('\n');
    out.push_str(&pairs(report));
    out.push_str(&recommended(report));
    if let Some(unseen) = &report.unseen {
        let _ = write!(out, "\n{}", self::unseen(unseen, report.issues));
    }
    out
}

fn participants(report: &PanelReport) -> String {
    let severities =
        in_order(report.participants.iter().flat_map(|one| one.by_severity.keys()).map(String::as_str));
    let mut headings = vec!["PARTICIPANT", "FOUND"];
    headings.extend(&severities);
    headings.extend(["FALSE/CHANGE", "PRECISION", "F1"]);
    let row = |one: &forge_eval::ParticipantFigures| {
        let by = severities.iter().map(|name| one.by_severity.get(*name).map_or("-".into(), with_interval));
        let mut row = vec![one.name.clone(), with_interval(&one.found)];
        row.extend(by);
        row.extend([number(one.false_claims_per_change, 1), maybe(one.precision), number(one.f1, 3)]);
        row
    };
    let rows: Vec<_> = report.participants.iter().map(row).collect();
    table(&headings, &(1..headings.len()).collect::<Vec<_>>(), &rows)
}

fn coverage(report: &PanelReport) -> String {
    let row = |point: &forge_eval::CoverageFigures| {
        vec![
            point.size.to_string(),
            percent(point.worst.share),
            percent(point.mean),
            percent(point.best.share),
            maybe(point.precision),
            maybe(point.to_remove),
            point.best.panel.join(" + "),
        ]
    };
    let rows: Vec<_> = report.coverage.iter().map(row).collect();
    let headings = ["CRITICS", "WORST", "MEAN", "BEST", "PRECISION", "TO DROP", "THE BEST PANEL"];
    let mut out = table(&headings, &[0, 1, 2, 3, 4, 5], &rows);
    if report.coverage.iter().any(|point| point.to_remove.is_some()) {
        out.push_str(
            "TO DROP: the share of false claims that whoever decides must drop, and no true one, for the mean panel to have the F1 \
             of the best participant alone.\n",
        );
    }
    if report.coverage.iter().any(|point| !point.exact) {
        out.push_str(
            "With so many participants the best and the worst panels were built member by member.\n",
        );
    }
    out
}

fn pairs(report: &PanelReport) -> String {
    let row = |pair: &forge_eval::PairFigures| {
        let apart = if pair.told_apart { "yes" } else { "no" };
        let names = pair.names.join(" + ");
        vec![names, number(pair.phi, 2), number(pair.jaccard, 2), number(Some(pair.p), 3), apart.to_owned()]
    };
    let mut pairs: Vec<_> = report.pairs.iter().collect();
    let by_phi = |pair: &&forge_eval::PairFigures| pair.phi.unwrap_or(f64::NEG_INFINITY);
    pairs.sort_by(|one, other| by_phi(other).total_cmp(&by_phi(one)));
    let left_out = pairs.len().saturating_sub(PAIRS);
    if left_out > 0 {
        pairs.drain(PAIRS / 2..PAIRS / 2 + left_out);
    }
    let rows: Vec<_> = pairs.into_iter().map(row).collect();
    let mut out = table(&["PAIR", "PHI", "JACCARD", "P", "TOLD APART"], &[1, 2, 3], &rows);
    if left_out > 0 {
        let _ = writeln!(
            out,
            "The most and the least alike; `--html` and `--json` have the {left_out} between them."
        );
    }
    out
}

fn recommended(report: &PanelReport) -> String {
    let found = &report.recommended;
    let interval = found.interval.map_or_else(String::new, |interval| {
        format!(" ({:.0}-{:.0})", interval.low * 100.0, interval.high * 100.0)
    });
    let named = |panel: &NamedPanel| format!("{} finds {}", panel.panel.join(" + "), percent(panel.share));
    let mut out = format!("\nRecommended: {}{interval}\n", named(&found.panel));
    if let Some(wanted) = found.out_of_reach {
        let _ = writeln!(
            out,
            "No panel finds {}: this is the cheapest that finds all that anybody found.",
            percent(wanted)
        );
    }
    if !found.alike.is_empty() {
        let others = if found.alike.len() == 1 { "other" } else { "others" };
        let _ = writeln!(out, "{} {others} of its size cannot be told apart from it:", found.alike.len());
        for panel in found.alike.iter().take(ALIKE) {
            let _ = writeln!(out, "  {}", named(panel));
        }
        if found.alike.len() > ALIKE {
            let _ = writeln!(out, "  and {} more: `--json` has all of them", found.alike.len() - ALIKE);
        }
    }
    out
}

fn unseen(figures: &UnseenFigures, issues: usize) -> String {
    let mut out = format!(
        "A mean panel of three sees {:.0} of {issues}; with the estimate of those unseen that is {:.0}.\nFor one change: the \
         estimate is below 0.5 in {}, and then something is left in {} (severe: {} and {}).\n",
        figures.seen,
        figures.seen_and_estimated,
        maybe(figures.quiet),
        maybe(figures.left_when_quiet),
        maybe(figures.severe_quiet),
        maybe(figures.severe_left_when_quiet),
    );
    if figures.left_after_second.is_some() {
        let _ = writeln!(
            out,
            "Where three others find nothing new, something is left in {} of the changes, something severe in {}.",
            maybe(figures.left_after_second),
            maybe(figures.severe_left_after_second)
        );
    }
    out
}

pub(super) fn critics(report: &CriticsReport) -> String {
    let mut out = format!(
        "{} with {}, and their clean twins; each read {}\n\n",
        counted(report.documents, "document"),
        counted(report.faults, "planted fault"),
        if report.runs == 1 { "once".to_owned() } else { format!("{} times", report.runs) }
    );
    let headings = [
        "CRITIC",
        "IDENTIFIED",
        "LOCATED",
        "CRITICAL",
        "MAJOR",
        "MINOR",
        "FALSE/CLEAN",
        "PRECISION",
        "F1",
        "UNREADABLE",
        "$/FAULT",
        "S/FAULT",
    ];
    let rows: Vec<_> = report.critics.iter().map(critic).collect();
    out.push_str(&table(&headings, &(1..headings.len()).collect::<Vec<_>>(), &rows));
    let _ = write!(out, "\n{}", categories(report));
    if let Some(panels) = &report.panels {
        let _ = write!(out, "\n{}\n{}{}", coverage(panels), pairs(panels), recommended(panels));
    }
    out.push('\n');
    for note in &report.notes {
        let _ = writeln!(out, "{note}");
    }
    if let Some(block) = report.panel_block() {
        let _ = write!(out, "\n{block}");
    }
    out
}

fn critic(one: &CriticFigures) -> Vec<String> {
    let severity = |name: &str| one.by_severity.get(name).map_or_else(|| "-".to_owned(), with_interval);
    let identified = match &one.state {
        CriticState::Failed { .. } => "failed".to_owned(),
        CriticState::NotAsked => "not asked".to_owned(),
        _ => with_interval(&one.identified),
    };
    vec![
        one.name.clone(),
        identified,
        maybe(one.located.share),
        severity("critical"),
        severity("major"),
        severity("minor"),
        number(one.false_alarms_per_clean, 1),
        maybe(one.precision),
        number(one.f1, 3),
        one.unreadable.to_string(),
        cost(one.cost_per_found_nano_usd),
        number(one.seconds_per_found, 1),
    ]
}

/// What each critic identified of each category.
fn categories(report: &CriticsReport) -> String {
    let mut names: Vec<&str> =
        report.critics.iter().flat_map(|one| one.by_category.keys().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let mut headings = vec!["CATEGORY", "FAULTS"];
    headings.extend(report.critics.iter().map(|one| one.name.as_str()));
    let row = |name: &&str| {
        let of = |one: &CriticFigures| one.by_category.get(*name).copied();
        let faults = report.critics.iter().filter_map(of).map(|share| share.of).max().unwrap_or(0);
        let shares = report
            .critics
            .iter()
            .map(|one| of(one).map_or_else(|| "-".to_owned(), |one| with_interval(&one)));
        [(*name).to_owned(), faults.to_string()].into_iter().chain(shares).collect::<Vec<_>>()
    };
    let rows: Vec<_> = names.iter().map(row).collect();
    table(&headings, &(1..headings.len()).collect::<Vec<_>>(), &rows)
}
