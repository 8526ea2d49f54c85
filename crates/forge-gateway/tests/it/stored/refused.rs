//! What is refused, and that nothing is kept where nobody wants it.

use serde_json::{Value, json};

use super::{ask, fetch, over, question, refused, respond, start};
use crate::{client::send, folder::Folder};

#[tokio::test]
async fn without_a_store_nothing_is_there_and_nothing_goes_on_from_it() {
    let folder = Folder::new("stored-off");
    let server = over(&folder, "{}", |_| {}, |options| options.plan.keep_responses = None).await;
    for store in [json!(true), Value::Null] {
        let mut body = question("provider:google", "Hello", &Value::Null);
        body["store"] = store;
        let response = respond(&server, &body).await;
        assert!(
            response["id"].as_str().unwrap().starts_with("resp_") && response.get("store").is_none(),
            "{response}"
        );
        for (method, more) in [("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")] {
            let path = format!("{method} /v1/responses/{}{more}", response["id"].as_str().unwrap());
            let reply = ask(&server, "", &path, &Value::Null).await;
            assert_eq!(
                (reply.status, &reply.json()["error"]["type"]),
                (404, &json!("invalid_request_error"))
            );
        }
        let (status, code, _) =
            refused(&server, &question("provider:google", "go on", &response["id"])).await;
        assert_eq!((status, code), (400, json!("previous_response_not_found")));
    }
    for field in ["background", "conversation"] {
        let mut body = question("provider:google", "Hello", &Value::Null);
        body[field] = true.into();
        let (status, code, why) = refused(&server, &body).await;
        assert_eq!((status, code, why.contains(field)), (400, json!("unsupported_parameter"), true), "{why}");
    }
    let file = rusqlite::Connection::open(server.system.store().unwrap().path()).unwrap();
    let rows = file.query_row("SELECT count(*) FROM responses", [], |row| row.get::<_, i64>(0));
    assert_eq!((rows.unwrap(), server.calls()), (0, 2));
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_plain_words() {
    let folder = Folder::new("stored-wrong");
    let server = start(&folder, "{}").await;
    let response = respond(&server, &question("provider:google", "Hello", &Value::Null)).await;
    let calls = server.calls();
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut body = question("provider:google", "Hello", &Value::Null);
        change(&mut body);
        body
    };
    for (body, code, words) in [
        (wrong(&|body| body["store"] = "yes".into()), Value::Null, "`store`"),
        (wrong(&|body| body["background"] = 1.into()), Value::Null, "`background`"),
        (wrong(&|body| body["previous_response_id"] = json!({})), Value::Null, "`previous_response_id`"),
        (
            wrong(&|body| body["previous_response_id"] = "resp_none".into()),
            json!("previous_response_not_found"),
            "resp_none",
        ),
        (wrong(&|body| body["previous_response_id"] = "".into()), json!("previous_response_not_found"), ""),
        (
            wrong(&|body| body["previous_response_id"] = "x".repeat(9_000).into()),
            json!("previous_response_not_found"),
            "xxx",
        ),
        (
            wrong(&|body| body["conversation"] = "conv_1".into()),
            json!("unsupported_parameter"),
            "`conversation`",
        ),
        (
            json!({"model": "provider:google", "input": "x", "background": true, "store": false}),
            json!("unsupported_parameter"),
            "`store`",
        ),
        (
            json!({"model": "provider:google", "previous_response_id": "resp_none"}),
            json!("previous_response_not_found"),
            "",
        ),
        (json!({"model": "provider:google"}), Value::Null, "`input`"),
        (json!([]), Value::Null, ""),
    ] {
        let (status, found, why) = refused(&server, &body).await;
        assert_eq!((status, &found), (400, &code), "{why}");
        assert!(why.contains(words) && why.len() < 300, "{why}");
    }
    let id = response["id"].as_str().unwrap();
    let (status, error) = fetch(&server, &response["id"], "?stream=true&starting_after=3").await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("unsupported_parameter")));
    for (start, status) in [
        ("GET /v1/responses/resp_none".to_owned(), 404),
        (format!("GET /v1/responses/resp_{}", "x".repeat(9_000)), 404),
        ("GET /v1/responses/resp_%00%22'%3B".to_owned(), 404),
        ("GET /v1/responses/none".to_owned(), 404),
        ("POST /v1/responses/compact".to_owned(), 404),
        (format!("GET /v1/responses/{id}/else"), 404),
        (format!("POST /v1/responses/{id}"), 405),
        (format!("GET /v1/responses/{id}/cancel"), 405),
        (format!("GET /responses/{id}?include=x"), 200),
    ] {
        let reply = ask(&server, "", &start, &Value::Null).await;
        assert_eq!(reply.status, status, "{start}: {}", reply.body);
        assert!(
            status == 200 || reply.json()["error"]["message"].as_str().unwrap().len() < 200 || status == 404
        );
    }
    let keys = "x-api-key: fk-test-1\r\nauthorization: Bearer fk-test-2\r\n";
    super::key(&server, "ci").await;
    let two =
        crate::client::read(send(server.address, &format!("GET /v1/responses/{id}"), keys, "").await).await;
    assert_eq!((two.status, &two.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert_eq!(server.calls(), calls, "nobody was asked");
}
