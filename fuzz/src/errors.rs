//! Refusals, and the waits that they ask for.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge_anthropic::AnthropicProvider;
use forge_core::{ModelProvider, ModelRequest, Participant, error::Phase};
use forge_google::GoogleProvider;
use forge_http::hints;
use forge_local::LocalProvider;
use forge_openai::OpenAIProvider;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::wire::{KEY, Wire};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The longest text of an error that is handed on, with what stands around it.
const LONGEST: usize = 8 * 1024;

/// The first byte is a status and a vendor; lines of headers follow up to an empty one; the rest is the body. Every
/// refusal is one readable error without the key, and no wait is longer than a week.
pub fn errors(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let end = rest.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((rest, &b""[..]), |end| (&rest[..end], &rest[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let headers: HeaderMap = head.lines().filter_map(header).collect();
    waits(&headers);

    let framing = ["content-length", "transfer-encoding", "connection", "upgrade", "trailer"];
    let lines: String = headers
        .iter()
        .filter(|(name, _)| !framing.contains(&name.as_str()))
        .filter_map(|(name, value)| Some(format!("{name}: {}\r\n", value.to_str().ok()?)))
        .collect();
    let status = 400 + u16::from(first >> 2) * 3;
    let head = format!("HTTP/1.1 {status} Refused\r\n{lines}");
    thread_local! {
        static WIRES: [Wire; 4] = wires();
    }
    WIRES.with(|wires| {
        let request = ModelRequest::new("Be brief.").with_user_message("Why?").with_max_tokens(100);
        let outcome = wires[usize::from(first & 3)].whole(&request, &head, body);
        assert!(outcome.events.is_empty(), "{outcome:?}");
        let error = outcome.error.expect("a refusal");
        assert_eq!((error.status, error.phase), (Some(status), Phase::BeforeOutput), "{error:?}");
        assert!(error.retry_after.is_none_or(|wait| wait <= WEEK), "{error:?}");
        let text = error.to_string();
        assert!(text.len() <= LONGEST && !text.contains(KEY), "{text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    });
}

fn wires() -> [Wire; 4] {
    [
        Wire::new(
            |settings| Ok(Arc::new(AnthropicProvider::from_settings(settings)?)),
            Participant::claude_sonnet(),
        ),
        Wire::new(|settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?)), Participant::gpt()),
        Wire::new(
            |settings| Ok(Arc::new(GoogleProvider::from_settings(settings)?)),
            Participant::gemini_pro(),
        ),
        Wire::new(
            |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?)),
            Participant::new(ModelProvider::Local, "any"),
        ),
    ]
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.parse().ok()?, HeaderValue::from_str(value.trim()).ok()?))
}

fn waits(headers: &HeaderMap) {
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH + WEEK;
    assert!(hints::retry_after(headers, now).is_none_or(|wait| wait <= WEEK));
    let _ = hints::should_retry(headers);
    for value in headers.values().filter_map(|value| value.to_str().ok()) {
        let wait = hints::unit_duration(value);
        assert!(wait.is_none_or(|wait| wait <= WEEK), "{value}");
        let reset = hints::reset_time(value, now);
        if let Some(wait) = wait {
            assert_eq!(reset, Some(now + wait), "{value}");
        }
    }
}
