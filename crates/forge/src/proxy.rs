//! Which proxy leads to an address, by the usual variables.

use std::net::IpAddr;

use crate::router::{host_of, is_loopback};

/// The proxies of an environment: `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, and in `NO_PROXY` the hosts that are
/// reached without. Each may be written in lower case, which wins.
///
/// The scheme of the address decides which of the first two holds; `ALL_PROXY` holds where neither is set. `NO_PROXY`
/// lists hosts, which stand for their subdomains as well, addresses, networks such as `10.0.0.0/8`, and `*`; a port
/// limits an entry to it. This machine is always reached directly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    http: Option<String>,
    https: Option<String>,
    direct: Vec<String>,
}

impl Proxies {
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            let either =
                [name.to_ascii_lowercase(), name.to_owned()].into_iter().find_map(|name| lookup(&name));
            either.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let all = set("ALL_PROXY");
        let direct = set("NO_PROXY").unwrap_or_default();
        Self {
            http: set("HTTP_PROXY").or_else(|| all.clone()),
            https: set("HTTPS_PROXY").or(all),
            direct: direct
                .split([',', ' '])
                .map(str::trim)
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The proxy that leads to `url`; `None` if it is reached directly.
    pub(crate) fn to(&self, url: &str) -> Option<String> {
        let (scheme, _) = url.split_once("://")?;
        let proxy = if scheme.eq_ignore_ascii_case("http") { &self.http } else { &self.https };
        let proxy = proxy.as_ref().filter(|_| !is_loopback(url) && !self.is_direct(url))?;
        // `proxy:3128` is how most people write it, and what curl takes for HTTP.
        Some(if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") })
    }

    fn is_direct(&self, url: &str) -> bool {
        let (host, port) = host_of(url);
        let default =
            if url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http:")) { 80 } else { 443 };
        self.direct.iter().any(|entry| stands_for(entry, &host, port.unwrap_or(default)))
    }
}

/// Whether an entry of `NO_PROXY` stands for a host and port.
fn stands_for(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>()
        && let Some((network, bits)) = entry.split_once('/')
    {
        return network
            .parse()
            .is_ok_and(|network| bits.parse().is_ok_and(|bits| is_within(address, network, bits)));
    }
    // The last colon of a bare IPv6 address is a part of it and marks no port.
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, only)) if !name.contains(':') || name.ends_with(']') => (name, only.parse::<u16>().ok()),
        _ => (entry, None),
    };
    if only.is_some_and(|only| only != port) {
        return false;
    }
    let name =
        name.trim_start_matches('[').trim_end_matches(']').trim_start_matches("*.").trim_start_matches('.');
    let name = name.to_ascii_lowercase();
    // At a dot alone: `example.com` does not stand for `badexample.com`.
    host == name || host.strip_suffix(&name).is_some_and(|before| before.ends_with('.'))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, length) = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    // `/0` holds every address. A shift by all 128 bits has no value in Rust, so both sides are 0.
    let free = u32::saturating_sub(length, bits);
    bits <= length && address.checked_shr(free).unwrap_or(0) == network.checked_shr(free).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        Proxies::read(lookup).to(url)
    }

    #[test]
    fn the_scheme_of_the_address_decides() {
        let both = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "http://secure:2")];
        assert_eq!(to(&both, "http://llm.corp.test/v1").as_deref(), Some("http://plain:1"));
        assert_eq!(to(&both, "HTTPS://api.example.com").as_deref(), Some("http://secure:2"));
        let secure = [("HTTPS_PROXY", "http://secure:2")];
        assert_eq!(to(&secure, "http://llm.corp.test/v1"), None, "a prompt never goes there in the clear");
        let all = [("ALL_PROXY", "any:3"), ("http_proxy", "plain:1")];
        assert_eq!(to(&all, "https://a.b").as_deref(), Some("http://any:3"));
        assert_eq!(to(&all, "http://a.b").as_deref(), Some("http://plain:1"));
        let lower = [("https_proxy", "low:1"), ("HTTPS_PROXY", "up:2")];
        assert_eq!(to(&lower, "https://a.b").as_deref(), Some("http://low:1"));
        assert_eq!(to(&[("HTTPS_PROXY", " ")], "https://a.b"), None);
    }

    #[test]
    fn hosts_that_are_named_and_this_machine_are_reached_directly() {
        for (direct, url, is_direct) in [
            ("llm.corp.test,.corp.test", "https://llm.corp.test/v1", true),
            (".corp.test", "https://a.b.corp.test", true),
            ("corp.test", "https://LLM.Corp.Test", true),
            ("*.corp.test", "https://llm.corp.test", true),
            ("corp.test", "https://mycorp.test", false),
            ("corp.test:8443", "https://corp.test:8443", true),
            ("corp.test:8443", "https://corp.test", false),
            ("10.0.0.0/8, example.com", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("192.0.2.7", "https://192.0.2.7:9", true),
            ("fd00::/8", "https://[fd12::1]:8080", true),
            ("2001:db8::1", "https://[2001:db8::1]", true),
            ("0.0.0.0/0", "https://8.8.8.8", true),
            ("10.0.0.0/64", "https://10.0.0.1", false),
            ("*", "https://a.b", true),
            ("", "http://localhost:11434", true),
            ("", "https://127.0.0.9", true),
            ("", "https://[::1]:1", true),
            ("", "https://a.b", false),
        ] {
            let variables = [("ALL_PROXY", "http://p:1"), ("NO_PROXY", direct)];
            assert_eq!(to(&variables, url).is_none(), is_direct, "{direct} {url}");
        }
    }
}
