//! Whole sessions of the built command with a real model, a small one: it loops, runs into its limits, praises what is
//! not there and answers what was not asked. What it writes is worth little. What the result says of it must be true.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    command::forge,
    gate::{Asked, gate},
    python::{Real, say},
};

const TOPIC: &str = "A short note on how to boil water for tea in a kettle";

/// The names as which the servers answer; the first one's model writes.
const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// By stage: the most tokens of an answer, and the temperature.
const SETTINGS: [(&str, u64, f64); 4] =
    [("draft", 200, 0.6), ("critique", 240, 0.3), ("synthesis", 300, 0.2), ("check", 200, 0.1)];

/// With these the model loops less and invents more.
const VARIED: &str = ", frequency_penalty: 0.5, extra: { repeat_penalty: 1.1, repeat_last_n: 256 }";

const FIRST_EVENT: Duration = Duration::from_secs(240);
const GAP: Duration = Duration::from_secs(60);
const TOTAL: Duration = Duration::from_secs(420);
/// What a session may take beside its calls.
const OVERHEAD: Duration = Duration::from_secs(10);
/// Seats of the panel, all of which have to answer.
const CRITICS: u64 = 2;
/// How long a process may take before it is taken for one that hangs.
const PATIENCE: Duration = Duration::from_secs(25 * 60);

/// Sessions take turns: side by side they would only slow each other down.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command in a folder of its own, in front of the servers.
struct Place {
    folder: PathBuf,
    asked: Asked,
    _servers: Real,
}

