//! Responses that the vendor was asked to keep.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::client::{KEY, Reply, get, post, send, start, with};

async fn ask(sim: &Sim, body: Value) -> Reply {
    post(sim, Vendor::OpenAi, "/responses", &body).await
}

async fn delete(sim: &Sim, id: &str) -> Reply {
    let bearer = format!("Bearer {KEY}");
    let path = format!("/openai/v1/responses/{id}");
    send(sim, "DELETE", &path, &[("authorization", &bearer)], b"").await
}

fn hello() -> Value {
    json!({"model": "gpt-6.2-sol", "input": "Hello"})
}

#[tokio::test]
async fn a_response_that_is_kept_can_be_read_and_deleted() {
    let sim = start().await;
    let response = ask(&sim, hello()).await.json();
    let id = response["id"].as_str().unwrap();
    assert_eq!(get(&sim, Vendor::OpenAi, &format!("/responses/{id}")).await.json(), response);
    let items = get(&sim, Vendor::OpenAi, &format!("/responses/{id}/input_items")).await.json();
    assert_eq!(items["data"][0]["content"], json!([{"type": "input_text", "text": "Hello"}]));
    assert_eq!((&items["first_id"], &items["has_more"]), (&items["data"][0]["id"], &json!(false)));

    let more = with(hello(), json!({"previous_response_id": id}));
    assert_eq!(ask(&sim, more.clone()).await.status, 200);
    assert_eq!(delete(&sim, id).await.json(), json!({"id": id, "object": "response", "deleted": true}));
    assert_eq!(get(&sim, Vendor::OpenAi, &format!("/responses/{id}")).await.status, 404);
    assert_eq!(delete(&sim, id).await.status, 404);
    assert_eq!(ask(&sim, more).await.json()["error"]["code"], "previous_response_not_found");
}

#[tokio::test]
async fn a_response_that_is_not_kept_cannot_be_read() {
    let sim = start().await;
    let response = ask(&sim, with(hello(), json!({"store": false}))).await.json();
    let id = response["id"].as_str().unwrap();
    let reply = get(&sim, Vendor::OpenAi, &format!("/responses/{id}")).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (404, &json!("invalid_request_error")));
}

#[tokio::test]
async fn cache_writes_are_told_for_every_model() {
    let sim = start().await;
    for model in ["gpt-6.2-sol", "gpt-4o"] {
        let usage = ask(&sim, with(hello(), json!({"model": model}))).await.json()["usage"].clone();
        let details = json!({"cached_tokens": 0, "cache_write_tokens": 0});
        assert_eq!(usage["input_tokens_details"], details, "{model}");
    }
}

#[tokio::test]
async fn a_streamed_response_is_kept_as_it_ended() {
    let sim = start().await;
    let events = ask(&sim, with(hello(), json!({"stream": true}))).await.events();
    let last = &events.last().unwrap()["response"];
    let id = last["id"].as_str().unwrap();
    assert_eq!(get(&sim, Vendor::OpenAi, &format!("/responses/{id}")).await.json(), *last);
}
