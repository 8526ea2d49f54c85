//! The key that a request brings: each dialect has a place of its own for it, and all of them are looked at.

use http::{HeaderMap, Uri, header};

/// A request brings several keys, and nobody knows on whose behalf it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeveralKeys;

/// The key of a request, wherever its client puts it; `None` if it has none.
pub(crate) fn presented<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<Option<&'a str>, SeveralKeys> {
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or("?"));
    let bearers = bearers.map(|value| match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        // Another scheme is no key of ours, and neither is it none.
        _ => value,
    });
    let named = ["x-api-key", "x-goog-api-key"].into_iter().flat_map(|name| headers.get_all(name));
    let named = named.map(|value| value.to_str().unwrap_or("?").trim());
    let mut keys = bearers.chain(named).chain(in_query(uri)).filter(|key| !key.is_empty());
    let Some(first) = keys.next() else { return Ok(None) };
    // Some clients send the same in two places.
    if keys.all(|key| key == first) { Ok(Some(first)) } else { Err(SeveralKeys) }
}

/// The key in the query, which only Gemini's clients use.
fn in_query(uri: &Uri) -> Option<&str> {
    let is_gemini = uri.path().starts_with("/v1beta/") || uri.path().contains(':');
    let query = uri.query().filter(|_| is_gemini)?;
    query.split('&').find_map(|pair| pair.strip_prefix("key="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_wherever_a_client_puts_it() {
        let found = |pairs: &[(&'static str, &str)], uri: &'static str| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            presented(&headers, &Uri::from_static(uri)).map(|key| key.map(str::to_owned))
        };
        let one = Ok(Some("fk-test-1".to_owned()));
        assert_eq!(found(&[("authorization", "Bearer fk-test-1")], "/v1/messages"), one);
        assert_eq!(found(&[("authorization", "bearer fk-test-1")], "/v1/messages"), one);
        assert_eq!(found(&[("x-api-key", "fk-test-1")], "/v1/messages"), one);
        assert_eq!(found(&[("x-goog-api-key", "fk-test-1")], "/v1/models"), one);
        assert_eq!(found(&[], "/v1beta/models/m:generateContent?alt=sse&key=fk-test-1"), one);
        assert_eq!(found(&[], "/v1/messages?key=fk-test-1"), Ok(None));
        assert_eq!(found(&[("x-api-key", ""), ("authorization", "Bearer fk-test-1")], "/"), one);
        let same = [("x-api-key", "fk-test-1"), ("authorization", "Bearer fk-test-1")];
        assert_eq!(found(&same, "/"), one);
        let two = [("x-api-key", "fk-test-1"), ("authorization", "Bearer fk-test-2")];
        assert_eq!(found(&two, "/"), Err(SeveralKeys));
        let twice = [("x-api-key", "fk-test-1"), ("x-api-key", "fk-test-2")];
        assert_eq!(found(&twice, "/"), Err(SeveralKeys));
        assert_eq!(found(&[("x-api-key", "fk-test-1")], "/v1beta/models?key=fk-test-2"), Err(SeveralKeys));
        assert_eq!(found(&[], "/"), Ok(None));
    }
}
