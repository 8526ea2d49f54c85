//! What a file may do that came with somebody else's project.

use forge_router::{KeyPath, ParameterSpec, Problem, ProviderSpec, RouterSpec};

use super::code;

/// Whether the user stands behind a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user named the file, owns it or trusted it.
    Trusted,
    /// The file was found in the working directory. It may choose roles, chains and parameters, but not
    /// where a key or a prompt is sent, nor which file is read: `endpoint`, `headers`, literal keys,
    /// `${file:...}` and `parameters.extra` (which may name servers that the vendor calls) are mistakes.
    Project,
}

/// What `spec` must not set without being trusted.
pub(super) fn check(spec: &RouterSpec) -> Vec<Problem> {
    let root = KeyPath::ROOT.key("providers");
    let several = spec.providers.iter().map(|(id, provider)| (provider, root.key(id)));
    let single = spec.provider.iter().map(|provider| (provider, KeyPath::ROOT.key("provider")));
    let providers = several.chain(single).flat_map(|(provider, path)| check_provider(provider, &path));
    let root = KeyPath::ROOT.key("roles");
    let roles =
        spec.roles.iter().filter_map(|(id, role)| check_extra(role.parameters.as_ref(), &root.key(id)));
    providers.chain(roles).collect()
}

fn check_extra(parameters: Option<&ParameterSpec>, path: &KeyPath) -> Option<Problem> {
    let fields = !parameters?.extra.is_empty();
    fields.then(|| refused(path.key("parameters").key("extra"), "adds raw fields to requests"))
}

fn refused(path: KeyPath, what: &str) -> Problem {
    let message = format!("this file is not trusted, and it {what}");
    Problem::new(code::UNTRUSTED, path, message).with_hint("read the file, then run `forge config trust`")
}

fn check_provider(provider: &ProviderSpec, path: &KeyPath) -> Vec<Problem> {
    let reads_file = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("${file:"));
    let literal = |key: &String| !forge_router::is_reference(key);
    let endpoint = provider.endpoint.is_some().then_some(("endpoint", "says where the key is sent"));
    let headers = (!provider.headers.is_empty()).then_some(("headers", "sends headers of its own"));
    let file = "reads a file of this machine";
    let key = if reads_file(&provider.api_key) {
        Some(("api_key", file))
    } else {
        provider.api_key.as_ref().is_some_and(literal).then_some(("api_key", "holds a key itself"))
    };
    let model = reads_file(&provider.model).then_some(("model", file));
    let settings = [model, key, endpoint, headers].into_iter().flatten();
    let settings = settings.map(|(name, what)| refused(path.key(name), what));
    settings.chain(check_extra(provider.parameters.as_ref(), path)).collect()
}
