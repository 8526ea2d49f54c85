//! Reading a critique.

use std::collections::HashMap;

use forge_prompt::{
    json::{Found, member, text},
    markdown, normalize,
};
use serde_json::Value;

use super::{
    Critique, Issue, Strength, category, from_markdown, is_schema, severity, unfilled, values, words,
};

/// Names of the list of findings, normalized, the one that was asked for first.
const FINDINGS: [&str; 6] = ["findings", "issues", "problems", "faults", "defects", "critique"];
/// Names of the list of strengths.
const STRENGTHS: [&str; 3] = ["strengths", "positives", "pros"];
/// Names of a severity. Only the first one, which was asked for, makes an object by itself a finding.
const SEVERITY: [&str; 4] = ["severity", "level", "priority", "impact"];
/// Names of the passage.
const QUOTE: [&str; 6] = ["quote", "excerpt", "passage", "quotedtext", "evidence", "citation"];
/// Names of what is wrong, the one that was asked for first.
const CLAIM: [&str; 9] =
    ["claim", "issue", "problem", "finding", "description", "message", "comment", "title", "summary"];
/// Names of what to do about it.
const CHANGE: [&str; 7] =
    ["suggestedchange", "suggestion", "fix", "recommendation", "change", "remedy", "proposedchange"];

/// A part of an answer.
enum Part {
    /// A critique, or a list of rated findings.
    Form(Critique),
    /// A finding by itself, with the names that were asked for.
    Finding(Issue),
    /// What may be findings, if the answer has no others.
    Loose(Vec<Issue>),
}

/// All that an answer says, in JSON and in Markdown, wherever it stands; so an example of the form hides nothing.
pub(super) fn read(text: &str) -> Option<Critique> {
    let unquoted = markdown::unquoted(text);
    let text = unquoted.as_deref().unwrap_or(text);
    // Some answers are encoded once more, as one string of JSON.
    if let Ok(inner) = serde_json::from_str::<String>(text.trim()) {
        return read(&inner);
    }
    let found = values(text, &part);
    let code = markdown::code(text);
    let is_code = |at: usize| code.iter().any(|(range, is_block)| *is_block && range.contains(&at));
    let is_inline = |at: usize| code.iter().any(|(range, is_block)| !is_block && range.contains(&at));
    let (mut prose, mut at) = (String::new(), 0);
    // What was read as JSON leaves the prose, so that no finding is read twice. Code stays: findings in
    // Markdown may refer to it.
    for value in found.iter().filter(|value| !is_code(value.range.start)) {
        let start = value.range.start.max(at);
        prose.push_str(&text[at..start]);
        prose.push('\n');
        at = value.range.end.max(at);
    }
    prose.push_str(&text[at..]);
    let (written, samples) = from_markdown::critique(&prose);
    // JSON in the code of a finding is what the finding is about, and no answer.
    let is_sample = |value: &Found<Part>| {
        let source = squeezed(&text[value.range.clone()]);
        is_code(value.range.start) && samples.iter().any(|sample| squeezed(sample).contains(&source))
    };
    let mut critique = Critique::default();
    let mut is_form = false;
    let (mut loose, mut single) = (Vec::new(), Vec::new());
    for value in found.into_iter().filter(|value| !is_sample(value)) {
        let is_aside = is_inline(value.range.start);
        for part in value.fits {
            match part {
                // A critique between single backticks is mentioned and not given, unless there is no other.
                Part::Form(form) if !is_aside || written.is_none() => {
                    is_form = true;
                    critique.join(form);
                }
                Part::Form(_) => {}
                Part::Finding(issue) if !is_aside => single.push(issue),
                Part::Finding(issue) => loose.push(issue),
                Part::Loose(issues) => loose.extend(issues),
            }
        }
    }
    critique.join(Critique::of(single));
    is_form |= written.is_some();
    critique.join(written.unwrap_or_default());
    if critique.findings.is_empty() {
        critique.join(Critique::of(loose));
    }
    // A form without findings is an answer: nothing was found. Text without a form is none.
    if is_form || !critique.findings.is_empty() {
        return Some(critique);
    }
    markdown::fenced_alone(text).and_then(|inner| from_markdown::critique(inner).0)
}

