//! Reports as one page for a browser: no scripts, nothing loaded from elsewhere.

use std::fmt::Write as _;

use forge::prompt::html::{Safe, head};
use forge_eval::{CriticState, CriticsReport, NamedPanel, PanelReport};

use super::text::{counted, in_order, maybe, percent, with_interval};

const STYLE: &str = "\
body{max-width:62rem}.wide table{width:100%;font-variant-numeric:tabular-nums}.wide td,.wide th{text-align:right;white-space:nowrap}
.wide td:first-child,.wide th:first-child{text-align:left}
svg{display:block;max-width:100%;height:auto}svg text{fill:var(--text);font-size:12px}svg .quiet{fill:var(--quiet)}
svg .grid{stroke:var(--line)}svg path{fill:none;stroke-width:2}svg .on{fill:#111}
";

/// Colours of the curves.
const CURVES: [(&str, &str); 3] = [("best", "#3d8f5f"), ("mean", "#4a7ab5"), ("worst", "#c58b2a")];
/// The side of a cell of the heat map.
const CELL: usize = 44;

pub(super) fn panels(report: &PanelReport, name: &str) -> String {
    let mut page = head("Forge: what panels find", STYLE);
    let changes = report.changes.map_or_else(String::new, |count| format!(" in {count} changes"));
    let _ = writeln!(
        page,
        "<h1>What panels find</h1>\n<p class=\"quiet\">{}: {} issues{changes}</p>",
        Safe(name),
        report.issues
    );
    participants(&mut page, report);
    figures(&mut page, report);
    page.push_str("</html>\n");
    page
}

pub(super) fn critics(report: &CriticsReport, simulated: bool) -> String {
    let mut page = head("Forge: critics", STYLE);
    if simulated {
        page.push_str("<p class=\"banner\"><strong>SIMULATED: no model was asked</strong></p>\n");
    }
    let _ = writeln!(
        page,
        "<h1>Which critics find which faults</h1>\n<p class=\"quiet\">{} with {}, and their clean twins</p>",
        counted(report.documents, "document"),
        counted(report.faults, "planted fault")
    );
    for note in &report.notes {
        let _ = writeln!(page, "<p>{}</p>", Safe(note));
    }
    let rows = report.critics.iter().map(|one| {
        let severity = |name| one.by_severity.get(name).map_or_else(|| "-".to_owned(), with_interval);
        let identified = match &one.state {
            CriticState::Measured => with_interval(&one.identified),
            CriticState::NotAsked => "not asked".to_owned(),
            _ => "failed".to_owned(),
        };
        let alarms = one.false_alarms_per_clean.map_or_else(|| "-".to_owned(), |count| format!("{count:.1}"));
        let [critical, major, minor] = ["critical", "major", "minor"].map(severity);
        vec![
            one.name.clone(),
            identified,
            maybe(one.located.share),
            critical,
            major,
            minor,
            alarms,
            maybe(one.precision),
        ]
    });
    let headings =
        ["Critic", "Identified", "Located", "Critical", "Major", "Minor", "False on clean", "Precision"];
    table(&mut page, &headings, rows);
    if let Some(panels) = &report.panels {
        figures(&mut page, panels);
    }
    if let Some(block) = report.panel_block() {
        let _ = writeln!(page, "<pre>{}</pre>", Safe(&block));
    }
    page.push_str("</html>\n");
    page
}

fn participants(page: &mut String, report: &PanelReport) {
    let severities =
        in_order(report.participants.iter().flat_map(|one| one.by_severity.keys()).map(String::as_str));
    let mut headings = vec!["Participant", "Found"];
    headings.extend(&severities);
    headings.extend(["Precision", "F1"]);
    let rows = report.participants.iter().map(|one| {
        let by = severities.iter().map(|name| one.by_severity.get(*name).map_or("-".into(), with_interval));
        let f1 = one.f1.map_or_else(|| "-".to_owned(), |f1| format!("{f1:.3}"));
        let row = [one.name.clone(), with_interval(&one.found)].into_iter().chain(by);
        row.chain([maybe(one.precision), f1]).collect()
    });
    table(page, &headings, rows);
}

/// What both reports show of panels.
fn figures(page: &mut String, report: &PanelReport) {
    let _ = writeln!(page, "<h2>What panels of several find</h2>\n{}", curve(report));
    let _ = writeln!(
        page,
        "<h2>How alike two are</h2>\n<p class=\"quiet\">Phi: 0 where they find independently of each other, 1 where they find the \
         same.</p>\n{}",
        heat_map(report)
    );
    let found = &report.recommended;
    let interval = found.interval.map_or_else(String::new, |interval| {
        format!(", 95 % interval {:.0} to {:.0} %", interval.low * 100.0, interval.high * 100.0)
    });
    let named = |panel: &NamedPanel| format!("{} finds {}", panel.panel.join(" + "), percent(panel.share));
    let _ = writeln!(
        page,
        "<h2>Recommended</h2>\n<p><strong>{}</strong>{interval}</p>",
        Safe(&named(&found.panel))
    );
    if !found.alike.is_empty() {
        let _ = writeln!(page, "<p>These of the same size cannot be told apart from it:</p>\n<ul>");
        for panel in &found.alike {
            let _ = writeln!(page, "<li>{}</li>", Safe(&named(panel)));
        }
        page.push_str("</ul>\n");
    }
}

fn table(page: &mut String, headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", Safe(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let _ = write!(page, "<div class=\"wide\"><table>\n{}", cells("th", &mut headings.iter().copied()));
    for row in rows {
        page.push_str(&cells("td", &mut row.iter().map(String::as_str)));
    }
    page.push_str("</table></div>\n");
}

