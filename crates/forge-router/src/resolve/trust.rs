//! What a file from somebody else's project must not set: where a key or a prompt is sent, or which file is read.
//! `parameters.extra` is included, because it may name servers that the vendor calls.

use forge_config::{KeyPath, Problem, is_reference};
use forge_core::AdapterRegistry;

use crate::spec::{ParameterSpec, ProviderSpec, RouterSpec};

/// What `spec` must not set without being trusted.
pub(super) fn check(spec: &RouterSpec, registry: &AdapterRegistry) -> Vec<Problem> {
    let root = KeyPath::ROOT.key("providers");
    let several = spec.providers.iter().map(|(id, provider)| (provider, root.key(id)));
    let single = spec.provider.iter().map(|provider| (provider, KeyPath::ROOT.key("provider")));
    let providers =
        several.chain(single).flat_map(|(provider, path)| check_provider(provider, &path, registry));
    let root = KeyPath::ROOT.key("roles");
    let roles =
        spec.roles.iter().filter_map(|(id, role)| check_extra(role.parameters.as_ref(), &root.key(id)));
    providers.chain(roles).collect()
}

fn check_extra(parameters: Option<&ParameterSpec>, path: &KeyPath) -> Option<Problem> {
    let fields = !parameters?.extra.is_empty();
    fields.then(|| Problem::untrusted(path.key("parameters").key("extra"), "adds raw fields to requests"))
}

/// What a provider must not set, key by key.
fn check_provider(provider: &ProviderSpec, path: &KeyPath, registry: &AdapterRegistry) -> Vec<Problem> {
    let endpoint = provider.endpoint.is_some().then_some(("endpoint", "sets where the key is sent"));
    let proxy = provider.proxy.is_some().then_some(("proxy", "sets the proxy that the key is sent through"));
    let authority =
        provider.ca_file.is_some().then_some(("ca_file", "reads a file of certificates and trusts them"));
    let headers = (!provider.headers.is_empty()).then_some(("headers", "sends its own headers"));
    let kind = provider.kind.as_deref().and_then(|kind| registry.kind(kind));
    let dialect = kind.and_then(|kind| kind.compatible(Some(provider.dialect.as_deref()?), None));
    // A dialect has a vendor of its own, to whom the usual variable of the kind is not to be sent.
    let variables: Vec<&str> = match dialect {
        Some(vendor) => vendor.key_variable.as_deref().into_iter().collect(),
        None => kind.map_or(&[] as &[_], |kind| kind.key_variables).to_vec(),
    };
    let one = provider.api_key.iter().map(|key| (path.key("api_key"), key));
    let several = provider.api_keys.iter().flatten().enumerate();
    let several = several.map(|(at, key)| (path.key("api_keys").index(at), key));
    let keys = one.chain(several);
    let keys = keys.filter_map(|(path, key)| Some(Problem::untrusted(path, key_objection(key, &variables)?)));
    let model = provider.model.as_ref().is_some_and(|text| text.contains("${"));
    let model =
        model.then_some(("model", "shows a value of this machine, and sends it as the name of a model"));
    let settings = [endpoint, proxy, authority, headers].into_iter().flatten();
    let problem = |(name, what)| Problem::untrusted(path.key(name), what);
    let settings = model.into_iter().map(problem).chain(keys).chain(settings.map(problem));
    settings.chain(check_extra(provider.parameters.as_ref(), path)).collect()
}

/// What speaks against a key as an untrusted file writes it. The usual variable of the vendor is the one that the
/// vendor gets without any file; another one may hold what is meant for somebody else.
fn key_objection(key: &str, variables: &[&str]) -> Option<&'static str> {
    if key.contains("${file:") {
        return Some("reads a file on this machine");
    }
    if !is_reference(key) {
        return Some("contains a key");
    }
    let name = key.trim_start_matches("${").trim_end_matches('}');
    let usual = variables.contains(&name);
    (!usual).then_some("may send a variable to a vendor that it is not meant for")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::fixture::registry, *};

    fn refused(provider: &Value) -> Vec<String> {
        let spec: RouterSpec = serde_json::from_value(json!({"providers": {"aa": provider}})).unwrap();
        check(&spec, &registry()).iter().map(|problem| problem.path.to_string()).collect()
    }

    #[test]
    fn every_key_has_to_be_the_usual_one_of_the_vendor() {
        let keys = json!(["${ANTHROPIC_API_KEY}", "${KEY}", "sk-secret", "${file:x}"]);
        assert_eq!(
            refused(&json!({"type": "anthropic", "api_keys": keys})),
            ["providers.aa.api_keys[1]", "providers.aa.api_keys[2]", "providers.aa.api_keys[3]"]
        );
        let single = json!({"type": "anthropic", "model": "${A}", "api_key": "${KEY}", "proxy": "http://x"});
        assert_eq!(refused(&single), ["providers.aa.model", "providers.aa.api_key", "providers.aa.proxy"]);
    }
}
