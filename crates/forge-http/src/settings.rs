//! What an adapter's settings mean for its connection.

use forge_core::{ExposeSecret, SecretString, provider::AdapterSettings};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{dialect::Dialect, redact::redact};

/// A credential is at least this long. Shorter texts occur in too many ordinary words.
const SHORTEST_SECRET: usize = 8;

/// The address of the API. The text of an error shows at most 100 characters of it, and no credential.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    // What stands before an `@` may be a password and is never shown.
    let (_, place) = text.rsplit_once('@').unwrap_or(("", text));
    let shown: String = redact(place, &[]).chars().filter(|c| !c.is_control()).take(100).collect();
    if text.chars().any(char::is_control) {
        return Err(format!("the base URL `{shown}` contains a line break or another control character"));
    }
    let url = Url::parse(text).map_err(|error| format!("the base URL `{shown}` cannot be used: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("the base URL `{shown}` must begin with http:// or https:// and name a host"));
    }
    // A password in an address would go wherever the address is shown.
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("the base URL must not contain a user name, a password, a query or a fragment".into());
    }
    Ok(url)
}

/// The certificates of a text in PEM.
pub(crate) fn certificates(pem: Option<&str>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("the certificate file contains no certificate".into()),
        Err(error) => Err(format!("the certificate file cannot be read: {error}")),
    }
}

/// The headers of every request, and the credentials among them.
pub(crate) fn request_headers(
    settings: &AdapterSettings,
    dialect: &Dialect,
) -> Result<(HeaderMap, Vec<SecretString>), String> {
    let mut headers = HeaderMap::with_capacity(8);
    let mut secrets = Vec::new();
    for (name, value) in dialect.headers {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    // Errors come as JSON where streams are asked for, so that no single type would be true.
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("forge/", env!("CARGO_PKG_VERSION"));
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static(agent));
    let key = settings.api_key.as_ref().map(ExposeSecret::expose_secret).filter(|key| !key.is_empty());
    if let Some(key) = key {
        let (name, prefix) = dialect.credential;
        let value = secret_value(&format!("{prefix}{key}")).ok_or(
            "the API key contains a line break or another character that a header cannot carry; a key is one line \
             of letters, digits and punctuation",
        )?;
        headers.insert(name, value);
        secrets.push(key);
    }
    for (name, value) in &settings.headers {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{shown}` is not the name of a header"))?;
        let value = value.expose_secret();
        let header = secret_value(value).ok_or_else(|| {
            format!("the header `{shown}` contains a line break or another control character")
        })?;
        headers.insert(name, header);
        secrets.push(value);
    }
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    Ok((headers, secrets.into_iter().map(SecretString::from).collect()))
}

/// A header value that no log shows.
fn secret_value(text: &str) -> Option<HeaderValue> {
    // Bytes beyond ASCII are legal in a header and read differently by every server; in a key they are a slip
    // of pasting.
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    let mut value = HeaderValue::from_str(text).ok().filter(|_| printable)?;
    // HTTP/2 then leaves the value out of its table of headers, and `Debug` does not show it.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_that_cannot_be_used_is_named_without_its_credentials() {
        for bad in [
            "ftp://me:pa55w0rd@example.com",
            "http://me:pa55w0rd@example.com:99999",
            "http://me:pa55w0rd@example.com",
            "pa55w0rd@example.com",
            "ws://example.com/?key=pa55w0rd",
            "http://example.com/?key=pa55w0rd",
            "http://me:pa55w0rd@example.com/\n",
        ] {
            let error = base_url(bad).unwrap_err();
            assert!(!error.contains("pa55w0rd"), "{error}");
        }
        assert!(base_url("ftp://example.com").unwrap_err().contains("ftp://example.com"));
    }

    #[test]
    fn short_words_in_headers_are_no_secrets() {
        let dialect = Dialect {
            base_url: "http://127.0.0.1:1",
            credential: ("authorization", "Bearer "),
            headers: &[],
            timeouts: forge_core::provider::Timeouts::USUAL,
            rate_limits: |_, _| forge_core::event::RateLimitStatus::default(),
            classify: crate::failure::Failure::from_status,
        };
        let mut settings = AdapterSettings {
            api_key: Some("ollama".into()),
            headers: vec![("x-shard".into(), "1".into()), ("x-token".into(), "pa55w0rd".into())],
            ..AdapterSettings::new("p")
        };
        let secrets = |settings: &AdapterSettings| {
            let (_, secrets) = request_headers(settings, &dialect).unwrap();
            secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(secrets(&settings), ["pa55w0rd"]);
        settings.api_key = Some("sk-test-1".into());
        assert_eq!(secrets(&settings), ["sk-test-1", "pa55w0rd"]);
    }
}
