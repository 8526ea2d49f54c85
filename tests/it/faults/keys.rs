//! Keys that must show up nowhere but in the header they are meant for.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forge::{
    CallContext, ModelRequest, Participant, ProviderExt as _, SecretString,
    provider::AdapterSettings,
    router::{ProviderPlan, Router, RouterPlan},
};
use forge_sim::{Sim, Vendor};
use forge_testkit::{Reply, ScriptedServer};

use crate::{Said, forge, place::Place, run, with_sim};

/// They look like no key that anybody could know by its looks.
const CANARIES: [&str; 5] = [
    "Canary.one.8c41d7",
    "Canary.two.5e90ab",
    "Canary.three.17f2c6",
    "Canary.four.b3d805",
    "Canary.five.e6a294",
];

const ROLES: &str = "
default_provider: claude
roles:
  coder: { provider: gpt, fallback: [claude, gemini] }
retry: { max_attempts: 2, initial_backoff: 1ms }
session: { critics: 2, required: 1, cycles: 1 }
";

fn place(name: &str, sim: &Sim) -> Place {
    let place = Place::new(name);
    let mut text = "schema_version: '1.0'\nproviders:\n".to_owned();
    for (at, (id, kind, model, vendor)) in [
        ("claude", "anthropic", "claude-sonnet-5-5", Vendor::Anthropic),
        ("gpt", "openai", "gpt-6.2-sol", Vendor::OpenAi),
        ("gemini", "google", "gemini-3.8-flash", Vendor::Google),
        ("laptop", "local", "qwen3", Vendor::Ollama),
    ]
    .into_iter()
    .enumerate()
    {
        let url = sim.base_url(vendor);
        let line = format!(
            "  {id}: {{ type: {kind}, model: {model}, api_key: \"${{KEY_{at}}}\", endpoint: \"{url}\", headers: {{ x-own: \"${{KEY_4}}\" }} }}\n"
        );
        text.push_str(&line);
    }
    fs::write(place.config(), text + ROLES).unwrap();
    place
}

/// Every form in which a key might be found.
fn traces(text: &[u8]) -> Vec<&'static str> {
    let holds = |needle: &str| text.windows(needle.len()).any(|window| window == needle.as_bytes());
    let found = |canary: &str| {
        let packed = STANDARD.encode(canary);
        holds(canary)
            || holds(packed.trim_end_matches('='))
            || holds(&canary.chars().rev().collect::<String>())
    };
    CANARIES.into_iter().filter(|canary| found(canary)).collect()
}

fn none_in_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files += none_in_files(&entry.path());
        } else {
            files += 1;
            assert_eq!(traces(&fs::read(entry.path()).unwrap()), [""; 0], "{}", entry.path().display());
        }
    }
    files
}

fn say(place: &Place, arguments: &[&str]) -> Said {
    let mut command = place.command(arguments);
    for (at, canary) in CANARIES.iter().enumerate() {
        command.env(format!("KEY_{at}"), canary);
    }
    let said = run(command.env("FORGE_LOG", "trace"));
    for text in [&said.stdout, &said.stderr] {
        assert_eq!(traces(text.as_bytes()), [""; 0], "{arguments:?}: {text}");
    }
    said
}

/// Everything that the command does with keys, and shows or writes afterwards.
fn everything(place: &Place) -> usize {
    let id =
        |said: &Said| said.stderr.lines().find_map(|line| line.strip_prefix("session ")).map(str::to_owned);
    let (page, file, archive) =
        (place.path("page.html"), place.path("export.csv"), place.path("archive.jsonl"));
    let (report, sessions) = (place.path("result.html"), place.path("sessions"));
    let session = say(place, &["run", "Design a queue", "-o", &report]);
    let session = id(&session).unwrap();
    let commands: [&[&str]; 27] = [
        &["ask", "hello"],
        &["ask", "hello", "--role", "coder", "-vvv"],
        &["ask", "hello", "--role", "coder", "--json", "-vvv"],
        &["ask", "hello", "--provider", "gemini", "--no-stream", "--json"],
        &["ask", "hello", "--provider", "laptop", "--json"],
        &["run", "hello", "--json", "--journal", &sessions],
        &["run", "hello", "--jsonl", "--mode", "review"],
        &["run", "hello", "--dry-run", "--json"],
        &["resume", &session, "--json"],
        &["sessions", "list", "--json"],
        &["sessions", "show", &session],
        &["sessions", "export", &session, "--format", "json"],
        &["providers", "list", "--json"],
        &["providers", "status", "--json"],
        &["models", "list", "--live"],
        &["route", "explain", "--role", "coder", "--json"],
        &["doctor", "--live", "--json"],
        &["config", "check"],
        &["config", "check", "--format", "json"],
        &["config", "show"],
        &["config", "show", "--resolved", "--origin"],
        &["config", "show", "--resolved", "--format", "json"],
        &["metrics", "summary", "--html", &page],
        &["metrics", "summary", "--by", "model", "--format", "json"],
        &["metrics", "export", "--format", "csv", "-o", &file],
        &["metrics", "export", "--format", "jsonl"],
        &["metrics", "prune", "--before", "2100-01-01", "--archive", &archive],
    ];
    for arguments in commands {
        let said = say(place, arguments);
        assert!(!said.stderr.contains("unexpected argument"), "{said:?}");
    }
    assert_eq!(id(&say(place, &["run", "hello", "-q"])), None);
    commands.len() + 2
}

