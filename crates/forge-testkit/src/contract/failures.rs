//! What a vendor refuses.

use std::{sync::Arc, time::Duration};

use forge_core::{
    ErrorKind, ModelRequest, Participant, ProviderError, ProviderExt as _, error::Phase,
    provider::AdapterSettings,
};

use crate::{
    server::{Reply, ScriptedServer},
    subject::{Subject, settings, text, whole},
    vendor::{Behavior, Failure},
};

/// Kind, status, code and retry hint of the vendor's error reach the caller.
pub async fn error_facts_survive(subject: Subject) {
    let wait = Duration::from_secs(7);
    for request in [text(), whole(&text())] {
        let limited = Failure::RateLimited { retry_after: wait };
        // Exempt in one form of delivery is exempt in both.
        let Some(error) = fail(subject, limited, request).await else { break };
        assert_eq!((error.kind, error.status), (ErrorKind::RateLimited, Some(429)), "{error}");
        assert_eq!(error.phase, Phase::BeforeOutput);
        assert_eq!(error.model.as_ref().unwrap().as_str(), subject.model);
        assert!(!error.message.is_empty());
        if !subject.is_exempt("code") {
            assert!(error.code.is_some(), "{error:?}");
        }
        if !subject.is_exempt("retry hint") {
            assert_eq!(error.retry_after, Some(wait), "{error:?}");
        }
        if !subject.is_exempt("request id") {
            assert!(error.request_id.is_some(), "{error:?}");
        }
    }
    for (failure, expected) in [
        (Failure::Server, ErrorKind::Server),
        (Failure::Overloaded, ErrorKind::Overloaded),
        (Failure::QuotaExhausted, ErrorKind::QuotaExhausted),
        (Failure::BadGateway, ErrorKind::Server),
    ] {
        if let Some(error) = fail(subject, failure, text()).await {
            assert_eq!(error.kind, expected, "{error}");
        }
    }
}

/// The error of a call that fails so, unless that is exempt.
async fn fail(subject: Subject, failure: Failure, request: ModelRequest) -> Option<ProviderError> {
    let server = subject.try_start(Behavior::Fails(failure)).await?;
    let adapter = subject.adapter(&server.base_url());
    Some(adapter.complete(&subject.context(), request).await.unwrap_err())
}

/// A wrong key, an unknown model, a refused connection and a page from a proxy each have their kind.
pub async fn each_mistake_has_its_kind(subject: Subject) {
    if let Some(server) = subject.try_start(Behavior::Fails(Failure::WrongKey)).await {
        let url = server.base_url();
        let settings = AdapterSettings { api_key: Some("sk-test-invalid".into()), ..settings(&url) };
        let adapter = (subject.open)(settings).unwrap();
        let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication, "{error}");
        let error = adapter.health_check().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Authentication, "{error}");
    }
    if !subject.is_exempt("unknown model") {
        let server = subject.start(Behavior::Normal).await;
        let adapter = subject.adapter(&server.base_url());
        let mut cx = subject.context();
        cx.participant = Arc::new(Participant::new((subject.provider)(), "no-such-model"));
        let error = adapter.complete(&cx, text()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ModelNotFound, "{error}");
    }
    // The port is free again as soon as the listener is gone.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let adapter = subject.adapter(&format!("http://{closed}"));
    let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::Transport, Phase::BeforeSend), "{error}");
    assert!(error.to_string().contains(&closed.to_string()), "{error}");

    // Proxies of hotels and companies answer with a page of their own, and call it a success.
    let page = Reply::whole(200, "text/html", &[], "<html><title>Welcome</title></html>");
    for request in [text(), whole(&text())] {
        let server = ScriptedServer::start([page.clone()]).await.unwrap();
        let adapter = subject.adapter(&server.url());
        let error = adapter.complete(&subject.context(), request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode, "{error}");
        assert!(error.message.contains("web page"), "{error}");
    }
}
