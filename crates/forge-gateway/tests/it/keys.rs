use std::{sync::Arc, time::Duration};

use chrono::Utc;
use forge::config::{AliasTarget, ModelAlias, ServePlan};
use forge::storage::{
    access::{AccessChange, AccessStore, Allowance, AuditLog, ClientKey, KeyBudget, Team},
    budget::Period,
    memory::MemoryAccess,
};
use forge_core::{ExposeSecret as _, Money};
use forge_gateway::{GatewayOptions, MintedKey};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::{
    client::{Reply, get, read, send},
    server::Server,
};

/// A server with keys, and the store of them.
struct Guarded {
    server: Server,
    keys: Arc<MemoryAccess>,
}

impl Guarded {
    async fn start(scenario: &str, change: impl FnOnce(&mut GatewayOptions)) -> Self {
        let keys = Arc::new(MemoryAccess::default());
        let (store, log) = (Arc::clone(&keys), Arc::clone(&keys));
        let server = Server::with(scenario, |options| {
            (options.keys, options.audit) = (Some(store as _), Some(log as _));
            change(options);
        });
        Self { server: server.await, keys }
    }

    /// Makes a key and returns it as its client sends it.
    async fn key(&self, name: &str, change: impl FnOnce(&mut ClientKey)) -> (String, String) {
        let minted = MintedKey::new().unwrap();
        let mut key = ClientKey::new(minted.id.clone(), name, minted.digest, Utc::now());
        change(&mut key);
        self.change(AccessChange::KeyCreated { key }).await;
        let text = minted.text.expose_secret().to_owned();
        self.knows(&text).await;
        (minted.id, text)
    }

    async fn change(&self, change: AccessChange) {
        self.keys.change_access(change, "test").await.unwrap();
    }

    async fn status(&self, key: &str) -> u16 {
        get(self.server.address, "/v1/models", &format!("x-api-key: {key}\r\n")).await.status
    }

    /// Waits until the server has heard of a key.
    async fn knows(&self, key: &str) {
        while self.status(key).await != 200 || self.status("fk-test-wrong").await != 401 {
            tokio::task::yield_now().await;
        }
    }

    async fn refuses(&self, key: &str) {
        while self.status(key).await != 401 {
            tokio::task::yield_now().await;
        }
    }

    async fn ask(&self, key: &str, model: &str) -> Reply {
        let body =
            json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
        self.post("/v1/messages", &format!("x-api-key: {key}\r\n"), &body).await
    }

    async fn post(&self, path: &str, headers: &str, body: &Value) -> Reply {
        let headers = format!("content-type: application/json\r\n{headers}");
        read(send(self.server.address, &format!("POST {path}"), &headers, &body.to_string()).await).await
    }
}

#[tokio::test]
async fn once_there_is_a_key_everybody_has_to_bring_one() {
    let guarded = Guarded::start("{}", |_| {}).await;
    assert_eq!(guarded.ask("fk-test-any", "provider:anthropic").await.status, 200, "there are no keys yet");
    let (_, key) = guarded.key("ci", |_| {}).await;
    let asked = guarded.server.sim.journal().len();

    let refused = guarded.ask("fk-test-any", "provider:anthropic").await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (401, &"authentication_error".into()));
    let refused = guarded.post("/v1/chat/completions", "", &json!({})).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &"invalid_api_key".into()));
    assert_eq!(get(guarded.server.address, "/v1/models", "").await.status, 401);
    assert_eq!(get(guarded.server.address, "/v1/nothing", "").await.status, 401);
    assert_eq!(get(guarded.server.address, "/livez", "").await.status, 200);
    assert_eq!(guarded.server.sim.journal().len(), asked, "nobody was asked");

    let body = json!({"model": "provider:openai", "messages": [{"role": "user", "content": "hi"}]});
    for headers in [
        format!("authorization: Bearer {key}\r\n"),
        format!("x-api-key: {key}\r\n"),
        format!("x-goog-api-key: {key}\r\n"),
        format!("x-api-key: {key}\r\nauthorization: Bearer {key}\r\n"),
    ] {
        let reply = guarded.post("/v1/chat/completions", &headers, &body).await;
        assert_eq!(reply.status, 200, "{headers} {}", reply.body);
    }
    let two = format!("x-api-key: {key}\r\nauthorization: Bearer fk-test-other\r\n");
    assert_eq!(guarded.post("/v1/chat/completions", &two, &body).await.status, 401);
}

