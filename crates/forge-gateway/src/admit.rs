//! Whom the server talks to, before anything of a request is read.

use std::net::SocketAddr;

use http::{HeaderMap, StatusCode, Uri, header};

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is meant for another host: a name that was made to lead here (DNS rebinding).
    Host,
    /// It comes from a page of a browser.
    Origin,
    /// It holds something else than JSON.
    Type,
    /// It is packed: a small body may unpack to any size.
    Encoding,
}

impl Denied {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Type | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Host => "this host name is not served here; add it to the hosts of the server",
            Self::Origin => "pages of browsers are not served",
            Self::Type => "the body has to be application/json",
            Self::Encoding => "the body may not be packed",
        }
    }
}

/// Whether the request is meant for this server and comes from a program and not from a page.
pub(crate) fn check(
    headers: &HeaderMap,
    uri: &Uri,
    bound: SocketAddr,
    hosts: &[String],
) -> Result<(), Denied> {
    // HTTP/2 has the host in its address.
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str));
    // HTTP/1.0 has none at all, and no browser speaks it.
    if host.is_some_and(|host| !is_ours(name_of(host), bound, hosts)) {
        return Err(Denied::Host);
    }
    // Programs send none. `null` is one as well.
    if headers.contains_key(header::ORIGIN) { Err(Denied::Origin) } else { Ok(()) }
}

/// Whether the body can be read as it says.
pub(crate) fn check_body(headers: &HeaderMap) -> Result<(), Denied> {
    let text =
        |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Denied::Encoding);
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // A form or a plain text is what a page of a browser can send without asking first.
    if kind == "application/json" { Ok(()) } else { Err(Denied::Type) }
}

/// The name in `name:port` or `[address]:port`.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_ours(name: &str, bound: SocketAddr, hosts: &[String]) -> bool {
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback() || address == bound.ip())
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_those_of_the_configuration_are_served() {
        let bound: SocketAddr = "127.0.0.1:4600".parse().unwrap();
        let hosts = ["gw.example.org".to_owned()];
        let check = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            check(&headers, &Uri::from_static("/"), bound, &hosts)
        };
        for host in
            ["localhost:4600", "LOCALHOST", "127.0.0.1:4600", "[::1]:4600", "gw.example.org", "127.1.2.3"]
        {
            assert_eq!(check(host, None), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:4600", "10.0.0.1:4600", "", "127.0.0.1.nip.io"] {
            assert_eq!(check(host, None), Err(Denied::Host), "{host}");
        }
        assert_eq!(check("localhost", Some("https://evil.example")), Err(Denied::Origin));
        assert_eq!(check("localhost", Some("null")), Err(Denied::Origin));
    }

    #[test]
    fn a_body_is_plain_json() {
        let check = |pairs: &[(header::HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            check_body(&pairs.collect())
        };
        let json = (header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
        assert_eq!(check(std::slice::from_ref(&json)), Ok(()));
        assert_eq!(check(&[(header::CONTENT_TYPE, "text/plain")]), Err(Denied::Type));
        assert_eq!(check(&[]), Err(Denied::Type));
        assert_eq!(check(&[json, (header::CONTENT_ENCODING, "gzip")]), Err(Denied::Encoding));
    }
}
