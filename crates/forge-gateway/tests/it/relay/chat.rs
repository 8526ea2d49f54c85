//! Chat Completions in the bytes of their clients.

use super::SSE;
use crate::{
    client::{Reply, read, send},
    server::Server,
    vendor::Recorded,
};

const BEGIN: &str = "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-served\",\"x\":1e3,\
    \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n\
    data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-served\",\
    \"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\u0048\"},\"finish_reason\":null}],\"usage\":null}\n\n\
    data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-served\",\
    \"choices\":[{\"index\":0,\"delta\":{\"content\":\"i\"},\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"zz\"}\n\n";
const STOP: &str = "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-served\",\
    \"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"chatcmpl-9\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-served\",\"choices\":[],\
    \"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

async fn server(vendor: &Recorded) -> Server {
    let place = |providers: &mut Vec<forge::router::ProviderPlan>| {
        vendor.take(providers, "openai");
        providers.iter_mut().find(|plan| plan.id == *"openai").unwrap().model = "gpt-4o".into();
    };
    Server::over("{}", place, |_| {}).await
}

async fn ask(server: &Server, body: &str) -> Reply {
    let json = "content-type: application/json\r\n";
    read(send(server.address, "POST /v1/chat/completions", json, body).await).await
}

#[tokio::test]
async fn a_chat_is_counted_whether_its_client_asks_for_it_or_not() {
    let stream: &[&str] = &[BEGIN, STOP, USAGE, DONE];
    let vendor = Recorded::start(&[(SSE, stream), (SSE, stream)]).await;
    let server = server(&vendor).await;
    let body = r#"{ "messages":[{"role":"user","content":"H\u0069"}], "novel":1e3,"model":"provider:openai","stream":true}"#;
    let reply = ask(&server, body).await;
    assert_eq!((reply.status, reply.body), (200, [BEGIN, STOP, DONE].concat()), "{}", reply.head);
    let asked = body.replace("{ ", r#"{ "stream_options":{"include_usage":true},"#);
    let reply = ask(&server, &asked).await;
    assert_eq!((reply.status, reply.body), (200, stream.concat()), "{}", reply.head);
    let sent = |body: &str| body.replace("provider:openai", "gpt-4o");
    let spliced = body.replace("{ ", r#"{"stream_options":{"include_usage":true}, "#);
    let bodies: Vec<String> = vendor.asked().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [sent(&spliced), sent(&asked)]);
    // Both are in the accounts.
    assert!(server.end().await);
}

#[tokio::test]
async fn a_whole_chat_is_passed_on_byte_for_byte() {
    let whole = "{\"id\":\"chatcmpl-9\", \"object\":\"chat.completion\",\"created\":1,\"model\":\"gpt-4o\",\"novel\":1e3,\n\
        \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\\u0048i\"},\"finish_reason\":\"stop\"}],\
        \"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n";
    let vendor = Recorded::start(&[("application/json", &[whole])]).await;
    let server = server(&vendor).await;
    let body = r#"{"model":"provider:openai","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"logit_bias":{"5":1.50}}"#;
    let reply = ask(&server, body).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, whole), "{}", reply.head);
    assert!(reply.header("x-forge-cost-usd").is_some(), "{}", reply.head);
    assert_eq!(vendor.asked()[0].1, body.replace("provider:openai", "gpt-4o"));
}

#[tokio::test]
async fn a_chat_that_breaks_off_ends_with_its_error_alone() {
    let error = "data: {\"error\":{\"message\":\"over\",\"type\":\"server_error\",\"code\":null}}\n\n";
    let pieces: [&[&str]; 2] = [&[BEGIN], &[BEGIN, STOP, error]];
    let vendor = Recorded::start(&pieces.map(|pieces| (SSE, pieces))).await;
    let server = server(&vendor).await;
    let body = r#"{"messages":[{"role":"user","content":"Hi"}],"model":"provider:openai","stream":true}"#;
    for _ in pieces {
        let reply = ask(&server, body).await;
        let added = reply.body.strip_prefix(BEGIN).unwrap_or_else(|| panic!("{}", reply.body));
        assert!(added.starts_with("data: {\"error\":{") && added.matches("data: ").count() == 1, "{added}");
    }
}

#[tokio::test]
async fn what_the_model_of_a_chat_does_not_take_is_left_out() {
    let stream: &[&str] = &[BEGIN, STOP, USAGE, DONE];
    let vendor = Recorded::start(&[(SSE, stream), (SSE, stream)]).await;
    let server = server(&vendor).await;
    for more in [r#""top_k":5"#, r#""reasoning_effort":"low""#] {
        let messages = r#""messages":[{"role":"user","content":"Hi"}]"#;
        let body = format!(r#"{{{messages},"model":"provider:openai","stream":true,"novel":1e3,{more}}}"#);
        let reply = ask(&server, &body).await;
        assert!(reply.status == 200 && reply.body.ends_with(DONE), "{}", reply.body);
    }
    for (_, sent) in vendor.asked() {
        assert!(!sent.contains("novel") && !sent.contains("top_k") && !sent.contains("effort"), "{sent}");
    }
}
