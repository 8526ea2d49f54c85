//! Reading replies in headed Markdown.

mod critique;
mod line;
mod strengths;

use forge_prompt::{
    markdown::{Line, document, fenced_alone, fenced_lines, offsets},
    normalize,
};

pub(super) use self::critique::read as critique;
use super::{
    Check, Disposition, DispositionKind, FindingId, Revision, Verdict, decision, edits, finding_id, severity,
    words,
};

/// A document followed by a section with a decision on each finding; or only decisions, with edits below them.
pub(super) fn revision(text: &str) -> Option<Revision> {
    let (edits, text) = edits::blocks(text, names_finding);
    let text = text.as_str();
    if edits.is_empty()
        && let Some((at, line)) = border(text)
    {
        let dispositions = dispositions(&text[at + line.len()..]);
        let document = document(&text[..at]).map(|text| without_label(&text));
        return (!dispositions.is_empty()).then(|| Revision {
            document,
            dispositions,
            conflicts: Vec::new(),
        });
    }
    // A text with headings of its own is a document, and a line in it that looks like a decision is none.
    let is_other = |line: &str| matches!(Line::of(line), Line::Heading(heading) if names_finding(&heading).is_none() && !is_border(line));
    if edits.is_empty() && text.lines().any(is_other) {
        return None;
    }
    let mut dispositions = dispositions(text);
    for (finding, edit) in edits {
        match dispositions.iter_mut().find(|given| given.finding == finding) {
            Some(given) => given.edits.push(edit),
            // Who changes the text for a finding accepts it.
            None => dispositions.push(Disposition {
                finding,
                decision: DispositionKind::Accept,
                edits: vec![edit],
                ..Disposition::default()
            }),
        }
    }
    (!dispositions.is_empty()).then(|| Revision { dispositions, ..Revision::default() })
}

/// Where the decisions begin. The document may have such a heading of its own: they stand below the one that
/// means them.
fn border(text: &str) -> Option<(usize, &str)> {
    let decides = |at: usize, heading: &str| {
        let below = text[at + heading.len()..].lines();
        below
            .take_while(
                |line| !matches!(Line::of(line), Line::Heading(heading) if names_finding(&heading).is_none()),
            )
            .any(|line| disposition(line).is_some())
    };
    let borders: Vec<_> = offsets(text).filter(|(_, line)| is_border(line)).collect();
    borders.iter().find(|(at, line)| decides(*at, line)).or(borders.last()).copied()
}

/// Whether a heading begins the decisions. `Decisions` alone is common in documents as well, which [`border`]
/// allows for.
fn is_border(line: &str) -> bool {
    let Line::Heading(heading) = Line::of(line) else { return false };
    let heading = normalize(&heading);
    heading == "decisions"
        || ["disposition", "decisionsonfindings", "decisiononfindings"]
            .iter()
            .any(|word| heading.contains(word))
}

/// Lines such as `F1: accept - why`, or `Decision: accept` and `Reason: why` below one that names the finding.
fn dispositions(text: &str) -> Vec<Disposition> {
    let mut given: Vec<Disposition> = Vec::new();
    let mut named = None;
    // Code may hold an example of the form.
    for (line, _) in fenced_lines(text).filter(|(_, is_code)| !is_code) {
        if let Some(one) = disposition(line) {
            named = Some(one.finding);
            given.push(one);
            continue;
        }
        named = names_finding(line).or(named);
        let is_open = |given: &&mut Disposition| Some(given.finding) == named && given.reason.is_empty();
        let (name, value) = field_of(line).unwrap_or_default();
        match (normalize(&name).as_str(), named) {
            ("decision" | "disposition", Some(finding)) => {
                let end = value.find([':', '—', '–', '(', ',', '.', ';']).unwrap_or(value.len());
                if let Some((decision, same_as)) =
                    decision::of(&value).or_else(|| decision::of(value[..end].trim()))
                {
                    given.push(Disposition { finding, decision, same_as, ..Disposition::default() });
                }
            }
            ("reason" | "rationale" | "why", _) => {
                if let Some(open) = given.last_mut().filter(is_open) {
                    open.reason = value;
                }
            }
            // What is said below a decision is its reason.
            _ if matches!(Line::of(line), Line::Text(_)) => {
                if let Some(open) = given.last_mut().filter(is_open) {
                    line.trim().clone_into(&mut open.reason);
                }
            }
            _ => {}
        }
    }
    given
}

/// `### F1`, `**F2: title**`, `Finding 3`: a line that begins with the name of a finding.
fn names_finding(line: &str) -> Option<FindingId> {
    let line = line.trim().trim_start_matches(['#', '*', '-', '+', '[', '`', ' ']);
    // A long line is a paragraph that speaks of a finding.
    let is_named = line.starts_with(['F', 'f']) && line.len() < 200;
    is_named.then(|| finding_id(line)).flatten()
}

