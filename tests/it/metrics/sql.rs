//! `forge metrics sql`, and the page about what it can be asked.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use serde_json::{Value, json};

use super::JOBS;
use crate::{place::Place, run, with_sim, workflow::checkout};

/// A place where a session and a call have been, all simulated; and the session's result.
fn session(name: &str) -> (Place, Value) {
    let place = Place::new(name);
    let said = place.run(&["run", "A rate limiter for a public API", "--offline", "--json", "-q"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(place.run(&["ask", "hello", "--offline", "-q"]).code, Some(0));
    (place, serde_json::from_str(&said.stdout).unwrap())
}

/// The same, and a workflow.
fn filled(name: &str) -> Place {
    let place = session(name).0;
    let folder = place.path("work");
    checkout("greeting", Path::new(&folder));
    let task = std::fs::read_to_string(Path::new(&folder).join("task.txt")).unwrap();
    let arguments = ["workflow", "start", task.trim(), "--yes", "--check", "sh check.sh", "--offline"];
    let mut command = place.command(&arguments);
    command.current_dir(&folder).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let said = run(&mut command);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    place
}

fn ask(place: &Place, statement: &str) -> Value {
    let said = place.run(&["metrics", "sql", "--offline", "--json", statement]);
    assert_eq!(said.code, Some(0), "{statement}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{statement}: {error}: {}", said.stdout))
}

fn page() -> String {
    std::fs::read_to_string(format!("{}/../docs/database.md", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The columns that the page documents, with their types, by view.
fn documented(page: &str) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let mut views: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let mut view = "";
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            view = heading;
        }
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        if let [column, kind @ ("text" | "integer" | "real"), meaning, ..] = cells[..] {
            assert!(!meaning.is_empty(), "{line}");
            views.entry(view).or_default().push((column.trim_matches('`'), kind));
        }
    }
    views
}

#[test]
fn the_page_names_every_column_of_every_view_with_its_type_and_no_other() {
    let place = filled("columns");
    let page = page();
    let documented = documented(&page);
    assert_eq!(documented.keys().copied().collect::<Vec<_>>(), {
        let mut views = forge::store::VIEWS.to_vec();
        views.sort_unstable();
        views
    });
    for (view, columns) in documented {
        let found = ask(&place, &format!("SELECT * FROM {view}"));
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(found["columns"], json!(names), "{view}");
        for (name, kind) in columns {
            let kinds = ask(
                &place,
                &format!(
                    "SELECT DISTINCT typeof(\"{name}\") AS kind FROM {view} WHERE \"{name}\" IS NOT NULL"
                ),
            );
            let all = kinds["rows"].as_array().unwrap().iter().all(|row| row["kind"] == kind);
            assert!(all, "{view}.{name} is {}, the page says {kind}", kinds["rows"]);
        }
    }
}

#[test]
fn every_example_of_the_page_is_answered() {
    let place = filled("examples");
    let page = page();
    let blocks: Vec<&str> =
        page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    for view in forge::store::VIEWS {
        assert!(blocks.iter().any(|block| block.contains(view)), "{view} has no example");
    }
    let quoted = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("$ forge metrics sql ")?.split('"').nth(1).unwrap()));
    let examples: Vec<&str> = blocks.iter().copied().chain(quoted).collect();
    assert!(examples.len() > 7, "{examples:?}");
    let empty: Vec<_> = examples
        .iter()
        .filter(|example| ask(&place, example)["rows"].as_array().unwrap().is_empty())
        .collect();
    let needs_a_failure = |example: &&&str| example.contains("answer.fallback = 1");
    let needs_an_open_fault = |example: &&&str| example.contains("findings.state = 'open'");
    let needs_a_client = |example: &&&str| example.contains("FROM mcp_");
    // Simulated vendors are asked without the configuration, and so without its hooks.
    let needs_a_hook = |example: &&&str| example.contains("FROM hooks");
    // Beads are never simulated, and the queue of this file is empty.
    let needs_a_worker = |example: &&&str| example.contains("FROM beads");
    let others = empty.into_iter().filter(|example| {
        !needs_a_failure(example)
            && !needs_an_open_fault(example)
            && !needs_a_client(example)
            && !needs_a_hook(example)
            && !needs_a_worker(example)
    });
    assert_eq!(others.collect::<Vec<_>>(), [] as [&&str; 0], "they say nothing");
}

