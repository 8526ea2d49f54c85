//! What a file may not do that came with somebody else's project: say where a key or a prompt is sent, or which file is
//! read. `parameters.extra` is among it, which may name servers that the vendor calls.

use forge_config::{KeyPath, Problem, is_reference};
use forge_core::AdapterRegistry;

use crate::{ParameterSpec, ProviderSpec, RouterSpec};

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

fn check_provider(provider: &ProviderSpec, path: &KeyPath, registry: &AdapterRegistry) -> Vec<Problem> {
    let endpoint = provider.endpoint.is_some().then_some(("endpoint", "says where the key is sent"));
    let proxy = provider.proxy.is_some().then_some(("proxy", "says through whom the key is sent"));
    let authority = provider.ca_file.is_some().then_some(("ca_file", "reads a file and trusts what it says"));
    let headers = (!provider.headers.is_empty()).then_some(("headers", "sends headers of its own"));
    let kind = provider.kind.as_deref().and_then(|kind| registry.kind(kind));
    let dialect = kind.and_then(|kind| kind.compatible(Some(provider.dialect.as_deref()?), None));
    let variables: Vec<&str> = match dialect {
        Some(vendor) => vendor.key_variable.as_deref().into_iter().collect(),
        None => kind.map_or(&[] as &[_], |kind| kind.key_variables).to_vec(),
    };
    let key = provider.api_key.as_ref().and_then(|key| key_objection(key, &variables));
    let key = key.map(|what| ("api_key", what));
    let model = provider.model.as_ref().is_some_and(|text| text.contains("${"));
    let model = model.then_some(("model", "shows and sends a value of this machine as a model's name"));
    let settings = [model, key, endpoint, proxy, authority, headers].into_iter().flatten();
    let settings = settings.map(|(name, what)| Problem::untrusted(path.key(name), what));
    settings.chain(check_extra(provider.parameters.as_ref(), path)).collect()
}

/// What speaks against a key as an untrusted file writes it. The usual variable of the vendor is the one that the
/// vendor gets without any file; another one may hold what is meant for somebody else.
fn key_objection(key: &str, variables: &[&str]) -> Option<&'static str> {
    if key.contains("${file:") {
        return Some("reads a file of this machine");
    }
    if !is_reference(key) {
        return Some("holds a key itself");
    }
    let name = key.trim_start_matches("${").trim_end_matches('}');
    let usual = variables.contains(&name);
    (!usual).then_some("sends a variable to a vendor that it may not be meant for")
}
