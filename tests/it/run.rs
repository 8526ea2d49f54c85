//! Whole sessions, as a user of the command has them.

use std::{collections::BTreeMap, process::Stdio};

use forge_sim::{Scenario, Sim, Vendor};
use serde_json::Value;

use crate::{Said, place::Place, with_sim};

pub(crate) const TOPIC: &str = "Design a rate limiter for a public HTTP API";

/// Anthropic drafts and merges, the others judge, OpenAI checks.
pub(crate) const CAST: &str = r"
roles:
  drafter:     { provider: claude }
  critic:      { panel: [gpt, gemini] }
  synthesizer: { provider: claude }
  reviewer:    { provider: gpt }
retry: { max_attempts: 1 }
session: { critics: 2, required: 1, cycles: 1 }
";

pub(crate) fn object(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"))
}

/// How often each vendor was asked.
fn asked(sim: &Sim) -> [usize; 3] {
    [Vendor::Anthropic, Vendor::OpenAi, Vendor::Google]
        .map(|vendor| sim.journal().iter().filter(|one| one.vendor == Some(vendor)).count())
}

/// The second call to Anthropic, the synthesis, gets no answer.
const HANGING_SYNTHESIS: &str = "rules: [{ vendor: anthropic, nth: 2, stall: { before_headers: 600000 } }]";

#[test]
fn on_a_machine_without_anything_a_whole_session_runs_and_says_that_it_is_simulated() {
    let place = Place::new("offline");
    let said = place.run(&["run", TOPIC, "--offline", "-o", &place.path("result.html")]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.starts_with("SIMULATED: offline"), "{}", said.stderr);
    for stage in ["draft ", "critique ", "synthesis ", "check ", "done: a blind panel found nothing"] {
        assert!(said.stderr.lines().any(|line| line.starts_with(stage)), "{stage}: {}", said.stderr);
    }
    assert!(said.stderr.contains("draft     anthropic/claude-sonnet-5-5"), "{}", said.stderr);
    assert!(
        !said.stderr.contains("failed") && !said.stderr.contains("warning"),
        "a calm first run: {}",
        said.stderr
    );
    let page = std::fs::read_to_string(place.path("result.html")).unwrap();
    assert!(page.contains("SIMULATED") && page.contains("<svg") && !page.contains("<script"));
    assert!(
        page.contains("id=\"difference\"") && page.contains("<ins>"),
        "the draft and the document differ"
    );

    let listed = object(&place.run(&["sessions", "list", "--offline", "--json"]));
    let id = listed["sessions"][0]["session"].as_str().unwrap().to_owned();
    assert_eq!(listed["sessions"][0]["status"], "converged");
    let shown = place.run(&["sessions", "show", &id, "--offline"]);
    assert!(shown.stdout.contains("SIMULATED") && shown.stdout.contains("### Findings"), "{}", shown.stdout);
    let exported = object(&place.run(&["sessions", "export", &id, "--offline", "--format", "json"]));
    assert_eq!((&exported["simulated"], &exported["label"]), (&Value::Bool(true), &"synthesis".into()));
    assert!(exported["findings"].as_array().unwrap().len() > 1);
    assert!(exported["total"]["cost_nano_usd"].as_u64().unwrap() > 0);
    let findings = object(&place.run(&["sessions", "show", &id, "--offline", "--findings"]));
    assert_eq!(findings["findings"], exported["findings"]);
    assert_eq!(place.run(&["sessions", "delete", &id, "--offline"]).code, Some(0));
    assert_eq!(place.run(&["sessions", "show", &id, "--offline"]).code, Some(2));
}

