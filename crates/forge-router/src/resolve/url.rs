//! What is wrong with an address, and what it was meant to be.

use crate::address::is_loopback;

/// What keeps `url` from being called; never shows it, for it may hold a password.
pub(super) fn fault(url: &str) -> Option<&'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Some("does not begin with `http://` or `https://`") };
    if url.contains(char::is_whitespace) {
        return Some("contains a space");
    }
    if rest.contains(['?', '#']) {
        return Some("has a query or a fragment, after which no path can follow");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("contains a user name or password");
    }
    let (host, port) = match authority.rsplit_once(':') {
        // A colon inside of brackets belongs to an IPv6 address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Some("names no host");
    }
    port.is_some_and(|port| port.parse::<u16>().is_err()).then_some("has an invalid port")
}

/// What a text without a good scheme was meant to be. `None` where it may hold a password, which is not shown.
pub(super) fn meant(url: &str) -> Option<String> {
    if url.contains(['@', '?', '#']) || url.contains(char::is_whitespace) {
        return None;
    }
    let (scheme, rest) = match url.split_once("//") {
        Some((scheme, rest)) => (scheme.trim_end_matches(':'), rest),
        None => match url.split_once(":/") {
            Some((scheme, rest)) => (scheme, rest),
            None => ("", url),
        },
    };
    let rest = rest.trim_start_matches('/');
    let host = rest.split(['/', ':']).next()?;
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
        || !(host.contains('.') || host == "localhost")
    {
        return None;
    }
    // Encrypted, unless it is this machine or was written otherwise.
    let is_plain = (scheme.is_empty() && is_loopback(rest)) || scheme.eq_ignore_ascii_case("http");
    let meant = format!("{}://{rest}", if is_plain { "http" } else { "https" });
    fault(&meant).is_none().then_some(meant)
}

/// The address with each part of its path once, where a part stands twice in a row.
pub(super) fn without_repetition(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let mut parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let before = parts.len();
    let host = parts.remove(0);
    parts.dedup();
    let once = [&[host][..], &parts].concat().join("/");
    (parts.len() + 1 < before).then(|| format!("{scheme}://{once}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_in_spite_of_its_scheme() {
        for (url, expected) in [
            ("htps://x.example.com", Some("https://x.example.com")),
            ("http//x.example.com/v1", Some("http://x.example.com/v1")),
            ("localhost:11434", Some("http://localhost:11434")),
            ("x.example.com/v1", Some("https://x.example.com/v1")),
            ("me:secret@x.example.com", None),
            ("nonsense", None),
        ] {
            assert_eq!(meant(url).as_deref(), expected, "{url}");
        }
        let twice = without_repetition("https://x.example.com/v1/v1/");
        assert_eq!(twice.as_deref(), Some("https://x.example.com/v1"));
        assert_eq!(without_repetition("https://x.example.com/v1"), None);
    }
}
