//! What coding agents and the newest SDKs send to Anthropic and Google, and their vendors answer.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{KEY, Reply, post, send, start, with};

const STABLE: &str = "2023-06-01";
const NEWEST: &str = "2026-10-21";

/// As an agent calls: with a token, a beta header and a query.
async fn ask(sim: &Sim, version: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("anthropic-version", version),
        ("anthropic-beta", "context-management-2025-06-27,interleaved-thinking-2025-05-14"),
        ("content-type", "application/json"),
    ];
    let path = "/anthropic/v1/messages?beta=true";
    send(sim, "POST", path, &headers, body.to_string().as_bytes()).await
}

async fn accepted(sim: &Sim, version: &str, body: Value) -> Value {
    let reply = ask(sim, version, &body).await;
    assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    reply.json()
}

async fn refused(sim: &Sim, version: &str, body: Value, words: &str) {
    let reply = ask(sim, version, &body).await;
    assert_eq!(reply.status, 400, "{body}");
    let message = reply.json()["error"]["message"].clone();
    assert!(message.as_str().unwrap().contains(words), "{message} lacks {words}");
}

fn said(model: &str, messages: Value) -> Value {
    json!({"model": model, "max_tokens": 2000, "messages": messages})
}

fn hello() -> Value {
    said("claude-opus-5", json!([{"role": "user", "content": "hi"}]))
}

#[tokio::test]
async fn a_coding_agent_gets_through() {
    let sim = start().await;
    let alive = send(&sim, "HEAD", "/anthropic/", &[], b"").await;
    assert_eq!(alive.status, 200);
    let tool = json!({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}});
    let messages = json!([
        {"role": "assistant", "content": "Earlier words."},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Be quick."},
        {"role": "user", "content": "and"},
        {"role": "system", "content": [tool, {"type": "text", "text": "A tool came."}]},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "go"},
    ]);
    let body = with(
        said("claude-opus-5", messages.clone()),
        json!({
            "thinking": {"type": "adaptive"},
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"},
            "stream": true,
        }),
    );
    let reply = ask(&sim, STABLE, &body).await;
    assert!(reply.status == 200 && reply.text().contains("tool_use"), "{}", reply.text());
    let mut misplaced = body;
    misplaced["messages"][1]["content"] = json!([tool]);
    refused(&sim, STABLE, misplaced, "`tool_addition` blocks can only be in `system` messages").await;
    refused(&sim, STABLE, said("claude-opus-4-6", messages), "Unexpected role \"system\"").await;
}

#[tokio::test]
async fn a_budget_still_forbids_a_forced_call() {
    let sim = start().await;
    let body = with(
        said("claude-sonnet-4-5", json!([{"role": "user", "content": "hi"}])),
        json!({
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"},
        }),
    );
    refused(&sim, STABLE, body, "Thinking may not be enabled when tool_choice forces tool use").await;
}

#[tokio::test]
async fn server_tools_can_be_chosen() {
    let sim = start().await;
    let tools = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    for choice in
        [json!({"type": "any"}), json!({"type": "tool", "name": "web_search"}), json!({"type": "auto"})]
    {
        accepted(&sim, STABLE, with(hello(), json!({"tools": tools, "tool_choice": choice}))).await;
    }
    let other = json!({"tools": tools, "tool_choice": {"type": "tool", "name": "f"}});
    refused(&sim, STABLE, with(hello(), other), "not found in provided tools").await;
    let none = json!({"tools": [], "tool_choice": {"type": "auto"}});
    refused(&sim, STABLE, with(hello(), none), "may only be specified while providing tools").await;
}

#[tokio::test]
async fn the_newest_version_refuses_what_the_older_one_takes() {
    let sim = start().await;
    let document = json!({"type": "document",
                          "source": {"type": "text", "media_type": "text/plain", "data": "d"}});
    let citation = json!({"type": "char_location", "cited_text": "d", "document_index": 0,
                          "start_char_index": 0, "end_char_index": 1});
    let cited = |citations: Value| json!({"type": "text", "text": "t", "citations": citations});
    let model = "claude-sonnet-4-5";
    let temperature = json!({"temperature": 0.5});
    let cases = [
        (with(said(model, json!([{"role": "user", "content": "a"}])), temperature), "temperature"),
        (with(hello(), json!({"top_p": 1.0})), "top_p"),
        (
            said(
                model,
                json!([
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": [document]},
                    {"role": "user", "content": "b"},
                ]),
            ),
            "`document` blocks are not permitted",
        ),
        (
            said(model, json!([{"role": "user", "content": [document, cited(json!([citation]))]}])),
            "text.citations",
        ),
    ];
    for (body, words) in cases {
        accepted(&sim, STABLE, body.clone()).await;
        refused(&sim, NEWEST, body, words).await;
    }
    let fine = said(
        model,
        json!([
            {"role": "user", "content": [document, cited(json!([]))]},
            {"role": "assistant", "content": [cited(json!([citation]))]},
            {"role": "user", "content": "b"},
        ]),
    );
    let old = accepted(&sim, STABLE, fine.clone()).await;
    let new = accepted(&sim, NEWEST, fine).await;
    assert_eq!(old["content"], new["content"], "replies are the same");
}

#[tokio::test]
async fn only_known_versions_are_versions() {
    let sim = start().await;
    for version in ["2023-06-02", "2026-10-22", "2027-01-01", "latest"] {
        refused(&sim, version, hello(), "is not a valid version").await;
    }
}

async fn gemini(sim: &Sim, method: &str, body: Value) -> Reply {
    let path = format!("/google/v1/models/gemini-3.8-flash:{method}");
    let headers = [("x-goog-api-key", KEY), ("content-type", "application/json")];
    let reply = send(sim, "POST", &path, &headers, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{body}: {}", reply.text());
    reply
}

#[tokio::test]
async fn gemini_gives_two_candidates_under_both_versions() {
    let sim = start().await;
    let config = json!({"candidateCount": 2, "imageConfig": {"aspectRatio": "1:1"},
                        "thinkingConfig": {"thinkingLevel": "MINIMAL"}});
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"toolCall": {"id": "1", "toolType": "GOOGLE_SEARCH", "args": {}}},
                                        {"text": "found"}]},
            {"role": "user", "parts": [{"text": "go on"}]},
        ],
        "generationConfig": config,
    });
    let reply = gemini(&sim, "generateContent", body.clone()).await.json();
    let candidates = reply["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert_eq!((&candidates[0]["index"], &candidates[1]["index"]), (&json!(0), &json!(1)));
    let text = candidates[0]["content"]["parts"][0]["text"].as_str().unwrap();
    let each = (text.chars().count() as u64).div_ceil(4);
    assert_eq!(reply["usageMetadata"]["candidatesTokenCount"], 2 * each);
    let frames = gemini(&sim, "streamGenerateContent?alt=sse", body.clone()).await.events();
    assert!(frames.iter().all(|frame| frame["candidates"].as_array().unwrap().len() == 2));
    let mut many = body;
    many["generationConfig"]["candidateCount"] = 9.into();
    let path = "/models/gemini-3.8-flash:generateContent";
    assert_eq!(post(&sim, Vendor::Google, path, &many).await.status, 400);
}
