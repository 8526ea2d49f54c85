//! The example files do what their comments say.

use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use serde_json::{Value, json};

use crate::client::{End, Reply, post};

async fn start(yaml: &str) -> Sim {
    let scenario = Scenario::from_yaml(yaml).unwrap();
    Sim::start(SimConfig { scenario, ..SimConfig::default() }).await.unwrap()
}

async fn anthropic(sim: &Sim, stream: bool) -> Reply {
    let body = json!({
        "model": "claude-sonnet-5-5",
        "max_tokens": 500,
        "stream": stream,
        "messages": [{"role": "user", "content": "hello"}],
    });
    post(sim, Vendor::Anthropic, "/v1/messages", &body).await
}

async fn openai(sim: &Sim) -> Reply {
    let body = json!({"model": "gpt-6.2-sol", "input": "hello", "stream": true});
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

async fn google(sim: &Sim) -> Reply {
    let body = json!({"contents": [{"parts": [{"text": "hello"}]}]});
    let path = "/models/gemini-3.8-flash:streamGenerateContent?alt=sse";
    post(sim, Vendor::Google, path, &body).await
}

async fn local(sim: &Sim, vendor: Vendor) -> Reply {
    let body: Value =
        json!({"model": "qwen3", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    post(sim, vendor, "/v1/chat/completions", &body).await
}

#[tokio::test]
async fn outage_takes_one_vendor_down_and_hurts_the_others() {
    let sim = start(include_str!("../../scenarios/outage.yaml")).await;
    for _ in 0..3 {
        assert_eq!(anthropic(&sim, false).await.status, 529);
    }
    let openai = [openai(&sim).await, openai(&sim).await, openai(&sim).await];
    assert_eq!(openai.each_ref().map(|reply| reply.status), [502, 502, 200]);
    assert_eq!(google(&sim).await.end, End::Reset);
    assert_eq!(google(&sim).await.status, 200);
    assert_eq!(local(&sim, Vendor::LlamaCpp).await.status, 503);
}

#[tokio::test]
async fn rate_limits_refuse_in_each_vendors_notation() {
    let sim = start(include_str!("../../scenarios/rate-limits.yaml")).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(anthropic(&sim, false).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    for _ in 0..3 {
        openai(&sim).await;
    }
    assert_eq!(openai(&sim).await.status, 429);
    for _ in 0..2 {
        google(&sim).await;
    }
    assert!(google(&sim).await.text().contains("PerDay"));
}

#[tokio::test]
async fn flaky_streams_break_in_every_dialect() {
    let sim = start(include_str!("../../scenarios/flaky-streams.yaml")).await;
    let first = anthropic(&sim, true).await;
    assert_eq!(first.end, End::Cut);
    assert!(!first.text().contains("message_stop"));
    assert!(anthropic(&sim, true).await.text().contains("overloaded_error"));
    assert_eq!(anthropic(&sim, true).await.end, End::Complete);
    assert_eq!(openai(&sim).await.end, End::Reset);
    let google = google(&sim).await;
    assert!(google.chunks.iter().all(|chunk| chunk.len() == 1));
    assert!(!local(&sim, Vendor::Ollama).await.text().contains("[DONE]"));
    let vllm = local(&sim, Vendor::Vllm).await.text();
    assert!(vllm.contains("\"error\"") && vllm.contains("[DONE]"));
}

#[tokio::test]
async fn slow_models_keep_their_pace() {
    let sim = start(include_str!("../../scenarios/slow.yaml")).await;
    local(&sim, Vendor::Ollama).await;
    let outcome = sim.journal()[0].outcome.clone().unwrap();
    assert!(outcome.took_ms >= 100, "{outcome:?}");
}
