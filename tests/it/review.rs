//! `forge review` on a change, as a user has it.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    place::Place,
    run::{CAST, object},
    run_with_input, with_sim,
};

const BEFORE: &str = "fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n";
const AFTER: &str = "fn add(a: u8, b: u8) -> u8 {\n    let sum = a.checked_add(b);\n    sum.unwrap()\n}\n";

fn git(place: &Place, arguments: &[&str]) {
    let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-C"];
    let mut command = Command::new("git");
    // The simulated vendors read the names of commits too, which go by the time.
    for date in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
        command.env(date, "2026-11-20T12:00:05Z");
    }
    let output = command.args(identity).arg(place.path(".")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with one commit on `main` and one more on `topic`.
pub(crate) fn repository(place: &Place) {
    git(place, &["init", "-q", "-b", "main", "."]);
    std::fs::write(place.path(".gitignore"), "*.yaml\nstate/\nhome/\n").unwrap();
    std::fs::write(place.path("add.rs"), BEFORE).unwrap();
    git(place, &["add", "add.rs", ".gitignore"]);
    git(place, &["commit", "-q", "-m", "one"]);
    git(place, &["checkout", "-q", "-b", "topic"]);
    std::fs::write(place.path("add.rs"), AFTER).unwrap();
    git(place, &["commit", "-q", "-a", "-m", "two"]);
}

fn lines(report: &Value) -> Vec<u64> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|one| one["place"]["line"].as_u64().unwrap()).collect()
}

#[test]
fn a_change_is_judged_at_its_lines_and_three_rounds_go_quiet() {
    with_sim("{}", |sim| {
        let place = Place::with("review-change", sim, CAST);
        repository(&place);
        let said = place.run(&["review", "main", "--format", "json", "--fail-on", "major"]);
        let report = object(&said);
        assert_eq!(
            (said.code, &report["coverage"]["status"]),
            (Some(6), &"reviewed".into()),
            "{}",
            said.stderr
        );
        assert!(lines(&report).iter().all(|line| [2, 3].contains(line)), "{report}");
        let calls = sim.journal().len();
        let again = place.run(&["review", "main", "--format", "json"]);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        let report = object(&again);
        assert_eq!(
            (lines(&report).len(), sim.journal().len()),
            (0, calls),
            "nobody is asked twice: {report}"
        );
        assert!(!report["open"].as_array().unwrap().is_empty());
        // What was open still fails a build, until its line goes.
        assert_eq!(place.run(&["review", "main", "--fail-on", "major"]).code, Some(6));
        std::fs::write(place.path("add.rs"), AFTER.replace("sum.unwrap()", "sum.unwrap_or(u8::MAX)"))
            .unwrap();
        git(&place, &["commit", "-q", "-a", "-m", "three"]);
        let third = place.run(&["review", "main", "--format", "json", "--fail-on", "major"]);
        assert_eq!(third.code, Some(0), "{}{}", third.stdout, third.stderr);
        assert!(lines(&object(&third)).iter().all(|line| *line == 3), "{}", third.stdout);
        assert_eq!(lines(&object(&place.run(&["review", "main", "--all", "--json"]))).len(), 2);
    });
}

#[test]
fn what_is_meant_is_said_and_wrong_input_asks_nobody() {
    with_sim("{}", |sim| {
        let place = Place::with("review-input", sim, CAST);
        repository(&place);
        let calls = sim.journal().len();
        std::fs::write(place.path("topic"), "a text that has the name of a branch\n").unwrap();
        std::fs::write(place.path("broken.diff"), "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n").unwrap();
        for (wrong, word) in [
            (&["review", "topic"][..], "--document topic"),
            (&["review", "nowhere"], "nowhere"),
            (&["review", "main..nowhere"], "nowhere"),
            (&["review", "--diff", "broken.diff"], "line 4"),
            (&["review", "--diff", "add.rs"], "no diff"),
            (&["review", "main", "--attended"], "--document"),
            (&["review", "add.rs", "--format", "sarif"], "--format"),
            (&["review", "main", "--staged"], "--staged"),
            (&["review", "main", "--context", "5"], "500"),
        ] {
            let said = place.run(wrong);
            assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{wrong:?}: {}", said.stderr);
            assert!(said.stderr.contains(word), "{wrong:?}: {}", said.stderr);
        }
        assert_eq!(sim.journal().len(), calls, "nobody is asked about what makes no sense");
        let empty = place.run(&["review", "HEAD"]);
        assert_eq!(empty.code, Some(0), "{}", empty.stderr);
        assert!(empty.stdout.contains("nothing to review: the change is empty"), "{}", empty.stdout);
        let binary = "diff --git a/p b/p\nindex 1..2 100644\nBinary files a/p and b/p differ\n";
        let said = run_with_input(&mut place.command(&["review", "--diff", "-"]), binary);
        assert_eq!(said.code, Some(5), "{}", said.stderr);
        assert!(said.stdout.contains("NOT REVIEWED"), "{}", said.stdout);
        assert_eq!(sim.journal().len(), calls, "nobody is asked about nothing");
    });
}