/// What a process said.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    /// With a server for each of `names`, or one server for all of them, and `more` parameters of each role.
    fn start(test: &str, names: &[&str], more: &str) -> Option<Self> {
        let servers = Real::start(names)?;
        let folder = std::env::temp_dir().join(format!("forge-council-{test}-{}", std::process::id()));
        // What an earlier run has left behind.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let asked = Asked::default();
        let urls: Vec<String> = servers.urls.iter().map(|url| gate(url, &asked)).collect();
        let clocks = format!(
            "{{ first_event: {}s, gap: {}s, total: {}s }}",
            FIRST_EVENT.as_secs(),
            GAP.as_secs(),
            TOTAL.as_secs()
        );
        let provider = |(name, url): (&&str, &String)| {
            format!(
                "  by-{name}: {{ type: local, model: {name}, endpoint: \"{url}\", timeouts: {clocks} }}\n"
            )
        };
        let providers = NAMES.iter().zip(urls.iter().cycle()).map(provider).collect::<Vec<_>>().concat();
        let [draft, critique, synthesis, check] = SETTINGS.map(|(_, tokens, temperature)| {
            format!("parameters: {{ max_tokens: {tokens}, temperature: {temperature}, seed: 7{more} }}")
        });
        let text = format!(
            r#"schema_version: "1.0"
providers:
{providers}roles:
  drafter:     {{ provider: by-alpha, {draft} }}
  critic:      {{ panel: [by-beta, by-gamma], {critique} }}
  synthesizer: {{ provider: by-alpha, {synthesis} }}
  checker:     {{ provider: by-beta, fallback: [by-gamma], {check} }}
default_provider: by-alpha
retry: {{ max_attempts: 1 }}
session: {{ critics: {CRITICS}, required: {CRITICS}, cycles: 2 }}
"#
        );
        fs::write(folder.join("council.yaml"), text).unwrap();
        Some(Self { folder, asked, _servers: servers })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = forge();
        command.args(arguments).args(["--config", "council.yaml"]);
        command.current_dir(&self.folder).env("FORGE_HOME", self.folder.join("home"));
        command
    }

    /// Runs it to its end, which must come by itself.
    fn run(&self, arguments: &[&str]) -> Said {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id();
        let (ends, ended) = std::sync::mpsc::channel();
        let waits = thread::spawn(move || {
            let output = child.wait_with_output().unwrap();
            // Nobody listens any more when it took too long.
            let _ = ends.send(());
            output
        });
        let in_time = ended.recv_timeout(PATIENCE).is_ok();
        if !in_time {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        let output = waits.join().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said =
            Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(in_time, "it does not end: {}", said.stderr);
        said
    }

    /// A session from its beginning to its end, with everything that must hold of any.
    fn session(&self, mode: &str, seed: u64) -> Value {
        let before = self.asked.all().len();
        let said = self.run(&["run", TOPIC, "--mode", mode, "--seed", &seed.to_string(), "--json"]);
        let result = self.judge(mode, &said);
        let asked = self.asked.all().split_off(before);
        assert_eq!(asked.len(), list(&result, "calls").len(), "a call is a request: {asked:#?}");
        asked.iter().for_each(obeys_the_file);
        result
    }

    /// Says what came of a session, and whether its words are true.
    fn judge(&self, mode: &str, said: &Said) -> Value {
        let result: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
        let shown = self.run(&["sessions", "show", text(&result, "session")]).stdout;
        let head: Vec<&str> = shown.lines().take_while(|line| line.starts_with('>')).collect();
        let calls = list(&result, "calls").len();
        let took = Duration::from_millis(number(&result, "duration_ms"));
        say(&format!("{mode}: exit {:?}, {calls} calls, {took:.1?}\n{}", said.code, head.join("\n")));
        honest(&result, said.code, &head);
        in_time(&result);
        within_limits(&result);
        result
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() {
            say(&format!("what is left of it: {}", self.folder.display()));
        } else {
            // A folder that stays behind harms nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of[key].as_array().unwrap_or_else(|| panic!("no list {key}: {of:#}"))
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("no text {key}: {of:#}"))
}

fn number(of: &Value, key: &str) -> u64 {
    of[key].as_u64().unwrap_or_else(|| panic!("no number {key}: {of:#}"))
}

/// The settings of the stage of a call.
fn settings(stage: &str) -> (u64, f64) {
    let found = SETTINGS.iter().find(|(name, ..)| *name == stage);
    found.map(|(_, tokens, temperature)| (*tokens, *temperature)).expect("a stage")
}

/// A request has the limit and the temperature of a role of the file.
fn obeys_the_file(request: &Value) {
    let system = request["messages"][0]["content"].as_str().unwrap().to_lowercase();
    let of_stage = SETTINGS.iter().find(|(stage, ..)| system.contains(&format!("# {stage}\n")));
    let Some((_, tokens, temperature)) = of_stage else { panic!("of no stage: {request:#}") };
    assert!(number(request, "max_tokens") <= *tokens, "{request:#}");
    assert_eq!(request["temperature"].as_f64(), Some(*temperature), "{request:#}");
    assert_eq!(request["seed"], 7, "{request:#}");
}

/// No answer is longer than the file says.
fn within_limits(result: &Value) {
    for call in list(result, "calls") {
        let (tokens, _) = settings(text(&call["call"], "stage"));
        assert!(number(&call["usage"], "output_tokens") <= tokens, "{call:#}");
    }
}

/// No call takes longer than the file says, none is ended before, and nothing else takes time.
fn in_time(result: &Value) {
    let second = Duration::from_secs(1);
    for call in list(result, "calls") {
        // Nobody knows how long a call took that died with its run, and the result says that it did.
        if call["duration_ms"].is_null() {
            assert!(text(call, "error").contains("its run ended"), "{call:#}");
            continue;
        }
        let took = Duration::from_millis(number(call, "duration_ms"));
        assert!(took <= TOTAL + second, "{call:#}");
        let error = call["error"].as_str().unwrap_or_default();
        // The shortest of the clocks that can have run out.
        let is_cut = error.contains("timed out") || error.contains("within");
        assert!(!is_cut || took + second >= GAP, "cut too early: {call:#}");
    }
    let (wall, path) = (number(result, "duration_ms"), number(result, "critical_path_ms"));
    assert!(
        wall <= path + u64::try_from(OVERHEAD.as_millis()).unwrap(),
        "{wall} ms, {path} ms of them in calls"
    );
}

/// Who said anything in the critiques of a cycle: found a fault, or praised a passage that is there.
fn voices(result: &Value, cycle: u64) -> BTreeSet<&str> {
    let raised = list(result, "findings").iter().flat_map(|finding| list(finding, "raised_by"));
    let raised = raised.filter(|one| one["seat"].is_u64());
    let praised = list(result, "strengths").iter().filter(|one| one["anchored"] == true);
    let of_cycle = raised.chain(praised).filter(|one| one["cycle"] == cycle);
    of_cycle.map(|one| text(one, "who")).collect()
}

/// What the result says of itself is true by its own calls, and what is less than it should be stands on top.
fn honest(result: &Value, code: Option<i32>, head: &[&str]) {
    let (status, stop) = (text(result, "status"), text(result, "stop_reason"));
    let (mode, label) = (text(result, "mode"), text(result, "label"));
    let panels = list(result, "panels");
    let is_good = ["converged", "settled"].contains(&status);
    let is_poor = match (status, stop) {
        ("converged" | "settled", _) => false,
        ("aborted" | "timed_out", _) => true,
        _ if mode == "direct" => false,
        (_, "below_quorum" | "unchecked" | "no_critic" | "no_synthesis") => true,
        // A draft that is not revised, but for one in which nothing had to be.
        _ => label == "draft" && !["all_stages_done", "contested"].contains(&stop),
    };
    let expected = match (stop, label) {
        ("budget", _) => 4,
        (_, "nothing") => 3,
        _ if is_poor => 5,
        _ => 0,
    };
    assert_eq!(code, Some(expected), "{status}, {stop}, {label}");
    assert_eq!(label == "nothing", text(result, "document").trim().is_empty());

    for panel in panels {
        let (cycle, spoke) = (number(panel, "cycle"), number(panel, "spoke"));
        let voices = voices(result, cycle);
        assert!(spoke <= voices.len() as u64, "{spoke} spoke in {panel:#}, but these: {voices:?}");
        let answered: BTreeSet<u64> = list(result, "calls")
            .iter()
            .filter(|call| call["call"]["stage"] == "critique" && call["error"].is_null())
            .filter(|call| number(&call["call"], "cycle") <= cycle)
            .map(|call| number(&call["call"], "seat"))
            .collect();
        assert!(number(panel, "answered") <= answered.len() as u64, "{panel:#}");
        let wanted = if mode == "council" { CRITICS } else { 1 };
        assert_eq!(number(panel, "wanted"), wanted);
        assert_eq!(panel["quorum"], spoke >= wanted, "{panel:#}");
        let is_told =
            list(result, "degraded").iter().any(|less| less["stage"] == "critique" && less["cycle"] == cycle);
        assert!(spoke == wanted || is_told, "silent critics are not told of: {panel:#}");
    }
    if let Some(last) = panels.last() {
        assert!(!is_good || last["quorum"] == true, "{status} over {last:#}");
        // A session may end for another reason before its last panel is weighed.
        assert!(stop != "below_quorum" || last["quorum"] == false, "{stop} after {last:#}");
    }
    if is_good {
        assert!(mode != "direct" && !panels.is_empty(), "{status}, and nobody has read it");
        assert!(list(result, "findings").iter().all(|one| one["state"] != "open"
            || ["minor", "nit"].iter().any(|mild| one["remark"]["severity"] == *mild)));
    }
    if status == "converged" {
        assert!(mode == "council" && panels.len() > 1, "a first panel alone proves nothing");
        assert_eq!(panels[panels.len() - 1]["dry"], true);
    }

    let less = list(result, "degraded");
    assert!(!is_poor || !less.is_empty(), "{stop}, and no reason");
    for reason in less {
        let reason = text(reason, "reason").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(head.iter().any(|line| line.contains(&reason)), "not on top: {reason}");
    }
    // What was asked, a line between, and the outcome stand there in any case.
    assert!(!is_poor || head.len() > 3, "no banner: {head:?}");
    let word = status.replace('_', " ");
    assert!(head.iter().any(|line| line.starts_with("> **") && line.contains(&word)), "{word}: {head:?}");
}

#[test]
fn a_small_model_writes_a_draft_that_claims_nothing_more() {
    let _turn = turn();
    let Some(place) = Place::start("direct", &NAMES[..1], "") else { return };
    let result = place.session("direct", 1);
    assert_eq!((text(&result, "status"), text(&result, "label")), ("complete", "draft"));
    assert_eq!(list(&result, "calls").len(), 1);
}

#[test]
fn a_review_by_a_small_model_says_what_it_was_worth() {
    let _turn = turn();
    let Some(place) = Place::start("review", &NAMES, VARIED) else { return };
    let result = place.session("review", 1);
    assert_ne!(result["status"], "converged", "one critic alone is never enough");
}

/// As many sessions as `FORGE_TEST_SCALE` says.
#[test]
fn a_council_of_small_models_claims_no_more_than_was_said() {
    let _turn = turn();
    let Some(place) = Place::start("council", &NAMES, "") else { return };
    let scale = std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    for seed in 1..=scale.unwrap_or(1) {
        let result = place.session("council", seed);
        assert!(number(&result, "cycles") <= 2);
    }
}

#[test]
fn one_model_behind_three_names_does_not_judge_its_own_text() {
    let _turn = turn();
    let Some(place) = Place::start("one", &NAMES[..1], "") else { return };
    let result = place.session("council", 1);
    let outcome = (text(&result, "status"), text(&result, "stop_reason"), text(&result, "label"));
    assert_eq!(outcome, ("complete", "no_critic", "draft"));
    assert_eq!(list(&result, "findings").len(), 0, "what the author says of its text counts nowhere");
}

#[test]
fn a_killed_council_goes_on_and_no_finished_call_is_made_again() {
    let _turn = turn();
    let Some(place) = Place::start("killed", &NAMES, "") else { return };
    let mut run = place.command(&["run", TOPIC, "--seed", "2", "--json"]);
    let mut child = Started(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let finished = |calls: &[Value]| -> Vec<Value> {
        calls.iter().filter(|call| call["duration_ms"].is_u64()).cloned().collect()
    };
    let begun = Instant::now();
    let mut session = None;
    let killed = loop {
        let calls = sessions(&place, &mut session);
        let is_over = child.0.try_wait().unwrap().is_some();
        if is_over || begun.elapsed() > PATIENCE || !finished(&calls).is_empty() {
            child.0.kill().unwrap();
            break child.0.wait().unwrap().code().is_none();
        }
        thread::sleep(Duration::from_millis(200));
    };
    assert!(killed, "it was still at work");
    let sent = place.asked.all().len();
    let before = finished(&sessions(&place, &mut session));
    let in_flight = sent - before.len();
    assert!(!before.is_empty() && in_flight <= usize::try_from(CRITICS).unwrap(), "{sent} sent, {before:#?}");

    let id = session.expect("a session");
    let said = place.run(&["resume", &id, "--json"]);
    let result = place.judge("killed and resumed", &said);
    say(&format!("killed with {} calls finished and {in_flight} under way", before.len()));
    assert_eq!(text(&result, "session"), id);
    let calls = list(&result, "calls");
    for call in &before {
        assert!(calls.contains(call), "changed or made again: {call:#}");
    }
    let asked = place.asked.all();
    // Those that died with the first run are among the calls, each with its request, if it was sent.
    assert!(asked.len() <= calls.len(), "{} requests for {} calls", asked.len(), calls.len());
    let died = calls.iter().filter(|call| call["duration_ms"].is_null()).count();
    assert!(
        in_flight <= died && died <= usize::try_from(CRITICS).unwrap(),
        "{in_flight} under way, {died} died"
    );
    asked.iter().for_each(obeys_the_file);
    let again = asked.iter().enumerate().filter(|(at, body)| asked[..*at].contains(body)).count();
    assert!(again <= in_flight, "{again} requests were sent twice, {in_flight} were under way");

    let same = place.run(&["resume", &id, "--json"]);
    let same: Value = serde_json::from_str(&same.stdout).unwrap_or_else(|_| panic!("{}", same.stderr));
    assert_eq!((&same["document"], &same["calls"]), (&result["document"], &result["calls"]));
    assert_eq!(place.asked.all().len(), asked.len(), "what has ended stays as it is");
}

/// A process that does not outlive the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The calls of the one session that there is, whose name is remembered in `session`.
fn sessions(place: &Place, session: &mut Option<String>) -> Vec<Value> {
    if session.is_none() {
        let listed = place.run(&["sessions", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_default();
        *session = listed["sessions"][0]["session"].as_str().map(str::to_owned);
    }
    let Some(id) = session else { return Vec::new() };
    let shown = place.run(&["sessions", "show", id, "--calls"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
    shown["calls"].as_array().cloned().unwrap_or_default()
}
