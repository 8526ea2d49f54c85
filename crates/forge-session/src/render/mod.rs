//! The result for people and programs.

mod html;
mod markdown;

use crate::{CallSummary, Purpose, SessionResult, Stage};

impl SessionResult {
    /// The result as Markdown: what is less than planned, the document, then the facts about it.
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// The result as one JSON object, whose form has a version.
    pub fn to_json(&self) -> String {
        // Every map in it has keys that are strings or stages.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The result as one HTML page that needs nothing else: no scripts, no fonts, no network.
    pub fn to_html(&self) -> String {
        html::render(self)
    }

    /// What to know before reading the document, most important first.
    pub fn banners(&self) -> Vec<String> {
        let simulated = self.simulated.then(|| "SIMULATED: written by scripts, not by models".to_owned());
        let label = match (self.is_degraded(), self.label) {
            (true, crate::DocumentLabel::Nothing) => Some("NO DOCUMENT: no drafter answered".to_owned()),
            (true, _) => Some("DRAFT: this is the draft as it was written; it was not revised".to_owned()),
            (false, _) => None,
        };
        let open = self.findings.iter().filter(|finding| finding.blocks() && finding.is_open()).count();
        let open = (open > 0).then(|| format!("OPEN: {}", counted(open as u64, "critical or major finding")));
        let degraded = self.degraded.iter().map(|one| match one.cycle {
            0 => format!("{}: {}", one.stage, one.reason),
            cycle => format!("{} of cycle {cycle}: {}", one.stage, one.reason),
        });
        simulated.into_iter().chain(label).chain(open).chain(degraded).collect()
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The call in words, such as `critic 2 of cycle 1`.
fn call_name(call: &CallSummary) -> String {
    let key = call.call;
    let place = match key.stage {
        Stage::Draft => "draft".to_owned(),
        Stage::Critique => format!("critic {} of cycle {}", key.seat + 1, key.cycle),
        Stage::Synthesis | Stage::Check => format!("{} of cycle {}", key.stage, key.cycle),
    };
    match call.purpose {
        Purpose::Answer => place,
        Purpose::Repair => format!("{place}, repair"),
    }
}

fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1_000.0)
}

fn status(result: &SessionResult) -> String {
    let word = serde_json::to_value(result.status).ok();
    let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().replace('_', " ");
    match result.stop_reason {
        Some(reason) => format!("{word}: {reason}"),
        None => word,
    }
}
