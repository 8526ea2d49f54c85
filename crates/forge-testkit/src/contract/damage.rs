//! Replies that break off, are damaged, or do not end.

use std::time::Duration;

use forge_core::{ErrorKind, ModelRequest, ProviderExt as _, error::Phase};

use super::{record, without_ids};
use crate::{
    server::{Reply, ScriptedServer},
    subject::{Subject, text, thinking, two_tools, whole},
};

/// A stream that is cut anywhere is an error, or else the whole reply was there already.
pub async fn a_cut_stream_is_never_a_short_success(subject: Subject) {
    cut_anywhere(subject, text().with_max_tokens(40)).await;
}

/// So is a stream of thoughts and text.
pub async fn a_cut_stream_of_thoughts_is_never_a_short_success(subject: Subject) {
    cut_anywhere(subject, thinking().with_max_tokens(80)).await;
}

/// So is a reply that comes whole.
pub async fn a_cut_whole_reply_is_never_a_short_success(subject: Subject) {
    cut_anywhere(subject, whole(&text())).await;
}

async fn cut_anywhere(subject: Subject, request: ModelRequest) {
    let (bytes, complete) = record(subject, &request).await;
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let full_text = complete.text().into_owned();
    let mut errors = 0;
    // At every byte: a connection may break at any, also inside a character or between CR and LF.
    let cuts = (0..bytes.len()).map(|cut| Reply::raw(&bytes[..cut]));
    let server = ScriptedServer::start(cuts).await.unwrap();
    let adapter = subject.adapter(&server.url());
    for cut in 0..bytes.len() {
        match adapter.complete(&subject.context(), request.clone()).await {
            Ok(response) => {
                assert_eq!(without_ids(&response), without_ids(&complete), "cut at {cut} of {}", bytes.len());
            }
            Err(error) => {
                errors += 1;
                let kinds = [ErrorKind::Truncated, ErrorKind::Transport];
                assert!(kinds.contains(&error.kind), "cut at {cut}: {error}");
                if let Some(partial) = &error.partial {
                    assert_eq!(error.phase, Phase::AfterOutput);
                    assert!(full_text.starts_with(&*partial.text()), "cut at {cut}");
                }
            }
        }
    }
    // Only what follows the vendor's last word may be lost without harm.
    let harmless = bytes.len() - errors;
    assert!(errors >= head && harmless <= 64, "{harmless} of {} cuts were a success", bytes.len());
}

/// A reply with bytes that are not the vendor's is an answer or an error, never a panic or a hang.
pub async fn a_damaged_reply_is_survived(subject: Subject) {
    for request in [thinking().with_max_tokens(80), two_tools(), whole(&two_tools())] {
        let (bytes, _) = record(subject, &request).await;
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        // The same damage in every run, so that a failure can be looked at again (factors of Knuth's MMIX).
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let damaged: Vec<_> = (0..400)
            .map(|_| {
                let mut bytes = bytes.clone();
                for _ in 0..3 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    // Only the body: what is no HTTP any more is refused before an adapter reads it.
                    let at = head + usize::try_from(random >> 33).unwrap() % (bytes.len() - head);
                    bytes[at] = (random >> 25).to_le_bytes()[0];
                }
                Reply::raw(bytes)
            })
            .collect();
        let calls = damaged.len();
        let server = ScriptedServer::start(damaged).await.unwrap();
        let adapter = subject.adapter(&server.url());
        for call in 0..calls {
            let cx = subject.context();
            let outcome =
                tokio::time::timeout(Duration::from_secs(20), adapter.complete(&cx, request.clone())).await;
            if let Err(error) = outcome.unwrap_or_else(|_| panic!("reply {call} hangs")) {
                assert_ne!(error.kind, ErrorKind::Timeout, "{error}");
            }
        }
    }
}

/// A line without end is refused at the cap.
pub async fn an_endless_line_is_refused(subject: Subject) {
    // One MiB more than any adapter may keep of a line.
    let line = format!("data: {{\"{}", "x".repeat(65 * 1024 * 1024));
    let server = ScriptedServer::start([Reply::sse(&line)]).await.unwrap();
    let adapter = subject.adapter(&server.url());
    let error = adapter.complete(&subject.context(), text()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Decode, "{error}");
    assert!(error.message.contains("64 MiB"), "{error}");
}
