//! What programs read keeps its form.

use forge::request::Schema;
use serde_json::{Value, json};

use super::JOBS;
use crate::{place::Place, with_sim};

fn object(place: &Place, arguments: &[&str]) -> Value {
    let said = place.run(arguments);
    assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.stderr);
    serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", said.stdout))
}

fn schema_of(name: &str) -> Value {
    let path = format!("{}/../docs/schemas/metrics-{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The old names of things.
fn old_words(text: &str) -> Vec<&str> {
    let words = ["cost_nanos", "\"nanos\"", "\"cost\"", "_us\"", "latency", "took", "schema_version"];
    words.into_iter().filter(|word| text.contains(word)).collect()
}

/// Calls that succeed, fall back and fail, of two providers.
const FAULTS: &str = "rules: [{ vendor: openai, nth: { every: 2 }, error: { kind: overloaded } }]";

#[test]
fn every_document_is_what_its_schema_says() {
    with_sim(FAULTS, |sim| {
        let place = Place::with("forms", sim, JOBS);
        for role in ["coder", "critic", "drafter", "coder"] {
            assert_eq!(place.run(&["ask", "hello", "--role", role]).code, Some(0));
        }
        let valid = |name: &str, arguments: &[&str]| {
            let document = object(&place, arguments);
            let fault = Schema::from(schema_of(name)).violation(&document);
            assert_eq!(fault, None, "{arguments:?}: {document:#}");
            assert_eq!(old_words(&document.to_string()), [""; 0], "{arguments:?}");
            document
        };
        for by in ["provider", "model,role", "day", "hour,status", "provider,model,role,hour,status"] {
            let document = valid("summary", &["metrics", "summary", "--json", "--by", by, "--since", "24h"]);
            let row = &document["rows"][0];
            assert!(by.split(',').all(|by| row.get(by).is_some() || row.get("start").is_some()), "{row}");
        }
        let document = valid("summary", &["metrics", "summary", "--format", "json"]);
        let total = &document["total"];
        assert!(total["duration_ms"]["p50"].as_f64().unwrap() > 0.0, "{total}");
        assert_eq!(total["cost_usd"], json!(total["cost_nano_usd"].as_f64().unwrap() / 1e9));
        assert_eq!(total["errors"][0]["error"], "overloaded");
        valid("summary", &["metrics", "summary", "--json", "--provider", "nobody"]);

        let document = valid("export", &["metrics", "export", "--json", "-q"]);
        let attempts = document["attempts"].as_array().unwrap();
        assert_eq!(attempts.len() as u64, total["attempts"].as_u64().unwrap());
        let lines = place.run(&["metrics", "export", "--format", "jsonl", "-q"]).stdout;
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(&lines, attempts);
        let csv = place.run(&["metrics", "export", "--format", "csv", "-q"]).stdout;
        let keys: Vec<&str> = attempts[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(csv.lines().next().unwrap(), keys.join(","));
        valid("export", &["metrics", "export", "--offline", "--json", "-q"]);

        let summary = place.run(&["metrics", "summary", "--format", "csv"]).stdout;
        let heading = summary.lines().next().unwrap();
        assert_eq!(old_words(&heading.replace(',', "\"")), [""; 0], "{heading}");
        for column in
            ["provider", "model", "duration_ms_p50", "first_token_ms_mean", "cost_nano_usd", "cost_usd"]
        {
            assert!(heading.split(',').any(|name| name == column), "{column}: {heading}");
        }

        valid("sql", &["metrics", "sql", "--json", "SELECT * FROM model_usage"]);
        valid("sql", &["metrics", "sql", "--json", "SELECT * FROM sessions"]);
    });
}

#[test]
fn a_failure_is_one_object_too() {
    let place = Place::new("failures");
    for arguments in [
        &["summary", "--since", "yesterday"][..],
        &["export", "--until", "tomorrow"],
        &["prune", "--before", ""],
        &["forget", "nonsense"],
        &["reprice", "--since", "never"],
    ] {
        let arguments = [&["metrics"], arguments, &["--offline", "--json"]].concat();
        let said = place.run(&arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.stderr);
        let failure: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(failure["version"], "1.0");
        assert_eq!(failure["error"]["code"], "E002", "{failure}");
        assert!(said.stderr.starts_with("error[E002]"), "{}", said.stderr);
    }
    std::fs::create_dir_all(place.path("forge.db")).unwrap();
    let said = place.run(&["metrics", "rebuild", "--json"]);
    let failure: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, &failure["error"]["code"]), (Some(1), &json!("E006")), "{failure}");
}

#[test]
fn what_upkeep_did_is_one_object() {
    with_sim("{}", |sim| {
        let place = Place::with("upkeep", sim, JOBS);
        assert_eq!(place.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        let attempt = object(&place, &["metrics", "export", "--json", "-q"])["attempts"][0].clone();
        let call = attempt["call_id"].as_str().unwrap();
        let facts = |arguments: &[&str]| {
            let said = place.run(&[&["metrics"], arguments, &["--json"]].concat());
            assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{arguments:?}");
            serde_json::from_str::<Value>(&said.stdout).unwrap()
        };
        let nothing = json!({ "cost_nano_usd": 0, "cost_usd": 0 });
        let repriced = facts(&["reprice"]);
        assert_eq!(
            repriced,
            json!({ "version": "1.0", "simulated": false, "changed": 0, "unpriced": 0, "before": nothing,
                "after": nothing, "price_version": attempt["price_version"] })
        );
        assert_eq!(facts(&["rebuild"]), json!({ "version": "1.0", "simulated": false, "days": 1 }));
        let tokens = ["input_tokens", "output_tokens", "reasoning_tokens", "cache_read_tokens"];
        let tokens: u64 = tokens.iter().filter_map(|class| attempt[class].as_u64()).sum();
        assert_eq!(
            facts(&["forget", call]),
            json!({ "version": "1.0", "simulated": false, "call_id": call, "attempts": 1, "tokens": tokens,
                "cost_nano_usd": attempt["cost_nano_usd"], "cost_usd": attempt["cost_usd"] })
        );
        let pruned = facts(&["prune", "--before", "2100-01-01T17:00:00Z"]);
        let freed = pruned["freed_bytes"].clone();
        assert_eq!(
            pruned,
            json!({ "version": "1.0", "simulated": false, "attempts": 1, "before": "2100-01-01T00:00:00Z",
                "freed_bytes": freed, "archive": null })
        );
        assert!(freed.is_u64());
        assert_eq!(facts(&["rebuild", "--offline"])["simulated"], true);
    });
}
