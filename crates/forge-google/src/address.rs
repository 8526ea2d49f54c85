//! Where the API is, from any form in which people write it.

/// The version of the API that this crate speaks.
const VERSION: &str = "v1beta";

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

/// The first segment of the path of a call, or of a dialect that stands beside this one.
fn is_call(segment: &str) -> bool {
    matches!(segment, "models" | "openai" | "interactions")
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
            "/v1beta",
            "/v1beta/",
            "/v1beta/models",
            "/v1beta/models/gemini-4-argon:generateContent",
            "/v1beta/models/gemini-4-argon:streamGenerateContent/",
            "/v1beta/openai/",
            "/models",
        ] {
            assert_eq!(versioned(&format!("http://h:1{end}")), "http://h:1/v1beta", "{end}");
            assert_eq!(versioned(&format!("https://h/google{end}")), "https://h/google/v1beta", "{end}");
        }
        assert_eq!(versioned("http://h/v1/"), "http://h/v1");
        assert_eq!(versioned("http://h/v1/models/x:generateContent"), "http://h/v1");
        assert_eq!(versioned("http://h/v1/acc/gateway"), "http://h/v1/acc/gateway/v1beta");
        for other in ["ftp://h", "h", "http://h/?key=x", ""] {
            assert_eq!(versioned(other), other);
        }
    }
}
