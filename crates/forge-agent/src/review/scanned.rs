//! Results of scanners, as findings at the lines that a change touches.

use forge_session::{Category, Severity};
use serde_json::Value;

use super::{
    change::{Change, Mark},
    finding::{Finding, Place, Source},
    fingerprint,
};

/// The results in a SARIF file that stand at lines which the change touches. Others are as old as the code around it.
///
/// # Errors
/// What is no SARIF.
pub fn read(text: &str, change: &Change) -> Result<Vec<Finding>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let runs = value.get("runs").and_then(Value::as_array).ok_or("it has no `runs`: it is no SARIF")?;
    let mut found = Vec::new();
    for run in runs {
        let name = run.pointer("/tool/driver/name").and_then(Value::as_str).unwrap_or("a scanner");
        let results = run.get("results").and_then(Value::as_array);
        found.extend(results.into_iter().flatten().filter_map(|result| finding(result, name, change)));
    }
    Ok(found)
}

fn finding(result: &Value, scanner: &str, change: &Change) -> Option<Finding> {
    let text = |pointer: &str| result.pointer(pointer).and_then(Value::as_str);
    let place = result.pointer("/locations/0/physicalLocation")?;
    let uri = place.pointer("/artifactLocation/uri").and_then(Value::as_str)?;
    let number = |name: &str| {
        let number = place.pointer(&format!("/region/{name}")).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let line = number("startLine")?;
    let end = number("endLine").unwrap_or(line).max(line);
    let uri = uri.trim_start_matches("./");
    let file = change.files.iter().find(|file| file.path() == uri)?;
    let touched = file.hunks.iter().flat_map(|hunk| &hunk.lines);
    let line_text = touched
        .filter(|one| one.mark == Mark::Added)
        .find(|one| (line..=end).contains(&one.new))?
        .text
        .clone();
    let severity = match text("/level") {
        Some("error") => Severity::Major,
        Some("note" | "none") => Severity::Nit,
        // What SARIF says where nothing is said.
        _ => Severity::Minor,
    };
    let rule = text("/ruleId").unwrap_or_default();
    let claim = text("/message/text").unwrap_or(rule);
    let place = Place::new(file.path(), line, end);
    let mut finding = Finding::of_host(severity, Category::Other, place, claim.to_owned());
    finding.source = Source::Scanner;
    finding.raised_by = vec![scanner.to_owned()];
    finding.reason = format!("rule {rule} of {scanner}, which no model decides");
    finding.fingerprint = fingerprint::of(file.path(), &line_text, rule);
    finding.quote = line_text;
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::parse;

    #[test]
    fn results_at_changed_lines_are_findings_and_others_are_not() {
        let change =
            parse("--- a/m.rs\n+++ b/m.rs\n@@ -1,2 +1,2 @@\n-let a = 1;\n+let a = 0;\n call(a);\n").unwrap();
        let result = |line: u32| {
            serde_json::json!({"ruleId": "X1", "level": "error", "message": {"text": "zero"},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": "m.rs"}, "region": {"startLine": line}}}]})
        };
        let sarif = serde_json::json!({"runs": [{"tool": {"driver": {"name": "lint"}}, "results": [result(1), result(2)]}]});
        let found = read(&sarif.to_string(), &change).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].at(), found[0].severity, found[0].raised_by[0].as_str()),
            ("m.rs:1".into(), Severity::Major, "lint")
        );
        assert!(read("[]", &change).is_err());
    }
}
