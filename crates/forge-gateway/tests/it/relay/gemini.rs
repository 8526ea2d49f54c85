//! Gemini's requests in the bytes of their clients.

use super::SSE;
use crate::{
    client::{Reply, read, send},
    server::Server,
    vendor::Recorded,
};

const BEGIN: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"\\u0048\"}],\"role\": \"model\"},\"index\": 0}],\
    \"usageMetadata\": {\"promptTokenCount\": 9,\"totalTokenCount\": 9},\"modelVersion\": \"gemini-served\",\"x\": 1e3}\r\n\r\n";
const END: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"i\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\
    \"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 9,\"candidatesTokenCount\": 2,\"totalTokenCount\": 11},\
    \"modelVersion\": \"gemini-served\"}\r\n\r\n";
const BODY: &str = r#"{ "contents":[{"role":"user","parts":[{"text":"H\u0069"}]}], "novel":1e3, "generationConfig":{"maxOutputTokens":900}}"#;

async fn ask(server: &Server, verb: &str, body: &str) -> Reply {
    let start = format!("POST /v1beta/models/provider:google:{verb}");
    read(send(server.address, &start, "content-type: application/json\r\n", body).await).await
}

#[tokio::test]
async fn a_stream_is_passed_on_byte_for_byte_and_told_to_store_nothing() {
    let vendor = Recorded::start(&[(SSE, &[BEGIN, END])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "google"), |_| {}).await;
    let reply = ask(&server, "streamGenerateContent?alt=sse&key=fk", BODY).await;
    assert_eq!((reply.status, &reply.body), (200, &[BEGIN, END].concat()), "{}", reply.head);
    assert_eq!(reply.header("x-forge-model"), Some("gemini-served"));
    let (head, sent) = &vendor.asked()[0];
    assert_eq!(*sent, BODY.replace("{ \"contents", "{\"store\":false, \"contents"));
    assert!(head.contains(":streamgeneratecontent?alt=sse ") && !head.contains("provider:"), "{head}");
}

#[tokio::test]
async fn a_whole_reply_is_passed_on_byte_for_byte() {
    let whole = END.strip_prefix("data: ").unwrap();
    let vendor = Recorded::start(&[("application/json", &[whole])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "google"), |_| {}).await;
    let reply = ask(&server, "generateContent", BODY).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, whole), "{}", reply.head);
    assert!(vendor.asked()[0].0.contains(":generatecontent "));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_its_error_alone() {
    let error =
        "data: {\"error\": {\"code\": 503,\"message\": \"over\",\"status\": \"UNAVAILABLE\"}}\r\n\r\n";
    let pieces: [&[&str]; 2] = [&[BEGIN], &[BEGIN, END, error]];
    let vendor = Recorded::start(&pieces.map(|pieces| (SSE, pieces))).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "google"), |_| {}).await;
    for _ in pieces {
        let reply = ask(&server, "streamGenerateContent?alt=sse", BODY).await;
        let added = reply.body.strip_prefix(BEGIN).unwrap_or_else(|| panic!("{}", reply.body));
        assert!(added.starts_with("data: {\"error\":{") && added.matches("data: ").count() == 1, "{added}");
    }
}

#[tokio::test]
async fn a_list_and_what_the_model_does_not_take_are_read() {
    let vendor = Recorded::start(&[(SSE, &[BEGIN, END]), (SSE, &[BEGIN, END])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "google"), |_| {}).await;
    let list = ask(&server, "streamGenerateContent", BODY).await;
    assert!(list.status == 200 && list.json().is_array(), "{}", list.body);
    let body = BODY.replace("\"maxOutputTokens\"", "\"presencePenalty\":1,\"maxOutputTokens\"");
    assert_eq!(ask(&server, "streamGenerateContent?alt=sse", &body).await.status, 200);
    for (_, sent) in vendor.asked() {
        assert!(!sent.contains("1e3") && !sent.contains("presencePenalty"), "{sent}");
    }
}
