//! Keys and settings.

use forge_core::{ErrorKind, ProviderExt as _, SecretString, error::Phase, provider::AdapterSettings};

use crate::{
    server::{Reply, ScriptedServer},
    subject::{CANARY, Subject, settings, text},
};

/// The key is in no error, no debug output and no address, whatever the server says.
pub async fn the_key_is_nowhere_to_be_seen(subject: Subject) {
    let echo = format!(r#"{{"error":{{"message":"bad key {CANARY}","type":"{CANARY}","code":"{CANARY}"}}}}"#);
    // Wherever a server could give the key back: texts, headers, addresses, events, a broken head.
    let texts = [
        Reply::json(401, &echo),
        Reply::whole(502, "text/plain", &[("request-id", CANARY), ("x-request-id", CANARY)], CANARY),
        Reply::whole(307, "text/plain", &[("location", &format!("http://127.0.0.1:1/?key={CANARY}"))], ""),
        Reply::sse(&format!("data: {echo}\n\nevent: error\ndata: {echo}\n\n")),
        Reply::raw("HTTP/1.1 200 OK\r\n"),
    ];
    for reply in texts {
        let server = ScriptedServer::start([reply]).await.unwrap();
        let adapter = subject.adapter(&server.url());
        let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
        let mut shown = format!("{error}\n{error:?}\n{adapter:?}\n{:?}", subject.context());
        // Reports print the causes as well.
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            shown = format!("{shown}\n{cause}\n{cause:?}");
            source = cause.source();
        }
        assert!(!shown.contains(CANARY), "{shown}");
        let request = server.requests().remove(0);
        assert!(!request.line.contains(CANARY), "{}", request.line);
        assert!(!request.body.to_string().contains(CANARY));
    }
}

/// Settings that could smuggle something into a request are refused with a reason.
pub async fn bad_settings_are_refused(subject: Subject) {
    let good = settings("http://127.0.0.1:1");
    let key = |key: &str| AdapterSettings { api_key: Some(SecretString::from(key)), ..good.clone() };
    let url = |url: &str| AdapterSettings { base_url: Some(url.to_owned()), ..good.clone() };
    let header = |name: &str, value: &str| AdapterSettings {
        headers: vec![(name.to_owned(), SecretString::from(value))],
        ..good.clone()
    };
    for (settings, reason) in [
        (key("sk-test-1\r\nx-evil: 1"), "key"),
        (key("sk-test-1\n"), "key"),
        (key("sk-test-\u{0}"), "key"),
        (key("sk-test-ключ"), "key"),
        (header("x-a\r\nb", "1"), "header"),
        (header("x-a", "1\r\nx-evil: 1"), "header"),
        (url("http://127.0.0.1:1\r\n"), "base URL"),
        (url("ftp://127.0.0.1"), "base URL"),
        (url("127.0.0.1:1"), "base URL"),
        (url("http://user:pass@127.0.0.1"), "base URL"),
        (url("http://127.0.0.1/?key=1"), "base URL"),
    ] {
        let error = (subject.open)(settings).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend), "{error}");
        assert!(error.message.contains(reason), "{error}");
        assert!(!error.to_string().contains("sk-test"), "{error}");
    }
}
