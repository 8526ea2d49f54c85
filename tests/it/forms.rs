//! Every form of JSON that the command prints: one vocabulary, a version, and a committed schema that it obeys.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use forge::request::Schema;
use serde_json::{Map, Value, json};

use crate::{place::Place, run, run_with_input};

const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas");

/// Names for which the vocabulary has others.
const FOREIGN: [&str; 14] = [
    "cost",
    "cost_nanos",
    "nanos",
    "schema_version",
    "took",
    "took_ms",
    "ms",
    "latency_us",
    "wall_ms",
    "provider_id",
    "model_asked",
    "id_session",
    "session_id",
    "duration",
];

/// Forms that are tested where they are made.
const ELSEWHERE: [&str; 5] =
    ["session-result.v1", "metrics-summary", "metrics-export", "metrics-sql", "review-apply"];

/// What a program reads of the forms that were printed: their names, and what is wrong with them.
#[derive(Default)]
struct Forms {
    seen: BTreeSet<String>,
    faults: Vec<String>,
}

impl Forms {
    /// The object must obey the schema `name`, speak the vocabulary and have the shape of before.
    fn hold(&mut self, name: &str, object: &Value) {
        let text = std::fs::read_to_string(format!("{SCHEMAS}/{name}.schema.json")).expect(name);
        let schema = Schema::from(serde_json::from_str::<Value>(&text).unwrap());
        self.faults.extend(schema.violation(object).map(|fault| format!("{name}: {fault}: {object}")));
        // A configuration has names of its own.
        let mut own = object.clone();
        own.as_object_mut().unwrap().remove("configuration");
        self.faults.extend(foreign(&own).map(|key| format!("{name}: the key `{key}`")));
        if !object["version"].is_string() {
            self.faults.push(format!("{name}: no version"));
        }
        if self.seen.insert(name.to_owned()) && name != "session-result" {
            insta::assert_json_snapshot!(name.to_owned(), shape(object));
        }
    }

    fn hold_output(&mut self, name: &str, code: i32, command: &mut Command) -> Value {
        let said = run(command.arg("--json"));
        assert_eq!(said.code, Some(code), "{name}: {}{}", said.stdout, said.stderr);
        let object = serde_json::from_str(&said.stdout).expect(name);
        self.hold(name, &object);
        object
    }

    fn end(self, expected: &[&str]) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
        assert_eq!(self.seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }
}

