//! What is reached from here: local servers, and the proxies on the way to the others.

use forge::{LocalServer, provider::Health};
use serde_json::{Value, json};

use super::Check;
use crate::paths::variable;

const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

pub(super) async fn local_servers(offline: bool) -> Check {
    let topic = "local servers";
    if offline {
        return Check::good(topic, "skipped: `--offline`", Value::Null);
    }
    let servers = match forge::local_servers(variable).await {
        Ok(servers) => servers,
        Err(error) => {
            let facts = json!({"error": error.to_string()});
            return Check::bad(topic, error.to_string(), facts, "correct OLLAMA_HOST, or unset it");
        }
    };
    let object = |one: &LocalServer| json!({"name": one.name, "url": one.url, "variable": one.variable, "health": one.health, "models": one.models});
    let facts = servers.iter().map(object).collect::<Vec<_>>().into();
    let told: Vec<_> = servers.iter().filter(|one| one.health.is_some()).map(describe).collect();
    // A server that nobody named need not be there.
    let silent = servers.iter().find(|one| one.health.is_none() && one.variable.is_some());
    if let Some(LocalServer { url, variable: Some(variable), .. }) = silent {
        let others = if told.is_empty() { String::new() } else { format!("; {}", told.join("; ")) };
        let text = format!("no server answers at {url}, the address in {variable}{others}");
        return Check::bad(topic, text, facts, format!("ollama serve, or unset {variable}"));
    }
    let text = if told.is_empty() { "none found".to_owned() } else { told.join("; ") };
    Check::good(topic, text, facts)
}

fn describe(one: &LocalServer) -> String {
    let models: Vec<_> = one.models.iter().map(ToString::to_string).collect();
    let state = match one.health {
        Some(Health::Loading) => "its model is still loading".to_owned(),
        Some(Health::Ready) if !models.is_empty() => models.join(", "),
        _ => "no model loaded".to_owned(),
    };
    format!("{} at {}: {state}", one.name, one.url)
}

/// Which proxies hold. What a proxy wants to know of the user is left out.
pub(super) fn proxies() -> Check {
    let holds = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let name = if variable(&lower).is_some_and(|value| !value.trim().is_empty()) {
            lower
        } else {
            name.to_owned()
        };
        let value = variable(&name).filter(|value| !value.trim().is_empty())?;
        Some((name, without_user(value.trim())))
    };
    let found: Vec<_> = PROXIES.into_iter().filter_map(holds).collect();
    let facts: serde_json::Map<_, _> =
        found.iter().map(|(name, value)| (name.to_ascii_uppercase(), json!(value))).collect();
    let texts: Vec<_> = found.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    let text = if texts.is_empty() { "none".to_owned() } else { texts.join(", ") };
    Check::good("proxies", text, facts.into())
}

fn without_user(value: &str) -> String {
    let (scheme, rest) = value.split_once("://").map_or(("", value), |(scheme, rest)| (scheme, rest));
    let Some((_, host)) = rest.rsplit_once('@') else { return value.to_owned() };
    if scheme.is_empty() { format!("***@{host}") } else { format!("{scheme}://***@{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_what_a_proxy_is_told_of_its_user() {
        for (value, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://me:p@ss@proxy:3128", "http://***@proxy:3128"),
            ("me:secret@proxy:3128", "***@proxy:3128"),
            ("localhost,.corp.test", "localhost,.corp.test"),
        ] {
            assert_eq!(without_user(value), shown);
        }
    }
}
