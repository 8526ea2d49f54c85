//! Forms of a review, held to what their readers need.

use forge_agent::review::{Format, Report, Review, render};
use forge_core::ParticipantRole;
use serde_json::{Value, json};

use crate::support::{Scripts, critique, job, run};

const FILE: &str = "fn a() {\n    one();\n    two(x);\n}\n";
const DIFF: &str = "diff --git a/src/ä b.rs b/src/ä b.rs\n--- a/src/ä b.rs\n+++ b/src/ä b.rs\n@@ -1,3 +1,4 @@\n fn a() {\n     one();\n+    two(x);\n }\n";
const HOSTILE: &str = "100% wrong\r\n::error file=/etc/passwd::pwned ![p](https://evil.example/x.png) @everyone <script>alert(1)</script>";

fn report() -> Report {
    let scripts = Scripts::new(|role, prompt| {
        let one = json!({"quote": "    two(x);", "location": "", "claim": HOSTILE, "category": "security",
            "severity": "major", "suggested_change": "Call it twice:\n```\n    two(x);\n    two(x);\n```"});
        let praised = json!({"strengths": [{"quote": "fn a() {     one();     two(x);", "claim": "x"}]});
        let mut said = critique(prompt, &[one]);
        said["strengths"] = praised["strengths"].clone();
        (role == ParticipantRole::Critic).then_some(said)
    });
    let read = |path: &str| (path == "src/ä b.rs").then(|| FILE.to_owned());
    run(&Review { read: Some(&read), ..job(DIFF, 8_000) }, &scripts)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn sarif_has_what_its_schema_asks_for_and_a_fix_that_fits() {
    let sarif = json_of(&render(&report(), Format::Sarif));
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let run = &sarif["runs"][0];
    assert!(
        run["tool"]["driver"]["name"].is_string() && run["invocations"][0]["executionSuccessful"] == true
    );
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    let result = &results[0];
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], result["ruleId"]);
    assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
    assert!(result["message"]["text"].is_string());
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/%C3%A4%20b.rs");
    assert_eq!((&place["region"]["startLine"], &place["region"]["endLine"]), (&json!(3), &json!(3)));
    assert_eq!(result["partialFingerprints"]["forgeReview/v1"].as_str().unwrap().len(), 16);
    let replaced = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(
        replaced["deletedRegion"],
        json!({"startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 12})
    );
    assert_eq!(replaced["insertedContent"]["text"], "    two(x);\n    two(x);");
}

#[test]
fn annotations_are_one_command_a_line() {
    let text = render(&report(), Format::Github);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    let start =
        "::error file=src/ä b.rs,line=3,endLine=3,title=R1 major security::100%25 wrong%0A: :error file=";
    assert!(lines[0].starts_with(start), "{text}");
    assert!(lines[1].starts_with("::notice title=Forge::1 finding"), "{text}");
}

#[test]
fn other_forms_hold_their_own_text_back() {
    let report = report();
    let quality = json_of(&render(&report, Format::Gitlab));
    assert_eq!(quality[0]["location"], json!({"path": "src/ä b.rs", "lines": {"begin": 3, "end": 3}}));
    assert_eq!(
        (quality[0]["severity"].as_str(), quality[0]["fingerprint"].is_string()),
        (Some("major"), true)
    );
    let line = render(&report, Format::Rdjsonl);
    assert_eq!(line.lines().count(), 1);
    let line = json_of(&line);
    assert_eq!(line["location"]["range"]["start"]["line"], 3);
    assert_eq!(line["suggestions"][0]["text"], "    two(x);\n    two(x);");
    let markdown = render(&report, Format::Markdown);
    for wrong in ["](http", "https://", "@everyone", "<script>"] {
        assert!(!markdown.contains(wrong), "{wrong}: {markdown}");
    }
    assert!(markdown.contains("```suggestion\n    two(x);\n    two(x);\n```"), "{markdown}");
    let html = render(&report, Format::Html);
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
    assert_eq!(json_of(&render(&report, Format::Json))["findings"][0]["fix"]["old"], json!(["    two(x);"]));
    assert!(render(&report, Format::Text).contains("src/ä b.rs:3: R1 major security"));
}

#[test]
fn what_nobody_has_read_is_clean_in_no_form() {
    let silent = Scripts::new(|role, _| {
        (role == ParticipantRole::Critic).then(|| json!({"strengths": [], "findings": []}))
    });
    let report = run(&job(DIFF, 8_000), &silent);
    for format in
        [Format::Text, Format::Github, Format::Gitlab, Format::Rdjsonl, Format::Markdown, Format::Html]
    {
        assert!(render(&report, format).contains("NOT REVIEWED"), "{format:?}");
    }
    let sarif = json_of(&render(&report, Format::Sarif));
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(json_of(&render(&report, Format::Json))["coverage"]["status"], "not_reviewed");
}
