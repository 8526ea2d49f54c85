//! Bars as inline SVG, beside their names and numbers as text.

use std::fmt::Write as _;

use super::Safe;
use crate::{
    render::{call_name, seconds},
    result::{CallSummary, SessionResult},
    stage::Stage,
};

/// When each call began, how long it took, and what went wrong. The times stay where there is nothing to draw.
pub(super) fn timeline(out: &mut String, calls: &[CallSummary]) {
    if calls.is_empty() {
        return;
    }
    let end = calls.iter().map(|call| call.begun_ms + call.duration_ms.unwrap_or(0)).max().unwrap_or(0);
    let drawn = calls.len() > 1 && calls.iter().any(|call| call.duration_ms.is_some_and(|took| took > 0));
    let _ = writeln!(
        out,
        "<h2>Calls</h2>\n<p class=\"quiet\">{}</p>\n<table class=\"bars\">",
        if drawn {
            "When each call began and ended. Grey ones gave nothing that could be used."
        } else {
            "How long each call took."
        }
    );
    for call in calls {
        let colour = if call.error.is_some() { "#999999" } else { colour(call.call.stage) };
        let bar = (call.begun_ms, call.duration_ms.unwrap_or(0), end);
        let took = call.duration_ms.map_or_else(|| "-".into(), seconds);
        let name =
            format!("{}: {}/{}", call_name(call), call.participant.provider_id, call.participant.model_id);
        row(out, &name, drawn.then_some((bar, colour)), &took);
        if let Some(error) = &call.error {
            let _ = writeln!(out, "<tr><td colspan=\"3\" class=\"quiet\">{}</td></tr>", Safe(error));
        }
    }
    let _ = writeln!(out, "</table>");
}

/// A bar for the cost of each participant. One bar, or bars of nothing, say nothing.
pub(super) fn costs(out: &mut String, result: &SessionResult) {
    let most = result.by_participant.values().map(|usage| usage.cost.nanos()).max().unwrap_or(0);
    if most == 0 || result.by_participant.len() < 2 {
        return;
    }
    let _ = writeln!(out, "<h2>Cost</h2>\n<table class=\"bars\">");
    for (name, usage) in &result.by_participant {
        let cost =
            if usage.unknown > 0 { format!("{} and unknown", usage.cost) } else { usage.cost.to_string() };
        row(out, name, Some(((0, usage.cost.nanos(), most), "#4a7ab5")), &cost);
    }
    let _ = writeln!(out, "</table>");
}

/// Where a bar begins, how long it is, and how long the whole row is.
type Bar = (u64, u64, u64);

/// A row of text, with its bar if there is one. The numbers stand beside it for those who do not see it.
fn row(out: &mut String, name: &str, bar: Option<(Bar, &str)>, value: &str) {
    let svg = bar.map_or_else(String::new, |((from, length, all), colour)| {
        let part = |number: u64| number as f64 / all.max(1) as f64 * 100.0;
        // A call of no length can still be seen.
        let width = part(length).max(0.8);
        format!(
            "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect x=\"{:.1}\" y=\"0\" \
             width=\"{width:.1}\" height=\"10\" fill=\"{colour}\"/></svg>",
            part(from).min(100.0 - width),
        )
    });
    let _ = writeln!(
        out,
        "<tr><th scope=\"row\">{}</th><td class=\"bar\">{svg}</td><td class=\"number\">{}</td></tr>",
        Safe(name),
        Safe(value)
    );
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Draft => "#4a7ab5",
        Stage::Critique => "#c58b2a",
        Stage::Synthesis => "#3d8f5f",
        Stage::Check => "#8259a8",
    }
}