impl Critique {
    fn of(findings: Vec<Issue>) -> Self {
        Self { findings, ..Self::default() }
    }

    /// Takes in what another one says, each thing once.
    fn join(&mut self, other: Self) {
        for strength in other.strengths {
            if !self.strengths.contains(&strength) {
                self.strengths.push(strength);
            }
        }
        join(&mut self.findings, other.findings);
    }
}

/// Adds findings. One that only repeats another is put together with it, under the worse severity.
pub(super) fn join(findings: &mut Vec<Issue>, more: Vec<Issue>) {
    let mut by_claim: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, one) in findings.iter().enumerate() {
        by_claim.entry(squeezed(&one.claim)).or_default().push(at);
    }
    for issue in more {
        let known = by_claim.entry(squeezed(&issue.claim)).or_default();
        let repeated = |at: &&usize| findings.get(**at).is_some_and(|one| is_repeated(one, &issue));
        let same = known.iter().find(repeated).copied();
        let Some(same) = same.and_then(|at| findings.get_mut(at)) else {
            known.push(findings.len());
            findings.push(issue);
            continue;
        };
        same.severity = same.severity.max(issue.severity);
        if same.severity.is_some() {
            same.rating.clear();
        }
        let fields = [
            (&mut same.quote, issue.quote),
            (&mut same.location, issue.location),
            (&mut same.suggested_change, issue.suggested_change),
        ];
        for (field, said) in fields.into_iter().filter(|(field, _)| field.is_empty()) {
            *field = said;
        }
    }
}

/// Whether two findings of one claim are one.
fn is_repeated(one: &Issue, other: &Issue) -> bool {
    // A field that one of them leaves empty contradicts nothing.
    let agree =
        |one: &str, other: &str| one.is_empty() || other.is_empty() || squeezed(one) == squeezed(other);
    agree(&one.quote, &other.quote)
        && agree(&one.location, &other.location)
        && agree(&one.suggested_change, &other.suggested_change)
}

/// Texts are compared without white space, which JSON and Markdown treat differently.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What a JSON value of an answer says. Only the names that were asked for make a single finding one; a
/// rating under another name may be about something else.
fn part(value: &Value) -> Option<Part> {
    if is_schema(value) {
        return None;
    }
    if let Value::Array(list) = value {
        // An empty list alone could be anything, and so could one of words.
        let findings: Vec<Issue> = list.iter().filter_map(issue).collect();
        let is_rated = findings.iter().any(|one| one.severity.is_some());
        return match findings.is_empty() {
            true => None,
            false if is_rated => Some(Part::Form(Critique::of(findings))),
            false => Some(Part::Loose(findings)),
        };
    }
    if let Some(form) = form(value) {
        return Some(Part::Form(form));
    }
    let issue = issue(value)?;
    let is_named = member(value, &SEVERITY[..1]).is_some() && member(value, &CLAIM[..1]).is_some();
    match issue.severity {
        Some(_) if is_named => Some(Part::Finding(issue)),
        Some(_) => Some(Part::Loose(vec![issue])),
        None => None,
    }
}

/// An object with lists of findings, or with a list for each severity; or one that holds such an object as
/// text.
fn form(value: &Value) -> Option<Critique> {
    let members = value.as_object()?;
    let rank = |key: &str| FINDINGS.iter().position(|name| *name == normalize(key));
    let mut named: Vec<_> = members.iter().filter_map(|(key, value)| Some((rank(key)?, value))).collect();
    // `findings` goes before weaker names, which may stand for something else beside it.
    named.sort_by_key(|(rank, _)| *rank);
    let mut named = named.into_iter().map(|(_, value)| value);
    let is_group = |(key, value): (&String, &Value)| {
        let is_list = value.is_array() || value.is_null();
        is_list && (severity::of_mark(key).is_some() || STRENGTHS.contains(&normalize(key).as_str()))
    };
    let Some(first) = named.next() else {
        if members.keys().any(|key| severity::of_mark(key).is_some()) && members.iter().all(is_group) {
            let groups = members.iter().filter(|(key, _)| severity::of_mark(key).is_some());
            let findings = list(&groups.map(|(key, value)| (key.clone(), value.clone())).collect())?;
            return Some(Critique { strengths: strengths(value), findings });
        }
        // The arguments of a call, as text; what one finding quotes is not meant.
        let is_finding = issue(value).is_some_and(|one| one.severity.is_some());
        return if is_finding { None } else { members.values().find_map(encoded) };
    };
    let mut findings = list(first)?;
    findings.extend(named.filter_map(list).flatten());
    let mut critique = Critique::default();
    critique.join(Critique { strengths: strengths(value), findings });
    Some(critique)
}

