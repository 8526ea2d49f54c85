//! The section `permissions`.

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hooks::check_pattern;

/// A rule. What it leaves open it means all of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PermissionRuleSpec {
    /// The tools it is for, such as `write_file`; `*` and `?` are wildcards, and alternatives stand with a bar between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The paths it is for, seen from the project's folder, such as `src/**`; one without `/` is a name anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How the commands begin that it is for, word by word, such as `[git, push]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// What models may do here: read, change files in the folder of a workflow and run the configured checks, unless a rule says
/// otherwise. The most specific rule wins; among equals `deny` before `ask` before `allow`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PermissionsSpec {
    /// What happens without a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<PermissionRuleSpec>>,
    /// What a person is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Vec<PermissionRuleSpec>>,
    /// What does not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<PermissionRuleSpec>>,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between and beyond them")]
pub enum PermissionEffect {
    /// It happens.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not happen.
    Deny,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PermissionRulePlan {
    /// What it says.
    pub effect: PermissionEffect,
    /// The tools it is for; all if there are none.
    pub tool: Option<String>,
    /// The paths it is for; all if there are none.
    pub path: Option<String>,
    /// How the commands begin that it is for; all if there are none.
    pub command: Option<Vec<String>>,
    /// Where it is written: file, line and column.
    pub origin: String,
    #[serde(skip)]
    pub(super) key: KeyPath,
}

/// What models may do here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PermissionsPlan {
    /// The rules of the file.
    pub rules: Vec<PermissionRulePlan>,
    /// Those of the user's own file, where the file is a project's. What they forbid the project cannot allow.
    pub own: Vec<PermissionRulePlan>,
}

/// The section `permissions`.
#[derive(Debug)]
pub(super) struct PermissionsSection;

impl Section for PermissionsSection {
    const KEY: Option<&'static str> = Some("permissions");
    type Spec = PermissionsSpec;
    type Plan = PermissionsPlan;

    /// What a project denies is less than is usual, and may stand.
    fn refused(&self, spec: &PermissionsSpec) -> Vec<Problem> {
        let root = KeyPath::ROOT.key("permissions");
        let loosen = [("allow", &spec.allow), ("ask", &spec.ask)];
        let set =
            loosen.into_iter().filter(|(_, rules)| rules.as_ref().is_some_and(|rules| !rules.is_empty()));
        set.map(|(key, _)| Problem::untrusted(root.key(key), "lets models do more than is usual")).collect()
    }

    fn resolve(&self, spec: &PermissionsSpec, context: &mut ResolveContext<'_>) -> PermissionsPlan {
        let root = context.root.clone();
        let lists = [
            ("allow", PermissionEffect::Allow, &spec.allow),
            ("ask", PermissionEffect::Ask, &spec.ask),
            ("deny", PermissionEffect::Deny, &spec.deny),
        ];
        let mut rules = Vec::new();
        for (key, effect, list) in lists {
            for (index, spec) in list.iter().flatten().enumerate() {
                let key = root.key(key).index(index);
                check(spec, &key, context);
                let PermissionRuleSpec { tool, path, command } = spec.clone();
                rules.push(PermissionRulePlan { effect, tool, path, command, origin: String::new(), key });
            }
        }
        PermissionsPlan { rules, own: Vec::new() }
    }
}

fn check(rule: &PermissionRuleSpec, at: &KeyPath, context: &mut ResolveContext<'_>) {
    if *rule == PermissionRuleSpec::default() {
        let problem = Problem::new(code::MISSING, at.clone(), "the rule does not say what it is for");
        context.report(problem.with_hint("write `tool`, `path` or `command`; `tool: \"*\"` is everything"));
    }
    for (key, pattern) in [("tool", &rule.tool), ("path", &rule.path)] {
        if let Some(pattern) = pattern {
            check_pattern(pattern, &at.key(key), context);
        }
    }
    let Some(command) = &rule.command else { return };
    let at = at.key("command");
    if rule.path.is_some() {
        let message = "nothing has a path and a command, so the rule would never hold";
        context.report(Problem::new(code::BAD_KEY, at.clone(), message).with_hint("write two rules"));
    }
    let wrong = match command.as_slice() {
        [] => Some((code::MISSING, "no program is named".to_owned(), "write for example `[git, push]`")),
        [line] if line.contains(' ') => {
            Some((code::WRONG_TYPE, format!("`{line}` is no single word"), "write each word on its own"))
        }
        words if words.iter().any(|word| word.trim().is_empty() || word.contains('*')) => {
            let wrong = "words are compared as they are, and none is empty or has a wildcard".to_owned();
            Some((code::UNKNOWN_WORD, wrong, "a command is meant if it begins with these words"))
        }
        _ => None,
    };
    if let Some((code, wrong, hint)) = wrong {
        context.report(Problem::new(code, at, wrong).with_hint(hint));
    }
}
