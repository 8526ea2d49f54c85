//! What is kept, for whom, and how long.

use serde_json::{Value, json};

use super::{ask, behind, end, fetch, key, over, question, refused, respond, start};
use crate::folder::Folder;

const MODELS: [&str; 4] = ["provider:anthropic", "provider:openai", "provider:google", "provider:local"];

#[tokio::test]
async fn a_response_is_fetched_as_it_was_told_also_after_a_restart() {
    let folder = Folder::new("stored-kept");
    let server = start(&folder, "{}").await;
    let mut kept = Vec::new();
    for model in MODELS {
        let mut body = question(model, "Hello", &Value::Null);
        body["metadata"] = json!({"ticket": "7"});
        let whole = respond(&server, &body).await;
        assert_eq!((&whole["store"], &whole["background"]), (&json!(true), &json!(false)), "{whole}");
        assert_eq!((&whole["metadata"]["ticket"], &whole["status"]), (&json!("7"), &json!("completed")));
        body["stream"] = true.into();
        let stream = ask(&server, "", "POST /v1/responses", &body).await;
        // Whoever has the end of a stream can go on from it at once.
        let streamed = stream.data("response.completed").remove(0)["response"].take();
        kept.extend([whole, streamed]);
        if model == "provider:openai" {
            assert_eq!(super::sent(&server)["store"], false, "the vendor stores nothing");
        }
    }
    for response in &kept {
        assert_eq!(fetch(&server, &response["id"], "").await, (200, response.clone()));
    }
    end(server).await;
    let server = start(&folder, "{}").await;
    for response in &kept {
        assert_eq!(fetch(&server, &response["id"], "").await, (200, response.clone()));
    }
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn what_a_response_answers_is_listed_in_pages() {
    let folder = Folder::new("stored-items");
    let server = start(&folder, "{}").await;
    let items: Vec<Value> = (0..5)
        .map(|turn| match turn {
            3 => json!({"role": "user", "content": [{"type": "input_text", "text": "3"}], "id": "msg_own"}),
            turn => {
                json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "content": turn.to_string()})
            }
        })
        .collect();
    let response = respond(&server, &json!({"model": "provider:google", "input": items})).await;
    let id = response["id"].as_str().unwrap();
    let list = async |query: &str| fetch(&server, &response["id"], &format!("/input_items{query}")).await;
    let texts = |page: &Value| -> String {
        let items = page["data"].as_array().unwrap().iter();
        items.map(|item| item["content"][0]["text"].as_str().unwrap()).collect()
    };
    let (_, all) = list("?order=asc").await;
    assert_eq!(
        (all["object"].as_str(), texts(&all).as_str(), &all["has_more"]),
        (Some("list"), "01234", &json!(false))
    );
    let kinds = ["input_text", "output_text", "input_text", "input_text", "input_text"];
    for (item, kind) in all["data"].as_array().unwrap().iter().zip(kinds) {
        assert_eq!((&item["type"], &item["content"][0]["type"]), (&json!("message"), &json!(kind)), "{item}");
        assert!(item["id"].is_string() && item["status"] == "completed", "{item}");
    }
    let (_, first) = list("?limit=2").await;
    assert_eq!((texts(&first).as_str(), &first["has_more"]), ("43", &json!(true)));
    assert_eq!((&first["first_id"], &first["last_id"]), (&first["data"][0]["id"], &json!("msg_own")));
    let (_, rest) = list("?after=msg_own&limit=100").await;
    assert_eq!((texts(&rest).as_str(), &rest["has_more"]), ("210", &json!(false)));
    let last = rest["last_id"].as_str().unwrap();
    let (_, none) = list(&format!("?after={last}")).await;
    assert_eq!((&none["data"], &none["first_id"]), (&json!([]), &Value::Null));
    for wrong in ["limit=0", "limit=101", "limit=x", "limit=", "order=up", "after=msg_none"] {
        let (status, error) = list(&format!("?{wrong}")).await;
        let name = wrong.split('=').next().unwrap();
        assert!(status == 400 && error["error"]["message"].as_str().unwrap().contains(name), "{error}");
    }
    // One text of the user's is a list of one.
    let response = respond(&server, &question("provider:google", "Hi", &json!(id))).await;
    let (_, own) = fetch(&server, &response["id"], "/input_items").await;
    assert_eq!(texts(&own), "Hi", "the items of the responses before are theirs");
}

