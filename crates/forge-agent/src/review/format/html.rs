//! One page for a browser.

use std::fmt::Write as _;

use forge_prompt::html::{Safe, head};

use super::advice;
use crate::review::{finding::Finding, report::Report};

const STYLE: &str = "body{max-width:60rem}pre{overflow-x:auto}";

pub(super) fn html(report: &Report) -> String {
    let title = format!("Review of {}", report.target);
    let mut page = head(&title, STYLE);
    let _ = writeln!(page, "<h1>{}</h1>", Safe(&title));
    if report.simulated {
        page.push_str("<p class=\"banner\">SIMULATED: scripts answered, no model has read this</p>\n");
    }
    let _ = writeln!(page, "<p><b>{}</b></p>", Safe(&report.first_line()));
    for notice in &report.notices {
        let _ = writeln!(page, "<p class=\"banner\">{}</p>", Safe(notice));
    }
    group(&mut page, "Findings", &report.findings);
    for open in &report.open {
        let (severity, path) = (open.severity.as_str(), Safe(&open.path));
        let _ = writeln!(page, "<p>Still open: {severity} {path}: {}</p>", Safe(&open.claim));
    }
    group(&mut page, "More of lower weight", &report.folded);
    group(&mut page, "Disputed", &report.disputed);
    group(&mut page, "Without a place in the change", &report.unanchored);
    group(&mut page, "Rejected", &report.rejected);
    if !report.not_read.is_empty() {
        page.push_str("<h2>Not read</h2>\n<ul>\n");
        for unread in &report.not_read {
            let _ = writeln!(page, "<li>{}: {}</li>", Safe(&unread.path), Safe(&unread.why));
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</html>\n");
    page
}

fn group(page: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(page, "<h2>{title}</h2>");
    for finding in findings {
        let at = finding.at();
        let (severity, category) = (finding.severity.as_str(), finding.category.as_str());
        let _ = writeln!(page, "<h3>{} {severity} ({category}) {}</h3>", finding.id, Safe(&at));
        let _ = writeln!(page, "<p>{}</p>\n<pre>{}</pre>", Safe(&finding.claim), Safe(&finding.quote));
        let mut line = |what: &str, text: &str| {
            if !text.trim().is_empty() {
                let _ = writeln!(page, "<p class=\"quiet\">{what}{}</p>", Safe(text));
            }
        };
        line("instead: ", &advice(&finding.suggested_change));
        line("raised by ", &finding.raised_by.join(", "));
        line("because ", &finding.reason);
        line("check: ", finding.check.as_deref().unwrap_or_default());
        if let Some(fix) = &finding.fix {
            let _ = writeln!(page, "<pre>{}</pre>", Safe(&fix.new.join("\n")));
        }
    }
}