#[tokio::test]
async fn a_key_that_is_disabled_over_or_revoked_opens_nothing() {
    let guarded = Guarded::start("{}", |_| {}).await;
    let (_, other) = guarded.key("other", |_| {}).await;
    let (id, key) = guarded.key("ci", |_| {}).await;
    let id: Arc<str> = id.into();
    guarded.change(AccessChange::KeyDisabled { id: Arc::clone(&id) }).await;
    guarded.refuses(&key).await;
    guarded.change(AccessChange::KeyEnabled { id: Arc::clone(&id) }).await;
    guarded.knows(&key).await;
    // The last digit of the secret.
    let forged = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    assert_eq!(guarded.status(&forged).await, 401);

    let next = MintedKey::of(&*id).unwrap();
    let previous_until = Utc::now() + Duration::from_secs(3_600);
    let rotated = AccessChange::KeyRotated {
        id: Arc::clone(&id),
        digest: next.digest,
        previous_until,
        expires_at: None,
    };
    guarded.change(rotated).await;
    guarded.knows(next.text.expose_secret()).await;
    assert_eq!(guarded.status(&key).await, 200, "the one before holds for an hour");
    guarded.change(AccessChange::KeyRevoked { id }).await;
    guarded.refuses(&key).await;
    guarded.refuses(next.text.expose_secret()).await;
    assert_eq!(guarded.status(&other).await, 200);
}

#[tokio::test]
async fn a_server_whose_last_key_was_revoked_is_not_open() {
    let guarded = Guarded::start("{}", |_| {}).await;
    let (id, key) = guarded.key("ci", |_| {}).await;
    guarded.change(AccessChange::KeyRevoked { id: id.into() }).await;
    guarded.refuses(&key).await;
    assert_eq!(get(guarded.server.address, "/v1/models", "").await.status, 401);
}

#[tokio::test]
async fn a_key_and_its_team_say_which_models_there_are() {
    let guarded = Guarded::start("{}", |_| {}).await;
    let mut allowance = Allowance::default();
    allowance.models = vec!["provider:*".into()];
    guarded.change(AccessChange::TeamSet { team: Team::new("red", allowance) }).await;
    let (_, key) = guarded
        .key("ci", |key| {
            key.team = Some("red".into());
            key.allowance.models = vec!["*google".into(), "*anthropic".into(), "pool:*".into()];
        })
        .await;
    let names = get(guarded.server.address, "/v1/models", &format!("x-api-key: {key}\r\n")).await.json();
    let names: Vec<_> = names["data"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(names, ["provider:anthropic", "provider:google"]);
    assert_eq!(guarded.ask(&key, "provider:google").await.status, 200);
    for (model, status) in
        [("provider:openai", 403), ("google", 403), ("pool:everybody", 403), ("nobody", 404)]
    {
        let reply = guarded.ask(&key, model).await;
        assert_eq!(reply.status, status, "{model} {}", reply.body);
    }
    let one = format!("x-api-key: {key}\r\n");
    assert_eq!(get(guarded.server.address, "/v1/models/provider:openai", &one).await.status, 404);
    // What stands in for a name that nobody has is asked for by its own name.
    let mut plan = ServePlan::default();
    plan.models.default = Some("provider:openai".into());
    guarded.server.handle.reload(plan.clone()).unwrap();
    assert_eq!(guarded.ask(&key, "provider:of-nobody-but-google").await.status, 403);
    plan.models.default = Some("provider:google".into());
    guarded.server.handle.reload(plan).unwrap();
    assert_eq!(guarded.ask(&key, "nobody").await.status, 200);
}

#[tokio::test]
async fn limits_by_the_minute_and_at_once_are_told_with_their_wait() {
    let rule = "rules: [{vendor: anthropic, stall: {after_events: 4, between_events: 60000}}]";
    let guarded = Guarded::start(rule, |options| options.plan.per_key.concurrent = Some(1)).await;
    let (_, key) = guarded.key("ci", |key| key.allowance.requests_per_minute = Some(2)).await;
    let body = json!({"model": "provider:anthropic", "max_tokens": 100, "stream": true,
        "messages": [{"role": "user", "content": "hi"}]});
    let headers = format!("content-type: application/json\r\nx-api-key: {key}\r\n");
    let mut first = send(guarded.server.address, "POST /v1/messages", &headers, &body.to_string()).await;
    first.read_exact(&mut [0; 12]).await.unwrap();
    let second = guarded.ask(&key, "provider:google").await;
    assert_eq!((second.status, second.header("retry-after")), (429, Some("1")), "{}", second.body);
    drop(first);
    // As soon as the server knows that its client is gone, the next one may ask.
    while guarded.ask(&key, "provider:google").await.status != 200 {
        tokio::task::yield_now().await;
    }
    let third = guarded.ask(&key, "provider:google").await;
    assert_eq!(
        (third.status, &third.json()["error"]["type"]),
        (429, &"rate_limit_error".into()),
        "{}",
        third.body
    );
    assert_eq!(third.header("retry-after"), Some("30"));
    assert_eq!(third.header("anthropic-ratelimit-requests-limit"), Some("2"));
    assert_eq!(third.header("anthropic-ratelimit-requests-remaining"), Some("0"));
    assert!(third.header("anthropic-ratelimit-requests-reset").unwrap().ends_with('Z'), "{}", third.head);
    let path = "/v1/chat/completions";
    let body = json!({"model": "provider:openai", "messages": [{"role": "user", "content": "hi"}]});
    let fourth = guarded.post(path, &format!("x-api-key: {key}\r\n"), &body).await;
    assert_eq!(
        (fourth.status, fourth.header("x-ratelimit-remaining-requests")),
        (429, Some("0")),
        "{}",
        fourth.head
    );
    assert!(fourth.header("x-ratelimit-reset-requests").unwrap().ends_with('s'), "{}", fourth.head);
    let (_, other) = guarded.key("other", |_| {}).await;
    let free = guarded.ask(&other, "provider:google").await;
    assert_eq!(free.status, 200, "another key has its own limits");
    assert!(!free.head.contains("ratelimit"), "{}", free.head);
}

#[tokio::test]
async fn a_budget_of_a_key_and_of_its_team_is_never_overrun() {
    let guarded = Guarded::start("{}", |_| {}).await;
    // Room for three calls of 100 tokens, whose worst case is what counts while they are under way.
    let cap = Money::from_nanos(5_000_000);
    let mut allowance = Allowance::default();
    allowance.budgets = vec![KeyBudget::of_money(Period::Month, cap)];
    guarded.change(AccessChange::TeamSet { team: Team::new("red", allowance) }).await;
    let (_, key) = guarded.key("ci", |key| key.team = Some("red".into())).await;
    let (_, poor) =
        guarded.key("poor", |key| key.allowance.budgets = vec![KeyBudget::of_tokens(Period::Ever, 10)]).await;
    let calls = (0..40).map(|_| guarded.ask(&key, "provider:anthropic"));
    let replies = futures_util::future::join_all(calls).await;
    let paid = replies.iter().filter(|reply| reply.status == 200);
    let costs = paid.map(|reply| reply.header("x-forge-cost-usd").unwrap().parse::<f64>().unwrap());
    let (count, spent) = costs.fold((0, 0.0), |(count, sum), cost| (count + 1, sum + cost));
    assert!(count > 0 && spent <= cap.dollars(), "{count} calls for {spent}");
    for refused in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(
            (refused.status, refused.header("x-should-retry")),
            (402, Some("false")),
            "{}",
            refused.body
        );
    }
    assert!(count < 40, "all of them were paid");
    assert_eq!(guarded.ask(&poor, "provider:anthropic").await.status, 402);
    let (_, rich) = guarded.key("rich", |_| {}).await;
    assert_eq!(guarded.ask(&rich, "provider:anthropic").await.status, 200);
}

