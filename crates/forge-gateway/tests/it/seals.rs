//! State of vendors that clients of other dialects carry in seals.

use std::path::Path;

use forge::{
    System,
    storage::access::{AccessChange, AccessStore as _, ClientKey, SealStore as _},
};
use forge_core::ExposeSecret as _;
use forge_gateway::{GatewayOptions, MintedKey, seal_secret};
use serde_json::json;

use crate::{
    client::Reply,
    folder::Folder,
    server::Server,
    talk::{Speaks, Talk},
};

const CLIENTS: [Speaks; 4] = [Speaks::Chat, Speaks::Responses, Speaks::Messages, Speaks::Gemini];

/// Each vendor that has state, with how it looks in a request to it, and another vendor.
const VENDORS: [(&str, &str, &str); 3] = [
    ("provider:anthropic", "\"signature\":", "provider:google"),
    ("provider:openai", "\"encrypted_content\":", "provider:anthropic"),
    ("provider:google", "\"thoughtSignature\":", "provider:openai"),
];

/// A server whose secrets are in this folder.
async fn start(folder: &Path) -> Server {
    Server::built("{}", System::builder(|_| None).state(folder), |_| {}, share).await
}

fn share(system: &System, options: &mut GatewayOptions) {
    *options = std::mem::take(options).with_store(system.store().unwrap().clone());
}

/// What the simulated vendor was asked last.
fn asked(server: &Server) -> String {
    server.sim.journal().last().unwrap().body.to_string()
}

fn is_seal(text: &str) -> bool {
    ["fg1.", "ZmcxL"].iter().any(|mark| text.starts_with(mark)) || text.contains("_fg1_")
}

fn holds_a_seal(body: &str) -> bool {
    ["fg1.", "_fg1_", "ZmcxL"].iter().any(|mark| body.contains(mark))
}

/// Whether the vendor got its state back; the word for a signature that is missing is none.
fn has_state(body: &str, mark: &str) -> bool {
    body.contains(mark) && !body.contains("skip_thought_signature_validator")
}

fn warned(reply: &Reply) -> bool {
    reply.header("x-forge-warnings").is_some_and(|warnings| warnings.contains("state not opened: 1"))
}

#[tokio::test]
async fn a_conversation_goes_to_another_vendor_and_back_without_foreign_state_and_keeps_its_own() {
    let folder = Folder::new("seal-back");
    // The second has the store alone in common with the first.
    let (one, other) = (start(&folder.0).await, start(&folder.0).await);
    for speaks in CLIENTS {
        for (own, mark, foreign) in VENDORS {
            let case = format!("{speaks:?} {own}");
            let mut talk = Talk::new(speaks);
            let first = talk.go_on(&one, own, true).await;
            let ids = talk.answer();
            let is_native = matches!(
                (speaks, own),
                (Speaks::Messages, "provider:anthropic")
                    | (Speaks::Responses, "provider:openai")
                    | (Speaks::Gemini, "provider:google")
            );
            assert_eq!(holds_a_seal(&first.body), !is_native, "{case}: {}", first.body);

            let mut moved = talk.clone();
            let away = moved.go_on(&one, foreign, false).await;
            let sent = asked(&one);
            assert!(!holds_a_seal(&sent) && !sent.contains(mark), "{case} to {foreign}: {sent}");
            assert!(away.header("x-forge-warnings").is_none_or(|words| !words.contains("state")), "{case}");
            moved.say("Go on.");
            for talk in [&talk, &moved] {
                let back = talk.ask(&other, own, false).await;
                let sent = asked(&other);
                assert_eq!(back.status, 200, "{case}: {}", back.body);
                assert!(has_state(&sent, mark) && !holds_a_seal(&sent), "{case}: {sent}");
                assert!(
                    ids.iter().all(|id| is_native || !is_seal(id) || !sent.contains(id)),
                    "{case}: {sent}"
                );
                assert!(!warned(&back), "{case}: {}", back.head);
                assert_eq!(back.header("x-forge-attempts"), Some("1"), "{case}: the vendor took its state");
            }
        }
    }
}

