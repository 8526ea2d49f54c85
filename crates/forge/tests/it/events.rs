//! The events of a server: their schema and page, and what a session tells.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use forge::{
    System,
    offline::{self, Sim, SimConfig},
    router::RouterPlan,
    session::{Notice, Plan, Session, Topic},
    watch::{Event, EventLog, Followed, Reader, ServerEvent},
};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::workspace;

const INTRODUCTION: &str = "# Events

What `forge serve` does can be watched: every call, circuit, budget, session and workflow is an event with a number.
Workflows are those of the same state folder, whichever process runs them. [The schema](events.schema.json) has every field; this page is made from it.

`forge watch` prints a line for each, `forge watch --json` the events as they are. Programs ask the server itself, at the place that
`forge serve url` shows: the socket `run/admin.sock` in the folder of the state (0600), or the address of `serve.admin` with the
token of `run/admin.token`, which goes into `Authorization: Bearer` or `?token=`.

```console
$ curl -N --unix-socket ~/.local/state/forge/run/admin.sock 'http://forge/v1/forge/events?after=0'
id: 1
event: server.started
data: {\"v\":1,\"seq\":1,\"at\":\"2026-11-30T11:03:38.927951039Z\",\"type\":\"server.started\", ...}
```

`GET /v1/forge/events?after=N` is a stream (Server-Sent Events) of what follows event N: `id` is its number, `event` its type,
`data` the whole of it as JSON on one line, and after 15 s of silence there is a comment. Without `after` it begins with what
comes next; `Last-Event-ID` goes before `after`, so that a browser that lost its connection goes on where it was. A client that asks for
a WebSocket there gets each event as a text message, a ping in place of the comment, and a close at the end.

The address of the clients has the same for keys with `--scope events`, and lets its readers go when the server takes no more
requests (`server.draining` is the last that they see). Such a key sees the calls of all keys and what they cost, and the
steps of workflows. A stream there that
nobody reads is cut with its connection alone; a WebSocket is after 30 s, as everything at the other address is.

Numbers begin with 1 in each life of a server and have no gaps. The server keeps the newest 10,000 events, 8 MiB at most. A number
whose next event is gone, or that was never given, is answered with 410 and `error.first`, the first number that is there. A reader
that is too slow is told with `events.lost` which numbers it has missed and goes on behind them; one that takes nothing for 30 s is
cut. No reader holds anything back: not the server, and not the others.

Events hold no prompts, no replies and no keys. `v` is the version of the form; fields and types that are only added do not change
it, so that readers pass over what they do not know. Costs are in billionths of a dollar (`cost_nano_usd`), which are exact, and in
dollars; null is unknown, not zero.
";

fn schema() -> Value {
    let schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Event>();
    let mut schema = serde_json::to_value(schema).unwrap();
    schema["title"] = "An event of forge serve".into();
    schema
}

/// The schema of each type, by its name.
fn types(schema: &Value) -> Vec<(&str, &Value)> {
    let types = schema["oneOf"].as_array().unwrap().iter().map(|one| {
        let name = one["properties"]["type"]["const"].as_str().unwrap();
        let what = one["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        (name, &schema["$defs"][what])
    });
    types.collect()
}

fn page(schema: &Value) -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\nEach event has `v`, `seq`, `at` (RFC 3339) and `type`.\n");
    for (name, what) in types(schema) {
        let text = |key: &str| what[key].as_str().unwrap().replace('\n', " ");
        let _ = write!(
            page,
            "\n## {name}\n\n{}\n\nWritten by {}; read by {}.\n",
            text("description"),
            text("x-written-by"),
            text("x-read-by")
        );
        let Some(fields) = what["properties"].as_object().filter(|fields| !fields.is_empty()) else {
            continue;
        };
        page.push_str("\n| Field | |\n|---|---|\n");
        for (field, value) in fields {
            let about = value["description"].as_str().unwrap_or_default().replace('\n', " ");
            let _ = writeln!(page, "| `{field}` | {about} |");
        }
    }
    page
}

