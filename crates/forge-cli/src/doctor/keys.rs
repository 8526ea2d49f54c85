//! Where the key of each provider comes from. The keys themselves are never shown.

use std::path::Path;

use forge::{
    AdapterKind,
    router::{Enabled, EnabledWhen, ProviderSpec},
};
use serde_json::json;

use super::{Check, Configured};
use crate::{config::env_file, paths::variable};

const TOPIC: &str = "key";

/// Where a key is said to be.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Variable(String),
    /// A file beside the configuration.
    File(String),
    /// The configuration itself.
    Literal,
}

/// A row for each provider of the file, else for each vendor that wants a key.
pub(super) fn checks(configured: Option<&Configured>) -> Vec<Check> {
    let Some(configured) = configured else {
        let registry = forge::registry();
        return registry.kinds().iter().filter(|kind| !kind.key_variables.is_empty()).map(of_kind).collect();
    };
    let Some(file) = &configured.file else { return Vec::new() };
    let folder = configured.found.path.parent().unwrap_or(Path::new(""));
    let single = file.spec.provider.iter().map(|spec| ("default", spec));
    let several = file.spec.providers.iter().map(|(id, spec)| (id.as_str(), spec));
    several.chain(single).map(|(id, spec)| of_spec(id, spec, folder)).collect()
}

/// Without a file, a vendor without a key just takes no part.
fn of_kind(kind: &AdapterKind) -> Check {
    let set = kind.key_variables.iter().find(|name| variable(name).is_some_and(|key| !key.trim().is_empty()));
    let facts = |state: &str, name: &str| json!({"provider": kind.name, "vendor": kind.vendor, "state": state, "source": "variable", "variables": [name]});
    match (set, kind.key_variables.first()) {
        (Some(name), _) => Check::good(TOPIC, format!("{}: set in {name}", kind.name), facts("set", name)),
        (None, first) => {
            let name = first.copied().unwrap_or_default();
            let text = format!("{}: missing; `export {name}=...` adds it", kind.name);
            Check::good(TOPIC, text, facts("missing", name))
        }
    }
}

fn of_spec(id: &str, spec: &ProviderSpec, folder: &Path) -> Check {
    let registry = forge::registry();
    let kind = spec.kind.as_deref().and_then(|kind| registry.kind(kind));
    let sources: Vec<_> =
        spec.api_key.iter().chain(spec.api_keys.iter().flatten()).flat_map(|key| sources(key)).collect();
    let missing: Vec<&Source> = sources.iter().filter(|source| !is_there(source, folder)).collect();
    let names: Vec<_> = sources.iter().filter_map(Source::variable).collect();
    let facts = |state: &str| {
        let source = sources.first().map(Source::as_str);
        json!({"provider": id, "vendor": kind.map(|kind| &kind.vendor), "state": state, "source": source, "variables": names})
    };
    // Nobody misses the key of a provider that is taken out.
    if spec.enabled == Some(Enabled::Always(false)) {
        return Check::good(TOPIC, format!("{id}: disabled with `enabled: false`"), facts("disabled"));
    }
    if sources.is_empty() {
        let without = if kind.is_some_and(|kind| kind.needs_key) {
            "none; its endpoint is called without one"
        } else {
            "none needed"
        };
        return Check::good(TOPIC, format!("{id}: {without}"), facts("not_needed"));
    }
    let Some(first) = missing.first() else {
        let texts: Vec<_> = sources.iter().map(Source::describe).collect();
        return Check::good(TOPIC, format!("{id}: {}", texts.join(", ")), facts("set"));
    };
    if spec.enabled == Some(Enabled::When(EnabledWhen::Auto)) {
        let text = format!("{id}: missing, so the provider is not used; {} adds it", first.mend());
        return Check::good(TOPIC, text, facts("missing"));
    }
    let is_at_hand = |name: &str| env_file::names(Path::new("")).iter().any(|known| known == name);
    let next = match first.variable() {
        Some(name) if is_at_hand(name) => env_file::LOAD.to_owned(),
        _ => first.mend(),
    };
    let texts: Vec<_> = missing.iter().map(|source| source.name()).collect();
    Check::bad(TOPIC, format!("{id}: missing: {}", texts.join(", ")), facts("missing"), next)
}

impl Source {
    fn variable(&self) -> Option<&str> {
        if let Self::Variable(name) = self { Some(name) } else { None }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Variable(_) => "variable",
            Self::File(_) => "file",
            Self::Literal => "configuration",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Variable(name) | Self::File(name) => name,
            Self::Literal => "",
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Variable(name) => format!("set in {name}"),
            Self::File(path) => format!("in the file {path}"),
            Self::Literal => "in the configuration itself".to_owned(),
        }
    }

    fn mend(&self) -> String {
        match self {
            Self::Variable(name) => format!("export {name}=..."),
            Self::File(path) => format!("write the key into {path}"),
            Self::Literal => String::new(),
        }
    }
}

/// What a written key refers to.
fn sources(written: &str) -> Vec<Source> {
    let references = written.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let found: Vec<_> = references
        .filter_map(|(inner, _)| match (inner.strip_prefix("file:"), inner.split_once(":-")) {
            (Some(path), _) => Some(Source::File(path.to_owned())),
            // What stands behind `:-` is a key in the file where the variable is not set.
            (None, Some((name, _))) if variable(name).is_none() => None,
            (None, Some((name, _))) => Some(Source::Variable(name.to_owned())),
            (None, None) => Some(Source::Variable(inner.to_owned())),
        })
        .collect();
    if found.is_empty() { vec![Source::Literal] } else { found }
}

fn is_there(source: &Source, folder: &Path) -> bool {
    match source {
        Source::Variable(name) => variable(name).is_some_and(|key| !key.trim().is_empty()),
        Source::File(path) => folder.join(path).is_file(),
        Source::Literal => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_key_says_where_it_is_and_is_never_told() {
        let name = "FORGE_TEST_NO_SUCH_VARIABLE";
        assert_eq!(sources(&format!("${{{name}}}")), [Source::Variable(name.into())]);
        assert_eq!(sources("${file:keys/a}"), [Source::File("keys/a".into())]);
        for literal in ["sk-secret", "${FORGE_TEST_NO_SUCH_VARIABLE:-sk-secret}"] {
            let sources = sources(literal);
            assert_eq!(sources, [Source::Literal]);
            assert!(!format!("{sources:?}{}", sources[0].describe()).contains("secret"));
        }
    }
}
