//! Bars as inline SVG.

use std::fmt::Write as _;

use super::Safe;
use crate::{
    CallSummary, SessionResult, Stage,
    render::{call_name, seconds},
};

/// A bar for each call, from its beginning to its end.
pub(super) fn timeline(out: &mut String, calls: &[CallSummary]) {
    let end =
        calls.iter().map(|call| call.begun_ms + call.duration_ms.unwrap_or(0)).max().unwrap_or(0).max(1);
    let _ = writeln!(
        out,
        "<h2>Calls</h2>\n<p class=\"quiet\">When each call began and ended. Grey ones gave nothing that could be used.</p>\n\
         <svg viewBox=\"0 0 800 {}\" width=\"100%\" role=\"img\" aria-label=\"calls over time\">",
        calls.len() * 22 + 4
    );
    for (row, call) in calls.iter().enumerate() {
        let at = |millis: u64| 290.0 + millis as f64 / end as f64 * 430.0;
        let (from, to) = (at(call.begun_ms), at(call.begun_ms + call.duration_ms.unwrap_or(0)));
        let colour = if call.error.is_some() { "#b0b0b0" } else { colour(call.call.stage) };
        let y = row * 22;
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 14,
            Safe(&shortened(&format!("{}: {}", call_name(call), call.participant.model))),
            y + 3,
            (to - from).max(2.0),
            (to + 4.0).min(735.0),
            y + 14,
            call.duration_ms.map_or_else(|| "-".into(), seconds)
        );
    }
    let _ = writeln!(out, "</svg>");
}

/// A bar for the cost of each participant.
pub(super) fn costs(out: &mut String, result: &SessionResult) {
    let most = result.by_participant.values().map(|usage| usage.cost.nanos()).max().unwrap_or(0).max(1);
    let _ = writeln!(
        out,
        "<h2>Cost</h2>\n<svg viewBox=\"0 0 800 {}\" width=\"100%\" role=\"img\" aria-label=\"cost by participant\">",
        result.by_participant.len() * 22 + 4
    );
    for (row, (name, usage)) in result.by_participant.iter().enumerate() {
        let width = usage.cost.nanos() as f64 / most as f64 * 380.0;
        let y = row * 22;
        let cost =
            if usage.unknown > 0 { format!("{} and unknown", usage.cost) } else { usage.cost.to_string() };
        let _ = writeln!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><rect x=\"290\" y=\"{}\" width=\"{:.1}\" height=\"14\" fill=\"#4a7ab5\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 14,
            Safe(&shortened(name)),
            y + 3,
            width.max(1.0),
            294.0 + width,
            y + 14,
            Safe(&cost)
        );
    }
    let _ = writeln!(out, "</svg>");
}

/// As much of a name as fits beside the bars.
fn shortened(name: &str) -> String {
    name.chars().take(44).collect()
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Draft => "#4a7ab5",
        Stage::Critique => "#c58b2a",
        Stage::Synthesis => "#3d8f5f",
        Stage::Check => "#8259a8",
    }
}
