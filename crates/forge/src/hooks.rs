//! Hooks and permissions of the configuration, ready to be used.

use std::path::Path;

use forge_agent::{
    hook::{Hook, HookAction, HookManager, Preset, Script},
    permission::{Effect, Permissions, Rule},
    process,
};

use crate::{
    config::{HookActionPlan, HookPlan, HookPreset, PermissionEffect, PermissionRulePlan, PermissionsPlan},
    scripts::scripts,
};

/// Runs the `hooks` of a configuration for the project in this folder. Of the environment they get what
/// [`process::VARIABLES`] names, through the lookup `variable`. The project's scripts that they run are those of now: where
/// one changes, hooks with it fail.
pub fn hook_manager(
    hooks: &[HookPlan],
    project: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> HookManager {
    let hooks = hooks.iter().filter_map(|plan| hook(plan, project)).collect();
    HookManager::new(hooks, project, process::environment(variable))
}

/// The permissions of a configuration.
pub fn permissions(plan: &PermissionsPlan) -> Permissions {
    let rules = |rules: &[PermissionRulePlan]| rules.iter().map(rule).collect();
    Permissions::new(rules(&plan.rules)).with_own(rules(&plan.own))
}

/// `None` for an event that does not exist, which no plan has.
fn hook(plan: &HookPlan, project: &Path) -> Option<Hook> {
    let action = match plan.action.clone() {
        HookActionPlan::Program(argv) => HookAction::Program(argv),
        HookActionPlan::Shell(line) => HookAction::Shell(line),
        HookActionPlan::Preset(preset) => HookAction::Preset(match preset {
            HookPreset::ValidateFiles { max_kb, forbid } => Preset::ValidateFiles { max_kb, forbid },
            HookPreset::RunTests { run } => Preset::RunTests { run },
            HookPreset::CheckCommitMessage { max_subject, prefixes } => {
                Preset::CheckCommitMessage { max_subject, prefixes }
            }
            HookPreset::DeployCheck { branches } => Preset::DeployCheck { branches },
        }),
    };
    // One that cannot be read now is none that could be run.
    let unread = |path| Script { path, sha256: String::new() };
    let paths = scripts(&plan.action, project).into_iter();
    Some(Hook {
        name: plan.name.clone(),
        event: plan.event.parse().ok()?,
        matcher: plan.matcher.clone(),
        action,
        timeout: plan.timeout,
        required: plan.required,
        scripts: paths.map(|path| Script::read(project, &path).unwrap_or_else(|_| unread(path))).collect(),
        origin: plan.origin.clone(),
    })
}

fn rule(plan: &PermissionRulePlan) -> Rule {
    let effect = match plan.effect {
        PermissionEffect::Allow => Effect::Allow,
        PermissionEffect::Ask => Effect::Ask,
        PermissionEffect::Deny => Effect::Deny,
    };
    let mut rule = Rule::new(effect, plan.origin.clone());
    (rule.tool, rule.path, rule.command) = (plan.tool.clone(), plan.path.clone(), plan.command.clone());
    rule
}
