//! Texts of which numbers are made: passed on as they are, to one provider.

use forge::{
    config::{AliasModel, AliasTarget, ModelAlias},
    router::{Member, PoolPlan, RouterPlan, Strategy, Target},
};
use forge_core::request::Effort;
use forge_gateway::GatewayOptions;
use serde_json::json;

use crate::{
    client::{Reply, post, read, send},
    server::Server,
    vendor::Recorded,
};

const MODEL: &str = "text-embedding-3-small";

fn alias(options: &mut GatewayOptions) {
    let model = AliasModel::Named(MODEL.into());
    let target = AliasTarget::Provider { id: "openai".into(), model };
    options.plan.models.aliases.push(ModelAlias::new("embed", target));
}

async fn ask(server: &Server, body: &str) -> Reply {
    let json = "content-type: application/json\r\n";
    read(send(server.address, "POST /v1/embeddings", json, body).await).await
}

#[tokio::test]
async fn a_body_and_its_numbers_are_passed_on_byte_for_byte() {
    let numbers = r#"{"object":"list", "data":[{"object":"embedding","index":0,"embedding":[1e-3, -0.50]}],
        "model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}, "novel":1}"#;
    let vendor = Recorded::start(&[("application/json", &[numbers])]).await;
    let set = |providers: &mut Vec<_>| {
        vendor.take(providers, "openai");
        // What is set for chats is not for these.
        let parameters = &mut providers.iter_mut().find(|plan| plan.id == *"openai").unwrap().parameters;
        (parameters.max_tokens, parameters.effort) = (Some(100), Some(Effort::High));
        parameters.extra.insert("service_tier".into(), "flex".into());
    };
    let server = Server::over("{}", set, alias).await;
    let body = r#" {"input" : ["\u0041 text", "another"], "dimensions":2, "model":"embed","encoding_format":"float"} "#;
    let reply = ask(&server, body).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, numbers), "{}", reply.head);
    assert_eq!(
        (reply.header("x-forge-route"), reply.header("x-forge-attempts")),
        (Some("openai"), Some("1"))
    );
    let (head, sent) = &vendor.asked()[0];
    assert!(head.starts_with("post /v1/embeddings "), "{head}");
    assert_eq!(*sent, body.replace("\"embed\"", "\"text-embedding-3-small\""));
}

#[tokio::test]
async fn they_come_from_who_speaks_the_api_and_from_nobody_else() {
    let server = Server::with("{}", alias).await;
    let base64 = json!({"model": "embed", "input": "Hello", "encoding_format": "base64"});
    let reply = post(server.address, "/v1/embeddings", &base64).await;
    assert_eq!(
        (reply.status, &reply.json()["data"][0]["object"]),
        (200, &json!("embedding")),
        "{}",
        reply.body
    );
    for (body, status, message) in [
        (
            json!({"model": "provider:anthropic", "input": "x"}),
            404,
            "There is no model `provider:anthropic` here.",
        ),
        (json!({"model": "nobody", "input": "x"}), 404, "There is no model `nobody` here."),
        (json!({"model": "embed"}), 400, "`input` is missing"),
        (json!({"input": "x"}), 400, "`model` is missing"),
        (json!({"model": 7, "input": "x"}), 400, "`model` has to be a text"),
        (json!(["x"]), 400, "the body has to be an object"),
    ] {
        let reply = post(server.address, "/v1/embeddings", &body).await;
        assert_eq!((reply.status, &reply.json()["error"]["message"]), (status, &json!(message)), "{body}");
    }
    // The vendor's own word on a wrong request.
    let reply = ask(&server, r#"{"model": "embed", "input": "x", "dimensions": 0}"#).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn another_model_does_not_answer_in_its_place() {
    // The first has no such model, and the second would answer.
    let place = |plan: &mut RouterPlan| {
        let first = plan.providers.iter().position(|plan| plan.id == *"openai").unwrap();
        let mut other = plan.providers[first].clone();
        (other.id, other.model) = ("other".into(), MODEL.into());
        plan.providers.push(other);
        let second = plan.providers.len() - 1;
        let members = [first, second].map(|at| Member { target: Target::Provider(at), weight: 1 });
        let pool = PoolPlan { id: "two".into(), strategy: Strategy::Priority, members: members.into() };
        plan.pools.push(pool);
    };
    let server = Server::routed("{}", place, |_| {}).await;
    let reply = ask(&server, r#"{"model": "pool:two", "input": "x"}"#).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
    assert_eq!(server.sim.journal().len(), 1);
    let other = ask(&server, r#"{"model": "provider:other", "input": "x"}"#).await;
    assert_eq!(other.status, 200, "{}", other.body);
}
