//! What was asked before is found again.

use std::path::Path;

use crate::{place::Place, run::object, workflow::checkout};

#[test]
fn questions_and_sessions_are_found_by_their_words_and_forgotten_on_demand() {
    let place = Place::new("log");
    let ask = |question: &str| {
        let said = place.run(&["ask", question, "--offline", "--json"]);
        object(&said);
    };
    ask("Name three rivers in Asia");
    ask("Explain a mutex");
    let said = place.run(&["ask", "A secret plan", "--offline", "--no-log"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let mut off = place.command(&["ask", "Another secret plan", "--offline"]);
    assert_eq!(crate::run(off.env("FORGE_HISTORY", "off")).code, Some(0));
    let run = object(&place.run(&["run", "Plan a river cruise", "--offline", "--json"]));

    let listed = place.run(&["log"]).stdout;
    let rows: Vec<&str> = listed.lines().collect();
    assert_eq!(rows.len(), 4, "{listed}");
    assert!(rows[1].contains("run (simulated)") && rows[1].contains("river cruise"), "{listed}");
    assert!(rows[3].contains("ask (simulated)") && rows[3].contains("rivers in Asia"), "{listed}");
    assert!(!listed.contains("secret"), "{listed}");

    let found = object(&place.run(&["log", "RIVER", "--json"]));
    let entries = found["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{found}");
    assert_eq!(entries[0]["session"], run["session"]);
    let one = place.run(&["log", "--id", entries[1]["id"].as_str().unwrap()]).stdout;
    assert!(
        one.starts_with("SIMULATED\n\n> Name three rivers in Asia\n") && one.contains("Simulated reply"),
        "{one}"
    );
    let whole = place.run(&["log", "--id", run["session"].as_str().unwrap()]).stdout;
    assert!(whole.contains("Plan a river cruise") && whole.contains("SIMULATED"), "{whole}");
    assert_eq!(place.run(&["log", "-n", "1"]).stdout.lines().count(), 2);
    assert_eq!(place.run(&["log", "--since", "2099-01-01"]).stdout, "");
    assert_eq!(place.run(&["log", "--id", "nothing"]).code, Some(2));

    // A line that was torn hides no other.
    let file = std::fs::read_dir(place.path("log")).unwrap().next().unwrap().unwrap().path();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{{\"at\": \"2026\n{text}")).unwrap();
    assert_eq!(place.run(&["log"]).stdout.lines().count(), 4);

    let folder = place.path("work");
    checkout("greeting", Path::new(&folder));
    let mut workflow =
        place.command(&["workflow", "start", "Swim across a river", "--no-clarify", "--offline"]);
    workflow.current_dir(folder).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    crate::run(&mut workflow);
    let found = object(&place.run(&["log", "across", "--json"]));
    let entries = found["entries"].as_array().unwrap();
    assert_eq!(
        (entries.len(), &entries[0]["kind"], &entries[0]["simulated"]),
        (1, &"workflow".into(), &true.into())
    );
    let id = entries[0]["id"].as_str().unwrap();
    assert!(place.run(&["log"]).stdout.lines().nth(1).unwrap().contains("workflow (simulated)"));
    assert!(place.run(&["log", "--id", id]).stderr.contains(&format!("forge workflow show {id} --offline")));
    assert_eq!(place.run(&["log", "across", "--since", "2099-01-01"]).stdout, "");

    let said = place.run(&["log", "--clear"]);
    assert!(said.stderr.contains("2 questions were deleted"), "{}", said.stderr);
    assert_eq!(place.run(&["log"]).stdout.lines().count(), 3, "sessions and workflows stay");
}