/// Lines such as `F1: settled`, and new findings under a heading that says so.
pub(super) fn check(text: &str) -> Option<Check> {
    let mut verdicts = verdicts(text);
    if verdicts.is_empty()
        && let Some(inner) = fenced_alone(text)
    {
        verdicts = self::verdicts(inner);
    }
    let is_border = |line: &str| {
        let heading = match Line::of(line) {
            Line::Heading(heading) => normalize(&heading),
            Line::Text(text) if text.ends_with(':') => normalize(&text),
            _ => return false,
        };
        ["newfinding", "newfault", "newissue", "newproblem"].iter().any(|word| heading.contains(word))
    };
    let border = offsets(text).find(|(_, line)| is_border(line));
    let new = border.and_then(|(at, line)| critique(&text[at + line.len()..]).0);
    let new_findings = new.map(|critique| critique.findings).unwrap_or_default();
    (!verdicts.is_empty()).then_some(Check { verdicts, new_findings })
}

/// Lines such as `F1: settled - why` or `F1 - settled: no`, or `Settled: yes` below one that names the finding.
fn verdicts(text: &str) -> Vec<Verdict> {
    let mut given: Vec<Verdict> = Vec::new();
    let mut named = None;
    // Code may hold an example of the form.
    for (line, _) in fenced_lines(text).filter(|(_, is_code)| !is_code) {
        let ruled = ruling(line).and_then(|(finding, word, reason)| {
            // The word may only name what is answered.
            let first = reason.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let answer = words::is_settled(first).filter(|_| is_question(&word));
            Some(Verdict { finding, settled: answer.or_else(|| words::is_settled(&word))?, reason })
        });
        named = names_finding(line).or(named);
        let below = || {
            let (name, value) = field_of(line)?;
            let end = value.find([':', '—', '–', '(', ',', '.', ';', '-']).unwrap_or(value.len());
            let settled = words::is_settled(&value[..end]).filter(|_| is_question(&name))?;
            let reason = value[end..].trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
            Some(Verdict { finding: named?, settled, reason })
        };
        given.extend(ruled.or_else(below));
    }
    given
}

/// Whether a word only names what is asked about a finding, so that the answer comes behind it.
fn is_question(name: &str) -> bool {
    ["settled", "resolved", "fixed", "verdict", "status"].contains(&normalize(name).as_str())
}

/// `**Decision:** accept`: a name and its value.
fn field_of(line: &str) -> Option<(String, String)> {
    let clean: String = line.chars().filter(|c| !matches!(c, '*' | '`')).collect();
    let (name, value) = clean.trim().trim_start_matches(['-', '+', '#', ' ']).split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// The text without a first line that only says what it is.
pub(super) fn without_label(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let label = normalize(first);
    let is_label = ["document", "reviseddocument", "revision", "synthesis"].contains(&label.as_str());
    if is_label { rest.trim().to_owned() } else { text.to_owned() }
}

/// A decision in one line.
fn disposition(line: &str) -> Option<Disposition> {
    let (finding, word, reason) = ruling(line)?;
    let (decision, same_as) = decision::of(&word)?;
    Some(Disposition { finding, decision, reason, same_as, ..Disposition::default() })
}

/// `F1`, a word or two, and a reason, however they are set apart: `- **F1**: accept — because`.
fn ruling(line: &str) -> Option<(FindingId, String, String)> {
    let clean: String = line.chars().filter(|c| !matches!(c, '*' | '`' | '|' | '[' | ']')).collect();
    let clean = clean.trim().trim_start_matches(['-', '+', '#', ' ']).trim();
    let starts = clean.starts_with(['F', 'f']);
    let finding = starts.then(|| finding_id(clean)).flatten()?;
    let after = clean.find(|c: char| c.is_ascii_digit())?;
    let rest = clean[after..].trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    // A hyphen between blanks is a dash. One inside a word, as in `rightly-rejected`, is part of it.
    let end = rest.find([':', '—', '–', '(', ',', '.', ';']).unwrap_or(rest.len());
    let end = rest.find(" - ").map_or(end, |dash| dash.min(end));
    let (word, reason) = rest.split_at(end);
    let (word, reason) = match word.split_once(' ') {
        // A table has no marks between its cells once its bars are gone.
        Some((first, more)) if decision::of(word).is_none() && words::is_settled(word).is_none() => {
            (first, format!("{more}{reason}"))
        }
        _ => (word, reason.to_owned()),
    };
    let reason = reason.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches(')').to_owned();
    Some((finding, word.to_owned(), reason))
}

/// `Major issues:` above a list.
fn is_group(text: &str) -> bool {
    let name = text.trim_end().strip_suffix(':').map(normalize).unwrap_or_default();
    ["issues", "findings", "problems", "faults", "severity"]
        .iter()
        .any(|word| name.strip_suffix(word).is_some_and(|head| severity::of_mark(head).is_some()))
}

/// A short reply that says that there is nothing to say.
fn says_none(text: &str) -> bool {
    let said = normalize(text);
    let none = ["nofindings", "noissues", "nofaults", "noproblems", "nothingtoreport", "findingsnone"];
    said.len() < 400 && none.iter().any(|none| said.contains(none))
}
