//! What the tasks of the README give without a key, whole: to be read, and to be noticed when it changes.

use crate::place::Place;

/// The report without what differs from run to run: times, the session's id, and the calls in the order of their ends.
fn steady(report: &str) -> String {
    let lines = report.lines().filter(|line| !line.contains(" in all, ") && !line.starts_with("Session `"));
    let mut out = String::new();
    let mut in_calls = false;
    for line in lines {
        in_calls = if line.starts_with('#') { line == "### Calls" } else { in_calls };
        if !in_calls {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_readmes_tasks_give_the_same_whole_reports() {
    let place = Place::new("offline-tasks");
    std::fs::write(place.path("notes.md"), "# Notes\n\nThe cache holds at most 100 replies.\n").unwrap();
    for (name, words) in [
        ("rate-limiter", &["run", "Design a rate limiter for a public HTTP API"][..]),
        ("cache", &["run", "A cache for HTTP replies", "--output-type", "design", "--reference", "notes.md"]),
        ("shorter", &["run", "Make it shorter", "--draft", "notes.md"]),
    ] {
        let said = place.run(&[words, &["--offline"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        insta::assert_snapshot!(name, steady(&said.stdout));
    }
}
