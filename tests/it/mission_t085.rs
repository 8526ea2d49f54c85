//! Whole workflows over three vendors and four roles, ten of them at once, while one vendor fails for a while.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Instant};

use forge_sim::Sim;
use serde_json::{Value, json};

use crate::{kills::number, place::Place, run, run::object, with_sim, workflow::checkout};

/// How many workflows run at once.
const WORKFLOWS: usize = 10;

/// How many requests the failing vendor refuses before it is well again.
const REFUSED: usize = 12;

/// Each role has a vendor of its own and one that stands in. Nothing is tried twice at the same vendor, so that each refusal is one
/// change of the vendor.
const ROLES: &str = "\
roles:
  clarifier: { provider: gemini, fallback: [gpt] }
  planner:   { provider: claude, fallback: [gpt] }
  coder:     { provider: gpt, fallback: [gemini] }
  reviewer:  { provider: claude, fallback: [gemini] }
retry: { max_attempts: 1 }
hooks:
  seen: { event: PreEdit, run: [\"true\"] }
";

/// Whom each role asks first, and who stands in.
const CAST: [(&str, &str, &str); 4] = [
    ("clarifier", "gemini", "gpt"),
    ("planner", "claude", "gpt"),
    ("coder", "gpt", "gemini"),
    ("reviewer", "claude", "gemini"),
];

#[test]
fn mission_t085() {
    let failing =
        format!("rules: [{{ vendor: anthropic, nth: \"1..{REFUSED}\", error: {{ kind: overloaded }} }}]");
    with_sim(&failing, whole_workflows);
}

fn whole_workflows(sim: &Sim) {
    let place = Place::with("mission-t085", sim, ROLES);
    let stages = run_all(&place);
    assert!(stages.iter().all(|stage| stage == "awaiting_merge"), "{stages:?}");

    let attempts = rows(&place, "SELECT workflow, role, provider, status, error, fallback FROM model_usage");
    let refused: Vec<_> = attempts.iter().filter(|row| row["status"] != "success").collect();
    assert_eq!(refused.len(), REFUSED, "{refused:#?}");
    for row in &refused {
        assert_eq!((&row["provider"], &row["status"]), (&"claude".into(), &"retry".into()), "{row}");
    }
    the_log_says_who_did_what(&place, &attempts);

    the_database_says_what_ran(&place);

    let total = &object(&place.run(&["metrics", "summary", "--json"]))["total"];
    let counted =
        ["attempts", "retries", "failures", "fallbacks"].map(|field| total[field].as_u64().unwrap());
    assert_eq!(counted, [attempts.len(), REFUSED, 0, REFUSED].map(|count| count as u64), "{total:#}");

    // A choice looks at each provider at most once.
    for (role, first, _) in CAST {
        let explained = object(&place.run(&["route", "explain", "--role", role, "--json"]));
        let candidates = explained["candidates"].as_array().unwrap();
        assert!((1..=3).contains(&candidates.len()), "{explained:#}");
        assert_eq!(explained["chosen"]["provider"], first, "{explained:#}");
    }

    no_file_holds_the_key(Path::new(&place.path("")));
    assert!(sim.journal().iter().all(|request| !request.path.contains("canary")), "a key in an address");
}

/// What a workflow takes among ten. In long runs each answer takes as long as one of a fast model. The times are for reading.
#[test]
#[allow(clippy::print_stdout, reason = "what was measured is shown beside the result")]
fn mission_t085_at_once() {
    let pause = 100 * number("FORGE_TEST_SCALE").unwrap_or(1).min(10);
    with_sim(&format!("latency: [{{ first_byte_ms: {{ fixed: {pause} }} }}]"), |sim| {
        let place = Place::with("mission-t085-at-once", sim, ROLES);
        let timed = |numbers: std::ops::Range<usize>| {
            let begun = Instant::now();
            let stages = thread::scope(|scope| {
                let place = &place;
                let running: Vec<_> =
                    numbers.map(|number| scope.spawn(move || run_one(place, number))).collect();
                running.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(stages.iter().all(|stage| stage == "awaiting_merge"), "{stages:?}");
            begun.elapsed()
        };
        // The longest of the three tasks is among both.
        let (alone, among) = (timed(1..2), timed(2..2 + WORKFLOWS));
        let begun = Instant::now();
        object(&place.run(&["metrics", "summary", "--json"]));
        println!(
            "answers after {pause} ms: one workflow {alone:.2?}, {WORKFLOWS} at once {among:.2?} ({:.2} times as long); the figures of them all {:.0?}",
            among.as_secs_f64() / alone.as_secs_f64(),
            begun.elapsed()
        );
        assert_eq!(rows(&place, "SELECT workflow FROM workflows").len(), 1 + WORKFLOWS);
    });
}

/// Runs all of them at once, each in a repository and in processes of its own, and says where they stand.
fn run_all(place: &Place) -> Vec<String> {
    thread::scope(|scope| {
        let running: Vec<_> =
            (0..WORKFLOWS).map(|number| scope.spawn(move || run_one(place, number))).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// Plans, has the plan approved and carries it out.
fn run_one(place: &Place, number: usize) -> String {
    let folder = place.path(&format!("work-{number}"));
    checkout(["greeting", "totals", "links"][number % 3], Path::new(&folder));
    let task = fs::read_to_string(Path::new(&folder).join("task.txt")).unwrap();
    let forge = |arguments: &[&str]| {
        let mut command = place.command(&["workflow"]);
        command
            .args(arguments)
            .arg("--json")
            .current_dir(&folder)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let said = run(&mut command);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains("canary"), "{said:?}");
        object(&said)["stage"].as_str().unwrap().to_owned()
    };
    assert_eq!(forge(&["start", task.trim(), "--check", "sh check.sh"]), "awaiting_approval");
    forge(&["approve"])
}

/// Every stage of every workflow is in the log, with the vendor of its role or the one that stood in, as often as that vendor was
/// refused.
fn the_log_says_who_did_what(place: &Place, attempts: &[Value]) {
    let log = rows(place, "SELECT task, role, provider, attempts, state FROM tasks");
    let mut done: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for row in &log {
        assert_eq!(row["state"], "completed", "{row}");
        let [role, provider] = ["role", "provider"].map(|key| row[key].as_str().unwrap());
        *done.entry(role).or_default().entry(provider).or_default() += 1;
    }
    for (role, first, stand_in) in CAST {
        let providers = done.get(role).unwrap_or_else(|| panic!("nothing of the {role}: {done:?}"));
        assert!(
            providers.keys().all(|provider| [first, stand_in].contains(provider)),
            "{role}: {providers:?}"
        );
        assert!(providers.values().sum::<usize>() >= WORKFLOWS, "{role}: {providers:?}");
        let stood_in = providers.get(stand_in).copied().unwrap_or_default();
        let refused = attempts.iter().filter(|row| row["role"] == role && row["status"] == "retry").count();
        assert_eq!(stood_in, refused, "{role}: {providers:?}");
    }
    let well_again =
        done["planner"].get("claude").into_iter().chain(done["reviewer"].get("claude")).sum::<usize>();
    assert!(well_again > 0, "the vendor is asked again once it is well: {done:?}");
}

/// Workflows, agents and hooks have their rows, and what was done on the machine stands in the log.
fn the_database_says_what_ran(place: &Place) {
    let workflows = rows(place, "SELECT stage, count(*) AS count FROM workflows GROUP BY stage");
    assert_eq!(workflows, [json!({"stage": "awaiting_merge", "count": WORKFLOWS})]);
    let begun = rows(
        place,
        "SELECT count(*) AS count FROM workflows WHERE started_at LIKE '20%' AND workspace LIKE '%/work-_'",
    );
    assert_eq!(begun, [json!({"count": WORKFLOWS})]);
    let agents = rows(place, "SELECT agent, role FROM agents ORDER BY agent");
    let named = |agent: &str, role: &str| json!({"agent": agent, "role": role});
    let all =
        [("clarifier", "clarifier"), ("editor", "coder"), ("planner", "planner"), ("reviewer", "reviewer")];
    assert_eq!(agents, all.map(|(agent, role)| named(agent, role)));
    let edits = rows(place, "SELECT count(*) AS count FROM tasks WHERE role = 'coder'")[0]["count"].clone();
    let hooks = rows(place, "SELECT hook, event, runs, last_result, last_exit FROM hooks");
    let ran = json!({
        "hook": "seen", "event": "PreEdit", "runs": edits,
        "last_result": "allow", "last_exit": "ended with status 0",
    });
    assert_eq!(hooks, [ran]);

    assert_eq!(place.run(&["audit", "--verify"]).code, Some(0));
    let log = object(&place.run(&["audit", "--json"]));
    let entries = log["entries"].as_array().unwrap();
    let noted = |action: &str, subject: &str| {
        let is_it = |entry: &&Value| {
            entry["action"] == action && entry["subject"].as_str().unwrap().starts_with(subject)
        };
        entries.iter().filter(is_it).count()
    };
    assert!(noted("tool_allowed", "edit ") as u64 >= edits.as_u64().unwrap(), "{log:#}");
    assert_eq!(noted("tool_allowed", "run sh check.sh"), noted("command_ended", "sh check.sh"), "{log:#}");
    assert!(noted("command_ended", "sh check.sh") >= WORKFLOWS, "{log:#}");
}

fn rows(place: &Place, sql: &str) -> Vec<Value> {
    let said = run(&mut place.command(&["metrics", "sql", sql, "--format", "json"]));
    let result: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    result["rows"].as_array().unwrap_or_else(|| panic!("{result:#}")).clone()
}

fn no_file_holds_the_key(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_file_holds_the_key(&path);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|six| six == b"canary"), "{}", path.display());
        }
    }
}
