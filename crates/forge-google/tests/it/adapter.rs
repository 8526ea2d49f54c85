use forge_core::{
    Adapter, ErrorKind, Message, ModelRequest, Provider,
    provider::Health,
    request::{MessageRole, Part, Tool},
};
use forge_google::GoogleProvider;
use forge_testkit::{Reply, ScriptedServer};
use serde_json::json;

async fn served(replies: impl IntoIterator<Item = Reply>) -> (GoogleProvider, ScriptedServer) {
    let server = ScriptedServer::start(replies).await.unwrap();
    (GoogleProvider::new("test-key-1").with_base_url(server.url()), server)
}

#[tokio::test]
async fn the_model_list_is_read_page_by_page() {
    let page = |name: &str, token: &str| {
        let body = json!({"models": [{"name": format!("models/{name}"), "displayName": "A model",
            "inputTokenLimit": 9, "outputTokenLimit": 7, "temperature": 1, "thinking": true}],
            "nextPageToken": token});
        Reply::json(200, &body.to_string())
    };
    let (provider, server) = served([page("a", "t/1"), page("b", "t/2"), page("c", "t/2")]).await;
    let models = provider.models().await.unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    // The third page names itself as the next: it ends the list instead of going on for ever.
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!((models[0].context_tokens, models[0].max_output_tokens), (Some(9), Some(7)));
    assert_eq!(models[0].display_name.as_deref(), Some("A model"));
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    let expected = [
        "GET /v1beta/models?pageSize=1000",
        "GET /v1beta/models?pageSize=1000&pageToken=t%2F1",
        "GET /v1beta/models?pageSize=1000&pageToken=t%2F2",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn health_is_asked_for_with_the_smallest_list() {
    let (provider, server) = served([Reply::json(200, r#"{"models":[{"name":"models/a"}]}"#)]).await;
    assert_eq!(provider.health_check().await.unwrap(), Health::Ready);
    let request = &server.requests()[0];
    assert_eq!(
        (request.line.as_str(), request.header("x-goog-api-key")),
        ("GET /v1beta/models?pageSize=1", Some("test-key-1"))
    );
    let (provider, _server) = served([Reply::json(200, "{}")]).await;
    assert_eq!(provider.health_check().await.unwrap(), Health::Empty);
}

#[tokio::test]
async fn a_bad_key_fails_the_health_check_although_the_status_is_400() {
    let body = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    let (provider, _server) = served([Reply::json(400, &body.to_string())]).await;
    assert_eq!(provider.health_check().await.unwrap_err().kind, ErrorKind::Authentication);
}

#[tokio::test]
async fn tokens_are_counted_for_the_prompt_alone() {
    let total = r#"{"totalTokens":31,"promptTokensDetails":[{"modality":"TEXT","tokenCount":31}]}"#;
    let (provider, server) = served([Reply::json(200, total)]).await;
    let tool = Tool::function("look", json!({"type": "object"}));
    let request = ModelRequest::new("Be brief.").with_user_message("hi").with_tool(tool).with_max_tokens(5);
    assert_eq!(provider.count_tokens(&"models/gemini-3.8-flash".into(), &request).await.unwrap(), 31);
    let sent = &server.requests()[0];
    assert_eq!(sent.line, "POST /v1beta/models/gemini-3.8-flash:countTokens");
    insta::assert_json_snapshot!(sent.body);
}

#[tokio::test]
async fn a_result_without_its_call_is_refused_before_anything_is_sent() {
    let (provider, server) = served([]).await;
    let result = Message::new(MessageRole::User, vec![Part::tool_result("t1", "a cat")]);
    let request = ModelRequest::new("").with_message(result);
    let failed = provider.count_tokens(&"gemini-3.8-flash".into(), &request).await.unwrap_err();
    assert_eq!(
        (failed.kind, failed.phase),
        (ErrorKind::InvalidRequest, forge_core::error::Phase::BeforeSend)
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_rate_limits_are_known_before_one_is_hit() {
    let provider = GoogleProvider::new("test-key-1").with_id("gemini");
    assert_eq!(provider.name(), "gemini");
    assert!(provider.rate_limit_status().is_unknown());
}
