use forge::{
    CallContext, ModelRequest, Participant, ProviderExt as _, SecretString, provider::AdapterSettings,
    request::Delivery, tags::Tags,
};
use forge_testkit::{Reply, ScriptedServer};

/// Ends a line of a request's head, and begins another.
const BREAKS: [&str; 6] = ["\r\n", "\n", "\r", "\0", "\r\n\r\n", "%0d%0a"];

/// The settings are checked before (see the contract of the adapters); what is said call by call is not.
#[test]
fn no_name_in_a_call_adds_a_line_to_its_request() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registry = forge::registry();
        for kind in ["anthropic", "openai", "google", "local"] {
            for text in BREAKS.map(|one| format!("m{one}X-Evil: 1{one}{one}POST /evil HTTP/1.1{one}")) {
                let server = ScriptedServer::start([Reply::json(400, "{}")]).await.unwrap();
                let settings = AdapterSettings {
                    base_url: Some(server.url()),
                    api_key: Some(SecretString::from("sk-test-1")),
                    ..AdapterSettings::new(text.clone())
                };
                let adapter = registry.build(kind, settings).unwrap();
                let participant = Participant::local(text.as_str());
                let tags = Tags::default().with_session(text.as_str()).with_task(text.as_str());
                let cx = CallContext::new(participant.with_role(text.as_str().into())).with_tags(tags);
                for delivery in [Delivery::Stream, Delivery::Whole] {
                    let request = ModelRequest::new(&*text).with_user_message(&*text).with_delivery(delivery);
                    adapter.complete(&cx, request).await.unwrap_err();
                }
                let sent = server.requests();
                assert!(sent.len() <= 2, "{kind}: {sent:?}");
                for request in sent {
                    assert!(
                        request.line.starts_with("POST /") && !request.line.contains(" /evil"),
                        "{request:?}"
                    );
                    assert_eq!(request.header("x-evil"), None, "{kind}: {request:?}");
                    assert!(!request.body.is_null(), "{kind}: {request:?}");
                }
            }
        }
    });
}