/// Coverage by the number of critics: the best, the mean and the worst panel.
fn curve(report: &PanelReport) -> String {
    let count = report.coverage.len().max(2);
    let x = |size: usize| 50.0 + (size - 1) as f64 * 560.0 / (count - 1) as f64;
    let y = |share: f64| 230.0 - share * 210.0;
    let mut marks = String::new();
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y(share);
        let _ = write!(
            marks,
            "<line class=\"grid\" x1=\"50\" y1=\"{at:.1}\" x2=\"610\" y2=\"{at:.1}\"/><text class=\"quiet\" x=\"42\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            at + 4.0,
            percent(share)
        );
    }
    for (at, (name, colour)) in CURVES.iter().enumerate() {
        let share = |point: &forge_eval::CoverageFigures| match *name {
            "best" => point.best.share,
            "mean" => point.mean,
            _ => point.worst.share,
        };
        let points =
            report.coverage.iter().map(|point| format!("{:.1} {:.1}", x(point.size), y(share(point))));
        let path = points.collect::<Vec<_>>().join(" L ");
        let _ = write!(marks, "<path d=\"M {path}\" stroke=\"{colour}\"/>");
        for point in &report.coverage {
            let _ = write!(
                marks,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"><title>{} critics, {name}: {}</title></circle>",
                x(point.size),
                y(share(point)),
                point.size,
                percent(share(point))
            );
        }
        let label = 40 + at * 18;
        let _ = write!(marks, "<text x=\"640\" y=\"{label}\" style=\"fill:{colour}\">{name}</text>");
    }
    for point in &report.coverage {
        let _ = write!(
            marks,
            "<text class=\"quiet\" x=\"{:.1}\" y=\"250\" text-anchor=\"middle\">{}</text>",
            x(point.size),
            point.size
        );
    }
    format!(
        "<svg role=\"img\" aria-label=\"coverage by the number of critics\" viewBox=\"0 0 700 260\" width=\"700\">{marks}</svg>"
    )
}

/// Phi of each two participants, darker where they are more alike.
fn heat_map(report: &PanelReport) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in report.pairs.iter().flat_map(|pair| &pair.names) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = (longest * 8 + 20).clamp(60, 220);
    let side = names.len() * CELL;
    let (width, height) = (left + side, side + left);
    let mut marks = String::new();
    for (row, name) in names.iter().enumerate() {
        let below = left + row * CELL + CELL / 2 + 4;
        let _ = write!(
            marks,
            "<text transform=\"translate({below} {}) rotate(-90)\" text-anchor=\"end\">{}</text>",
            side + 8,
            Safe(name)
        );
        let _ = write!(
            marks,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            left - 8,
            row * CELL + CELL / 2 + 4,
            Safe(name)
        );
        for (column, other) in names.iter().enumerate().filter(|(column, _)| *column != row) {
            let is = |pair: &&forge_eval::PairFigures| {
                pair.names.iter().any(|one| one == name) && pair.names.iter().any(|one| one == other)
            };
            let phi = report.pairs.iter().find(is).and_then(|pair| pair.phi);
            let (x, y) = (left + column * CELL, row * CELL);
            // Those that find less of the same than chance would are as good as independent here.
            let shade = phi.map_or(0.0, |phi| phi.clamp(0.0, 1.0));
            let shown = phi.map_or_else(|| "-".to_owned(), |phi| format!("{phi:.2}"));
            let _ = write!(
                marks,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"#c58b2a\" fill-opacity=\"{shade:.2}\"><title>{} \
                 and {}: {shown}</title></rect><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{shown}</text>",
                Safe(name),
                Safe(other),
                x + CELL / 2,
                y + CELL / 2 + 4
            );
        }
    }
    format!(
        "<svg role=\"img\" aria-label=\"phi of each two\" viewBox=\"0 0 {width} {height}\" width=\"{width}\">{marks}</svg>"
    )
}
