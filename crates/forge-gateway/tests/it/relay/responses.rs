//! Responses in the bytes of their clients.

use super::SSE;
use crate::{
    client::{read, send},
    server::Server,
    vendor::Recorded,
};

const RESPONSES: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_9\",\"object\":\"response\",\
    \"model\":\"gpt-served\",\"status\":\"in_progress\",\"output\":[], \"x\":1e3},\"sequence_number\":0}\n\n\
    event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"sequence_number\":1,\"item\":\
    {\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"in_progress\",\"content\":[],\"role\":\"assistant\"}}\n\n\
    event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\"output_index\":0,\
    \"content_index\":0,\"delta\":\"\\u0048\",\"logprobs\":[],\"obfuscation\":\"zz\",\"sequence_number\":2}\n\n\
    event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\"output_index\":0,\
    \"content_index\":0,\"delta\":\"i\",\"logprobs\":[],\"obfuscation\":\"zz\",\"sequence_number\":3}\n\n\
    event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"output_index\":0,\"sequence_number\":4,\"item\":\
    {\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\
    \"annotations\":[],\"text\":\"Hi\"}]}}\n\n\
    event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_9\",\"object\":\
    \"response\",\"model\":\"gpt-served\",\"status\":\"completed\",\"output\":[{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\
    \"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"text\":\"Hi\"}]}],\
    \"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":2,\"output_tokens_details\":\
    {\"reasoning_tokens\":0},\"total_tokens\":11}}}\n\n";

#[tokio::test]
async fn a_body_of_responses_is_told_to_store_nothing_and_its_events_are_passed_on() {
    let delta = RESPONSES.find("event: response.output_item.done").unwrap();
    let vendor = Recorded::start(&[(SSE, &[RESPONSES]), (SSE, &[&RESPONSES[..delta + 40]])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "openai"), |_| {}).await;
    let body = r#"{ "input":[{"role":"user","content":[{"type":"input_text","text":"H\u0069"}]}], "novel":1e3,"model":"provider:openai",
        "include":["reasoning.encrypted_content"], "reasoning":{"effort":"low"},"stream":true}"#;
    let ask = async || {
        read(send(server.address, "POST /v1/responses", "content-type: application/json\r\n", body).await)
            .await
    };
    let reply = ask().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, RESPONSES), "{}", reply.head);
    assert_eq!(reply.header("x-forge-model"), Some("gpt-served"));
    let (_, sent) = &vendor.asked()[0];
    let (before, after) = body.split_once("provider:openai").unwrap();
    let rest = sent.strip_prefix("{\"store\":false,").and_then(|sent| sent.strip_prefix(&before[1..]));
    assert!(rest.is_some_and(|rest| rest.ends_with(after)), "{sent}");
    // What this server adds goes on with the vendor's numbers.
    let broken = ask().await;
    let added = broken.body.strip_prefix(&RESPONSES[..delta]).unwrap_or_else(|| panic!("{}", broken.body));
    assert!(added.starts_with("event: error\n") && added.contains("\"sequence_number\":4"), "{added}");
    assert_eq!(broken.events().last(), Some(&"response.failed"), "{added}");
}

#[tokio::test]
async fn thoughts_that_only_a_store_has_are_read_and_left_out() {
    let vendor = Recorded::start(&[(SSE, &[RESPONSES]), (SSE, &[RESPONSES])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "openai"), |_| {}).await;
    let body = |state: &str| {
        let thoughts = format!(r#"{{"type":"reasoning","id":"rs_1","summary":[]{state}}}"#);
        format!(
            r#"{{"model":"provider:openai","stream":true,"store":false,"novel":1e3,"input":[{thoughts},
            {{"role":"assistant","id":"msg_1","type":"message","status":"completed","content":[{{"type":"output_text","text":"A"}}]}},
            {{"role":"user","content":"B"}}]}}"#
        )
    };
    for state in ["", r#","encrypted_content":"c""#] {
        let reply = read(
            send(server.address, "POST /v1/responses", "content-type: application/json\r\n", &body(state))
                .await,
        );
        assert_eq!(reply.await.status, 200);
    }
    let [(_, bare), (_, kept)] = &vendor.asked()[..] else { panic!() };
    assert!(!bare.contains("rs_1") && !bare.contains("1e3"), "{bare}");
    assert!(kept.contains("rs_1") && kept.contains("1e3"), "{kept}");
}

#[tokio::test]
async fn a_whole_response_is_passed_on_unless_it_may_take_long() {
    let whole = "{\"id\":\"resp_9\",\"object\":\"response\",\"model\":\"gpt-served\",\"status\":\"completed\",\"x\":1e3,\"output\":\
        [{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\
        \"annotations\":[],\"text\":\"Hi\"}]}],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":0},\
        \"output_tokens\":2,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":11}}\n";
    let vendor = Recorded::start(&[("application/json", &[whole]), (SSE, &[RESPONSES])]).await;
    let server = Server::over("{}", |providers| vendor.take(providers, "openai"), |_| {}).await;
    let json = "content-type: application/json\r\n";
    for (most, passed_on) in [(r#","max_output_tokens":900"#, true), ("", false)] {
        let body = format!(r#"{{"model":"provider:openai","input":"Hi","store":false,"novel":1e3{most}}}"#);
        let reply = read(send(server.address, "POST /v1/responses", json, &body).await).await;
        assert_eq!((reply.status, reply.body == whole), (200, passed_on), "{}", reply.body);
        let sent = vendor.asked().pop().unwrap().1;
        assert_eq!(
            (sent.contains("1e3"), sent.contains("\"stream\":true")),
            (passed_on, !passed_on),
            "{sent}"
        );
    }
}
