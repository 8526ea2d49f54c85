//! Calls that go on without their clients.

use forge::{offline::council, store::Filter};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use super::{JSON, ask, behind, fetch, over, question, refused, respond, said, start};
use crate::{client::send, folder::Folder, server::Server};

/// A vendor that never comes to an end.
const STUCK: &str = "rules: [{vendor: anthropic, stall: {before_first_byte: 600000}}]";

fn background(text: &str) -> Value {
    json!({"model": "provider:anthropic", "input": text, "background": true})
}

/// The response once it is no longer under way.
async fn ended(server: &Server, id: &Value) -> Value {
    loop {
        let (status, response) = fetch(server, id, "").await;
        assert_eq!(status, 200, "{response}");
        if response["status"] != "in_progress" {
            return response;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until the vendor was asked so often.
async fn asked(server: &Server, calls: usize) {
    while server.calls() < calls {
        tokio::task::yield_now().await;
    }
}

/// Waits until the vendor's client is gone.
async fn hung_up(server: &Server) {
    while server.sim.journal()[0].outcome.as_ref().is_none_or(|outcome| !outcome.client_disconnected) {
        tokio::task::yield_now().await;
    }
}

/// Attempts in the accounts.
fn attempts(server: &Server) -> u64 {
    let rows = server.system.store().unwrap().summary(&Filter::default(), &[]).unwrap();
    rows.first().map_or(0, |row| row.figures.attempts)
}

async fn cancel(server: &Server, id: &Value) -> (u16, Value) {
    let path = format!("POST /v1/responses/{}/cancel", id.as_str().unwrap());
    let reply = ask(server, "", &path, &Value::Null).await;
    (reply.status, reply.json())
}

/// Reads a stream until its response has an id, and goes away.
pub(super) async fn leave(server: &Server, body: &Value) -> Value {
    read_until(server, body, "response.in_progress").await.1
}

/// Reads a stream until this text has come; returns the rest and the id of the response.
async fn read_until(server: &Server, body: &Value, text: &str) -> (TcpStream, Value) {
    let mut socket = send(server.address, "POST /v1/responses", JSON, &body.to_string()).await;
    let mut bytes = Vec::new();
    loop {
        let read = socket.read_buf(&mut bytes).await.unwrap();
        let seen = String::from_utf8_lossy(&bytes);
        assert!(read > 0, "{seen}");
        if seen.contains(text) {
            let id = seen.split_once("\"id\":\"resp_").and_then(|(_, rest)| rest.split_once('"'));
            return (socket, json!(format!("resp_{}", id.unwrap().0)));
        }
    }
}

#[tokio::test]
async fn a_response_in_the_background_is_told_at_once_and_found_when_it_is_there() {
    let folder = Folder::new("stored-background");
    let rule = "rules: [{vendor: anthropic, stall: {before_first_byte: 300}}]";
    let server = start(&folder, rule).await;
    let begun = respond(&server, &background("Hello")).await;
    assert_eq!(
        (&begun["status"], &begun["output"], &begun["background"]),
        (&json!("in_progress"), &json!([]), &json!(true))
    );
    assert_eq!(fetch(&server, &begun["id"], "").await, (200, begun.clone()));
    let (status, _, why) = refused(&server, &question("provider:google", "go on", &begun["id"])).await;
    assert_eq!((status, why.contains("has not ended")), (400, true), "{why}");
    let response = ended(&server, &begun["id"]).await;
    assert_eq!(
        (&response["status"], &response["background"]),
        (&json!("completed"), &json!(true)),
        "{response}"
    );
    assert!(said(&response).contains("Anthropic") && response["usage"]["output_tokens"].as_u64() > Some(0));
    let on = respond(&server, &question("provider:google", "go on", &begun["id"])).await;
    assert_eq!((on["status"].as_str(), server.calls()), (Some("completed"), 2));
    server.system.close(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(attempts(&server), 2);
}

#[tokio::test]
async fn a_response_in_the_background_goes_on_without_the_reader_of_its_stream() {
    let folder = Folder::new("stored-left");
    let server = start(&folder, "rules: [{vendor: anthropic, stall: {between_events: 20}}]").await;
    let mut body = background("Hello");
    body["stream"] = true.into();
    let whole = ask(&server, "", "POST /v1/responses", &body).await;
    assert_eq!(whole.events().last(), Some(&"response.completed"), "{}", whole.body);
    let told = whole.data("response.completed").remove(0)["response"].take();
    assert_eq!(fetch(&server, &told["id"], "").await, (200, told));
    let id = leave(&server, &body).await;
    assert_eq!(ended(&server, &id).await["status"], "completed");
    assert!(
        server.sim.journal().iter().all(|request| !request.outcome.as_ref().unwrap().client_disconnected)
    );
}

#[tokio::test]
async fn what_fails_in_the_background_is_found_as_failed() {
    let folder = Folder::new("stored-fails");
    let server = start(&folder, "rules: [{vendor: anthropic, error: {kind: overloaded}}]").await;
    let begun = respond(&server, &background("Hello")).await;
    let response = ended(&server, &begun["id"]).await;
    assert_eq!(
        (&response["status"], &response["error"]["code"]),
        (&json!("failed"), &json!("server_is_overloaded"))
    );
    let denied = refused(&server, &json!({"model": "nobody", "input": "Hi", "background": true})).await;
    assert_eq!((denied.0, denied.1), (400, json!("model_not_found")), "what cannot begin is refused at once");
}

#[tokio::test]
async fn a_response_that_is_cancelled_ends_its_call_and_is_paid_once() {
    let folder = Folder::new("stored-cancel");
    let server = start(&folder, STUCK).await;
    let begun = respond(&server, &background("Hello")).await;
    asked(&server, 1).await;
    let (status, cancelled) = cancel(&server, &begun["id"]).await;
    assert_eq!((status, &cancelled["status"], &cancelled["error"]), (200, &json!("cancelled"), &Value::Null));
    assert_eq!(cancelled["id"], begun["id"]);
    hung_up(&server).await;
    assert_eq!(fetch(&server, &begun["id"], "").await, (200, cancelled.clone()));
    assert_eq!(cancel(&server, &begun["id"]).await, (200, cancelled), "twice is once");
    // Its place is free again, and one that was waited for cannot be cancelled.
    let waited = respond(&server, &question("provider:google", "Hello", &Value::Null)).await;
    let (status, error) = cancel(&server, &waited["id"]).await;
    assert!(status == 400 && error["error"]["message"].as_str().unwrap().contains("background"), "{error}");
    server.system.close(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(attempts(&server), 2);
}

#[tokio::test]
async fn a_stream_that_is_cancelled_ends() {
    // Before its first content, and behind it.
    for (after, content) in [(1, "response.in_progress"), (6, "response.output_text.delta")] {
        let folder = Folder::new(&format!("stored-cancel-{after}"));
        let stall = format!("stall: {{between_events: 600000, after_events: {after}}}");
        let server = start(&folder, &format!("rules: [{{vendor: anthropic, {stall}}}]")).await;
        let mut body = background("Hello");
        body["stream"] = true.into();
        let (mut socket, id) = read_until(&server, &body, content).await;
        asked(&server, 1).await;
        let (_, cancelled) = cancel(&server, &id).await;
        assert_eq!((&cancelled["status"], &cancelled["output"]), (&json!("cancelled"), &json!([])));
        let mut rest = String::new();
        socket.read_to_string(&mut rest).await.unwrap();
        assert!(rest.contains("event: error\n") && rest.contains("event: response.failed\n"), "{rest}");
        hung_up(&server).await;
        assert_eq!(fetch(&server, &id, "").await, (200, cancelled));
    }
}

#[tokio::test]
async fn a_response_under_way_can_be_deleted() {
    let folder = Folder::new("stored-delete");
    let server = start(&folder, STUCK).await;
    let begun = respond(&server, &background("Hello")).await;
    asked(&server, 1).await;
    let path = format!("DELETE /v1/responses/{}", begun["id"].as_str().unwrap());
    assert_eq!(ask(&server, "", &path, &Value::Null).await.json()["deleted"], true);
    hung_up(&server).await;
    assert_eq!(fetch(&server, &begun["id"], "").await.0, 404);
}

#[tokio::test]
async fn another_server_cancels_what_this_one_does() {
    let folder = Folder::new("stored-elsewhere");
    let (one, other) = (start(&folder, STUCK).await, start(&folder, "{}").await);
    let begun = respond(&one, &background("Hello")).await;
    asked(&one, 1).await;
    assert_eq!(fetch(&other, &begun["id"], "").await, (200, begun.clone()));
    let refused = refused(&other, &question("provider:google", "go on", &begun["id"])).await;
    assert!(refused.2.contains("has not ended"), "{}", refused.2);
    let (status, cancelled) = cancel(&other, &begun["id"]).await;
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")));
    hung_up(&one).await;
    assert_eq!(fetch(&one, &begun["id"], "").await, (200, cancelled));
}

#[tokio::test]
async fn what_a_killed_server_left_is_failed_and_not_asked_again() {
    let folder = Folder::new("stored-killed");
    let path = folder.0.clone();
    // A runtime of its own, with which everything of the server ends at once.
    let (id, first) = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let id = runtime.block_on(async {
            let folder = Folder(path);
            let server = start(&folder, STUCK).await;
            let begun = respond(&server, &background("Hello")).await;
            asked(&server, 1).await;
            std::mem::forget((folder, server));
            begun
        });
        runtime.shutdown_background();
        (id["id"].clone(), id)
    })
    .join()
    .unwrap();
    let server = start(&folder, "{}").await;
    assert_eq!(fetch(&server, &id, "").await, (200, first), "its server may be alive");
    behind(&server, "UPDATE responses SET under_way_until = 1000");
    let response = ended(&server, &id).await;
    assert_eq!((&response["status"], &response["error"]["code"]), (&json!("failed"), &json!("server_error")));
    assert!(response["error"]["message"].as_str().unwrap().contains("not made again"), "{response}");
    assert_eq!((fetch(&server, &id, "").await, server.calls()), ((200, response), 0));
    // What was asked is there to go on from.
    respond(&server, &question("provider:google", "go on", &id)).await;
}

#[tokio::test]
async fn a_server_that_ends_waits_for_what_is_in_the_background_and_then_says_so() {
    for (rule, grace, status) in [
        ("rules: [{vendor: anthropic, stall: {before_first_byte: 300}}]", 30_000, "completed"),
        (STUCK, 50, "failed"),
    ] {
        let folder = Folder::new(&format!("stored-ends-{status}"));
        let grace = std::time::Duration::from_millis(grace);
        let server = over(&folder, rule, |_| {}, |options| options.plan.grace = grace).await;
        let begun = respond(&server, &background("Hello")).await;
        asked(&server, 1).await;
        assert_eq!(server.end().await, status == "completed");
        let server = start(&folder, "{}").await;
        let (_, response) = fetch(&server, &begun["id"], "").await;
        assert_eq!(response["status"], status, "{response}");
        let error = response["error"]["message"].as_str().unwrap_or("the server ended");
        assert!(error.contains("the server ended"), "{response}");
    }
}

#[tokio::test]
async fn a_council_works_in_the_background() {
    let folder = Folder::new("stored-council");
    let server = over(&folder, "{}", |providers| providers.push(council()), |_| {}).await;
    let first = respond(&server, &question("provider:google", "I need a rate limiter.", &Value::Null)).await;
    let body = json!({"model": "council", "input": "A rate limiter", "background": true, "previous_response_id": first["id"]});
    let begun = respond(&server, &body).await;
    let response = ended(&server, &begun["id"]).await;
    assert!(said(&response).contains("# A rate limiter"), "{response}");
}