/// Keys that are not of the vocabulary, at any depth.
fn foreign(value: &Value) -> Box<dyn Iterator<Item = String> + '_> {
    match value {
        Value::Object(fields) => Box::new(fields.iter().flat_map(|(key, value)| {
            let own = FOREIGN.contains(&key.as_str()).then(|| key.clone());
            own.into_iter().chain(foreign(value))
        })),
        Value::Array(items) => Box::new(items.iter().flat_map(foreign)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The value with kinds in the place of texts and numbers, and with every kind of item once.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shape = |key: &str, value: &Value| match key {
                // Which price holds, and since when, depends on the day.
                "effective_from" | "effective_to" => "day or null".into(),
                _ => shape(value),
            };
            fields.iter().map(|(key, value)| (key.clone(), shape(key, value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for item in items.iter().map(shape) {
                if !shapes.contains(&item) {
                    shapes.push(item);
                }
            }
            shapes.sort_by_key(Value::to_string);
            shapes.into()
        }
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "true or false".into(),
        Value::Null => Value::Null,
    }
}

#[test]
fn what_a_session_prints_obeys_its_schemas() {
    let place = Place::new("forms-session");
    let mut forms = Forms::default();
    let offline = |words: &[&str]| place.command(&[words, &["--offline"]].concat());
    forms.hold_output("run-plan", 0, &mut offline(&["run", "--dry-run", "Name a colour"]));
    forms.hold_output("session-result", 0, &mut offline(&["run", "Name a colour"]));
    let said = run(&mut offline(&["run", "--jsonl", "Name a colour"]));
    let mut kinds = BTreeSet::new();
    for line in said.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        forms.hold("session-event", &event);
        kinds.insert(event["type"].as_str().unwrap().to_owned());
        if event["type"] == "completed" {
            forms.hold("session-result", &event["result"]);
        }
    }
    for kind in
        ["session_started", "stage_started", "participant_delta", "participant_done", "finding", "completed"]
    {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
    let refused = run(place.command(&["run", "--jsonl", "x"]).arg("--config").arg("nowhere.yaml"));
    forms.hold("session-event", &serde_json::from_str(&refused.stdout).unwrap());

    let listed = forms.hold_output("sessions-list", 0, &mut offline(&["sessions", "list"]));
    let id = listed["sessions"][0]["session"].as_str().unwrap();
    assert_eq!(run_with_input(&mut offline(&["chat"]), "Hello\n").code, Some(0));
    forms.hold_output("exec", 0, &mut offline(&["exec", "/status"]));
    let beside = ["sessions", "list", "--conversations"];
    forms.hold_output("sessions-conversations", 0, &mut offline(&beside));
    forms.hold_output("session-result", 0, &mut offline(&["sessions", "show", id]));
    let parts = ["sessions", "show", id, "--findings", "--dissents", "--decisions", "--calls"];
    let shown = forms.hold_output("sessions-show", 0, &mut offline(&parts));
    assert!(shown["calls"].as_array().is_some_and(|calls| calls.len() > 5), "{shown}");
    forms.hold_output("sessions-show", 0, &mut offline(&["sessions", "show", id, "--call", "0.draft.0.0"]));
    forms.hold_output("session-result", 0, &mut offline(&["sessions", "export", id]));
    forms.hold_output("sessions-delete", 0, &mut offline(&["sessions", "delete", id]));
    forms.hold_output("failure", 2, &mut offline(&["sessions", "show", id]));
    forms.hold_output("failure", 2, &mut offline(&["resume", id]));
    forms.hold_output("backup", 0, &mut offline(&["backup", "copy.db"]));
    forms.hold_output("failure", 2, &mut offline(&["backup", "copy.db"]));
    forms.hold_output("backup-restore", 0, &mut offline(&["backup", "restore", "copy.db", "--force"]));
    forms.end(&[
        "backup",
        "backup-restore",
        "exec",
        "failure",
        "run-plan",
        "session-event",
        "session-result",
        "sessions-conversations",
        "sessions-delete",
        "sessions-list",
        "sessions-show",
    ]);
}

#[test]
fn what_a_call_and_the_lists_print_obeys_their_schemas() {
    let place = Place::new("forms-call");
    let mut forms = Forms::default();
    let offline = |words: &[&str]| place.command(&[words, &["--offline"]].concat());
    forms.hold_output("ask", 0, &mut offline(&["ask", "Hello"]));
    forms.hold_output("ask", 0, &mut offline(&["ask", "Hello", "--no-stream", "--inject", "529@anthropic"]));
    let failed =
        ["401@anthropic", "402@openai", "429@google", "503@local"].map(|one| ["--inject", one]).concat();
    let mut asked = offline(&["ask", "Hello"]);
    let none = forms.hold_output("ask-failure", 3, asked.args(failed));
    assert!(none["attempts"].as_array().is_some_and(|attempts| attempts.len() > 4), "{none}");
    let past = forms.hold_output("log", 0, &mut place.command(&["log"]));
    let id = past["entries"][0]["id"].as_str().unwrap();
    forms.hold_output("log-entry", 0, &mut place.command(&["log", "--id", id]));
    forms.hold_output("log-clear", 0, &mut place.command(&["log", "--clear"]));
    forms.hold_output("route-explain", 0, &mut offline(&["route", "explain", "--role", "critic"]));
    forms.hold_output("providers-list", 0, &mut offline(&["providers", "list"]));
    forms.hold_output("providers-known", 0, &mut offline(&["providers", "list", "--known"]));
    forms.hold_output("providers-status", 0, &mut offline(&["providers", "status"]));
    forms.hold_output("models-list", 0, &mut offline(&["models", "list"]));
    forms.hold_output("models-live", 0, &mut offline(&["models", "list", "--live"]));
    forms.hold_output("doctor", 0, &mut offline(&["doctor"]));
    forms.hold_output("doctor", 0, &mut offline(&["doctor", "--live"]));

    std::fs::write(place.path("bad.yaml"), "providers:\n  Claude: { type: anthropc }\n").unwrap();
    forms.hold_output("config-check", 2, &mut place.command(&["config", "check", "bad.yaml"]));
    forms.hold_output("config-init", 0, &mut place.command(&["config", "init", "forge.yaml"]));
    forms.hold_output("config-trust", 0, &mut place.command(&["config", "trust", "forge.yaml", "--yes"]));
    let foreign = "model_list:\n  - model_name: gpt\n    litellm_params: { model: openai/gpt-6.2-sol }\n";
    std::fs::write(place.path("litellm.yaml"), foreign).unwrap();
    let import = ["config", "import", "litellm", "litellm.yaml"];
    forms.hold_output("config-import", 0, &mut place.command(&import));
    for wrong in [&["ask"][..], &["ask", "--no-such", "x"], &["no-such"], &["completions", "bash"]] {
        let said = forms.hold_output("failure", 2, &mut place.command(wrong));
        assert_eq!(said["error"]["code"], "E002", "{wrong:?}");
    }
    let refused =
        forms.hold_output("failure", 2, &mut place.command(&["ask", "Hello", "--config", "bad.yaml"]));
    assert!(refused["problems"].as_array().is_some_and(|all| all.len() > 1), "{refused}");
    let first = |mut command: Command| {
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut text = String::new();
        for line in BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok) {
            text += &line;
            if line == "}" {
                break;
            }
        }
        server.kill().unwrap();
        server.wait().unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    forms.hold("sim", &first(place.command(&["sim", "--listen", "127.0.0.1:0", "--json"])));
    let serve = ["serve", "--offline", "--listen", "127.0.0.1:0", "--json"];
    forms.hold("serve", &first(place.command(&serve)));
    forms.hold_output("serve-env", 0, &mut place.command(&["serve", "env", "claude-code"]));
    // As a server has it that is watched at an address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/?token=0a1b\n", listener.local_addr().unwrap());
    std::fs::create_dir_all(place.path("run")).unwrap();
    std::fs::write(place.path("run/admin.url"), url).unwrap();
    forms.hold_output("serve-url", 0, &mut place.command(&["serve", "url"]));
    forms.end(&[
        "ask",
        "ask-failure",
        "config-check",
        "config-import",
        "config-init",
        "config-trust",
        "doctor",
        "failure",
        "log",
        "log-clear",
        "log-entry",
        "models-list",
        "models-live",
        "providers-known",
        "providers-list",
        "providers-status",
        "route-explain",
        "serve",
        "serve-env",
        "serve-url",
        "sim",
    ]);
}

#[test]
fn what_keys_and_their_log_print_obeys_their_schemas() {
    let place = Place::new("forms-keys");
    let mut forms = Forms::default();
    let command = |words: &str| place.command(&words.split(' ').collect::<Vec<_>>());
    let limits =
        "--models role:* --per-day-usd 5 --per-month-tokens 9 --total-usd 7 --rpm 6 --tpm 5 --concurrent 4";
    forms.hold_output("teams-set", 0, &mut command(&format!("teams set red {limits}")));
    forms.hold_output("teams-set", 0, &mut command(&format!("teams set red {limits}")));
    forms.hold_output("keys-create", 0, &mut command(&format!("keys create ci --team red {limits}")));
    forms.hold_output("keys-create", 0, &mut command("keys create free --expires never --scope events"));
    forms.hold_output("keys-create", 0, &mut command("keys rotate ci --overlap 1h"));
    forms.hold_output("keys-list", 0, &mut command("keys list"));
    forms.hold_output("teams-list", 0, &mut command("teams list"));
    for done in ["show", "disable", "enable", "revoke"] {
        forms.hold_output("keys-show", 0, &mut command(&format!("keys {done} free")));
    }
    forms.hold_output("keys-usage", 0, &mut command("keys usage ci"));
    let said = forms.hold_output("keys-set", 0, &mut command("keys set ci --rpm 9 --scope attend"));
    assert_eq!(
        (&said["before"]["requests_per_minute"], &said["key"]["scopes"][0]),
        (&json!(6), &json!("attend"))
    );
    assert_eq!(said["key"]["allowance"]["budgets"], json!([]), "the whole is replaced");
    forms.hold_output("keys-rotate-seal", 0, &mut command("keys rotate-seal"));
    let refused = [
        "keys show cj",
        "keys create ci",
        "keys enable free",
        "keys set free",
        "teams delete red",
        "keys create a/b",
    ];
    for wrong in refused {
        let said = forms.hold_output("failure", 2, &mut command(wrong));
        assert_eq!(said["error"]["code"], "E002", "{wrong}");
        assert_ne!(said["error"]["next"], "", "{wrong}");
    }
    forms.hold_output("keys-show", 0, &mut command("keys revoke ci"));
    forms.hold_output("teams-delete", 0, &mut command("teams delete red"));
    let said = forms.hold_output("audit", 0, &mut command("audit --verify"));
    assert_eq!(said["entries"].as_array().map(Vec::len), Some(12), "{said}");
    let newest = said["newest"].as_str().unwrap();
    forms.hold_output("audit", 0, &mut command(&format!("audit --since 24h --expect {newest}")));
    let said = forms.hold_output("failure", 1, &mut command(&format!("audit --expect {}", "0".repeat(64))));
    assert_eq!(said["error"]["code"], "E008");
    forms.end(&[
        "audit",
        "failure",
        "keys-create",
        "keys-list",
        "keys-rotate-seal",
        "keys-set",
        "keys-show",
        "keys-usage",
        "teams-delete",
        "teams-list",
        "teams-set",
    ]);
}

#[test]
fn what_is_said_of_code_obeys_its_schemas() {
    let place = Place::new("forms-index");
    for (name, text) in [
        ("lib.rs", "/// Adds.\npub fn add(a: u8) -> u8 { a }\npub fn two() -> u8 { add(1) }\n"),
        ("tests/one.rs", "#[test]\nfn one() { lib::two(); }\n"),
        ("CODEOWNERS", "* @all\n"),
    ] {
        std::fs::create_dir_all(place.path("code/tests")).unwrap();
        std::fs::write(place.path(&format!("code/{name}")), text).unwrap();
    }
    let mut forms = Forms::default();
    let index = |words: &[&str]| place.command(&[&["index"], words, &["--root", "code"]].concat());
    forms.hold_output("index-map", 0, &mut index(&["map"]));
    let found = forms.hold_output("index-rows", 0, &mut index(&["find", "add"]));
    assert_eq!(found["rows"][0]["line"], 2, "{found}");
    forms.hold_output("index-rows", 0, &mut index(&["refs", "add"]));
    forms.hold_output("index-outline", 0, &mut index(&["outline", "lib.rs"]));
    let impact = forms.hold_output("index-impact", 0, &mut index(&["impact", "lib.rs"]));
    assert_eq!(impact["owners"][0]["owners"][0], "@all", "{impact}");
    for wrong in [&["find", "ad"][..], &["find", "a b"], &["outline", "x.rs"], &["outline", "../x.rs"]] {
        let said = forms.hold_output("failure", 2, &mut index(wrong));
        assert_ne!(said["error"]["next"], "", "{wrong:?}");
    }
    forms.hold_output("mcp-install", 0, &mut place.command(&["mcp", "install", "claude-code"]));
    forms.end(&["failure", "index-impact", "index-map", "index-outline", "index-rows", "mcp-install"]);
}

#[test]
fn what_is_said_of_a_change_obeys_its_schemas() {
    let place = Place::new("forms-review");
    crate::review::repository(&place);
    let mut forms = Forms::default();
    let review = |words: &[&str]| place.command(&[&["review", "--offline"], words].concat());
    forms.hold_output("review-plan", 0, &mut review(&["main", "--dry-run"]));
    forms.hold_output("review", 0, &mut review(&["main"]));
    forms.hold_output("review", 0, &mut review(&["main"]));
    forms.hold_output("failure", 2, &mut review(&["nowhere"]));
    forms.end(&["failure", "review", "review-plan"]);
}

#[test]
fn what_is_printed_of_prompts_obeys_its_schemas() {
    let place = Place::new("forms-prompts");
    let mut forms = Forms::default();
    let prompts = |words: &[&str]| place.command(&[&["prompts"], words, &["--offline"]].concat());
    assert_eq!(place.run(&["run", "Name a colour", "--offline", "--mode", "direct"]).code, Some(0));
    forms.hold_output("prompts-label", 0, &mut prompts(&["label", "draft.user", "production@1"]));
    forms.hold_output("failure", 2, &mut prompts(&["rollback", "draft.user"]));
    let listed = forms.hold_output("prompts-list", 0, &mut prompts(&["list"]));
    assert!(listed["prompts"].as_array().unwrap().iter().any(|one| one["labels"]["production"] == 1));
    forms.hold_output("prompts-show", 0, &mut prompts(&["show", "draft.user"]));
    forms.hold_output("prompts-render", 0, &mut prompts(&["render", "form", "--var", "stage=check"]));
    forms.hold_output("prompts-diff", 0, &mut prompts(&["diff", "draft.user", "1"]));
    forms.hold_output("prompts-versions", 0, &mut prompts(&["versions", "draft.user"]));
    let report = forms.hold_output("prompts-report", 0, &mut prompts(&["report", "draft.user"]));
    assert_eq!(report["groups"][0]["rows"][0]["calls"], 1, "{report}");
    let sessions = run(&mut place.command(&["sessions", "list", "--offline", "--json"]));
    let sessions: Value = serde_json::from_str(&sessions.stdout).unwrap();
    let session = sessions["sessions"][0]["session"].as_str().unwrap();
    forms.hold_output("prompts-score", 0, &mut prompts(&["score", session, "0.5"]));
    let report = forms.hold_output("prompts-report", 0, &mut prompts(&["report"]));
    assert_eq!(report["groups"][0]["rows"][0]["score"], 0.5, "{report}");
    forms.hold_output("failure", 2, &mut prompts(&["score", "nobody", "1"]));
    let init = &mut place.command(&["prompts", "init", "notes", "--dir", "own"]);
    forms.hold_output("prompts-init", 0, init);
    let tests = "tests: [ { prompt: lens.clarity, expect: { lacks: [qqq], max_tokens: 1 } } ]";
    std::fs::write(place.path("tests.yaml"), tests).unwrap();
    forms.hold_output("prompts-test", 1, &mut prompts(&["test", "tests.yaml"]));
    std::fs::write(place.path("own/wrong.md.jinja"), "---\n---\n{{ x }}").unwrap();
    forms.hold_output("prompts-check", 2, &mut place.command(&["prompts", "check", "own"]));
    forms.end(&[
        "failure",
        "prompts-check",
        "prompts-diff",
        "prompts-init",
        "prompts-label",
        "prompts-list",
        "prompts-render",
        "prompts-report",
        "prompts-score",
        "prompts-show",
        "prompts-test",
        "prompts-versions",
    ]);
}

#[test]
fn what_hooks_print_obeys_its_schemas() {
    let place = Place::new("forms-hooks");
    let mut forms = Forms::default();
    let hooks = r#"schema_version: "1.0"
providers: { laptop: { type: local, model: qwen3 } }
hooks:
  guard: { event: PreEdit, matcher: "*.sql", run: ["echo no >&2; exit 2"], shell: true }
  gone: { event: Stop, run: [./gone], timeout: 5s }
  files: { event: PreEdit, preset: validate_files }
"#;
    std::fs::write(place.config(), hooks).unwrap();
    std::fs::write(place.path("input.json"), r#"{"paths": ["a.sql"]}"#).unwrap();
    forms.hold_output("hooks-list", 0, &mut place.command(&["hooks", "list"]));
    let said = forms.hold_output("hooks-check", 1, &mut place.command(&["hooks", "check"]));
    assert_eq!(said["missing"][0]["name"], "gone");
    let mut fire = place.command(&["hooks", "fire", "PreEdit", "--input", "input.json"]);
    let said = forms.hold_output("hooks-fire", 1, &mut fire);
    assert_eq!((&said["reason"], &said["runs"][0]["decision"]), (&"hook `guard`: no".into(), &"deny".into()));
    forms.hold_output("failure", 2, &mut place.command(&["hooks", "fire", "Nothing"]));
    forms.end(&["failure", "hooks-check", "hooks-fire", "hooks-list"]);
}

#[test]
fn what_is_printed_of_beads_obeys_its_schemas() {
    let place = Place::new("forms-beads");
    let mut forms = Forms::default();
    let bead = |words: &[&str]| place.command(&[&["bead"], words].concat());
    forms.hold_output("failure", 2, &mut bead(&["export"]));
    forms.hold_output("bead-list", 0, &mut bead(&["list"]));
    let words = ["add", "Mend it", "--id", "x-1", "--type", "bug", "--label", "ui", "-d", "all of it"];
    forms.hold_output("bead", 0, &mut bead(&words));
    forms.hold_output("bead", 0, &mut bead(&["add", "Later", "--id", "x-2", "--blocked-by", "x-1"]));
    let listed = forms.hold_output("bead-list", 0, &mut bead(&["ready"]));
    assert_eq!((&listed["state"], &listed["beads"][0]["score"]["kind"]), (&"ready".into(), &30.into()));
    let claimed = forms.hold_output("bead", 0, &mut bead(&["claim", "--worker", "w-1"]));
    assert_eq!(claimed["bead"]["lease"]["generation"], 1);
    let nothing = forms.hold_output("bead", 0, &mut bead(&["claim", "--worker", "w-2"]));
    assert_eq!(nothing["bead"], Value::Null);
    forms.hold_output("failure", 1, &mut bead(&["renew", "x-1", "--generation", "2"]));
    forms.hold_output("bead", 0, &mut bead(&["renew", "x-1", "--generation", "1"]));
    forms.hold_output("bead-show", 0, &mut bead(&["show", "x-1"]));
    forms.hold_output("bead", 0, &mut bead(&["release", "x-1", "--generation", "1", "--reason", "later"]));
    std::fs::write(place.path("more.jsonl"), "{\"id\":\"x-3\"}\n").unwrap();
    forms.hold_output("bead-import", 0, &mut bead(&["import", "more.jsonl"]));
    forms.end(&["bead", "bead-import", "bead-list", "bead-show", "failure"]);
}

#[test]
fn every_schema_is_of_a_form_that_is_tested() {
    let here = include_str!("forms.rs");
    for file in std::fs::read_dir(SCHEMAS).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".schema.json").unwrap();
        assert!(
            ELSEWHERE.contains(&name)
                || here.contains(&format!("hold_output(\"{name}\""))
                || here.contains(&format!("hold(\"{name}\"")),
            "{name}"
        );
    }
}

#[test]
fn the_forms_of_workflows_obey_their_schemas_too() {
    let mut forms = Forms::default();
    let place = Place::new("forms-workflow");
    std::fs::create_dir(place.path("work")).unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com"];
        let status =
            Command::new("git").args(identity).args(arguments).current_dir(place.path("work")).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    std::fs::write(place.path("work/a.txt"), "one\n").unwrap();
    for arguments in [&["init", "-q", "."][..], &["add", "."], &["commit", "-q", "-m", "begin"]] {
        git(arguments);
    }
    let workflow = |arguments: &[&str]| {
        let mut command = place.command(&["workflow"]);
        command.args(arguments).arg("--offline").current_dir(place.path("work"));
        // git is looked for where it usually is.
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    };
    let task = "In `a.txt`, replace `one` with `two`.";
    let lines = run(&mut workflow(&["start", task, "--jsonl"]));
    for line in lines.stdout.lines() {
        forms.hold("workflow-event", &serde_json::from_str(line).unwrap());
    }
    forms.hold_output("workflow", 0, &mut workflow(&["approve"]));
    forms.hold_output("workflow", 0, &mut workflow(&["show"]));
    forms.hold_output("workflow-list", 0, &mut workflow(&["list"]));
    forms.hold_output("workflow-diff", 0, &mut workflow(&["diff"]));
    forms.hold_output("workflow", 0, &mut workflow(&["apply"]));
    forms.hold_output("workflow", 0, &mut workflow(&["undo"]));
    forms.hold_output("failure", 2, &mut workflow(&["approve"]));
    forms.end(&["failure", "workflow", "workflow-diff", "workflow-event", "workflow-list"]);
}

#[test]
fn what_evaluations_print_obeys_its_schemas() {
    let place = Place::new("forms-eval");
    crate::eval::corpus(&place, 3);
    let mut forms = Forms::default();
    let critics = |words: &[&str]| {
        place.command(&[&["eval", "critics", "--offline", "--corpus", "corpus"], words].concat())
    };
    forms.hold_output("eval-critics-plan", 0, &mut critics(&["--dry-run"]));
    let report = forms.hold_output("eval-critics", 0, &mut critics(&[]));
    assert_eq!(report["critics"].as_array().map(Vec::len), Some(4), "{report}");
    let alone = forms.hold_output("eval-critics", 0, &mut critics(&["--participants", "alpha"]));
    assert_eq!(alone["panels"], Value::Null);
    forms.hold_output("failure", 2, &mut critics(&["--participants", "nobody"]));
    std::fs::write(place.path("report.json"), report.to_string()).unwrap();
    let panels = |words: &[&str]| place.command(&[&["eval", "panels"], words].concat());
    let again = forms.hold_output("eval-panels", 0, &mut panels(&["report.json"]));
    assert_eq!(again["coverage"], report["panels"]["coverage"]);
    std::fs::write(place.path("bare.csv"), "a,b\n1,0\n0,0\n").unwrap();
    forms.hold_output("eval-panels", 0, &mut panels(&["bare.csv", "--coverage", "0.9"]));
    forms.hold_output("failure", 2, &mut panels(&["nowhere.csv"]));
    forms.end(&["eval-critics", "eval-critics-plan", "eval-panels", "failure"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_forms_of_workers_obey_their_schemas_too() {
    let mut forms = Forms::default();
    let place = Place::new("fw");
    let worker = |arguments: &[&str]| {
        let mut command = place.command(&["worker"]);
        command.args(arguments).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/");
        command
    };
    let doctor = forms.hold_output("worker-doctor", 0, &mut worker(&["doctor"]));
    let socket = doctor["socket"].as_str().unwrap().to_owned();
    let _server = TmuxServer(socket);
    forms.hold_output("failure", 2, &mut worker(&["show", "alpha"]));
    let spawn = ["spawn", "alpha", "--agent", "sim", "--bead", "fg-1", "-q"];
    forms.hold_output("worker", 0, &mut worker(&spawn));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(15);
    while forms.hold_output("worker", 0, &mut worker(&["show", "alpha"]))["state"] != "ready" {
        assert!(std::time::Instant::now() < deadline);
    }
    let sent = forms.hold_output("worker-send", 0, &mut worker(&["send", "alpha", "hello"]));
    assert_eq!(sent["delivery"], "delivered");
    forms.hold_output("worker-list", 0, &mut worker(&["list"]));
    let mut top = place.command(&["top"]);
    let top = top.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    assert_eq!(forms.hold_output("top", 0, top)["workers"][0]["worker"], "alpha");
    forms.hold_output("worker-discover", 0, &mut worker(&["discover"]));
    // The agent sets the title of its terminal before and after. What it shows comes by a pipe of tmux, and so a little later.
    let mut logs = || forms.hold_output("worker-logs", 0, &mut worker(&["logs", "alpha"]))["lines"].clone();
    while !logs().as_array().unwrap().contains(&"sim> 5 bytes".into()) {
        assert!(std::time::Instant::now() < deadline, "{}", logs());
    }
    for action in ["freeze", "thaw", "pause", "resume", "detach", "stop"] {
        forms.hold_output("worker-action", 0, &mut worker(&[action, "alpha"]));
    }
    forms.hold_output("worker-reap", 0, &mut worker(&["reap", "alpha"]));
    forms.end(&[
        "failure",
        "top",
        "worker",
        "worker-action",
        "worker-discover",
        "worker-doctor",
        "worker-list",
        "worker-logs",
        "worker-reap",
        "worker-send",
    ]);
}

#[test]
fn the_form_of_a_batch_obeys_its_schema_whether_or_not_it_is_complete() {
    let mut forms = Forms::default();
    let place = Place::new("fba");
    let line = r#"{"messages": [{"role": "user", "parts": [{"type": "text", "text": "Why?"}]}]}"#;
    std::fs::write(place.path("in.jsonl"), format!("{line}\n{line}\n")).unwrap();
    let words = ["batch", "run", "in.jsonl", "-o", "out.jsonl", "--offline", "--max-cost"];
    let batch = |cap: &str| {
        let mut command = place.command(&words);
        command.arg(cap);
        command
    };
    forms.hold_output("batch", 0, &mut batch("1"));
    std::fs::write(place.path("in.jsonl"), format!("{line}\n")).unwrap();
    forms.hold_output("failure", 2, &mut batch("1"));
    forms.end(&["batch", "failure"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_forms_of_fleets_obey_their_schemas_too() {
    let mut forms = Forms::default();
    let place = Place::new("ff");
    let folder = place.path("example");
    let fleet = |words: &[&str]| {
        let mut command = place.command(&["fleet"]);
        command.args(words).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/");
        command
    };
    let run = ["run", "--offline", "--beads", "1", "--folder", &folder, "-q"];
    forms.hold_output("fleet-run", 0, &mut fleet(&run));
    let of_example = |words: &[&str]| {
        let mut command = fleet(words);
        let repository = format!("{folder}/example");
        command.args(["--workspace", &repository]).env("FORGE_HOME", format!("{folder}/state"));
        command
    };
    forms.hold_output("fleet-status", 0, &mut of_example(&["status"]));
    let tuned = forms.hold_output("fleet-tune", 0, &mut of_example(&["tune"]));
    assert_eq!(tuned["tiers"][0]["closed"], 1, "{tuned}");
    forms.hold_output("failure", 2, &mut fleet(&["run", "--agent", "nobody"]));
    forms.end(&["failure", "fleet-run", "fleet-status", "fleet-tune"]);
}

/// The tmux server of a test, which ends with it.
#[cfg(target_os = "linux")]
pub(crate) struct TmuxServer(pub(crate) String);

#[cfg(target_os = "linux")]
impl Drop for TmuxServer {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.0, "kill-server"]).stderr(Stdio::null()).status();
    }
}
