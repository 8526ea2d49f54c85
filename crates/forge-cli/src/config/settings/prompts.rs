//! What is shown of prompts and experiments.

use forge::config::{ConfigFile, ExperimentPlan, ExperimentsSpec, PromptsSpec};
use serde_json::{Map, Value, json};

/// Both sections as written, as far as they are.
pub(super) fn written(file: &ConfigFile, settings: &mut Value) {
    if let Some(prompts) = file.get::<PromptsSpec>().filter(|prompts| **prompts != PromptsSpec::default()) {
        settings["prompts"] = json!(prompts);
    }
    if let Some(experiments) = file.get::<ExperimentsSpec>().filter(|experiments| !experiments.0.is_empty()) {
        settings["experiments"] = json!(experiments);
    }
}

pub(super) fn prompts(file: &ConfigFile) -> Value {
    json!({ "dir": file.prompts.dir })
}

pub(super) fn experiments(file: &ConfigFile) -> Map<String, Value> {
    file.experiments.iter().map(|one| (one.name.clone(), experiment(one))).collect()
}

fn experiment(plan: &ExperimentPlan) -> Value {
    let arms = plan.arms.iter();
    let arms = arms.map(|arm| json!({ "name": arm.name, "use": arm.version, "weight": arm.weight }));
    json!({ "prompt": plan.prompt, "unit": plan.unit, "arms": arms.collect::<Vec<_>>() })
}