/// A critique in a string.
fn encoded(value: &Value) -> Option<Critique> {
    values(value.as_str()?, &form).into_iter().flat_map(|value| value.fits).reduce(|mut all, more| {
        all.join(more);
        all
    })
}

/// What is said in praise: texts, or objects with a quote and a claim.
fn strengths(value: &Value) -> Vec<Strength> {
    let of_text = |text: &str| {
        let is_said = !unfilled::is_blank(text) && !words::is_nothing(text);
        is_said.then(|| Strength { quote: markdown::passage(text).to_owned(), claim: text.trim().to_owned() })
    };
    let of = |value: &Value| match value {
        Value::String(text) => of_text(text),
        value => {
            let claim = [&CLAIM[..], &["strength", "point", "text", "reason", "why"]].concat();
            let strength = Strength { quote: text(value, &QUOTE), claim: text(value, &claim) };
            let is_said = |text: &str| !text.is_empty() && !unfilled::is_blank(text);
            let is_blank =
                [&strength.quote, &strength.claim].iter().any(|text| !text.is_empty() && !is_said(text));
            (!is_blank && (is_said(&strength.claim) || is_said(&strength.quote))).then_some(strength)
        }
    };
    match member(value, &STRENGTHS) {
        Some(Value::Array(list)) => list.iter().filter_map(of).collect(),
        Some(one) => of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The findings in a list, in groups by severity, or by label; `None` if there is something and none of it is
/// a finding.
pub(super) fn list(value: &Value) -> Option<Vec<Issue>> {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let says_nothing = |value: &Value| {
        value.as_str().map_or_else(|| words::is_nothing(&text(value, &CLAIM)), words::is_nothing)
    };
    let (found, nothing) = match value {
        Value::Null => return Some(Vec::new()),
        Value::String(text) if words::is_nothing(text) => return Some(Vec::new()),
        Value::String(_) => return encoded(value).map(|critique| critique.findings),
        Value::Array(list) => {
            // Texts between objects are remarks. A list of nothing but texts is one of findings.
            let only_claims = list.iter().all(Value::is_string);
            (
                list.iter().filter_map(if only_claims { claim } else { issue }).collect(),
                list.iter().all(says_nothing),
            )
        }
        Value::Object(groups) => match issue(value) {
            Some(one) => (vec![one], false),
            None => (
                groups.iter().flat_map(|(name, group)| grouped(name, group)).collect(),
                groups.values().all(is_empty),
            ),
        },
        Value::Bool(_) | Value::Number(_) => return None,
    };
    let found: Vec<Issue> = found;
    (nothing || !found.is_empty()).then_some(found)
}

/// The findings under one name. A name that is a severity rates those that have none of their own.
fn grouped(name: &str, group: &Value) -> Vec<Issue> {
    let named = severity::of_field(name);
    let issues: Vec<Issue> = match group {
        Value::Array(list) => list.iter().filter_map(|one| issue(one).or_else(|| claim(one))).collect(),
        one => issue(one).or_else(|| claim(one).filter(|_| named.is_some())).into_iter().collect(),
    };
    issues.into_iter().map(|one| Issue { severity: one.severity.or(named), ..one }).collect()
}

/// A text by itself as a finding without a rating.
fn claim(value: &Value) -> Option<Issue> {
    let claim = value.as_str().filter(|text| !unfilled::is_blank(text) && !words::is_nothing(text))?;
    Some(Issue { claim: claim.to_owned(), ..Issue::default() })
}

/// A finding needs a claim or a change to make; every other field may be missing.
fn issue(value: &Value) -> Option<Issue> {
    let members = value.as_object()?;
    // A wrapper such as `{"finding": {...}}`.
    if let (1, Some(inner)) = (members.len(), members.values().find(|inner| inner.is_object())) {
        return issue(inner);
    }
    let rated = text(value, &SEVERITY);
    let kind = text(value, &["category", "type", "kind", "area"]);
    let (severity, rating) = severity::rated(&rated);
    let issue = Issue {
        severity,
        rating,
        category: category(&normalize(&kind)).unwrap_or_default(),
        location: text(value, &["location", "where", "section", "line", "lines", "position"]),
        quote: text(value, &QUOTE),
        claim: text(value, &CLAIM),
        suggested_change: text(value, &CHANGE),
    };
    let is_said =
        !issue.suggested_change.is_empty() || !(issue.claim.is_empty() || words::is_nothing(&issue.claim));
    (is_said && !is_schema(value) && !unfilled::is_example(&issue, &rated, &kind)).then_some(issue)
}

#[cfg(test)]
mod tests {
    use super::super::{Form, Reading, Severity, read};
    use super::*;

    fn critique(text: &str) -> Critique {
        match read(Form::Critique, text) {
            Reading::Critique(critique) => critique,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn claims(text: &str) -> Vec<(Option<Severity>, String)> {
        let findings = critique(text).findings;
        findings.into_iter().map(|one| (one.severity, one.claim)).collect()
    }

    const REAL: &str = r#"{"strengths": [], "findings": [{"severity": "critical", "quote": "x", "claim": "no lock is held"}]}"#;

    #[test]
    fn no_example_hides_or_adds_a_finding() {
        let real = [(Some(Severity::Critical), "no lock is held".to_owned())];
        for example in [
            r#"{"strengths": [], "findings": []}"#,
            r#"{"findings": [{"severity": "critical|major|minor|nit", "category": "correctness|clarity", "location": text, "quote": text, "claim": text, "suggested_change": text}]}"#,
            r#"{"strengths": ["..."], "findings": [{"severity": "critical", "quote": "...", "claim": "..."}]}"#,
            r#"{"findings": [{"severity": "<severity>", "quote": "<quote>", "claim": "<claim>"}]}"#,
            r#"{"findings": [{"severity": "string", "quote": "string", "claim": "string"}]}"#,
            r#"{"findings": [{"severity": "major", "quote": "exact quote", "claim": "What is wrong and why"}]}"#,
            r#"{"findings": [{"severity": "critical | major | minor | nit", "claim": "Describe the fault."}]}"#,
            r#"{"findings": [{"severity": "{{severity}}", "claim": "{{claim}}"}]}"#,
            r#"{"type": "object", "properties": {"findings": {"type": "array", "items": {"type": "object", "properties": {"claim": {"type": "string", "description": "what is wrong"}}}}}}"#,
            r#"[1, 2] {"a": 1} {}"#,
        ] {
            for text in [
                format!("{example}\n{REAL}"),
                format!("{REAL}\n\nas in {example}"),
                format!("The form:\n```json\n{example}\n```\nMy answer:\n```json\n{REAL}\n```"),
            ] {
                assert_eq!(claims(&text), real, "{text}");
            }
        }
    }

    #[test]
    fn a_form_that_is_only_repeated_is_no_critique() {
        for text in [
            r#"{"strengths": ["..."], "findings": [{"severity": "critical|major|minor|nit", "claim": "..."}]}"#,
            r#"{"findings": [{"severity": "string", "claim": "string"}]}"#,
            "I could not access the document, but it looks good.",
        ] {
            assert_eq!(read(Form::Critique, text), Reading::Unreadable, "{text}");
        }
    }

    #[test]
    fn findings_of_all_values_and_of_markdown_are_put_together_once() {
        let more = r#"{"findings": [{"severity": "minor", "claim": "no unit"}, {"severity": "critical", "quote": "x", "claim": "no lock is held"}]}"#;
        let both = [
            (Some(Severity::Critical), "no lock is held".to_owned()),
            (Some(Severity::Minor), "no unit".to_owned()),
        ];
        for text in [
            format!("{REAL}\n{more}"),
            format!("{REAL}\n{REAL}\n{more}"),
            format!("[{REAL}, {more}]"),
            r#"{"strengths": [], "critical": ["no lock is held"], "major": [], "minor": ["no unit"]}"#
                .to_owned(),
            format!(r#"{{"first": {REAL}, "second": {more}}}"#),
            format!("{REAL}\n\n## Minor\n\n- no unit"),
            format!("{REAL}\n\n- **minor**: no unit\n- **critical**: no lock is held"),
            format!("{REAL}\n{{\"severity\": \"minor\", \"claim\": \"no unit\"}}"),
            format!(
                "{REAL}\n{{\"findings\": [{{\"severity\": \"minor\", \"claim\": \"no unit\"}}, {{\"severity\": \"maj"
            ),
            "{\"findings\": []}\n\n### Critical: no lock is held\n\nx\n\n### Minor: no unit".to_owned(),
        ] {
            let text = text.replace("held\n\nx", "held");
            assert_eq!(claims(&text), both, "{text}");
        }
        let twice = r#"{"findings": [{"severity": "minor", "quote": "a", "claim": "no unit"}, {"severity": "minor", "quote": "b", "claim": "no unit"}]}"#;
        assert_eq!(critique(twice).findings.len(), 2);
    }

    #[test]
    fn nothing_said_in_a_word_is_an_empty_critique() {
        for said in [
            r#""none""#,
            r#""None.""#,
            r#""no issues""#,
            r#"["none"]"#,
            r#"[{"severity": "nit", "claim": "None"}]"#,
            "null",
            "[]",
            "{}",
            r#""Keine""#,
            r#""N/A""#,
        ] {
            let text = format!(r#"{{"strengths": [], "findings": {said}}}"#);
            assert_eq!(critique(&text), Critique::default(), "{text}");
        }
    }

    #[test]
    fn strengths_keep_what_they_quote() {
        let quote = "one hundred requests in a minute";
        for text in [
            format!(r#"{{"strengths": [{{"quote": "{quote}", "claim": "exact"}}], "findings": []}}"#),
            format!(r#"{{"strengths": [{{"passage": "{quote}", "strength": "exact"}}], "findings": []}}"#),
            format!(r#"{{"strengths": ["“{quote}” is exact"], "findings": []}}"#),
            format!(r#"{{"strengths": "`{quote}` is exact", "findings": []}}"#),
            format!("## Strengths\n\n- \"{quote}\" is exact\n\n## Findings\n\nNo issues."),
            format!("**Strengths:**\n- The limit is exact\n  > {quote}\n\nNo findings."),
            format!("## Strengths\n\nThat it says `{quote}` is exact.\n\nNo findings."),
        ] {
            let strengths = critique(&text).strengths;
            assert_eq!(strengths.len(), 1, "{text}: {strengths:?}");
            assert!(
                strengths[0].quote == quote && strengths[0].claim.contains("exact"),
                "{text}: {strengths:?}"
            );
        }
        let plain = critique(r#"{"strengths": ["It is \"short\"", "..."], "findings": []}"#).strengths;
        assert_eq!(plain, [Strength { quote: String::new(), claim: "It is \"short\"".into() }]);
    }

    #[test]
    fn a_word_that_nobody_knows_is_kept_as_the_rating() {
        for (text, rating) in [
            (r#"{"findings": [{"severity": "spicy", "claim": "no unit"}]}"#, "spicy"),
            (r#"{"findings": [{"severity": 7, "claim": "no unit"}]}"#, "7"),
            (r#"{"findings": [{"claim": "no unit"}]}"#, ""),
            ("## Finding 1\n\nSeverity: spicy\nClaim: no unit", "spicy"),
            ("| Severity | Claim |\n|---|---|\n| **spicy** | no unit |", "spicy"),
            ("## Findings\n\n- no unit", ""),
        ] {
            let findings = critique(text).findings;
            let given: Vec<_> =
                findings.iter().map(|one| (one.severity, one.rating.as_str(), one.claim.as_str())).collect();
            assert_eq!(given, [(None, rating, "no unit")], "{text}");
        }
    }
}
