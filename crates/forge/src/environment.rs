//! Providers that the environment's variables name.

use forge_router::{ProviderPlan, RouterPlan};

use crate::{AdapterRegistry, SecretString, proxy::Proxies, registry};

/// What the environment says. Libraries never read it themselves: the lookup is passed in.
#[derive(Debug)]
#[non_exhaustive]
pub struct Environment {
    /// A provider for each vendor whose key is set, in the order in which their adapters are registered.
    /// Whether a key is good nobody has asked.
    pub providers: Vec<FoundProvider>,
    /// Servers without a key that a variable names. Their models are not known yet: the plans name none.
    pub servers: Vec<FoundProvider>,
}

/// A provider that can be set up from the environment alone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FoundProvider {
    /// The variable that gave it away: that of the key, or of the server's place.
    pub variable: &'static str,
    /// The provider; its id is the name of its kind, its model the one asked when nobody says otherwise.
    pub plan: ProviderPlan,
}

impl Environment {
    /// Reads the variables of the kinds that are built in: `ANTHROPIC_API_KEY`, `OPENAI_API_KEY`, `GOOGLE_API_KEY` or
    /// `GEMINI_API_KEY`, the base URLs `ANTHROPIC_BASE_URL`, `OPENAI_BASE_URL`, `GEMINI_BASE_URL` and `OLLAMA_HOST`,
    /// and those of proxies: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. An empty variable counts as unset.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self::read_for(&registry(), lookup)
    }

    /// As [`read`](Self::read), for the kinds of `registry`.
    pub fn read_for(registry: &AdapterRegistry, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let proxies = Proxies::read(&lookup);
        let (mut providers, mut servers) = (Vec::new(), Vec::new());
        for kind in registry.kinds() {
            let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, set(name)?)));
            let (key, place) = (first(kind.key_variables), first(kind.base_url_variables));
            let model = kind.usual.as_ref().map(|usual| usual.model_id.clone());
            let (variable, model, list) = match (&key, &place, model) {
                (Some((variable, _)), _, Some(model)) => (*variable, model, &mut providers),
                // A vendor's base URL without its key names nobody who would answer.
                (None, Some((variable, _)), _) if !kind.needs_key => (*variable, "".into(), &mut servers),
                _ => continue,
            };
            let mut plan = ProviderPlan::of_kind(kind, model);
            plan.endpoint = place.map(|(_, value)| (kind.read_base_url)(&value));
            plan.proxy = plan.endpoint.as_deref().or(kind.base_url).and_then(|url| proxies.to(url));
            plan.api_key = key.map(|(_, key)| SecretString::from(key));
            if let Some(usual) = &kind.usual {
                plan.display_name.clone_from(&usual.display_name);
            }
            list.push(FoundProvider { variable, plan });
        }
        Self { providers, servers }
    }

    /// A plan in which the first provider that was found does every job and the others stand in for it.
    /// Servers are not in it, because their models are not known; without providers it names nobody.
    pub fn plan(&self) -> RouterPlan {
        RouterPlan::of(self.providers.iter().map(|found| found.plan.clone()).collect())
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
}
