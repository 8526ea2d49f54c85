use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{Reply, post, send, start, start_with};

fn message() -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Tell me about limits"}],
    })
}

async fn anthropic(sim: &Sim) -> Reply {
    post(sim, Vendor::Anthropic, "/v1/messages", &message()).await
}

async fn openai(sim: &Sim) -> Reply {
    let body = json!({"model": "gpt-4o", "input": "Tell me about limits"});
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

async fn google(sim: &Sim) -> Reply {
    let body = json!({"contents": [{"parts": [{"text": "Tell me about limits"}]}]});
    post(sim, Vendor::Google, "/models/gemini-3.8-flash:generateContent", &body).await
}

#[tokio::test]
async fn anthropic_tells_limits_in_rfc_3339() {
    let sim = start_with("limits: [ { requests_per_minute: 2, input_tokens_per_minute: 1200 } ]").await;
    let reply = anthropic(&sim).await;
    assert_eq!(reply.header("anthropic-ratelimit-requests-limit"), Some("2"));
    assert_eq!(reply.header("anthropic-ratelimit-requests-remaining"), Some("1"));
    let reset = reply.header("anthropic-ratelimit-requests-reset").unwrap();
    assert!(reset.ends_with('Z') && reset.contains('T'), "{reset}");
    assert_eq!(reply.header("anthropic-ratelimit-input-tokens-limit"), Some("1200"));
    assert_eq!(
        reply.header("anthropic-ratelimit-input-tokens-remaining"),
        Some("1000"),
        "rounded to thousands"
    );
    anthropic(&sim).await;
    let refused = anthropic(&sim).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((25..=30).contains(&wait), "{wait}");
    assert_eq!(refused.header("anthropic-ratelimit-requests-remaining"), Some("0"));
}

#[tokio::test]
async fn openai_tells_limits_as_go_durations() {
    let sim =
        start_with("limits: [ { vendor: openai, requests_per_minute: 3, tokens_per_minute: 1000 } ]").await;
    let reply = openai(&sim).await;
    assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"));
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("2"));
    let reset = reply.header("x-ratelimit-reset-requests").unwrap();
    assert!(reset.starts_with('1') || reset == "20s", "{reset}");
    let left: u64 = reply.header("x-ratelimit-remaining-tokens").unwrap().parse().unwrap();
    let used = reply.json()["usage"]["total_tokens"].as_u64().unwrap();
    assert!(left.abs_diff(1000 - used) <= 20, "{left} after {used}");
    openai(&sim).await;
    openai(&sim).await;
    let refused = openai(&sim).await;
    let error = refused.json()["error"].clone();
    assert_eq!((&error["code"], &error["type"]), (&json!("rate_limit_exceeded"), &json!("requests")));
    assert!(error["message"].as_str().unwrap().contains("Limit 3. Please try again in 1"), "{error}");
}

#[tokio::test]
async fn google_tells_limits_only_in_the_refusal() {
    let sim = start_with("limits: [ { vendor: google, requests_per_minute: 2 } ]").await;
    google(&sim).await;
    assert!(google(&sim).await.headers.iter().all(|(name, _)| !name.contains("limit")));
    let refused = google(&sim).await;
    assert_eq!((refused.status, &refused.json()["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(refused.header("retry-after"), None);
    let details = refused.json()["error"]["details"].clone();
    let quota = details[0]["violations"][0]["quotaId"].as_str().unwrap().to_owned();
    assert!(quota.contains("PerMinute"), "{quota}");
    assert_eq!(details[0]["violations"][0]["quotaValue"], "2");
    let delay = details[2]["retryDelay"].as_str().unwrap();
    assert!(delay.ends_with('s') && delay.contains('.'), "{delay}");
}

#[tokio::test]
async fn a_day_has_a_quota_of_its_own() {
    let sim = start_with("limits: [ { requests_per_day: 1 } ]").await;
    google(&sim).await;
    assert!(google(&sim).await.text().contains("PerDay"));
    openai(&sim).await;
    assert!(openai(&sim).await.text().contains("requests per day (RPD)"));
}

#[tokio::test]
async fn credentials_and_models_have_their_own_buckets() {
    let sim = start_with("limits: [ { requests_per_minute: 1 } ]").await;
    assert_eq!(anthropic(&sim).await.status, 200);
    assert_eq!(anthropic(&sim).await.status, 429);
    let mut other = message();
    other["model"] = "claude-haiku-4-5".into();
    assert_eq!(post(&sim, Vendor::Anthropic, "/v1/messages", &other).await.status, 200);
    let headers = [
        ("x-api-key", "sk-other"),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
    ];
    let body = message().to_string();
    let reply = send(&sim, "POST", "/anthropic/v1/messages", &headers, body.as_bytes()).await;
    assert_eq!(reply.status, 200);
    sim.reset();
    assert_eq!(anthropic(&sim).await.status, 200, "a reset refills");
}

#[tokio::test]
async fn a_refused_request_leaves_nothing_in_the_prompt_cache() {
    let sim = start_with("limits: [ { input_tokens_per_minute: 1100 } ]").await;
    let mut body = message();
    body["cache_control"] = json!({"type": "ephemeral"});
    body["messages"][0]["content"] = "x".repeat(4 * 1200).into();
    for _ in 0..2 {
        assert_eq!(post(&sim, Vendor::Anthropic, "/v1/messages", &body).await.status, 429);
    }
}

#[tokio::test]
async fn the_hint_of_a_limit_can_be_taken_away_or_replaced() {
    let sim = start_with("limits: [ { requests_per_minute: 1, retry_after: { none: true } } ]").await;
    anthropic(&sim).await;
    let refused = anthropic(&sim).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    let sim = start_with("limits: [ { requests_per_minute: 1, retry_after: { seconds: 180 } } ]").await;
    anthropic(&sim).await;
    assert_eq!(anthropic(&sim).await.header("retry-after"), Some("180"));
}

#[tokio::test]
async fn without_limits_the_headers_are_there_and_ample() {
    let sim = start().await;
    let reply = anthropic(&sim).await;
    assert_eq!(reply.header("anthropic-ratelimit-requests-limit"), Some("4000"));
    assert_eq!(openai(&sim).await.header("x-ratelimit-reset-tokens"), Some("0s"));
}

#[tokio::test]
async fn scripted_usage_crosses_a_price_tier_by_one_token() {
    let sim = start_with(
        "rules: [ { reply: { usage: { input: 271900, cache_read: 101, output: 10, reasoning: 5 } } } ]",
    )
    .await;
    let usage = openai(&sim).await.json()["usage"].clone();
    assert_eq!(usage["input_tokens"], 272_001);
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 101);
    assert_eq!(usage["output_tokens"], 15);
    let usage = anthropic(&sim).await.json()["usage"].clone();
    assert_eq!(usage["input_tokens"], 271_900);
    assert_eq!(usage["cache_read_input_tokens"], 101);
    assert_eq!(usage["output_tokens"], 15);
    let usage = google(&sim).await.json()["usageMetadata"].clone();
    assert_eq!(usage["promptTokenCount"], 272_001);
    assert_eq!(usage["candidatesTokenCount"], 10);
    assert_eq!(usage["thoughtsTokenCount"], 5);
}
