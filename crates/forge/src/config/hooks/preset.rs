//! The checks that are built in, and what each goes by.

use forge_config::{KeyPath, Problem, ResolveContext, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_argv, check_pattern};

/// What a check that is built in goes by. Each key belongs to one check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HookOptionsSpec {
    /// `validate_files`: kB that no file may have more of; 1000 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_kb: Option<i64>,
    /// `validate_files`: paths that may not be changed; none if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbid: Option<Vec<String>>,
    /// `run_tests`: the program and its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// `check_commit_message`: characters of the first line; 72 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 1000))]
    pub max_subject: Option<i64>,
    /// `check_commit_message`: words of which one comes first, before `:` or `(`; anything if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<String>>,
    /// `deploy_check`: branches that may be deployed, with `*` as wildcard; all if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Vec<String>>,
}

/// A check that is built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HookPreset {
    /// The files concerned are of a bearable size, hold no marks of a merge, and are none of those that are forbidden.
    ValidateFiles {
        /// The most kB of a file.
        max_kb: u64,
        /// Paths that may not be changed.
        forbid: Vec<String>,
    },
    /// A program ends well.
    RunTests {
        /// The program and its arguments.
        run: Vec<String>,
    },
    /// The message of a commit has a short first line, then an empty one.
    CheckCommitMessage {
        /// The most characters of the first line.
        max_subject: usize,
        /// Words of which one comes first; anything if there are none.
        prefixes: Vec<String>,
    },
    /// Nothing is uncommitted, and the branch may be deployed.
    DeployCheck {
        /// Branches that may be deployed; all if there are none.
        branches: Vec<String>,
    },
}

pub(super) fn resolve(
    name: &str,
    options: Option<&HookOptionsSpec>,
    path: &KeyPath,
    context: &mut ResolveContext<'_>,
) -> Option<HookPreset> {
    const NAMES: [(&str, &str); 4] = [
        ("validate_files", "validate_files"),
        ("run_tests", "run_tests"),
        ("check_commit_message", "check_commit_message"),
        ("deploy_check", "deploy_check"),
    ];
    let name = context.one_of(name, &NAMES, "preset", &path.key("preset"))?;
    let (unset, at) = (HookOptionsSpec::default(), path.key("options"));
    let options = options.unwrap_or(&unset);
    refuse_others(name, options, &at, context);
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let preset = match name {
        "validate_files" => {
            for (index, pattern) in options.forbid.iter().flatten().enumerate() {
                check_pattern(pattern, &at.key("forbid").index(index), context);
            }
            let max_kb = context.integer(options.max_kb, 1..=1_000_000, &at.key("max_kb")).unwrap_or(1000);
            HookPreset::ValidateFiles { max_kb, forbid: list(&options.forbid) }
        }
        "run_tests" => {
            let run = list(&options.run);
            check_argv(&run, &at.key("run"), context)?;
            HookPreset::RunTests { run }
        }
        "check_commit_message" => {
            let most = context.integer(options.max_subject, 10..=1000, &at.key("max_subject"));
            HookPreset::CheckCommitMessage {
                max_subject: most.unwrap_or(72),
                prefixes: list(&options.prefixes),
            }
        }
        _ => HookPreset::DeployCheck { branches: list(&options.branches) },
    };
    Some(preset)
}

/// An option of another check would do nothing, unseen.
fn refuse_others(name: &str, options: &HookOptionsSpec, at: &KeyPath, context: &mut ResolveContext<'_>) {
    let owners = [
        ("max_kb", options.max_kb.is_some(), "validate_files"),
        ("forbid", options.forbid.is_some(), "validate_files"),
        ("run", options.run.is_some(), "run_tests"),
        ("max_subject", options.max_subject.is_some(), "check_commit_message"),
        ("prefixes", options.prefixes.is_some(), "check_commit_message"),
        ("branches", options.branches.is_some(), "deploy_check"),
    ];
    for (key, _, owner) in owners.into_iter().filter(|(_, is_set, owner)| *is_set && *owner != name) {
        let message = format!("`{key}` is an option of `{owner}`, not of `{name}`");
        context.report(Problem::new(code::UNKNOWN_KEY, at.key(key), message).about_key());
    }
}
