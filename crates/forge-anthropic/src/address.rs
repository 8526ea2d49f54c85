//! Where the API is, from any form in which people write it.

/// The version of the API that this crate speaks.
const VERSION: &str = "v1";

/// The address with the API's version at its end: what stands behind the version belongs to single calls, and the usual
/// version is added where none stands. What is no address of this kind stays as it is and is refused later.
pub(crate) fn versioned(url: &str) -> String {
    let is_plain = url.starts_with("http://") || url.starts_with("https://");
    if !is_plain || url.contains(['?', '#']) {
        return url.to_owned();
    }
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let mut segments: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    if let Some(call) = segments.iter().skip(1).position(|segment| is_call(segment)) {
        segments.truncate(call + 1);
    }
    while segments.len() > 1 && segments.last().is_some_and(|segment| segment.is_empty()) {
        segments.pop();
    }
    if !segments.iter().skip(1).next_back().is_some_and(|segment| is_version(segment)) {
        segments.push(VERSION);
    }
    format!("{scheme}//{}", segments.join("/"))
}

/// Such as `v1` or `v1beta2`.
fn is_version(segment: &str) -> bool {
    let mut signs = segment.bytes();
    signs.next() == Some(b'v')
        && signs.next().is_some_and(|sign| sign.is_ascii_digit())
        && signs.all(|sign| sign.is_ascii_alphanumeric())
}

/// The first segment of the path of a call.
fn is_call(segment: &str) -> bool {
    matches!(segment, "messages" | "models" | "complete")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_the_same_address() {
        for end in [
            "",
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v1/messages",
            "/v1/messages/",
            "/v1/messages/count_tokens",
            "/v1/models",
            "/messages",
        ] {
            assert_eq!(versioned(&format!("http://h:1{end}")), "http://h:1/v1", "{end}");
            assert_eq!(versioned(&format!("https://h/anthropic{end}")), "https://h/anthropic/v1", "{end}");
        }
        assert_eq!(versioned("http://h/v2/"), "http://h/v2");
        assert_eq!(versioned("http://h/v1/acc/gateway"), "http://h/v1/acc/gateway/v1");
        assert_eq!(versioned("http://messages"), "http://messages/v1");
        for other in ["ftp://h", "h", "http://h/?key=x", ""] {
            assert_eq!(versioned(other), other);
        }
    }
}
