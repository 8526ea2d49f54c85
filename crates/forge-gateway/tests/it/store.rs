//! A server whose store fails while it serves.

use chrono::Utc;
use forge::{
    System,
    storage::{
        access::{AccessChange, AccessStore as _, ClientKey, KeyBudget},
        budget::Period,
    },
};
use forge_core::{ExposeSecret as _, Money};
use forge_gateway::MintedKey;
use serde_json::json;

use crate::{
    client::{Reply, read, send},
    folder::Folder,
    server::Server,
};

async fn ask(server: &Server, key: &str) -> Reply {
    let body = json!({"model": "provider:anthropic", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
    let headers = format!("content-type: application/json\r\nx-api-key: {key}\r\n");
    read(send(server.address, "POST /v1/messages", &headers, &body.to_string()).await).await
}

/// Makes a key beside the server.
async fn key(server: &Server, name: &str, budgets: Vec<KeyBudget>) -> String {
    let minted = MintedKey::new().unwrap();
    let mut key = ClientKey::new(minted.id.clone(), name, minted.digest, Utc::now());
    key.allowance.budgets = budgets;
    let store = server.system.store().unwrap();
    store.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
    let text = minted.text.expose_secret().to_owned();
    // Until the server has heard of a key it lets anybody in.
    while ask(server, "fk-test-wrong").await.status != 401 || ask(server, &text).await.status != 200 {
        tokio::task::yield_now().await;
    }
    text
}

#[tokio::test]
async fn while_the_store_cannot_be_used_keys_are_known_and_only_budgets_refuse() {
    let folder = Folder::new("gateway-store");
    let builder = System::builder(|_| None).state(&folder.0);
    let server = Server::built(
        "{}",
        builder,
        |_| {},
        |system, options| {
            *options = std::mem::take(options).with_store(system.store().unwrap().clone());
        },
    );
    let server = server.await;
    let free = key(&server, "free", Vec::new()).await;
    // No room for a lease, so that each call asks the store.
    let cap = Money::from_nanos(4_000_000);
    let capped = key(&server, "capped", vec![KeyBudget::of_money(Period::Month, cap)]).await;

    let other = rusqlite::Connection::open(server.system.store().unwrap().path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(ask(&server, &free).await.status, 200);
    let refused = ask(&server, &capped).await;
    assert_eq!((refused.status, refused.header("retry-after")), (529, Some("1")), "{}", refused.body);
    assert_eq!(ask(&server, "fk-test-wrong").await.status, 401);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(ask(&server, &capped).await.status, 200, "as soon as it can be used again");
}
