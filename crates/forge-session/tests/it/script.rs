//! Plans, and what sensible models say in each stage.

use forge_core::{ModelProvider, ModelRequest, Participant, request::Part, storage::journal::StreamName};
use forge_session::{Cast, Plan, Stage, Topic};
use serde_json::{Value, json};

pub(crate) fn name() -> StreamName {
    StreamName::new("s-1").unwrap()
}

pub(crate) fn model(name: &str) -> Participant {
    let provider = match name.split('-').next().unwrap() {
        "drafter" | "synth" => ModelProvider::Anthropic,
        "alpha" | "checker" => ModelProvider::OpenAI,
        "beta" => ModelProvider::Google,
        _ => ModelProvider::Local,
    };
    Participant::new(provider, name)
}

/// A drafter, three critics, a synthesizer and a checker, for one cycle.
pub(crate) fn plan() -> Plan {
    let one = |name: &str| vec![model(name)];
    let cast = Cast {
        drafter: one("drafter-1"),
        critics: vec![one("alpha-1"), one("beta-1"), one("gamma-1")],
        synthesizer: one("synth-1"),
        checker: one("checker-1"),
    };
    let mut plan = Plan::new(Topic::new("A rate limiter"), cast);
    plan.settings.cycles = 1;
    plan
}

pub(crate) const DRAFT: &str = "# A rate limiter\n\nThe limit is one hundred requests a minute.\n\nTokens never expire.\n\nErrors are ignored by the caller.\n";

pub(crate) fn stage_of(request: &ModelRequest) -> Stage {
    let system = request.system_text();
    let heading = system.lines().next().unwrap_or_default();
    Stage::ALL.into_iter().find(|stage| heading.to_lowercase().contains(stage.as_str())).expect("a stage")
}

pub(crate) fn user(request: &ModelRequest) -> &str {
    match &request.messages[0].parts[0] {
        Part::Text { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

/// What stands between the fences of this name; whatever looks like one has another marker.
pub(crate) fn fenced<'a>(text: &'a str, name: &str) -> &'a str {
    let Some((_, last)) = text.rsplit_once("\n<<<END ") else { return "" };
    let marker = &last[..16];
    let Some((_, body)) = text.split_once(&format!("<<<{name} {marker}\n")) else { return "" };
    body.split_once(&format!("<<<END {marker}")).unwrap().0.trim_end_matches('\n')
}

pub(crate) fn finding(severity: &str, quote: &str, claim: &str) -> Value {
    json!({"severity": severity, "category": "correctness", "location": "", "quote": quote,
        "claim": claim, "suggested_change": "say more"})
}

/// A critique with something good to say of the draft, so that it counts without a finding too.
pub(crate) fn critique(findings: &[Value]) -> String {
    let strength = json!({"quote": "The limit is one hundred requests a minute.", "claim": "a number"});
    json!({"strengths": [strength], "findings": findings}).to_string()
}

pub(crate) fn decision(label: &str, decision: &str, reason: &str) -> Value {
    json!({"finding": label, "reason": reason, "decision": decision, "same_as": "", "edits": []})
}

/// An acceptance with one edit.
pub(crate) fn accept(label: &str, old: &str, new: &str) -> Value {
    let edits = [json!({"old": old, "new": new})];
    json!({"finding": label, "reason": "right", "decision": "accept", "same_as": "", "edits": edits})
}

pub(crate) fn decisions(all: &[Value]) -> String {
    json!({"decisions": all, "conflicts": []}).to_string()
}

/// The same decision on every finding.
pub(crate) fn decide_all(request: &ModelRequest, word: &str, reason: &str) -> String {
    let all: Vec<Value> = labels(user(request)).iter().map(|label| decision(label, word, reason)).collect();
    decisions(&all)
}

/// The labels of the findings in a prompt.
pub(crate) fn labels(prompt: &str) -> Vec<String> {
    let lines = fenced(prompt, "FINDINGS").lines();
    let words = lines.filter(|line| line.starts_with('F')).filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

pub(crate) fn sensible(model: &str, request: &ModelRequest) -> String {
    let prompt = user(request);
    match stage_of(request) {
        Stage::Draft => DRAFT.to_owned(),
        Stage::Critique => {
            let document = fenced(prompt, "DOCUMENT");
            let mut quotes: Vec<&str> = document.lines().filter(|line| line.ends_with('.')).collect();
            quotes.extend(quotes.is_empty().then_some(""));
            let own = model.len() + usize::from(model.as_bytes()[0]);
            let quote = quotes[own % quotes.len()];
            if document.contains("Settled for F1.") {
                return critique(&[]);
            }
            critique(&[
                finding("major", quotes[0], "the limit has no scope"),
                finding("minor", quote, &format!("unclear to {own}")),
            ])
        }
        Stage::Synthesis => {
            let document = fenced(prompt, "DOCUMENT");
            let accepted = labels(prompt).into_iter().map(|label| {
                let again = if document.contains(&format!("Settled for {label}.")) { "again " } else { "" };
                accept(&label, "", &format!("Settled {again}for {label}."))
            });
            decisions(&accepted.collect::<Vec<_>>())
        }
        Stage::Check => {
            let verdict = |label| json!({"finding": label, "settled": true, "reason": "it is there"});
            let verdicts: Vec<Value> = labels(prompt).into_iter().map(verdict).collect();
            json!({"verdicts": verdicts, "new_findings": []}).to_string()
        }
    }
}
