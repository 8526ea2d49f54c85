//! The keys of a provider.

use forge_config::{KeyPath, Problem, is_reference};
use forge_core::{AdapterKind, SecretString};

use super::{Resolver, notation};
use crate::{ProviderSpec, code};

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
                    Problem::new(code::CONFLICT, several, "there is an `api_key` already").about_key();
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
            (code::NO_KEY, "the provider has no `api_key`; its endpoint has to do without")
        } else {
            (code::MISSING, "the provider has no `api_key`")
        };
        let hint = format!("write `api_key: \"${{{variable}}}\"`");
        self.report(Problem::new(code, path.clone(), message).with_hint(hint));
    }

    fn key(&mut self, written: &str, path: &KeyPath) -> Option<SecretString> {
        if let Some(name) = notation::variable(written) {
            let message =
                "this is how another program names a variable; here it would be sent as the key itself";
            let name = if name.is_empty() { "NAME" } else { name };
            let problem = Problem::new(code::FOREIGN_REFERENCE, path.clone(), message);
            self.report(problem.with_hint(format!("write `\"${{{name}}}\"`")));
            return None;
        }
        if !is_reference(written) && !written.is_empty() {
            let message = "a key stands in the file itself; whoever reads the file can use it";
            let hint = "put it into a variable and write `${NAME}`";
            self.report(Problem::new(code::LITERAL_KEY, path.clone(), message).with_hint(hint));
        }
        let before = self.context.problems.len();
        let key = self.context.expand(written, path);
        for problem in
            self.context.problems.iter_mut().skip(before).filter(|one| one.code == code::UNSET_VARIABLE)
        {
            // A default would be a key in the file.
            problem.hint = Some("set it, or take the provider out with `enabled: false`".into());
        }
        let key = key?;
        if key.trim().is_empty() {
            self.report(Problem::new(code::MISSING, path.clone(), "the key is empty"));
        }
        Some(SecretString::from(key))
    }
}