#[test]
fn an_accident_is_rehearsed_on_demand_and_never_with_real_vendors() {
    let place = Place::new("inject");
    let said = place.run(&["run", TOPIC, "--offline", "--inject", "529@anthropic"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stderr.contains("draft     anthropic/claude-sonnet-5-5")
            && said.stderr.contains(" failed after "),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("draft     openai/gpt-6.2-sol"),
        "another drafter stands in: {}",
        said.stderr
    );
    let said = place.run(&["ask", "hello", "--offline", "--provider", "openai", "--inject", "429@openai"]);
    assert!(said.code == Some(3) && said.stderr.contains("E010"), "{}", said.stderr);
    for wrong in ["529", "529@nobody", "anger@openai", "@", "529@", "@openai"] {
        let said = place.run(&["ask", "hello", "--offline", "--inject", wrong]);
        assert_eq!(said.code, Some(2), "{wrong}: {}", said.stderr);
    }
    with_sim("{}", |sim| {
        let place = Place::with("inject-real", sim, CAST);
        let said = place.run(&["ask", "hello", "--inject", "529@anthropic"]);
        assert!(said.code == Some(2) && said.stderr.contains("--offline"), "{}", said.stderr);
        assert!(sim.journal().is_empty());
    });
}

#[test]
fn a_killed_session_goes_on_and_no_finished_call_is_made_again() {
    with_sim(HANGING_SYNTHESIS, |sim| {
        let place = Place::with("killed", sim, CAST);
        let mut child =
            place.command(&["run", TOPIC]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while asked(sim)[0] < 2 {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(asked(sim), [2, 1, 1], "both critics have answered");

        sim.set_scenario(Scenario::default()).unwrap();
        let listed = object(&place.run(&["sessions", "list", "--json"]));
        let id = listed["sessions"][0]["session"].as_str().unwrap();
        let said = place.run(&["resume", id, "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let result = object(&said);
        assert_eq!((&result["label"], &result["session"]), (&"synthesis".into(), &id.into()));
        assert_eq!(asked(sim), [3, 2, 1], "the synthesis again, and the check for the first time");
        let again = place.run(&["resume", id, "--json"]);
        assert_eq!(object(&again)["document"], result["document"]);
        assert_eq!(asked(sim), [3, 2, 1], "what has ended stays as it is");
    });
}

#[test]
fn an_interrupt_ends_the_session_cleanly_and_says_how_to_go_on() {
    with_sim(HANGING_SYNTHESIS, |sim| {
        let place = Place::with("interrupted", sim, CAST);
        let child =
            place.command(&["run", TOPIC]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while asked(sim)[0] < 2 {
            std::thread::yield_now();
        }
        let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        let id = stderr.lines().find_map(|line| line.split_once("continue with: forge resume ")).unwrap().1;
        sim.set_scenario(Scenario::default()).unwrap();
        let said = place.run(&["resume", id, "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_eq!(object(&said)["label"], "synthesis");
    });
}

#[test]
fn with_dead_vendors_the_result_is_labelled() {
    let critics = "{ vendor: openai, error: { kind: server } }, { vendor: google, error: { kind: server } }";
    for (dead, label, code) in [
        (critics, "draft", 5),
        ("{ vendor: anthropic, nth: \"2..9\", error: { kind: server } }", "draft", 5),
        ("{ vendor: google, error: { kind: server } }", "synthesis", 0),
        ("{ error: { kind: server } }", "nothing", 3),
    ] {
        with_sim(&format!("rules: [{dead}]"), |sim| {
            let place = Place::with("dead", sim, CAST);
            let said = place.run(&["run", TOPIC, "--json"]);
            let result = object(&said);
            assert_eq!(result["label"], label, "{dead}: {}", said.stderr);
            assert_eq!(said.code, Some(code), "{dead}: {}", said.stderr);
            assert!(!result["degraded"].as_array().unwrap().is_empty(), "{dead}: {}", said.stdout);
        });
    }
}

#[test]
fn the_accounts_know_the_session_and_the_budget_holds() {
    with_sim("{}", |sim| {
        let place = Place::with("accounts", sim, CAST);
        let result = object(&place.run(&["run", TOPIC, "--json"]));
        let id = result["session"].as_str().unwrap();
        let summary =
            object(&place.run(&["metrics", "summary", "--session", id, "--by", "role", "--format", "json"]));
        let roles: BTreeMap<&str, u64> = summary["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["role"].as_str().unwrap(), row["calls"].as_u64().unwrap()))
            .collect();
        assert_eq!(roles, [("critic", 2), ("drafter", 1), ("reviewer", 1), ("synthesizer", 1)].into());
        assert_eq!(summary["total"]["cost_nano_usd"], result["total"]["cost_nano_usd"]);

        let calls = sim.journal().len();
        let said = place.run(&["run", TOPIC, "--max-cost", "0.0001", "--json"]);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        assert_eq!(sim.journal().len(), calls, "nothing is sent that does not fit");
        let said = place.run(&["run", TOPIC, "--dry-run"]);
        assert!(said.stdout.contains("one cycle") && sim.journal().len() == calls, "{}", said.stdout);
    });
}

#[test]
fn a_session_in_plain_files_can_be_read_by_another_run() {
    with_sim("{}", |sim| {
        let place = Place::with("files", sim, CAST);
        let result = object(&place.run(&["run", TOPIC, "--journal", &place.path("sessions"), "--json"]));
        let id = result["session"].as_str().unwrap();
        let calls = sim.journal().len();
        let again = object(&place.run(&["resume", id, "--journal", &place.path("sessions"), "--json"]));
        assert_eq!((&again["document"], sim.journal().len()), (&result["document"], calls));
        let folder = place.path("sessions");
        let exported =
            object(&place.run(&["sessions", "export", id, "--journal", &folder, "--format", "json"]));
        assert_eq!(exported, again);
        let elsewhere = place.path("elsewhere");
        assert_eq!(place.run(&["sessions", "show", id, "--journal", &elsewhere]).code, Some(2));
        assert!(!std::path::Path::new(&elsewhere).exists(), "reading leaves nothing behind");
    });
}

#[test]
fn what_cannot_be_run_is_a_usage_error() {
    let place = Place::new("usage");
    std::fs::write(place.path("binary"), [0xff, 0xfe, 0x00]).unwrap();
    for arguments in [
        &["run"][..],
        &["run", " ", "--offline"],
        &["run", "x", "--offline", "--reference", "/no/such/file"],
        &["run", "x", "--offline", "--reference", &place.path("binary")],
        &["run", "x", "--offline", "--critics", "0"],
        &["run", "x", "--offline", "--max-cost", "-1"],
        &["resume", "../x", "--offline"],
        &["resume", "20990101-000000-none", "--offline"],
        &["sessions", "show", "nobody", "--offline"],
    ] {
        let said = place.run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_document_of_several_pages_comes_back_with_anchored_findings_and_a_decision_on_each() {
    let place = Place::new("reference");
    let design = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/design.md");
    let task = "Improve the proposal in the reference.";
    let said =
        place.run(&["run", task, "--offline", "--output-type", "design", "--reference", design, "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let result = object(&said);
    assert_eq!(result["label"], "synthesis");
    let findings = result["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(finding["anchored"], true, "{finding}");
        assert!(finding["disposition"]["decision"].is_string(), "{finding}");
    }
}

#[test]
fn an_attended_session_asks_after_each_cycle() {
    let place = Place::new("attended");
    let mut command = place.command(&["run", TOPIC, "--offline", "--attended", "--json"]);
    let said = crate::run_with_input(&mut command, "what?\naccept\nhelp\nskip\n");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for asked in
        ["conflict about ", "accept | choose N", "cycle 1 is over", "continue | skip | feedback TEXT"]
    {
        assert!(said.stderr.contains(asked), "{asked}: {}", said.stderr);
    }
    assert_eq!(object(&said)["decisions"]["1"], "skip");

    let said = crate::run_with_input(&mut place.command(&["run", TOPIC, "--offline", "--attended"]), "");
    assert_eq!(said.code, Some(130), "nobody answers: {}", said.stderr);
    assert!(said.stderr.contains("continue with: forge resume "), "{}", said.stderr);
}

#[test]
fn who_breaks_off_is_told_the_whole_command_to_go_on_and_may_attend_from_there() {
    let place = Place::new("attend-later");
    let folder = place.path("sessions");
    let begun = ["run", TOPIC, "--offline", "--attended", "--journal", &folder];
    let said = crate::run_with_input(&mut place.command(&begun), "");
    let told = said.stderr.lines().find_map(|line| line.split_once("continue with: forge ")).unwrap().1;
    let words: Vec<&str> = told.split(' ').collect();
    let said = crate::run_with_input(&mut place.command(&words), "");
    assert_eq!(said.code, Some(0), "{}", said.stderr);

    let begun = ["run", TOPIC, "--offline", "--json", "--journal", &folder];
    let id = object(&place.run(&begun))["session"].as_str().unwrap().to_owned();
    let later = ["resume", &id, "--offline", "--attended", "--json", "--journal", &folder];
    let said = crate::run_with_input(&mut place.command(&later), "accept\nskip\n");
    assert!(said.stderr.contains("cycle 2 is over"), "{}", said.stderr);
}

#[test]
fn a_session_that_cannot_be_read_does_not_hide_the_others_and_an_empty_one_is_none() {
    let place = Place::new("unreadable");
    assert_eq!(place.run(&["run", TOPIC, "--offline", "--mode", "direct"]).code, Some(0));
    let accounts = rusqlite::Connection::open(place.path("simulated.db")).unwrap();
    let copy = |name: &str, entries: u32| {
        let copied = "INSERT INTO journal_streams (name, fence, lease, lease_until, entries, bytes, created_at, updated_at)
                      SELECT ?1, fence, lease, lease_until, ?2, bytes, created_at, updated_at FROM journal_streams LIMIT 1";
        accounts.execute(copied, (name, entries)).unwrap();
    };
    let listed = || place.run(&["sessions", "list", "--offline", "--json"]);
    copy("empty", 0);
    let said = listed();
    assert_eq!((said.code, object(&said)["sessions"].as_array().unwrap().len()), (Some(0), 1), "{said:?}");
    copy("lost", 1);
    let said = listed();
    assert_eq!((said.code, object(&said)["sessions"].as_array().unwrap().len()), (Some(1), 1), "{said:?}");
    assert!(said.stderr.contains("`lost`"), "{}", said.stderr);
}

#[test]
fn prompts_of_the_users_own_are_sent_and_wrong_ones_are_refused_before_anything_is() {
    with_sim("", |sim| {
        let cast = format!("{CAST}\n").replace("cycles: 1 }", "cycles: 1, prompts: templates }");
        let place = Place::with("prompts", sim, &cast);
        std::fs::create_dir(place.path("templates")).unwrap();
        std::fs::write(place.path("templates/draft.system.jinja"), "Draft in verse. {{ rubrik }}").unwrap();
        let refused = place.run(&["run", TOPIC, "--mode", "direct"]);
        assert_eq!((refused.code, sim.journal().len()), (Some(2), 0), "{}", refused.stderr);
        assert!(
            refused
                .stderr
                .contains("templates/draft.system.jinja:1:20: error[E142]: `rubrik` is not declared"),
            "{}",
            refused.stderr
        );
        std::fs::write(place.path("templates/draft.system.jinja"), "Draft in verse.").unwrap();
        assert_eq!(place.run(&["run", TOPIC, "--mode", "direct"]).code, Some(0));
        assert!(sim.journal()[0].body.to_string().contains("Draft in verse."), "{:?}", sim.journal()[0]);
        let missing = place.run(&["run", TOPIC, "--prompts", "nowhere"]);
        assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    });
}

#[test]
fn what_happens_is_told_line_by_line_with_the_result_at_the_end() {
    let place = Place::new("jsonl");
    let arguments = ["run", TOPIC, "--offline", "--mode", "direct", "--jsonl"];
    let said = place.run(&arguments);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let session = said.stderr.lines().find_map(|line| line.strip_prefix("session ")).unwrap();
    for line in &lines {
        assert_eq!((&line["version"], &line["session"]), (&"1.0".into(), &session.into()), "{line}");
    }
    assert_eq!(lines[0]["type"], "session_started");
    let (last, before) = lines.split_last().unwrap();
    assert_eq!(last["type"], "completed");
    assert!(before.iter().all(|line| line["type"] != "completed" && line["result"].is_null()));
    let shown = place.run(&["sessions", "export", session, "--offline", "--format", "json"]);
    let exported: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(last["result"]["document"], exported["document"]);
    assert_eq!(last["result"]["total"], exported["total"]);

    // Lines that are lost are a failure; a reader that has seen enough is none.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = place.command(&arguments);
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = place.command(&arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_simulated_vendors_made_is_found_and_told_apart() {
    let place = Place::new("both");
    let said = place.run(&["run", TOPIC, "--offline", "--mode", "direct"]);
    let id = said.stderr.lines().find_map(|line| line.strip_prefix("session ")).unwrap().to_owned();
    let listed = place.run(&["sessions", "list"]);
    assert!(listed.stderr.contains("and 1 simulated: with `--offline`"), "{}", listed.stderr);
    assert!(place.run(&["sessions", "list", "--offline"]).stdout.contains(&id));
    for arguments in [&["sessions", "show", &id][..], &["sessions", "export", &id]] {
        let shown = place.run(arguments);
        assert!(shown.code == Some(0) && shown.stdout.contains("SIMULATED"), "{}", shown.stderr);
    }
    let summary = place.run(&["metrics", "summary"]);
    assert!(summary.stderr.contains("simulated ones: with `--offline`"), "{}", summary.stderr);
    let resumed = place.run(&["resume", &id, "--offline"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_eq!(place.run(&["sessions", "delete", &id]).code, Some(0));
    assert_eq!(place.run(&["sessions", "show", &id]).code, Some(2));
    assert_eq!(place.run(&["sessions", "delete", &id]).code, Some(2));
}

#[test]
fn a_run_without_a_document_writes_over_nothing() {
    with_sim("rules: [{ error: { kind: server } }]", |sim| {
        let place = Place::with("kept-output", sim, CAST);
        let good = place.path("good.md");
        std::fs::write(&good, "# Good\n").unwrap();
        let said = place.run(&["run", TOPIC, "--mode", "direct", "-o", &good]);
        assert_eq!(said.code, Some(3), "{}", said.stderr);
        assert!(said.stderr.contains("stays as it was"), "{}", said.stderr);
        assert_eq!(std::fs::read_to_string(&good).unwrap(), "# Good\n");
    });
}