#[test]
fn a_baseline_a_scanner_and_a_cap_have_their_say() {
    with_sim("{}", |sim| {
        let place = Place::with("review-baseline", sim, CAST);
        repository(&place);
        std::fs::write(place.path("add.rs"), AFTER.replace("sum.", "sum .")).unwrap();
        let first = place.run(&["review", "--worktree", "-o", "known.sarif"]);
        assert_eq!(first.code, Some(0), "{}", first.stderr);
        let again = object(&place.run(&["review", "--worktree", "--baseline", "known.sarif", "--json"]));
        assert_eq!((lines(&again).len(), again["known"].as_u64().unwrap() > 0), (0, true), "{again}");
        let result = r#"{"ruleId": "X", "level": "error", "message": {"text": "bad"}, "locations": [{"physicalLocation":
            {"artifactLocation": {"uri": "add.rs"}, "region": {"startLine": 3}}}]}"#;
        let sarif =
            format!(r#"{{"runs": [{{"tool": {{"driver": {{"name": "lint"}}}}, "results": [{result}]}}]}}"#);
        std::fs::write(place.path("lint.sarif"), sarif).unwrap();
        let options =
            ["--worktree", "--scanned", "lint.sarif", "--max-calls", "1", "--fail-on", "major", "--json"];
        let said = place.run(&[&["review"], &options[..]].concat());
        // The finding of the scanner stands, whether or not anybody was asked.
        assert_eq!((said.code, lines(&object(&said))), (Some(6), vec![3]), "{}", said.stderr);
        let capped = place.run(&["review", "--worktree", "--max-calls", "1"]);
        assert_eq!(capped.code, Some(4), "{}", capped.stderr);
        assert!(capped.stdout.contains("not read: add.rs: the cap on calls is reached"), "{}", capped.stdout);
    });
}

/// What the scripts for others make of each exit code: (of the command, of the action, of the hook).
const ENDS: [(u8, i32, i32); 7] =
    [(0, 0, 0), (1, 1, 0), (2, 2, 0), (4, 0, 0), (5, 0, 0), (6, 6, 1), (130, 130, 0)];

#[cfg(unix)]
#[test]
fn the_action_and_the_hook_know_every_exit_code() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new("review-action");
    let fake = place.path("fake");
    let script = |name: &str| format!("{}/../examples/{name}", env!("CARGO_MANIFEST_DIR"));
    let bash = |script: &str, key: &str| {
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", script]);
        for name in ["ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "FORGE_CONFIG", "FORGE_EVENT"] {
            command.env_remove(name);
        }
        command
            .env("OPENAI_API_KEY", key)
            .env("FORGE_COMMAND", &fake)
            .env("GITHUB_OUTPUT", place.path("output"));
        command
    };
    for (code, action, hook) in ENDS {
        std::fs::write(&fake, format!("#!/bin/sh\nexit {code}\n")).unwrap();
        std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
        let said = crate::run(&mut bash(&script("review-action"), "key"));
        assert_eq!(said.code, Some(action), "{code}: {}{}", said.stdout, said.stderr);
        let said = crate::run(&mut bash(&script("pre-commit"), "key"));
        assert_eq!(said.code, Some(hook), "{code}: {}{}", said.stdout, said.stderr);
    }
    let said = crate::run(&mut bash(&script("review-action"), ""));
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.contains("NOT REVIEWED"), "{}", said.stdout);
    assert!(std::fs::read_to_string(place.path("output")).unwrap().ends_with("status=neutral\n"));
    let said = crate::run(bash(&script("review-action"), "key").env("FORGE_EVENT", "pull_request_target"));
    assert_eq!(said.code, Some(1), "{}", said.stdout);
}

/// What a critic says of the change of `repository`, with lines to put in place of the quoted one.
const FIXED: &str = r#"
rules:
  - contains: "You look for faults in a change to files"
    reply:
      text: '{"findings": [{"severity": "major", "category": "correctness", "location": "add.rs", "quote": "    sum.unwrap()",
        "claim": "Two large numbers end the program.", "suggested_change": "```rust\n    sum.unwrap_or(u8::MAX)\n```"}],
        "strengths": [{"claim": "It says what it does.", "quote": "let sum = a.checked_add(b);"}]}'
"#;

#[cfg(unix)]
#[test]
fn the_lines_of_a_finding_are_applied_where_they_stand_now() {
    with_sim(FIXED, |sim| {
        let place = Place::with("review-apply", sim, CAST);
        repository(&place);
        let early = place.run(&["review", "--apply", "R1"]);
        assert_eq!(early.code, Some(2));
        assert!(early.stderr.contains("review the change first"), "{}", early.stderr);
        let report = object(&place.run(&["review", "main", "--format", "json"]));
        let finding = &report["findings"][0];
        assert_eq!(finding["fix"]["new"][0], "    sum.unwrap_or(u8::MAX)", "{report:#}");
        let id = finding["id"].as_str().unwrap();
        // Somebody has added a line above since.
        std::fs::write(place.path("add.rs"), format!("// Sums.\n{AFTER}")).unwrap();
        let calls = sim.journal().len();
        let applied = place.run(&["review", "--apply", id, "--json"]);
        let expected = json!({"version": "1.0", "id": id, "path": "add.rs", "line": 4});
        assert_eq!(object(&applied), expected, "{}", applied.stderr);
        let now = std::fs::read_to_string(place.path("add.rs")).unwrap();
        assert_eq!(now, format!("// Sums.\n{}", AFTER.replace("unwrap()", "unwrap_or(u8::MAX)")));
        let again = place.run(&["review", "--apply", id]);
        assert_eq!(again.code, Some(1));
        assert!(again.stderr.contains("its lines are not in the file"), "{}", again.stderr);
        let unknown = place.run(&["review", "--apply", "R99"]);
        assert_eq!((unknown.code, sim.journal().len()), (Some(2), calls));
        assert!(unknown.stderr.contains(&format!("there are {id}")), "{}", unknown.stderr);
    });
}
