//! What is shown of hooks and permissions.

use forge::config::{ConfigFile, HookActionPlan, HookPlan, HookPreset, HooksSpec, PermissionsSpec};
use serde_json::{Map, Value, json};

use super::duration;

/// Both sections as written, as far as they are.
pub(super) fn written(file: &ConfigFile, settings: &mut Value) {
    if let Some(hooks) = file.get::<HooksSpec>().filter(|hooks| !hooks.0.is_empty()) {
        settings["hooks"] = json!(hooks);
    }
    if let Some(rules) = file.get::<PermissionsSpec>().filter(|rules| **rules != PermissionsSpec::default()) {
        settings["permissions"] = json!(rules);
    }
}

/// The hooks that run, those of the user's own file included.
pub(super) fn hooks(file: &ConfigFile) -> Map<String, Value> {
    file.hooks.iter().map(|one| (one.name.clone(), hook(one))).collect()
}

/// The rules of the file: what is left out of one has no usual value.
pub(super) fn permissions(file: &ConfigFile) -> Value {
    json!(file.get::<PermissionsSpec>())
}

fn hook(plan: &HookPlan) -> Value {
    let mut shown = json!({
        "event": plan.event,
        "matcher": plan.matcher,
        "timeout": duration(plan.timeout),
        "required": plan.required,
    });
    match &plan.action {
        HookActionPlan::Program(argv) => shown["run"] = json!(argv),
        HookActionPlan::Shell(line) => {
            shown["run"] = json!([line]);
            shown["shell"] = true.into();
        }
        HookActionPlan::Preset(preset) => {
            let (name, options) = options(preset);
            shown["preset"] = name.into();
            shown["options"] = options;
        }
        _ => {}
    }
    shown
}

fn options(preset: &HookPreset) -> (&'static str, Value) {
    match preset {
        HookPreset::ValidateFiles { max_kb, forbid } => {
            ("validate_files", json!({ "max_kb": max_kb, "forbid": forbid }))
        }
        HookPreset::RunTests { run } => ("run_tests", json!({ "run": run })),
        HookPreset::CheckCommitMessage { max_subject, prefixes } => {
            ("check_commit_message", json!({ "max_subject": max_subject, "prefixes": prefixes }))
        }
        HookPreset::DeployCheck { branches } => ("deploy_check", json!({ "branches": branches })),
        _ => ("", Value::Null),
    }
}