/// The rest of a rule by which a vendor says what it knows, in one of ten ways.
fn answer(fault: usize, key: &str) -> String {
    let words = format!("{key} {}", CANARIES[4]);
    let error = serde_json::json!({"type": "error", "error": {"type": words, "code": words, "status": words,
        "message": format!("bad key {words}"), "details": [{"reason": words}]}});
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let (error, words) = (quoted(&error.to_string()), quoted(&words));
    let ids = format!("headers: {{ request-id: {words}, x-request-id: {words} }}");
    match fault {
        0 => ", headers: { x-nothing: \"1\" }".into(),
        1 => format!(", {ids}"),
        2 => format!(", status: 401, {ids}, body: {error}"),
        3 => format!(", status: 400, body: {error}"),
        4 => format!(", status: 500, body: {words}"),
        5 => format!(", status: 200, body: {error}"),
        6 => format!(", status: 302, headers: {{ location: \"http://127.0.0.1:9/?key={key}\" }}"),
        7 => ", reset: before_headers".into(),
        8 => ", cut: before_terminal".into(),
        _ => format!(
            ", stream_error: {{ kind: overloaded, after_events: 3, message: {words}, code: {words} }}"
        ),
    }
}

#[test]
fn no_key_is_said_or_written_whatever_the_vendors_say() {
    let mut said = 0;
    let mut files = 0;
    for fault in 0..10 {
        // Each vendor knows what it was sent.
        let rules: Vec<String> = [("anthropic", 0), ("openai", 1), ("google", 2), ("ollama", 3)]
            .map(|(vendor, at)| {
                format!("  - {{ vendor: {vendor}, path: /{} }}\n", answer(fault, CANARIES[at]))
            })
            .into();
        with_sim(&format!("rules:\n{}", rules.concat()), |sim| {
            let place = place("keys", sim);
            said += everything(&place);
            let named = |name: &str| sim.journal().iter().any(|one| one.headers.contains_key(name));
            assert!(["x-api-key", "authorization", "x-goog-api-key", "x-own"].into_iter().all(named));
            files += none_in_files(Path::new(&place.path("")));
        });
    }
    println!("{said} commands and {files} files, 5 keys, each plain, in base64 and backwards: 0 found");
}

#[test]
fn no_key_is_in_anything_that_a_panic_could_show() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = runtime.block_on(async {
        let mut shown = String::new();
        for kind in ["anthropic", "openai", "google", "local"] {
            let echo =
                format!(r#"{{"error": {{"message": "{0}", "type": "{0}", "code": "{0}"}}}}"#, CANARIES[0]);
            let server = ScriptedServer::start([Reply::json(401, &echo)]).await.unwrap();
            let plan = ProviderPlan {
                api_key: Some(SecretString::from(CANARIES[0])),
                headers: vec![("x-own".into(), SecretString::from(CANARIES[4]))],
                endpoint: Some(server.url()),
                ..forge::provider_plan(kind, "m")
            };
            let settings = AdapterSettings {
                api_key: plan.api_key.clone(),
                headers: plan.headers.clone(),
                base_url: plan.endpoint.clone(),
                ..AdapterSettings::new("p")
            };
            let plan = RouterPlan::of(vec![plan]);
            let router = Router::build(plan.clone(), forge::router_deps()).unwrap();
            let adapter = forge::registry().build(kind, settings.clone()).unwrap();
            let cx = CallContext::new(Participant::local("m"));
            let request = ModelRequest::new("").with_user_message("hi");
            let direct = adapter.complete(&cx, request.clone()).await.unwrap_err();
            let cx = CallContext::new(Router::participant("coder".into()));
            let routed = router.complete(&cx, request).await.unwrap_err();
            let all =
                (&plan, &settings, &router, &adapter, &direct, &routed, &cx, router.adapter(&"p".into()));
            shown += &panicked(|| panic!("{all:?} {all:#?} {direct} {routed}"));
            assert_eq!(server.requests().len(), 2, "the key was sent");
        }
        shown
    });
    assert!(shown.len() > 10_000 && shown.contains("127.0.0.1"), "{shown}");
    assert_eq!(traces(shown.as_bytes()), [""; 0], "{shown}");
}

/// What a panic says.
fn panicked(panic: impl FnOnce()) -> String {
    catch_unwind(AssertUnwindSafe(panic)).unwrap_err().downcast_ref::<String>().unwrap().clone()
}

/// A key that cannot stand in a header is refused without being shown.
#[test]
fn a_key_that_cannot_be_used_is_not_shown_either() {
    for ending in ["\n", "\r\nx-evil: 1", "\u{1b}[2J", "ключ", "\u{202e}"] {
        let key = format!("{}{ending}", CANARIES[0]);
        for variable in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY"] {
            let said =
                run(forge().args(["ask", "hello", "-vvv"]).env(variable, &key).env("FORGE_LOG", "trace"));
            assert_eq!(said.code, Some(2), "{said:?}");
            assert_eq!(traces(format!("{}{}", said.stdout, said.stderr).as_bytes()), [""; 0], "{said:?}");
        }
    }
}