#[tokio::test]
async fn a_seal_that_does_not_open_is_dropped_and_told_and_never_sent_on() {
    let folder = Folder::new("seal-bad");
    let one = start(&folder.0).await;
    let elsewhere = Folder::new("seal-elsewhere");
    let other = start(&elsewhere.0).await;
    for speaks in CLIENTS {
        let (own, mark, _) = if speaks == Speaks::Messages { VENDORS[1] } else { VENDORS[0] };
        let mut talk = Talk::new(speaks);
        talk.go_on(&one, own, true).await;
        talk.answer();
        let flip = |text: &str| {
            let at = text.len() - 9;
            let sign = if &text[at..=at] == "A" { "B" } else { "A" };
            format!("{}{sign}{}", &text[..at], &text[at + 1..])
        };
        let altered = talk.changed(is_seal, flip);
        let cut = talk.changed(is_seal, |text| text[..text.len() - 16].to_owned());
        let padded = talk.changed(is_seal, |text| format!("{text}{}", "A".repeat(400_000)));
        for (bad, server) in [(&altered, &one), (&cut, &one), (&padded, &one), (&talk, &other)] {
            let reply = bad.ask(server, own, false).await;
            assert_eq!(reply.status, 200, "{speaks:?}: {}", reply.body);
            assert!(warned(&reply), "{speaks:?}: {}", reply.head);
            let sent = asked(server);
            assert!(!holds_a_seal(&sent), "{speaks:?}: {sent}");
            assert!(!sent.contains(mark) || std::ptr::eq(server, &raw const one), "{speaks:?}: {sent}");
            assert_eq!(reply.header("x-forge-attempts"), Some("1"), "{speaks:?}: {}", reply.head);
        }
        // A vendor of the client's own dialect learns nothing of it either.
        let native = match speaks {
            Speaks::Messages => "provider:anthropic",
            Speaks::Gemini => "provider:google",
            _ => "provider:openai",
        };
        let reply = talk.ask(&other, native, false).await;
        assert!(reply.status == 200 && warned(&reply), "{speaks:?}: {} {}", reply.head, reply.body);
        assert!(!holds_a_seal(&asked(&other)), "{speaks:?}: {}", asked(&other));
    }
}

/// Makes a key beside the server.
async fn key(server: &Server, name: &str) -> String {
    let minted = MintedKey::new().unwrap();
    let key = ClientKey::new(minted.id.clone(), name, minted.digest, chrono::Utc::now());
    let store = server.system.store().unwrap();
    store.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
    minted.text.expose_secret().to_owned()
}

#[tokio::test]
async fn the_seal_of_another_key_opens_nothing() {
    let folder = Folder::new("seal-keys");
    let server = start(&folder.0).await;
    let (mine, yours) = (key(&server, "mine").await, key(&server, "yours").await);
    let mut talk = Talk { key: Some("fk-test-wrong".into()), ..Talk::new(Speaks::Chat) };
    while talk.ask(&server, "provider:anthropic", true).await.status != 401 {
        tokio::task::yield_now().await;
    }
    talk.key = Some(yours);
    while talk.ask(&server, "provider:anthropic", true).await.status != 200 {
        tokio::task::yield_now().await;
    }
    talk.key = Some(mine);
    talk.go_on(&server, "provider:anthropic", true).await;
    talk.answer();
    let own = talk.ask(&server, "provider:anthropic", false).await;
    assert!(!warned(&own) && has_state(&asked(&server), "\"signature\":"), "{}", own.head);
    talk.key = Some(key(&server, "third").await);
    while talk.ask(&server, "provider:anthropic", false).await.status != 200 {
        tokio::task::yield_now().await;
    }
    let other = talk.ask(&server, "provider:anthropic", false).await;
    assert!(
        warned(&other) && !asked(&server).contains("\"signature\":"),
        "{} {}",
        other.head,
        asked(&server)
    );
}

#[tokio::test]
async fn the_secret_before_the_current_one_opens_and_the_one_before_that_does_not() {
    let folder = Folder::new("seal-rotated");
    let server = start(&folder.0).await;
    let store = server.system.store().unwrap();
    let mut old = Talk::new(Speaks::Responses);
    old.go_on(&server, "provider:anthropic", true).await;
    old.answer();
    let seal = |talk: &Talk| talk.items[1]["encrypted_content"].as_str().unwrap().to_owned();
    for opens in [true, false] {
        store.rotate_seal(seal_secret().unwrap(), "test").await.unwrap();
        // A server that was started now has nothing but the store.
        let fresh = start(&folder.0).await;
        let mut new = Talk::new(Speaks::Responses);
        new.go_on(&fresh, "provider:anthropic", true).await;
        new.answer();
        // The one that runs seals with the new secret as soon as it opens what was sealed with it.
        while warned(&new.ask(&server, "provider:anthropic", false).await) {
            tokio::task::yield_now().await;
        }
        assert_ne!(seal(&new), seal(&old));
        // One that remembers nothing, not even of a call that has the same id.
        let fresh = start(&folder.0).await;
        for server in [&server, &fresh] {
            let reply = old.ask(server, "provider:anthropic", false).await;
            assert_eq!((reply.status, warned(&reply)), (200, !opens), "{}", reply.head);
        }
        assert_eq!(asked(&fresh).contains("\"signature\":"), opens, "{}", asked(&fresh));
    }
}

