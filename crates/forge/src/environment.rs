//! Providers that the environment's variables name.

use std::net::IpAddr;

use forge_router::{ProviderPlan, RouterPlan};

use crate::{Participant, SecretString};

/// What the environment says. Libraries never read it themselves: the lookup is passed in.
#[derive(Debug)]
pub struct Environment {
    /// A provider for each vendor whose key is set, in the order Anthropic, `OpenAI`, Google.
    pub providers: Vec<FoundProvider>,
    /// Where Ollama is said to listen (`OLLAMA_HOST`), as a URL.
    pub ollama: Option<String>,
}

/// A provider that can be set up from the environment alone.
#[derive(Debug, Clone)]
pub struct FoundProvider {
    /// The variable that holds the key.
    pub variable: &'static str,
    /// The provider; its id is the vendor's name, its model the one asked when nobody says otherwise.
    pub plan: ProviderPlan,
}

impl Environment {
    /// Reads `ANTHROPIC_API_KEY`, `OPENAI_API_KEY`, `GOOGLE_API_KEY` or `GEMINI_API_KEY`, the base URLs
    /// `ANTHROPIC_BASE_URL`, `OPENAI_BASE_URL`, `GEMINI_BASE_URL`, and `OLLAMA_HOST` and `HTTPS_PROXY`.
    /// An empty variable counts as unset. The proxy is not used for addresses on this machine.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let proxy = set("HTTPS_PROXY").or_else(|| set("https_proxy"));
        let vendors = [
            ("anthropic", "ANTHROPIC_BASE_URL", Participant::claude_sonnet()),
            ("openai", "OPENAI_BASE_URL", Participant::gpt()),
            ("google", "GEMINI_BASE_URL", Participant::gemini_flash()),
        ];
        let found = vendors.into_iter().filter_map(|(kind, base_variable, participant)| {
            let (variable, key) = key_variables(kind).iter().find_map(|name| Some((*name, set(name)?)))?;
            let base_url = set(base_variable);
            let direct = base_url.as_deref().is_some_and(is_loopback);
            let plan = ProviderPlan {
                api_key: Some(SecretString::from(key)),
                endpoint: base_url,
                proxy: proxy.clone().filter(|_| !direct),
                display_name: participant.display_name,
                ..crate::provider_plan(kind, participant.model)
            };
            Some(FoundProvider { variable, plan })
        });
        Self { providers: found.collect(), ollama: set("OLLAMA_HOST").map(|host| ollama_url(&host)) }
    }

    /// A plan in which the first provider that was found does every job and the others stand in for it.
    pub fn plan(&self) -> RouterPlan {
        RouterPlan::of(self.providers.iter().map(|found| found.plan.clone()).collect())
    }
}

/// The variables in which a vendor's key usually stands, the first that is set counting.
pub(crate) fn key_variables(kind: &str) -> &'static [&'static str] {
    match kind {
        "anthropic" => &["ANTHROPIC_API_KEY"],
        "openai" => &["OPENAI_API_KEY"],
        "google" => &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        _ => &[],
    }
}

pub(crate) fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The URL that `OLLAMA_HOST` means, by Ollama's own rules: the scheme is `http` unless given, the port
/// is 11434 unless given (80 or 443 after an explicit scheme), an empty host means this machine, and so
/// does the wildcard address that servers listen on.
pub fn ollama_url(host: &str) -> String {
    let host = host.trim().trim_matches(['"', '\'']).trim();
    let (scheme, rest, usual_port) = match host.split_once("://") {
        Some(("https", rest)) => ("https", rest, "443"),
        Some((_, rest)) => ("http", rest, "80"),
        None => ("http", host, "11434"),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (name, port) = match authority.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((name, port)) if !port.contains(']') && !name.contains(':') || name.ends_with(']') => {
            (name, port)
        }
        _ => (authority, usual_port),
    };
    let port = if port.parse::<u16>().is_ok() { port } else { usual_port };
    let name = match name.trim_matches(['[', ']']) {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        ipv6 if ipv6.contains(':') => format!("[{ipv6}]"),
        name => name.to_owned(),
    };
    let path = path.trim_matches('/');
    if path.is_empty() {
        format!("{scheme}://{name}:{port}")
    } else {
        format!("{scheme}://{name}:{port}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Environment::read(find)
    }

    #[test]
    fn each_key_finds_its_vendor_and_an_empty_one_does_not() {
        let environment = read(&[
            ("ANTHROPIC_API_KEY", " "),
            ("OPENAI_API_KEY", "sk-test-1"),
            ("GOOGLE_API_KEY", ""),
            ("GEMINI_API_KEY", "AIza-test"),
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("GEMINI_BASE_URL", "http://127.0.0.1:9/v1beta"),
        ]);
        let found: Vec<_> =
            environment.providers.iter().map(|found| (found.plan.kind.as_str(), found.variable)).collect();
        assert_eq!(found, [("openai", "OPENAI_API_KEY"), ("google", "GEMINI_API_KEY")]);
        let proxies: Vec<_> = environment.providers.iter().map(|found| found.plan.proxy.as_deref()).collect();
        assert_eq!(proxies, [Some("http://proxy:3128"), None]);
        assert!(!format!("{environment:?}").contains("sk-test-1"));
    }

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

    #[test]
    fn ollama_host_is_read_as_ollama_reads_it() {
        for (host, url) in [
            ("", "http://127.0.0.1:11434"),
            ("example.com", "http://example.com:11434"),
            ("example.com:56789", "http://example.com:56789"),
            (":1234", "http://127.0.0.1:1234"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("http://example.com", "http://example.com:80"),
            ("https://example.com", "https://example.com:443"),
            ("https://example.com:8443/ollama/", "https://example.com:8443/ollama"),
            ("\"example.com:1\"", "http://example.com:1"),
            ("example.com:66000", "http://example.com:11434"),
            ("[::1]", "http://[::1]:11434"),
            ("[::]:8080", "http://[::1]:8080"),
            ("::1", "http://[::1]:11434"),
        ] {
            assert_eq!(ollama_url(host), url, "{host}");
        }
    }
}
