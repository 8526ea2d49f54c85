//! Whom the server talks to, before anything of a request is read.

use std::net::IpAddr;

use forge::config::{Network, ServePlan};
use forge_core::storage::access::matches_pattern;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};

use crate::{
    listen::Ends,
    reply::{self, Reply},
};

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
            Self::Origin => "pages of this origin are not served; add it to the origins of the server",
            Self::Type => "the body has to be application/json",
            Self::Encoding => "the body may not be packed",
        }
    }
}

/// Whether the request is meant for this server and comes from a program, or from a page that may ask: then its origin.
pub(crate) fn check<'a>(
    head: &'a Parts,
    ends: Option<Ends>,
    plan: &ServePlan,
) -> Result<Option<&'a HeaderValue>, Denied> {
    // HTTP/2 has the host in its address.
    let host = head.headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    // No name leads to a socket in the file system. HTTP/1.0 has no host at all, and no browser speaks it.
    if let (Some(host), Some(ends)) = (host, ends)
        && !is_ours(name_of(host), ends.local, &plan.hosts)
    {
        return Err(Denied::Host);
    }
    // Programs send none. `null` is one as well.
    let Some(origin) = head.headers.get(header::ORIGIN) else { return Ok(None) };
    let may_ask = plan.origins.iter().any(|one| one.as_bytes() == origin.as_bytes());
    may_ask.then_some(Some(origin)).ok_or(Denied::Origin)
}

/// Where a request comes from: the last address in the list of its proxies that is none of the trusted ones.
pub(crate) fn client(ends: Ends, headers: &HeaderMap, trusted: &[Network]) -> Ends {
    if trusted.is_empty() {
        return ends;
    }
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    // Each proxy adds the one that it was asked by; several headers are one list.
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|list| list.to_str().ok());
    let named: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    let mut peer = ends.peer;
    for name in named.into_iter().rev() {
        // Behind somebody who is not trusted anything may stand.
        let Some(before) = is_trusted(peer).then(|| name.parse().ok()).flatten() else { break };
        peer = before;
    }
    Ends { peer, ..ends }
}

/// Takes the features out of Anthropic's `anthropic-beta` that are not to go on to the vendor.
pub(crate) fn deny_betas(headers: &mut HeaderMap, denied: &[String]) {
    const BETAS: &str = "anthropic-beta";
    if denied.is_empty() || !headers.contains_key(BETAS) {
        return;
    }
    let lists = headers.get_all(BETAS).iter().filter_map(|list| list.to_str().ok());
    let names = lists.flat_map(|list| list.split(',')).map(str::trim);
    let left = names.filter(|name| !denied.iter().any(|pattern| matches_pattern(pattern, name)));
    let left = left.collect::<Vec<_>>().join(",");
    headers.remove(BETAS);
    if let Some(left) = HeaderValue::from_str(&left).ok().filter(|left| !left.is_empty()) {
        headers.insert(BETAS, left);
    }
}

/// What a browser asks for before it lets a page send a request.
pub(crate) fn preflight(headers: &HeaderMap) -> Reply {
    let mut reply = reply::body(StatusCode::NO_CONTENT, "text/plain", Vec::new());
    let allowed = reply.headers_mut();
    allowed.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    allowed.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    // The origin is known; what it sends is looked at when it comes.
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        allowed.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    reply
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

fn is_ours(name: &str, local: IpAddr, hosts: &[String]) -> bool {
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback() || address == local)
        || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_those_of_the_configuration_are_served() {
        let local = IpAddr::from([127, 0, 0, 1]);
        let mut plan = ServePlan::default();
        plan.hosts = vec!["gw.example.org".to_owned()];
        plan.origins = vec!["https://chat.example.org".to_owned()];
        let answer = |host: &str, origin: Option<&str>, ends| {
            let mut request = http::Request::get("/").header(header::HOST, host);
            if let Some(origin) = origin {
                request = request.header(header::ORIGIN, origin);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            check(&head, ends, &plan).map(|origin| origin.is_some())
        };
        let ends = Some(Ends { local, peer: local });
        for host in
            ["localhost:4600", "LOCALHOST", "127.0.0.1:4600", "[::1]:4600", "gw.example.org", "127.1.2.3"]
        {
            assert_eq!(answer(host, None, ends), Ok(false), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:4600", "10.0.0.1:4600", "", "127.0.0.1.nip.io"] {
            assert_eq!(answer(host, None, ends), Err(Denied::Host), "{host}");
            assert_eq!(answer(host, None, None), Ok(false), "{host} over a socket in the file system");
        }
        let public = Some(Ends { local: IpAddr::from([10, 0, 0, 1]), peer: local });
        assert_eq!(answer("10.0.0.1:4600", None, public), Ok(false));
        assert_eq!(answer("localhost", Some("https://chat.example.org"), ends), Ok(true));
        let others =
            ["https://evil.example", "null", "http://chat.example.org", "https://chat.example.org:444"];
        for origin in others {
            assert_eq!(answer("localhost", Some(origin), ends), Err(Denied::Origin), "{origin}");
        }
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