#[tokio::test]
async fn a_response_is_there_for_the_key_that_asked_alone() {
    let folder = Folder::new("stored-keys");
    let server = start(&folder, "{}").await;
    let unknown = ask(&server, "", "GET /v1/responses/resp_1", &Value::Null).await;
    let (own, other) = (key(&server, "own").await, key(&server, "other").await);
    let asked =
        ask(&server, &own, "POST /v1/responses", &question("provider:google", "A secret", &Value::Null))
            .await;
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    for (method, more) in [("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")] {
        let reply = ask(&server, &other, &format!("{method} /v1/responses/{id}{more}"), &Value::Null).await;
        assert_eq!(
            (reply.status, reply.body.replace(&id, "resp_1")),
            (404, unknown.body.clone()),
            "{method} {more}"
        );
        let reply = ask(&server, "", &format!("{method} /v1/responses/{id}{more}"), &Value::Null).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    }
    let on = question("provider:google", "go on", &json!(id));
    let refused = ask(&server, &other, "POST /v1/responses", &on).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (400, &json!("previous_response_not_found"))
    );
    let calls = server.calls();
    assert_eq!(ask(&server, &own, "POST /v1/responses", &on).await.status, 200);
    assert_eq!(server.calls(), calls + 1);
    let path = format!("/v1/responses/{id}");
    assert_eq!(ask(&server, &own, &format!("GET {path}"), &Value::Null).await.json(), asked.json());
    let deleted = ask(&server, &own, &format!("DELETE {path}"), &Value::Null).await.json();
    assert_eq!(deleted, json!({"id": id, "object": "response", "deleted": true}));
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&server, &own, &format!("{method} {path}"), &Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn what_is_not_to_be_stored_is_not_and_may_go_on_from_what_is() {
    let folder = Folder::new("stored-not");
    let server = start(&folder, "{}").await;
    let kept = respond(&server, &question("provider:openai", "The word is plum.", &Value::Null)).await;
    for previous in [&Value::Null, &kept["id"]] {
        let mut body = question("provider:openai", "Which word?", previous);
        body["store"] = false.into();
        let response = respond(&server, &body).await;
        assert!(response.get("store").is_none_or(|store| store == false), "{response}");
        assert_eq!(fetch(&server, &response["id"], "").await.0, 404);
        assert_eq!(super::sent(&server).to_string().contains("plum"), previous.is_string());
    }
    // Nobody keeps a count.
    let mut count = question("provider:openai", "Which word?", &kept["id"]);
    let on = ask(&server, "", "POST /v1/responses/input_tokens", &count).await.json();
    count["previous_response_id"] = Value::Null;
    let alone = ask(&server, "", "POST /v1/responses/input_tokens", &count).await.json();
    assert!(on["input_tokens"].as_u64() > alone["input_tokens"].as_u64(), "{on} {alone}");
    let file = rusqlite::Connection::open(server.system.store().unwrap().path()).unwrap();
    let rows = file.query_row("SELECT count(*) FROM responses", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 1);
}

#[tokio::test]
async fn what_has_expired_is_gone_at_once_and_swept_by_the_next_server() {
    let folder = Folder::new("stored-expired");
    let server = start(&folder, "{}").await;
    let first = respond(&server, &question("provider:google", "Hello", &Value::Null)).await;
    let second = respond(&server, &question("provider:google", "Hello again", &first["id"])).await;
    let expire =
        |id: &Value| format!("UPDATE responses SET expires_at = 1000 WHERE id = '{}'", id.as_str().unwrap());
    behind(&server, &expire(&first["id"]));
    assert_eq!(fetch(&server, &first["id"], "").await.0, 404);
    assert_eq!(fetch(&server, &first["id"], "/input_items").await.0, 404);
    assert_eq!(fetch(&server, &second["id"], "").await, (200, second.clone()));
    for previous in [&first["id"], &second["id"]] {
        let (status, code, why) = refused(&server, &question("provider:google", "go on", previous)).await;
        assert_eq!((status, code), (400, json!("previous_response_not_found")), "{why}");
        assert!(why.contains(first["id"].as_str().unwrap()), "{why}");
    }
    end(server).await;
    let server = start(&folder, "{}").await;
    let file = rusqlite::Connection::open(server.system.store().unwrap().path()).unwrap();
    let rows = || file.query_row("SELECT group_concat(id) FROM responses", [], |row| row.get::<_, String>(0));
    while rows().unwrap() != second["id"].as_str().unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_costs_nobody_an_answer_and_begins_nothing_in_the_background() {
    let folder = Folder::new("stored-locked");
    let server = start(&folder, "{}").await;
    behind(&server, "DROP TABLE responses");
    let response = respond(&server, &question("provider:google", "Hello", &Value::Null)).await;
    assert_eq!(response["status"], "completed");
    let calls = server.calls();
    let mut body = question("provider:google", "Hello", &Value::Null);
    body["background"] = true.into();
    for body in [body, question("provider:google", "Hello", &response["id"])] {
        let reply = ask(&server, "", "POST /v1/responses", &body).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
        assert!(!reply.body.contains("no such table"), "{}", reply.body);
    }
    assert_eq!(fetch(&server, &response["id"], "").await.0, 503);
    assert_eq!(server.calls(), calls, "nobody was asked");
}

#[tokio::test]
async fn a_stream_whose_client_goes_away_is_kept_where_calls_go_on_alone() {
    for finishes_alone in [true, false] {
        let folder = Folder::new(&format!("stored-alone-{finishes_alone}"));
        let rule = "rules: [{vendor: anthropic, stall: {between_events: 20}}]";
        let server =
            over(&folder, rule, |_| {}, |options| options.plan.finishes_alone = finishes_alone).await;
        let mut body = question("provider:anthropic", "Hello", &Value::Null);
        body["stream"] = true.into();
        let id = super::background::leave(&server, &body).await;
        let outcome = loop {
            if let Some(outcome) = server.sim.journal().remove(0).outcome {
                break outcome;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(outcome.client_disconnected, !finishes_alone);
        if finishes_alone {
            while fetch(&server, &id, "").await.0 != 200 {
                tokio::task::yield_now().await;
            }
            assert_eq!(fetch(&server, &id, "").await.1["status"], "completed");
        } else {
            assert_eq!(fetch(&server, &id, "").await.0, 404);
        }
    }
}
