//! A server that the simulator does not know and the program brings along.

use forge_sim::compatible::{Fields, Model, Server, Thoughts, UsageShape, Words};
use forge_sim::{ErrorKind, Scenario, Sim, SimConfig, SimError, Vendor};
use serde_json::json;

use crate::client::{get, post, send, with};

const ROW: Server = Server {
    id: "acme",
    name: "Acme",
    base_path: "/acme/api/v1",
    roots: &["/api/v1"],
    models: &[Model { id: "acme-1", context: 131_072, thinks: true }],
    request: Fields::Without(&["store"]),
    thoughts: Thoughts::Tags,
    usage: UsageShape { cached: &["hits", "hits.deep"], ..UsageShape::TOTALS },
    words: &[Words {
        kind: ErrorKind::Overloaded,
        status: 503,
        type_name: "busy",
        code: "",
        text: "Acme is busy.",
        param: "",
    }],
    ..Server::PLAIN
};

static ACME: Server = ROW;

const ACME_VENDOR: Vendor = Vendor::of(&ACME);

async fn start(yaml: &str) -> Sim {
    let servers = vec![&ACME];
    let scenario = Scenario::from_yaml_with(yaml, &servers).unwrap();
    Sim::start(SimConfig { seed: 7, scenario, servers, ..SimConfig::default() }).await.unwrap()
}

#[tokio::test]
async fn an_added_server_answers_with_its_habits_and_stands_in_the_journal() {
    let sim = start("").await;
    assert_eq!(sim.base_url(ACME_VENDOR), format!("http://{}/acme/api/v1", sim.addr()));
    let body = json!({"model": "acme-1", "messages": [{"role": "user", "content": "Hello"}]});
    let reply = post(&sim, ACME_VENDOR, "/chat/completions", &body).await.json();
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("<think>") && text.contains("Simulated reply from Acme"), "{text}");
    let refused = post(&sim, ACME_VENDOR, "/chat/completions", &with(body, json!({"store": false}))).await;
    assert_eq!((refused.status, refused.text().contains("'store' is unsupported")), (400, true));
    assert_eq!(get(&sim, ACME_VENDOR, "/models").await.json()["data"][0]["id"], "acme-1");
    let journal = sim.journal();
    assert!(journal.len() == 3 && journal.iter().all(|one| one.vendor == Some(ACME_VENDOR)));
    assert_eq!(serde_json::to_value(&journal).unwrap()[0]["vendor"], "acme");
}

#[tokio::test]
async fn scenarios_speak_of_an_added_server_by_its_id() {
    let rule = "rules: [ { vendor: acme, nth: 1, error: { kind: overloaded } } ]";
    let sim = start(rule).await;
    let body = json!({"model": "acme-1", "messages": [{"role": "user", "content": "Hello"}]});
    let ask = || post(&sim, ACME_VENDOR, "/chat/completions", &body);
    let first = ask().await;
    assert_eq!((first.status, &first.json()["error"]["message"]), (503, &json!("Acme is busy.")));
    assert_eq!(ask().await.status, 200);
    let put = "keys: { acme: secret }\nlimits: [ { vendor: acme, requests_per_minute: 1 } ]";
    assert_eq!(send(&sim, "PUT", "/__sim/scenario", &[], put.as_bytes()).await.status, 204);
    assert_eq!(ask().await.status, 401, "the key is another one now");
    let unknown =
        send(&sim, "PUT", "/__sim/scenario", &[], b"rules: [ { vendor: apex, status: 201 } ]").await;
    assert!(unknown.text().contains("unknown vendor `apex`") && unknown.text().contains("acme"));
}

#[tokio::test]
async fn a_simulator_without_the_server_knows_nothing_of_it() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    assert_eq!(send(&sim, "GET", "/acme/api/v1/models", &[], b"").await.status, 404);
    let scenario = Scenario::from_yaml("rules: [ { vendor: acme, status: 201 } ]");
    assert!(matches!(scenario, Err(SimError::Syntax(_))));
    assert!("acme".parse::<Vendor>().is_err());
}

#[tokio::test]
async fn servers_that_no_request_would_reach_are_refused() {
    static TWICE: Server = Server { id: "groq", base_path: "/groq/api/v1", ..ROW };
    static ELSEWHERE: Server = Server { base_path: "/other/api/v1", ..ROW };
    static ASTRAY: Server = Server { base_path: "/acme/v2", ..ROW };
    static LOUD: Server = Server { id: "Acme", base_path: "/Acme/api/v1", ..ROW };
    static EMPTY: Server = Server { models: &[], ..ROW };
    for (servers, words) in [
        (vec![&TWICE], "has the id of another one"),
        (vec![&ACME, &ACME], "has the id of another one"),
        (vec![&ELSEWHERE], "base path"),
        (vec![&ASTRAY], "base path"),
        (vec![&LOUD], "small letters"),
        (vec![&EMPTY], "serves no model"),
    ] {
        let error = Sim::start(SimConfig { servers, ..SimConfig::default() }).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
