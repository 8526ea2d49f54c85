//! What a hook says: by how it ended, and by what it wrote.

use serde::Deserialize;
use serde_json::Value;

use super::{HookDecision, HookEvent};
use crate::process::{Ended, Exit, Output};

/// Characters of a reason, a context or a warning; a model reads them.
const MOST_CHARACTERS: usize = 10_000;

/// What a hook says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) decision: HookDecision,
    pub(super) is_over: bool,
    pub(super) context: Option<String>,
    pub(super) warning: Option<String>,
    /// Why it says nothing that counts: what went wrong with it.
    pub(super) failure: Option<String>,
}

impl Answer {
    pub(super) fn failed(why: String) -> Self {
        Self { failure: Some(why), ..Self::default() }
    }

    pub(super) fn deny(reason: String) -> Self {
        Self { decision: HookDecision::Deny { reason }, ..Self::default() }
    }
}

/// The JSON object that a hook may write; what is not here is of no concern to us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "continue")]
    goes_on: Option<bool>,
    stop_reason: Option<String>,
    system_message: Option<String>,
    decision: Option<Verdict>,
    reason: Option<String>,
    #[serde(default)]
    hook_specific_output: Specific,
}

/// Its part for one event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Specific {
    permission_decision: Option<Verdict>,
    permission_decision_reason: Option<String>,
    additional_context: Option<String>,
    updated_input: Option<Value>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    #[serde(alias = "approve", alias = "defer")]
    Allow,
    Ask,
    #[serde(alias = "block")]
    Deny,
}

/// What an ended hook says. Only with status 0 its standard output counts, and with 2 its standard error.
pub(super) fn read(event: HookEvent, ended: &Ended) -> Answer {
    match ended.exit {
        Exit::Code(0) => written(event, &ended.stdout),
        Exit::Code(2) => Answer::deny(said(&ended.stderr).unwrap_or_else(|| "it gives no reason".to_owned())),
        exit => Answer::failed(match said(&ended.stderr) {
            Some(said) => format!("it {exit}: {said}"),
            None => format!("it {exit}"),
        }),
    }
}

fn written(event: HookEvent, stdout: &Output) -> Answer {
    let text = stdout.text();
    if text.trim_start().starts_with('{') {
        return match serde_json::from_slice(&stdout.bytes) {
            Ok(written) => decided(written),
            Err(_) if stdout.dropped > 0 => Answer::failed("it writes more than is read".to_owned()),
            Err(error) => Answer::failed(format!("what it writes is no decision: {error}")),
        };
    }
    // Elsewhere text is for the author of the hook alone.
    let is_context = matches!(event, HookEvent::SessionStart | HookEvent::UserPromptSubmit);
    Answer { context: said(stdout).filter(|_| is_context), ..Answer::default() }
}

fn decided(written: Written) -> Answer {
    let specific = written.hook_specific_output;
    let reason = specific.permission_decision_reason.or(written.reason).map(cut);
    let reason = || reason.unwrap_or_else(|| "it gives no reason".to_owned());
    let is_over = written.goes_on == Some(false);
    let verdicts = [written.decision, specific.permission_decision];
    let is = |wanted: fn(&Verdict) -> bool| verdicts.iter().flatten().any(wanted);
    let decision = if is_over {
        HookDecision::Deny { reason: written.stop_reason.map_or_else(reason, cut) }
    } else if is(|it| matches!(it, Verdict::Deny)) {
        HookDecision::Deny { reason: reason() }
    } else if let Some(input) = specific.updated_input {
        // The model can ask for that. Running what it asked for now would be what the hook did not agree to.
        HookDecision::Deny { reason: cut(format!("it agrees only with this input: {input}")) }
    } else if is(|it| matches!(it, Verdict::Ask)) {
        HookDecision::Ask { reason: reason() }
    } else {
        HookDecision::Allow
    };
    let (context, warning) = (specific.additional_context.map(cut), written.system_message.map(cut));
    Answer { decision, is_over, context, warning, failure: None }
}

fn said(output: &Output) -> Option<String> {
    let text = output.text().trim().to_owned();
    (!text.is_empty()).then(|| cut(text))
}

/// The beginning of a text that is too long.
pub(super) fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text,
    }
}
