//! Where an API is, from any form in which people write it.

/// The address with the API's version at its end: what stands behind the version belongs to single calls, whose paths
/// begin with one of `calls`, and `version` is added where none stands. What is no address of this kind stays as it is and
/// is refused later.
///
/// ```
/// let versioned = |url| forge_http::versioned(url, "v1", &["messages", "models"]);
/// assert_eq!(versioned("https://api.example.com"), "https://api.example.com/v1");
/// assert_eq!(versioned("https://api.example.com/v1/messages/"), "https://api.example.com/v1");
/// ```
pub fn versioned(url: &str, version: &str, calls: &[&str]) -> String {
    let is_plain = url.starts_with("http://") || url.starts_with("https://");
    if !is_plain || url.contains(['?', '#']) {
        return url.to_owned();
    }
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let mut segments: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    // Behind the host, which may have the name of a call itself.
    if let Some(call) = segments.iter().skip(1).position(|segment| calls.contains(segment)) {
        segments.truncate(call + 1);
    }
    while segments.len() > 1 && segments.last().is_some_and(|segment| segment.is_empty()) {
        segments.pop();
    }
    if !segments.iter().skip(1).next_back().is_some_and(|segment| is_version(segment)) {
        segments.push(version);
    }
    format!("{scheme}//{}", segments.join("/"))
}

/// Whether a segment of a path is a version, such as `v1` or `v1beta2`.
pub fn is_version(segment: &str) -> bool {
    let mut signs = segment.bytes();
    signs.next() == Some(b'v')
        && signs.next().is_some_and(|sign| sign.is_ascii_digit())
        && signs.all(|sign| sign.is_ascii_alphanumeric())
}