#[tokio::test]
async fn without_a_store_a_secret_ends_with_its_server() {
    let (one, other) = (Server::start("{}").await, Server::start("{}").await);
    let mut talk = Talk::new(Speaks::Messages);
    talk.go_on(&one, "provider:google", true).await;
    talk.answer();
    let same = talk.ask(&one, "provider:google", false).await;
    assert!(!warned(&same) && has_state(&asked(&one), "\"thoughtSignature\":"), "{}", same.head);
    let other_reply = talk.ask(&other, "provider:google", false).await;
    // The documented word for a signature that is missing takes its place.
    assert!(warned(&other_reply) && asked(&other).contains("skip_thought_signature_validator"));
}

/// A stream's text, whole, with the ids of its calls.
async fn streamed(server: &Server, path: &str, body: &serde_json::Value) -> String {
    let reply = crate::client::post(server.address, path, body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

#[tokio::test]
async fn streams_carry_the_same_seals() {
    let server = Server::start("{}").await;
    let schema =
        json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]});
    let messages = json!([{"role": "user", "content": "Search for the answer."}]);
    for model in ["provider:anthropic", "provider:openai", "provider:google"] {
        let body = json!({"model": model, "stream": true, "max_tokens": 2_000, "reasoning_effort": "high",
            "messages": messages, "tools": [{"type": "function", "function": {"name": "search", "parameters": schema}}]});
        let chunks = streamed(&server, "/v1/chat/completions", &body).await;
        assert_eq!(chunks.matches("_fg1_").count(), 1, "{model}: {chunks}");
        let (id, name) = (chunks.find("_fg1_").unwrap(), chunks.find("\"search\"").unwrap());
        assert!(id < name, "the first chunk of a call has its id: {chunks}");
    }
    for (model, place) in [("provider:openai", "\"signature\":\"fg1."), ("provider:google", "_fg1_")] {
        let body = json!({"model": model, "stream": true, "max_tokens": 2_000, "messages": messages,
            "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
            "tools": [{"name": "search", "input_schema": schema}]});
        let frames = streamed(&server, "/v1/messages", &body).await;
        assert!(frames.contains(place) && frames.contains("message_stop"), "{model}: {frames}");
    }
}

#[tokio::test]
async fn thoughts_that_nobody_may_read_come_back_as_they_were() {
    let server = Server::start("rules: [{vendor: anthropic, quirks: [redacted_thinking]}]").await;
    for speaks in CLIENTS {
        let mut talk = Talk::new(speaks);
        talk.go_on(&server, "provider:anthropic", true).await;
        talk.answer();
        let back = talk.ask(&server, "provider:anthropic", false).await;
        assert_eq!(
            (back.status, back.header("x-forge-attempts")),
            (200, Some("1")),
            "{speaks:?}: {}",
            back.body
        );
        let sent = asked(&server);
        assert!(sent.contains("redacted_thinking") && !holds_a_seal(&sent), "{speaks:?}: {sent}");
    }
}

#[tokio::test]
async fn words_between_thoughts_and_their_call_lose_neither() {
    let rule = "rules: [{vendor: openai, reply: {text: Let me see., tool_calls: [{name: search, arguments: {query: x}}]}}]";
    let folder = Folder::new("seal-words");
    let start = || Server::built(rule, System::builder(|_| None).state(&folder.0), |_| {}, share);
    let (one, other) = (start().await, start().await);
    for speaks in CLIENTS {
        let mut talk = Talk::new(speaks);
        let first = talk.go_on(&one, "provider:openai", true).await;
        assert!(first.body.contains("Let me see."), "{}", first.body);
        talk.answer();
        for server in [&one, &other] {
            let back = talk.ask(server, "provider:openai", true).await;
            assert_eq!(
                (back.status, back.header("x-forge-attempts")),
                (200, Some("1")),
                "{speaks:?}: {}",
                back.head
            );
            let sent = asked(server);
            assert!(
                sent.contains("\"encrypted_content\":") && sent.contains("Let me see."),
                "{speaks:?}: {sent}"
            );
        }
    }
}
