//! The keys of a provider.

use forge_config::{KeyPath, Problem, is_reference};
use forge_core::{AdapterKind, SecretString};

use super::{Resolver, notation};
use crate::{code, spec::ProviderSpec};

impl Resolver<'_, '_> {
    /// The key that is asked first, and the others.
    pub(super) fn keys(
        &mut self,
        spec: &ProviderSpec,
        kind: Option<&AdapterKind>,
        variable: Option<&str>,
        path: &KeyPath,
    ) -> (Option<SecretString>, Vec<SecretString>) {
        let (one, several) = (path.key("api_key"), path.key("api_keys"));
        match (&spec.api_key, &spec.api_keys) {
            (None, None) => self.no_key(spec, kind, variable, &one),
            (Some(written), None) => return (self.key(written, &one), Vec::new()),
            (Some(_), Some(_)) => {
                let problem =
                    Problem::new(code::CONFLICT, several, "there is already an `api_key`").about_key();
                self.report(problem.with_hint("keep one of them; `api_keys` takes one key or more"));
            }
            (None, Some(written)) if written.is_empty() => {
                let problem = Problem::new(code::EMPTY_CHAIN, several, "the list of keys is empty");
                self.report(problem.with_hint("name a key, or remove the list"));
            }
            (None, Some(written)) => {
                let keys = written.iter().enumerate();
                let mut keys = keys.filter_map(|(at, written)| self.key(written, &several.index(at)));
                return (keys.next(), keys.collect());
            }
        }
        (None, Vec::new())
    }

    /// Reports a missing key where the kind needs one. An endpoint of one's own may do without.
    fn no_key(
        &mut self,
        spec: &ProviderSpec,
        kind: Option<&AdapterKind>,
        variable: Option<&str>,
        path: &KeyPath,
    ) {
        let Some(kind) = kind.filter(|kind| kind.needs_key) else { return };
        let usual = kind.key_variables.first();
        let variable = variable.unwrap_or_else(|| usual.unwrap_or(&"NAME"));
        let (code, message) = if spec.endpoint.is_some() {
            (code::NO_KEY, "the provider has no `api_key`; its endpoint is called without one")
        } else {
            (code::MISSING, "the provider has no `api_key`")
        };
        let hint = format!("write `api_key: \"${{{variable}}}\"`");
        self.report(Problem::new(code, path.clone(), message).with_hint(hint));
    }

    /// One key. Whatever is wrong with it, no message shows it.
    fn key(&mut self, written: &str, path: &KeyPath) -> Option<SecretString> {
        // `SOME_API_KEY` without the signs of a reference would be sent as if it were the key.
        let bare = notation::is_bare_name(written) && !is_placeholder(written);
        if self.is_foreign(written, path) || (bare && self.report_foreign(written, path)) {
            return None;
        }
        let is_literal = !is_reference(written) && !written.is_empty();
        let before = self.context.problems.len();
        let key = self.context.expand(written, path);
        for problem in
            self.context.problems.iter_mut().skip(before).filter(|one| one.code == code::UNSET_VARIABLE)
        {
            // A default would be a key in the file.
            problem.hint = Some("set it, or disable the provider with `enabled: false`".into());
        }
        let key = key?;
        if key.trim().is_empty() {
            self.report(Problem::new(code::MISSING, path.clone(), "the key is empty"));
        } else if let Some((message, hint)) = fault(&key) {
            self.report(Problem::new(code::BAD_KEY_VALUE, path.clone(), message).with_hint(hint));
        } else if is_literal {
            let message = "the file contains a key; anyone who can read the file can use it";
            let hint = "put it into a variable and write `${NAME}`";
            self.report(Problem::new(code::LITERAL_KEY, path.clone(), message).with_hint(hint));
        }
        Some(SecretString::from(key))
    }

    /// Whether a value names a variable as another program does, which is reported.
    pub(super) fn is_foreign(&mut self, written: &str, path: &KeyPath) -> bool {
        notation::variable(written).is_some_and(|name| self.report_foreign(name, path))
    }

    /// Reports a reference in foreign notation; always `true`.
    fn report_foreign(&mut self, name: &str, path: &KeyPath) -> bool {
        let message =
            "this is another program's notation for a variable; here it would be sent as it is written";
        let name = if name.is_empty() { "NAME" } else { name };
        let problem = Problem::new(code::FOREIGN_REFERENCE, path.clone(), message);
        self.report(problem.with_hint(format!("write `\"${{{name}}}\"`")));
        true
    }

    /// Warns of a variable that is known to hold the key of another vendor than the one that it is sent to.
    pub(super) fn check_owner(&mut self, spec: &ProviderSpec, kind: &AdapterKind, path: &KeyPath) {
        // At a custom endpoint any key may be the right one.
        if spec.endpoint.is_some() || kind.key_variables.is_empty() {
            return;
        }
        let name = |text: &str| text.strip_prefix("${")?.strip_suffix('}').map(str::to_owned);
        let Some(name) = spec.api_key.as_deref().and_then(name) else { return };
        let is_own = kind.key_variables.contains(&name.as_str())
            || kind.compatible.iter().any(|vendor| vendor.key_variable.as_deref() == Some(&name));
        let registry = self.section.registry;
        let owner = registry.kinds().iter().find(|other| other.key_variables.contains(&name.as_str()));
        if let Some(owner) = owner.filter(|_| !is_own) {
            let message =
                format!("`{name}` is the key of {}, and it would be sent to {}", owner.name, kind.name);
            let problem = Problem::new(code::OTHERS_KEY, path.key("api_key"), message);
            let usual = kind.key_variables.first().unwrap_or(&"NAME");
            self.report(problem.with_hint(format!("write `\"${{{usual}}}\"`")));
        }
    }
}

/// What keeps a text from being a key, and what to do. Nothing of it is shown.
fn fault(key: &str) -> Option<(&'static str, &'static str)> {
    let key = key.trim();
    if is_placeholder(key) {
        return Some(("this is a placeholder, not a key", "put the key into a variable and write `${NAME}`"));
    }
    if key.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("bearer ")) {
        return Some((
            "the key contains the word that comes before it in a header",
            "write the key without `Bearer`",
        ));
    }
    let is_quoted = |quote| key.len() > 1 && key.starts_with(quote) && key.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return Some(("the key contains the quotes around it", "remove the inner quotes"));
    }
    if key.contains(char::is_whitespace) {
        return Some(("the key contains white space, which no key has", "check where it ends"));
    }
    (!key.is_ascii()).then_some(("the key contains characters that a header cannot carry", "copy it again"))
}

/// Whether a text is what examples write where a key belongs.
fn is_placeholder(key: &str) -> bool {
    let lower = key.to_ascii_lowercase().replace(['_', ' '], "-");
    let words =
        ["changeme", "change-me", "todo", "replace-me", "xxx", "...", "api-key", "apikey", "secret-key"];
    let rest = lower.strip_prefix("sk-").unwrap_or(&lower);
    let is_filled =
        rest.len() > 2 && (rest.bytes().all(|b| b == b'x' || b == b'-') || rest.bytes().all(|b| b == b'*'));
    words.contains(&rest)
        || is_filled
        || lower.ends_with("...")
        || lower.ends_with('…')
        || lower.starts_with("your-")
        || (lower.starts_with("my-") && lower.ends_with("-key"))
        || lower.ends_with("-here")
        || (key.starts_with('<') && key.ends_with('>'))
}