#[test]
fn the_schema_and_the_page_of_events_in_the_docs_are_those_of_the_code() {
    let schema = schema();
    let names: BTreeSet<&str> = types(&schema).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ServerEvent::NAMES.iter().copied().collect());
    let files = [("docs/events.schema.json", format!("{schema:#}\n")), ("docs/events.md", page(&schema))];
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test may ask for the files")]
    let update = std::env::var_os("FORGE_UPDATE_DOCS").is_some();
    for (file, text) in files {
        if update {
            std::fs::write(workspace(file), &text).unwrap();
        }
        let written = std::fs::read_to_string(workspace(file)).unwrap();
        assert!(written == text, "write {file} anew: FORGE_UPDATE_DOCS=1 cargo test -p forge");
    }
}

#[tokio::test]
async fn a_session_tells_its_stages_counts_and_money_and_no_text() {
    let sim = Sim::start(SimConfig { seed: 7, ..offline::config() }).await.unwrap();
    let log = EventLog::default();
    let builder = System::builder(|_| None).in_memory().events(log.clone());
    let system = builder.plan(RouterPlan::of(offline::providers(&sim)), "test").open().await.unwrap();
    let plan = Plan::new(Topic::new("A canary-topic for an API"), forge::cast(system.router(), 3).cast);
    let name = forge::session_name().unwrap();
    let heard = Arc::new(Mutex::new((0, String::new())));
    let hearing = Arc::clone(&heard);
    let mut deps = system.session_deps().unwrap();
    deps = deps.with_observer(Arc::new(move |notice| {
        let mut heard = hearing.lock().unwrap();
        heard.0 += 1;
        if let Notice::Finding { claim, .. } = notice {
            heard.1.clone_from(claim);
        }
    }));
    let session = Session::start(system.watched(deps, &name), name.clone(), plan).await.unwrap();
    let result = session.run().await.unwrap();

    let mut reader = Reader::new(log, 0).unwrap();
    let (mut all, mut text) = (Vec::new(), String::new());
    while let Some(Followed::Events(events)) = reader.take() {
        for event in events {
            text += std::str::from_utf8(&event.json).unwrap();
            all.push(serde_json::from_slice::<Value>(&event.json).unwrap());
        }
    }
    let told: Vec<&Value> = all.iter().filter(|event| event["session"] == name.to_string()).collect();
    let stages: Vec<String> = told
        .iter()
        .filter(|event| event["type"] == "session.stage")
        .map(|event| {
            format!(
                "{} {} {}",
                event["cycle"],
                event["stage"].as_str().unwrap(),
                event["progress"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        stages[..4],
        ["0 draft started", "0 draft completed", "1 critique started", "1 critique completed"]
    );
    let counts = told.iter().rfind(|event| event["type"] == "session.finding_counts").unwrap();
    assert_eq!(counts["findings"], result.findings.len());
    for kind in ["by_severity", "by_state"] {
        let sum: u64 = counts[kind].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(sum, result.findings.len() as u64, "{counts}");
    }
    let ended = told.last().unwrap();
    assert_eq!((&ended["type"], &told[0]["type"]), (&"session.ended".into(), &"session.started".into()));
    let calls: Vec<&Value> = all.iter().filter(|event| event["type"] == "call.ended").collect();
    assert!(calls.iter().all(|call| call["tags"]["session"] == name.to_string()) && calls.len() > 4);
    assert_eq!(ended["answers"], calls.len());
    let cost: Option<u64> = calls.iter().map(|call| call["cost_nano_usd"].as_u64()).sum();
    assert_eq!(ended["cost_nano_usd"].as_u64(), cost, "what its calls have cost");
    let (notices, claim) = heard.lock().unwrap().clone();
    assert!(notices > 10 && claim.len() > 10, "an observer that was there is told of everything still");
    assert!(!text.contains("canary") && !text.contains(&claim), "{text}");
}