#[test]
fn sessions_and_findings_are_those_of_the_result() {
    let (place, result) = session("findings");
    let session = ask(&place, "SELECT * FROM sessions")["rows"][0].clone();
    for key in ["session", "title", "status", "stop_reason", "mode"] {
        assert!(session[key].is_string() && session[key] == result[key], "{key}: {session} {}", result[key]);
    }
    assert_eq!((&session["simulated"], session["ended_at"].is_string()), (&json!(1), true));
    let id = session["session"].as_str().unwrap();

    let found = ask(&place, "SELECT * FROM findings ORDER BY CAST(substr(id, 2) AS INTEGER)");
    let found = found["rows"].as_array().unwrap();
    let findings = result["findings"].as_array().unwrap();
    assert!(!findings.is_empty() && found.len() == findings.len(), "{found:#?}");
    for (row, finding) in found.iter().zip(findings) {
        let severity = finding["remark"]["severity"].as_str().unwrap_or("unrated");
        assert_eq!(row["claim"], finding["remark"]["claim"]);
        assert_eq!((&row["state"], &row["severity"]), (&finding["state"], &json!(severity)));
        let who: Vec<&Value> =
            finding["raised_by"].as_array().unwrap().iter().map(|raised| &raised["who"]).collect();
        assert_eq!(serde_json::from_str::<Value>(row["raised_by"].as_str().unwrap()).unwrap(), json!(who));
    }
    let calls =
        ask(&place, &format!("SELECT sum(cost_nano_usd) AS cost FROM model_usage WHERE session = '{id}'"));
    assert_eq!(calls["rows"][0]["cost"], session["cost_nano_usd"]);
}

#[test]
fn an_answer_comes_as_a_table_as_csv_and_as_json() {
    let place = filled("answers");
    let sql = |arguments: &[&str]| place.run(&[&["metrics", "sql", "--offline"], arguments].concat());
    let said = sql(&["SELECT 'a' || char(10) || 'b' AS text, 10 AS n UNION ALL SELECT NULL, 2"]);
    assert_eq!(said.stdout, "SIMULATED\n\ntext   n\na b   10\n-      2\n");
    assert_eq!(said.stderr, "2 rows\n");
    let said = sql(&["--format", "csv", "SELECT 'a,b' AS text, NULL AS none, -1 AS n", "-q"]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("text,none,n\n\"a,b\",,-1\n", ""));
    let said = sql(&["--format", "json", "SELECT 1 AS n, 2 AS n", "-q"]);
    let expected = "{\"version\":\"1.0\",\"simulated\":true,\"columns\":[\"n\",\"n_2\"],\"rows\":[\n{\"n\":1,\"n_2\":2}\n]}\n";
    assert_eq!(said.stdout, expected);
    let said = sql(&["--json", "SELECT 1 AS n WHERE 0", "-q"]);
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).unwrap()["rows"], json!([]));
    let real = place.run(&["metrics", "sql", "SELECT count(*) AS attempts FROM model_usage", "-q"]);
    assert_eq!(real.stdout, "attempts\n       0\n", "simulated calls are apart");
}

#[test]
fn a_statement_that_cannot_be_answered_names_its_fault_and_the_views() {
    with_sim("{}", |sim| {
        let place = Place::with("sql-faults", sim, JOBS);
        assert_eq!(place.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        let other = place.path("other.db");
        for (statement, fault) in [
            ("SELECT costs FROM model_usage", "no such column: costs, at character 8"),
            ("SELEC 1", "syntax error"),
            ("SELECT 1; SELECT 2", "more than one statement"),
            ("DELETE FROM attempts", "does more than read"),
            (&format!("ATTACH '{other}' AS other"), "does more than read"),
            ("PRAGMA user_version = 7", "does more than read"),
            ("", "there is no statement"),
        ] {
            for form in ["table", "csv", "json"] {
                let said = place.run(&["metrics", "sql", "--format", form, statement]);
                assert_eq!(said.code, Some(2), "{statement}: {}", said.stderr);
                if form == "json" {
                    let failure: Value = serde_json::from_str(&said.stdout).unwrap();
                    assert_eq!(failure["version"], "1.0");
                    assert_eq!(failure["error"]["code"], "E002");
                    assert!(failure["error"]["message"].as_str().unwrap().contains(fault), "{failure}");
                } else {
                    assert_eq!(said.stdout, "", "{statement}");
                }
                assert!(
                    said.stderr.contains("error[E002]") && said.stderr.contains(fault),
                    "{}",
                    said.stderr
                );
                assert!(forge::store::VIEWS.iter().all(|view| said.stderr.contains(view)), "{}", said.stderr);
            }
        }
        assert!(!std::fs::exists(&other).unwrap());
        let left = place.run(&["metrics", "sql", "--json", "SELECT count(*) AS n FROM attempts", "-q"]);
        assert!(left.stdout.contains("{\"n\":1}"), "{}", left.stdout);
        assert_eq!(place.run(&["metrics", "sql", "--timeout", "soon", "SELECT 1"]).code, Some(2));
    });
}

const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[test]
fn a_statement_without_an_end_ends_in_time_and_on_demand() {
    let place = Place::new("endless");
    let said = place.run(&["metrics", "sql", "--timeout", "50ms", ENDLESS]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("stopped after 0.05 s"), "{}", said.stderr);

    // A document that is begun does not become another one.
    let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 3";
    let said = place.run(&["metrics", "sql", "--timeout", "50ms", "--json", rows]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("stopped after 0.05 s") && said.stdout.ends_with("{\"i\":2}"), "{said:?}");

    // A row that was read shows that the statement is under way. An interrupt is ignored by whatever a shell started in
    // the background, a termination is not.
    let endless = ENDLESS.replace("count(*)", "i");
    let mut command = place.command(&["metrics", "sql", "--format", "csv", &endless]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut heading = [0; 8];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut heading).unwrap();
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(15), "{ended:?}");
}
