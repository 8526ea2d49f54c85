//! What critics and decisions say of a document that stays as it is.

use std::fmt::Write as _;

use forge_prompt::one_line;

use super::{counted, decision, status, voices};
use crate::{
    answer::Severity,
    finding::{Finding, FindingState},
    result::SessionResult,
};

/// Faults of the document itself; what the checker found in the proposal is none of them.
fn faults(result: &SessionResult) -> impl Iterator<Item = &Finding> {
    result.findings.iter().filter(|finding| {
        finding.state != FindingState::Duplicate
            && finding.raised_by.iter().any(|raised| raised.seat.is_some())
    })
}

/// Whether the synthesizer accepted the fault, checked or not.
const fn is_confirmed(finding: &Finding) -> bool {
    matches!(finding.state, FindingState::Accepted | FindingState::Settled)
}

/// The heading under which a finding stands.
const fn section(finding: &Finding) -> &'static str {
    match finding.state {
        FindingState::Accepted | FindingState::Settled => "Confirmed",
        FindingState::Rejected => "Rejected",
        FindingState::Open | FindingState::Deferred | FindingState::Duplicate => "Undecided",
    }
}

/// What came of it in one line. What too few have read never reads as clean.
pub(super) fn first_line(result: &SessionResult) -> String {
    if result.is_degraded() {
        return format!("NOT REVIEWED: {}", status(result));
    }
    let count = |wanted: &dyn Fn(&Finding) -> bool| faults(result).filter(|one| wanted(one)).count() as u64;
    let confirmed = count(&is_confirmed);
    let mut line = format!(
        "{}, {}: {confirmed} confirmed",
        counted(result.tally.critics.into(), "critic"),
        counted(count(&|_| true), "fault")
    );
    let of = |severity: Severity| {
        let count = count(&|one| is_confirmed(one) && one.issue.severity == Some(severity));
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    };
    let severities: Vec<String> = Severity::ALL.into_iter().filter_map(of).collect();
    if !severities.is_empty() {
        let _ = write!(line, " ({})", severities.join(", "));
    }
    let rejected = count(&|one| one.state == FindingState::Rejected);
    if rejected > 0 {
        let votes = counted(result.tally.votes_against.into(), "vote");
        let _ = write!(line, ", {rejected} rejected against {votes}");
    }
    let left = count(&Finding::is_open);
    if left > 0 {
        let _ = write!(line, ", {left} undecided");
    }
    if let Some(unseen) = result.tally.unseen.filter(|unseen| *unseen >= crate::capture_recapture::LIKELY) {
        let _ = write!(line, ", at least about {unseen:.0} more");
    }
    line + "; what nobody found may be there all the same"
}

/// The findings, worst first.
pub(super) fn markdown(result: &SessionResult) -> String {
    let mut out = String::new();
    for title in ["Confirmed", "Undecided", "Rejected"] {
        let mut found: Vec<&Finding> = faults(result).filter(|one| section(one) == title).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.issue.severity));
        if !found.is_empty() {
            let _ = writeln!(out, "## {title}\n");
        }
        for one in found {
            write_finding(&mut out, one);
        }
    }
    if out.is_empty() {
        out.push_str("No fault of the document was found.\n\n");
    }
    out
}

fn write_finding(out: &mut String, finding: &Finding) {
    let issue = &finding.issue;
    let place = match issue.location.as_str() {
        "" => String::new(),
        place => format!(" in {}", one_line(place)),
    };
    let _ = writeln!(out, "- **{} {}**{place}: {}", finding.id, finding.severity(), one_line(&issue.claim));
    let mut line = |what: &str, text: &str| {
        if !text.trim().is_empty() {
            let _ = writeln!(out, "  - {what}{}", one_line(text));
        }
    };
    let found = if finding.anchored { "quoted: " } else { "quoted, but not in the text: " };
    line(found, &issue.quote);
    line("instead: ", &issue.suggested_change);
    line("raised by ", &voices(finding));
    line("", &decision(finding));
    line("the check: ", finding.note.as_deref().filter(|_| finding.checked).unwrap_or_default());
    out.push('\n');
}
