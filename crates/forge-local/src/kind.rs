//! What others have to know of this adapter.

use std::sync::Arc;

use forge_core::{AdapterKind, provider::CompatibleVendor};

use crate::{LocalProvider, ServerKind, capabilities, models};

/// The adapter as files name it (`type: local`), with all that is known before one is built. It needs no key;
/// its usual address is Ollama's, or what `OLLAMA_HOST` says. To be put into an
/// [`AdapterRegistry`](forge_core::AdapterRegistry).
pub fn kind() -> AdapterKind {
    AdapterKind::new("local", |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?)))
        .with_base_url(ServerKind::Unknown.default_url(), &["OLLAMA_HOST"])
        .with_base_url_reader(ollama_url)
        // A configured header of this name would take the place of the key.
        .with_owned_headers(&["authorization"])
        .with_models(models().clone())
        .with_compatible(servers())
        .with_capabilities(capabilities)
}

/// The servers, as the dialect's own table has them.
fn servers() -> Vec<CompatibleVendor> {
    let is_server = |vendor: &CompatibleVendor| ServerKind::NAMED.iter().any(|(name, _)| *name == vendor.id);
    forge_openai::kind().compatible.into_iter().filter(is_server).collect()
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
        // The variable is the one that the server listens by; not every system connects to a wildcard.
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

    #[test]
    fn every_named_server_is_in_the_table() {
        assert_eq!(servers().len(), ServerKind::NAMED.len());
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