#[tokio::test]
async fn refused_keys_are_written_down_once_and_never_as_a_whole() {
    let guarded = Guarded::start("{}", |_| {}).await;
    let (id, key) = guarded.key("ci", |_| {}).await;
    let forged = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    for _ in 0..5 {
        assert_eq!(guarded.status(&forged).await, 401);
    }
    let keys = Arc::clone(&guarded.keys);
    assert!(guarded.server.end().await);
    let log = keys.audit(None).await.unwrap();
    let refused: Vec<_> = log.iter().filter(|entry| &*entry.event.action == "login_refused").collect();
    let [refused] = &refused[..] else { panic!("{log:?}") };
    assert_eq!((&*refused.event.subject, &*refused.event.by), (id.as_str(), "127.0.0.1"));
    let detail: Value = serde_json::from_str(&refused.event.detail).unwrap();
    assert!(detail["count"].as_u64().unwrap() >= 5, "{detail}");
    let secret = &forged[forged.len() - 64..];
    assert!(!format!("{log:?}").contains(secret));
}

#[tokio::test]
async fn changes_under_load_refuse_nobody() {
    let guarded = Guarded::start("{}", |_| {}).await;
    let (_, key) = guarded.key("ci", |_| {}).await;
    for index in 0..1_000 {
        let minted = MintedKey::new().unwrap();
        let key = ClientKey::new(minted.id, format!("key-{index}"), minted.digest, Utc::now());
        guarded.change(AccessChange::KeyCreated { key }).await;
    }
    let alias =
        |index: usize| ModelAlias::new(format!("model-{index}"), AliasTarget::Pool("everybody".into()));
    let mut plan = ServePlan::default();
    plan.models.aliases = (0..200).map(alias).collect();
    guarded.server.handle.reload(plan.clone()).unwrap();
    let changes = async {
        for round in 0..20 {
            guarded.server.handle.reload(plan.clone()).unwrap();
            let router = guarded.server.system.router();
            router.reload(forge::router::RouterPlan::clone(&router.plan())).unwrap();
            let team = Team::new(format!("team-{round}"), Allowance::default());
            guarded.change(AccessChange::TeamSet { team }).await;
            tokio::task::yield_now().await;
        }
    };
    let asking = futures_util::future::join_all((0..200).map(|index| {
        let (guarded, key) = (&guarded, &key);
        async move { guarded.ask(key, &format!("model-{index}")).await.status }
    }));
    let (statuses, ()) = tokio::join!(asking, changes);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
