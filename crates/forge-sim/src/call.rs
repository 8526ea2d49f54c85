use http::{HeaderMap, Method};
use serde_json::Value;

use crate::vendor::Vendor;

/// A request as a dialect sees it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) vendor: Vendor,
    pub(crate) method: Method,
    /// The path after the vendor's prefix, starting with `/`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) raw_body: Vec<u8>,
    /// The body as JSON; null until it is parsed and where there is none.
    pub(crate) body: Value,
    /// The key the client gave.
    pub(crate) credential: Option<String>,
}

impl Call {
    pub(crate) fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        // The schemes of HTTP do not hang on case, and clients write both.
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// Splits a query string; `%XX` and `+` are decoded.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Decodes `%XX` and `+`; what does not decode stays.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (escaped, first) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let pairs = parse_query("alt=sse&a%20b=c+d&x&%zz=%");
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("alt", "sse"), ("a b", "c d"), ("x", ""), ("%zz", "%")]);
    }
}
