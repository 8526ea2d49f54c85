//! Bars as inline SVG, beside their names and numbers as text.

use std::fmt::Write as _;

use forge_prompt::html::row;

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
        let bar = (call.begun_ms, call.duration_ms.unwrap_or(0), colour);
        let bars = if drawn { &[bar][..] } else { &[] };
        let took = call.duration_ms.map_or_else(|| "-".into(), seconds);
        let name =
            format!("{}: {}/{}", call_name(call), call.participant.provider_id, call.participant.model_id);
        out.push_str(&row(&name, bars, end, &took));
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
        out.push_str(&row(name, &[(0, usage.cost.nanos(), "#4a7ab5")], most, &cost));
    }
    let _ = writeln!(out, "</table>");
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Draft => "#4a7ab5",
        Stage::Critique => "#c58b2a",
        Stage::Synthesis => "#3d8f5f",
        Stage::Check => "#8259a8",
    }
}
