//! What a URL says about where it leads.

use std::net::IpAddr;

/// Whether an address is one of this machine: `localhost`, or an IP address of the loopback. No name is
/// looked up, so that any other name is of another machine.
pub fn is_loopback(url: &str) -> bool {
    let (host, _) = host_of(url);
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The host of a URL, in lower case and without the brackets of an address, and its port. A text without a
/// scheme is read as if it had one. A port that is not there, or is no number, is `None`.
pub fn host_of(url: &str) -> (String, Option<u16>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before the last `@` is a user name, which must not pass for the host.
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    (host.to_ascii_lowercase(), port.and_then(|port| port.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback_and_not_who_has_a_similar_name() {
        for url in [
            "http://127.0.0.1:11434",
            "https://127.8.8.8/v1",
            "http://localhost",
            "http://LOCALHOST:1?a",
            "http://[::1]:80/",
            "localhost:1",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://127.example.com",
            "http://localhost.example.com:80",
            "https://localhost-proxy/v1",
            "http://[::2]",
            "http://10.0.0.1/localhost",
            "",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
