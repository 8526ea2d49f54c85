use std::time::Duration;

use forge_anthropic::AnthropicProvider;
use forge_core::{
    Adapter, CallContext, ErrorKind, ModelRequest, Participant, ProviderExt,
    error::{Advice, Phase},
    provider::Timeouts,
    request::Delivery,
};
use forge_testkit::{Reply, ScriptedServer, Then};

use crate::ask;

fn error(status: u16, kind: &str, headers: &[(&str, &str)]) -> Reply {
    let body =
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"Words."}},"request_id":"req_b"}}"#);
    Reply::whole(status, "application/json", headers, &body)
}

#[tokio::test]
async fn a_rate_limit_carries_its_hint_and_the_headers() {
    let headers = [
        ("request-id", "req_1"),
        ("retry-after", "20"),
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-11-20T12:00:00Z"),
    ];
    let failed = ask(Delivery::Stream, error(429, "rate_limit_error", &headers)).await.unwrap_err();
    assert_eq!((failed.kind, failed.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(20))));
    assert_eq!(failed.code.as_deref(), Some("rate_limit_error"));
    let window = failed.rate_limit.as_ref().unwrap().requests.unwrap();
    assert_eq!((window.limit, window.remaining), (Some(50), Some(0)));
    assert_eq!(
        failed.to_string(),
        "anthropic/claude-sonnet-5-5: rate limited (HTTP 429, rate_limit_error): Words.; retry after 20.0 s [request req_1]"
    );
}

#[tokio::test]
async fn a_rate_limit_without_a_hint_may_still_say_whether_to_retry() {
    let failed = ask(Delivery::Stream, error(429, "rate_limit_error", &[("x-should-retry", "true")]))
        .await
        .unwrap_err();
    assert_eq!((failed.retry_after, failed.policy().advice), (None, Advice::RetryThenNext));
    let failed = ask(Delivery::Stream, error(529, "overloaded_error", &[("x-should-retry", "false")]))
        .await
        .unwrap_err();
    assert_eq!((failed.kind, failed.policy().advice), (ErrorKind::Overloaded, Advice::Next));
}

#[tokio::test]
async fn an_error_event_before_content_may_move_on_and_after_content_keeps_the_partial_text() {
    let event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Busy\"}}\n\n";
    let failed = ask(Delivery::Stream, Reply::sse(event)).await.unwrap_err();
    assert_eq!((failed.kind, failed.phase), (ErrorKind::Overloaded, Phase::BeforeOutput));

    let text = "event: message_start\ndata: {\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{}}}\n\n\
                event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
                event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n";
    let failed = ask(Delivery::Stream, Reply::sse(&format!("{text}{event}"))).await.unwrap_err();
    assert_eq!((failed.kind, failed.phase), (ErrorKind::Overloaded, Phase::AfterOutput));
    assert_eq!(failed.partial.as_ref().unwrap().text(), "Hel");
    assert_eq!(failed.policy().advice, Advice::Stop);
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_an_error() {
    let failed = ask(Delivery::Whole, error(200, "overloaded_error", &[])).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Overloaded);
}

#[tokio::test]
async fn words_that_are_no_text_are_an_error_and_a_message_has_to_begin() {
    for body in [
        "event: content_block_delta\ndata: {\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":7}}\n\n",
        "event: content_block_delta\ndata: 7\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ] {
        let failed = ask(Delivery::Stream, Reply::sse(body)).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Decode, "{failed}");
    }
}

#[tokio::test]
async fn each_clock_of_a_call_rings() {
    let short = Duration::from_millis(60);
    let long = Duration::from_secs(60);
    let clocks = Timeouts { connect: long, first_event: long, gap: long, total: long };
    let opening = "event: message_start\ndata: {\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{}}}\n\n\
                   event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let silence = || Reply::raw("").then(Then::Hold);
    let begun = || Reply::sse(opening).cut_body(opening.len()).then(Then::Hold);
    for (reply, timeouts, words, phase) in [
        (silence(), Timeouts { first_event: short, ..clocks }, "did not begin", Phase::BeforeOutput),
        (silence(), Timeouts { total: short, ..clocks }, "did not begin", Phase::BeforeOutput),
        (
            Reply::sse("").cut_body(0).then(Then::Hold),
            Timeouts { first_event: short, ..clocks },
            "no content",
            Phase::BeforeOutput,
        ),
        (begun(), Timeouts { gap: short, ..clocks }, "nothing more", Phase::AfterOutput),
        (begun(), Timeouts { total: short, ..clocks }, "not complete", Phase::AfterOutput),
    ] {
        let server = ScriptedServer::start([reply]).await.unwrap();
        let provider =
            AnthropicProvider::new("sk-test-1").with_base_url(server.url()).with_timeouts(timeouts);
        let cx = CallContext::new(Participant::claude_sonnet());
        let failed = provider.complete(&cx, ModelRequest::new("").with_user_message("hi")).await.unwrap_err();
        assert_eq!((failed.kind, failed.phase), (ErrorKind::Timeout, phase), "{failed}");
        assert!(failed.message.contains(words), "{failed}");
    }
}

#[tokio::test]
async fn the_deadline_of_the_call_holds_beside_the_clocks() {
    let server = ScriptedServer::start([Reply::raw("").then(Then::Hold)]).await.unwrap();
    let provider = AnthropicProvider::new("sk-test-1").with_base_url(server.url());
    let cx = CallContext::new(Participant::claude_sonnet()).with_timeout(Duration::from_millis(50));
    let failed = provider.complete(&cx, ModelRequest::new("").with_user_message("hi")).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_redirect_is_refused_and_the_key_stays_here() {
    let other = ScriptedServer::start([Reply::json(200, "{}")]).await.unwrap();
    let redirect = Reply::whole(307, "text/plain", &[("location", &other.url())], "");
    let failed = ask(Delivery::Stream, redirect).await.unwrap_err();
    assert!(failed.message.contains("redirects are not followed"), "{failed}");
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn the_model_list_is_read_page_by_page() {
    let page = |id: &str, more: bool| {
        Reply::json(
            200,
            &format!(
                r#"{{"data":[{{"id":"{id}","max_input_tokens":9,"max_tokens":null,"capabilities":null}}],"has_more":{more},"last_id":"{id}"}}"#
            ),
        )
    };
    let server = ScriptedServer::start([page("a", true), page("b", true), page("b", true)]).await.unwrap();
    let provider = AnthropicProvider::new("sk-test-1").with_base_url(server.url());
    let models = provider.models().await.unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    // The third page repeats the second: it ends the list instead of going on for ever.
    assert_eq!(ids, ["a", "b", "b"]);
    assert_eq!(models[0].context_tokens, Some(9));
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(lines[1], "GET /v1/models?limit=1000&after_id=a");
}
