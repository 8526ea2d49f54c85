//! Responses that a server keeps for its clients.

mod background;
mod conversation;
mod kept;
mod refused;

use std::time::Duration;

use chrono::Utc;
use forge::{
    System,
    router::ProviderPlan,
    storage::access::{AccessChange, AccessStore as _, ClientKey},
};
use forge_core::ExposeSecret as _;
use forge_gateway::{GatewayOptions, MintedKey};
use serde_json::{Value, json};

use crate::{
    client::{Reply, read, send},
    folder::Folder,
    server::Server,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const JSON: &str = "content-type: application/json\r\n";

/// A server that keeps responses in this folder.
async fn start(folder: &Folder, scenario: &str) -> Server {
    over(folder, scenario, |_| {}, |_| {}).await
}

async fn over(
    folder: &Folder,
    scenario: &str,
    place: impl FnOnce(&mut Vec<ProviderPlan>),
    change: impl FnOnce(&mut GatewayOptions),
) -> Server {
    let builder = System::builder(|_| None).state(&folder.0);
    Server::built(scenario, builder, place, |system, options| {
        *options = std::mem::take(options).with_store(system.store().unwrap().clone());
        options.plan.keep_responses = Some(30 * DAY);
        change(options);
    })
    .await
}

/// Ends a server, and the store with it.
async fn end(server: Server) {
    server.system.close(Duration::ZERO).await.unwrap();
    assert!(server.end().await);
}

/// Sends a request with this key, if there are any.
async fn ask(server: &Server, key: &str, start: &str, body: &Value) -> Reply {
    let key = if key.is_empty() { String::new() } else { format!("x-api-key: {key}\r\n") };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    read(send(server.address, start, &format!("{JSON}{key}"), &body).await).await
}

/// Asks a model, and expects an answer.
async fn respond(server: &Server, body: &Value) -> Value {
    let reply = ask(server, "", "POST /v1/responses", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// What is kept of a response: the status, and the object or the error.
async fn fetch(server: &Server, id: &Value, more: &str) -> (u16, Value) {
    let reply =
        ask(server, "", &format!("GET /v1/responses/{}{more}", id.as_str().unwrap()), &Value::Null).await;
    (reply.status, reply.json())
}

/// The code with which a request is refused, and why.
async fn refused(server: &Server, body: &Value) -> (u16, Value, String) {
    let reply = ask(server, "", "POST /v1/responses", body).await;
    let error = &reply.json()["error"];
    (reply.status, error["code"].clone(), error["message"].as_str().unwrap_or_default().to_owned())
}

/// A question that goes on from a response, if one is named.
fn question(model: &str, text: &str, previous: &Value) -> Value {
    json!({"model": model, "input": text, "previous_response_id": previous})
}

/// The text of a response.
fn said(response: &Value) -> &str {
    let message = response["output"].as_array().unwrap().iter().find(|item| item["type"] == "message");
    message.unwrap_or_else(|| panic!("{response}"))["content"][0]["text"].as_str().unwrap()
}

/// What the vendor was asked last.
fn sent(server: &Server) -> Value {
    server.sim.journal().last().unwrap().body.clone()
}

/// Changes the file of a server behind it, as time would.
fn behind(server: &Server, sql: &str) {
    let file = rusqlite::Connection::open(server.system.store().unwrap().path()).unwrap();
    file.busy_timeout(Duration::from_secs(5)).unwrap();
    file.execute_batch(sql).unwrap();
}

/// Makes a key, and returns it as its client sends it.
async fn key(server: &Server, name: &str) -> String {
    let minted = MintedKey::new().unwrap();
    let key = ClientKey::new(minted.id.clone(), name, minted.digest, Utc::now());
    server.system.store().unwrap().change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
    let text = minted.text.expose_secret().to_owned();
    let status = async |key: &str| ask(server, key, "GET /v1/models", &Value::Null).await.status;
    // Until the server has heard of a key it lets anybody in.
    while status("fk-test-wrong").await != 401 || status(&text).await != 200 {
        tokio::task::yield_now().await;
    }
    text
}
