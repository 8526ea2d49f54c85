use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use serde_json::{Value, json};

use crate::client::{KEY, post, send, start, start_with};

fn message(text: &str) -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
    })
}

#[tokio::test]
async fn the_journal_shows_requests_and_outcomes_but_no_keys() {
    let sim = start_with("rules: [ { nth: 2, error: { kind: overloaded } } ]").await;
    post(&sim, Vendor::Anthropic, "/v1/messages", &message("hi")).await;
    post(&sim, Vendor::Anthropic, "/v1/messages", &message("hi")).await;
    send(&sim, "GET", "/google/v1beta/models?key=AIzaSyDummyDummy", &[], b"").await;
    let reply = send(&sim, "GET", "/__sim/requests", &[], b"").await;
    assert!(!reply.text().contains(KEY) && !reply.text().contains("AIzaSyDummyDummy"));
    let requests = reply.json();
    let first = &requests[0];
    assert_eq!((&first["seq"], &first["vendor"]), (&json!(1), &json!("anthropic")));
    assert_eq!(first["path"], "/anthropic/v1/messages");
    assert_eq!(first["headers"]["x-api-key"], "sk-test…(18)");
    assert_eq!(first["body"]["messages"][0]["content"], "hi");
    let outcome = &first["outcome"];
    assert_eq!((&outcome["status"], &outcome["fault"]), (&json!(200), &Value::Null));
    assert_eq!(outcome["model_served"], "claude-sonnet-4-5");
    assert_eq!(outcome["usage"]["input"], 1);
    assert_eq!(requests[1]["outcome"]["fault"], "error:overloaded");
    assert_eq!(requests[1]["outcome"]["status"], 529);
    assert_eq!(requests[2]["path"], "/google/v1beta/models?key=AIzaSyD…(16)");
    assert_eq!(serde_json::to_value(sim.journal()).unwrap(), requests);
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_scenario() {
    let sim = start_with("rules: [ { nth: 1, error: { kind: overloaded } } ]").await;
    let body = message("hi");
    let ask = || post(&sim, Vendor::Anthropic, "/v1/messages", &body);
    let (first, second) = (ask().await, ask().await);
    assert_eq!((first.status, second.status), (529, 200));
    assert_eq!(send(&sim, "POST", "/__sim/reset", &[], b"").await.status, 204);
    assert!(sim.journal().is_empty());
    assert_eq!(ask().await.status, 529, "the rule counts anew");
    assert_eq!(ask().await.body, second.body, "ids too");
}

#[tokio::test]
async fn a_scenario_can_be_put_and_a_bad_one_is_explained() {
    let sim = start().await;
    let yaml = b"rules: [ { error: { kind: server } } ]";
    assert_eq!(send(&sim, "PUT", "/__sim/scenario", &[], yaml).await.status, 204);
    assert_eq!(post(&sim, Vendor::Anthropic, "/v1/messages", &message("hi")).await.status, 500);
    let reply = send(&sim, "PUT", "/__sim/scenario", &[], b"rules: [ { eror: 1 } ]").await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"].as_str().unwrap().contains("eror"));
    let health = send(&sim, "GET", "/__sim/health", &[], b"").await;
    assert_eq!(health.json(), json!({"status": "ok", "seed": 0}));
    assert_eq!(send(&sim, "GET", "/__sim/nope", &[], b"").await.status, 404);
}

#[tokio::test]
async fn equal_seeds_and_requests_give_equal_bytes() {
    async fn bytes(seed: u64) -> Vec<Vec<u8>> {
        let sim = Sim::start(SimConfig { seed, ..SimConfig::default() }).await.unwrap();
        let stream = json!({"model": "gpt-6.2-sol", "input": "Tell me", "stream": true,
                            "include": ["reasoning.encrypted_content"]});
        let google = json!({"contents": [{"parts": [{"text": "Tell me"}]}]});
        let path = "/models/gemini-3.8-flash:streamGenerateContent?alt=sse";
        vec![
            post(&sim, Vendor::Anthropic, "/v1/messages", &message("Tell me")).await.body,
            post(&sim, Vendor::Anthropic, "/v1/messages", &message("Tell me")).await.body,
            post(&sim, Vendor::OpenAi, "/responses", &stream).await.body,
            post(&sim, Vendor::Google, path, &google).await.body,
        ]
    }
    let first = bytes(5).await;
    assert_eq!(first, bytes(5).await);
    let other = bytes(6).await;
    assert!(first.iter().zip(&other).all(|(one, two)| one != two));
    assert_ne!(first[0], first[1], "a repeated request gets an id of its own");
    let text = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["content"].clone();
    assert_eq!(text(&first[0]), text(&first[1]), "but the same words");
}

#[tokio::test]
async fn base_urls_follow_each_vendors_convention() {
    let sim = start().await;
    let url = |vendor| sim.base_url(vendor);
    let host = format!("http://{}", sim.addr());
    assert_eq!(url(Vendor::Anthropic), format!("{host}/anthropic"));
    assert_eq!(url(Vendor::OpenAi), format!("{host}/openai/v1"));
    assert_eq!(url(Vendor::Google), format!("{host}/google/v1beta"));
    assert_eq!(url(Vendor::LmStudio), format!("{host}/lmstudio"));
}

#[tokio::test]
async fn a_scenario_that_makes_no_sense_does_not_start() {
    let scenario = Scenario { rules: vec![forge_sim::Rule::default()], ..Scenario::default() };
    let config = SimConfig { scenario, ..SimConfig::default() };
    assert!(Sim::start(config).await.is_err());
    let sim = start().await;
    let taken = SimConfig { listen: sim.addr(), ..SimConfig::default() };
    let error = Sim::start(taken).await.unwrap_err();
    assert!(error.to_string().contains("cannot listen on 127.0.0.1"));
}

#[tokio::test]
async fn a_scripted_reply_replaces_words_reason_and_model() {
    let sim = start_with(
        "rules: [ { reply: { text: fixed, thinking: mused, raw_stop_reason: brand_new, model: another } } ]",
    )
    .await;
    let reply = post(&sim, Vendor::Anthropic, "/v1/messages", &message("hi")).await.json();
    assert_eq!(reply["content"][0]["thinking"], "mused");
    assert_eq!(reply["content"][1], json!({"type": "text", "text": "fixed"}));
    assert_eq!((&reply["stop_reason"], &reply["model"]), (&json!("brand_new"), &json!("another")));
    assert_eq!(sim.journal()[0].outcome.as_ref().unwrap().model_served.as_deref(), Some("another"));
    let google = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let path = "/models/gemini-3.8-flash:generateContent";
    let reply = post(&sim, Vendor::Google, path, &google).await.json();
    assert_eq!(reply["modelVersion"], "another");
    assert_eq!(reply["candidates"][0]["finishReason"], "brand_new");
}

#[tokio::test]
async fn parts_of_a_reply_can_be_left_out() {
    let sim = start_with("rules: [ { quirks: [no_usage, no_finish_reason, no_stop_details] } ]").await;
    let reply = post(&sim, Vendor::Anthropic, "/v1/messages", &message("hi")).await.json();
    assert!(reply.get("usage").is_none());
    let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": true});
    let events = post(&sim, Vendor::OpenAi, "/chat/completions", &chat).await.events();
    assert!(events.iter().all(|event| event["choices"][0]["finish_reason"].is_null()));
    let native = json!({"model": "qwen3", "messages": [{"role": "user", "content": "hi"}], "stream": false});
    let reply = post(&sim, Vendor::Ollama, "/api/chat", &native).await.json();
    assert!(reply.get("eval_count").is_none());
    let scenario =
        "rules: [ { quirks: [no_stop_details, corrected_usage], reply: { stop_reason: refusal } } ]";
    sim.set_scenario(Scenario::from_yaml(scenario).unwrap()).unwrap();
    let mut long = message("Tell me about corrections");
    long["stream"] = true.into();
    let events = post(&sim, Vendor::Anthropic, "/v1/messages", &long).await.events();
    let end = &events[events.len() - 2];
    assert_eq!(
        (&end["delta"]["stop_reason"], &end["delta"]["stop_details"]),
        (&json!("refusal"), &Value::Null)
    );
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 4);
    assert_eq!(end["usage"]["input_tokens"], 7);
}
