//! The result for people and programs.
//!
//! The forms for people tell what is less than planned before the document, so that nobody takes a draft for
//! a checked text. Texts of models are single lines or escaped, and cannot pass for a part of the report.

mod difference;
mod facts;
mod html;
mod markdown;
mod passages;
mod review;

use forge_prompt::one_line;

use crate::{
    finding::Finding,
    result::{CallSummary, SessionResult},
    stage::{Purpose, Stage},
    stop::Stop,
};

impl SessionResult {
    /// The result as Markdown: what was asked, what came of it, the document, then the facts about it.
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// The result as one JSON object, whose form has a version; see [`SessionResult::version`].
    pub fn to_json(&self) -> String {
        // Every map in it has keys that are strings or stages.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The result as one HTML page that needs nothing else: no scripts, no fonts, no network. Every text of a
    /// model is escaped.
    pub fn to_html(&self) -> String {
        html::render(self)
    }

    /// What to know before reading the document, most important first: that it is simulated, what it is, what
    /// is open, what was known from the start, what went wrong. Empty if there is nothing of that.
    pub fn banners(&self) -> Vec<String> {
        simulated(self).into_iter().chain(self.shortfalls()).collect()
    }

    /// What is less than planned, most important first.
    fn shortfalls(&self) -> Vec<String> {
        let label = match (self.is_degraded(), self.label) {
            // A review promises no revision, so that nothing is missing without one.
            _ if self.is_review() => None,
            (true, crate::result::DocumentLabel::Nothing) => {
                Some("NO DOCUMENT: no drafter answered".to_owned())
            }
            (true, crate::result::DocumentLabel::Draft) => {
                Some("DRAFT: this is the draft as it was written; it was not revised".to_owned())
            }
            (true, crate::result::DocumentLabel::Synthesis) => {
                self.stop_reason.map(|reason| format!("DEGRADED: {reason}"))
            }
            (false, _) => None,
        };
        let open = self.findings.iter().filter(|finding| finding.blocks() && finding.is_open()).count();
        let open = (open > 0 && !self.is_review())
            .then(|| format!("OPEN: {}", counted(open as u64, "critical or major finding")));
        let degraded = self.degraded.iter().map(|one| match one.cycle {
            0 => format!("{}: {}", one.stage, one.reason),
            cycle => format!("{} of cycle {cycle}: {}", one.stage, one.reason),
        });
        let notes = self.notes.iter().cloned();
        label.into_iter().chain(open).chain(notes).chain(degraded).collect()
    }

    /// What came of it, in one line: the counts, and what the status means.
    pub fn first_line(&self) -> String {
        if self.is_review() {
            return review::first_line(self);
        }
        let critics = |number: u32| match number {
            1 => "one other".to_owned(),
            2 => "two others".to_owned(),
            3 => "three others".to_owned(),
            number => format!("{number} others"),
        };
        let status = match self.stop_reason {
            Some(Stop::Dry) => format!(
                "converged: {} read this very text and found nothing that must change",
                critics(self.tally.confirmed_by)
            ),
            Some(Stop::NothingFound) => {
                format!("settled: read by {}, nothing found that must change", critics(self.tally.critics))
            }
            Some(Stop::NothingOpen) => {
                // What keeps it from being called converged.
                let but = match self.panels.last() {
                    Some(panel) if panel.dry && self.panels.len() == 1 => {
                        "a first panel alone proves nothing"
                    }
                    Some(panel) if panel.dry => "more such faults are likely",
                    _ => "the last change was not read blind again",
                };
                format!("settled: nothing that must change is open; {but}")
            }
            _ => status(self),
        };
        if self.mode == crate::stage::Mode::Direct { status } else { format!("{}; {status}", self.tally) }
    }
}

/// That no model wrote it. It stands before everything else.
fn simulated(result: &SessionResult) -> Option<String> {
    result.simulated.then(|| "SIMULATED: written by scripts, not by models".to_owned())
}

/// The command that shows the session again.
fn again(result: &SessionResult) -> String {
    format!("forge sessions show {}{}", result.session, if result.simulated { " --offline" } else { "" })
}

/// The task; the title in results of older versions.
fn task(result: &SessionResult) -> &str {
    if result.asked.task.trim().is_empty() { &result.title } else { &result.asked.task }
}

/// The text in one line, cut after so many characters.
fn truncate(text: &str, most: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// A number with its noun, in the plural unless it is one.
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

/// Milliseconds as seconds with one decimal.
fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1_000.0)
}

/// The status in words, and why: the stop reason, or the budget that pauses the session.
fn status(result: &SessionResult) -> String {
    let word = serde_json::to_value(result.status).ok();
    let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().replace('_', " ");
    match (&result.stop_reason, &result.held) {
        (Some(reason), _) => format!("{word}: {reason}"),
        (None, Some(hold)) => format!("{word}: {hold}"),
        (None, None) => word,
    }
}

/// Who raised a finding, each once.
fn voices(finding: &Finding) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in finding.raised_by.iter().filter_map(|raised| raised.who.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// The decision on a finding, with its reason.
fn decision(finding: &Finding) -> String {
    let Some(given) = &finding.disposition else { return String::new() };
    match given.same_as {
        Some(other) => format!("same as {other}: {}", given.reason),
        None => format!("{}: {}", given.decision.as_str(), given.reason),
    }
}
