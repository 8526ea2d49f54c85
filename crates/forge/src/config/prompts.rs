//! The sections `prompts` and `experiments`.

use std::{collections::BTreeMap, path::PathBuf};

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where prompts of one's own are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PromptsSpec {
    /// A folder of prompts that take the place of built-in ones by name or stand beside them, seen from the file's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// Where prompts of one's own are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct PromptsPlan {
    /// The folder, seen from the file's folder.
    pub dir: Option<PathBuf>,
}

/// The section `prompts`.
#[derive(Debug)]
pub(super) struct PromptsSection;

impl Section for PromptsSection {
    const KEY: Option<&'static str> = Some("prompts");
    type Spec = PromptsSpec;
    type Plan = PromptsPlan;

    fn refused(&self, spec: &PromptsSpec) -> Vec<Problem> {
        let dir = spec.dir.is_some().then(|| KeyPath::ROOT.key("prompts").key("dir"));
        let problem = |path| Problem::untrusted(path, "sets what models are told, from its own files");
        dir.map(problem).into_iter().collect()
    }

    fn resolve(&self, spec: &PromptsSpec, _: &mut ResolveContext<'_>) -> PromptsPlan {
        PromptsPlan { dir: spec.dir.clone() }
    }
}

/// Who gets which version of a prompt, to compare them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExperimentSpec {
    /// The prompt that is compared.
    pub prompt: String,
    /// What gets one arm as a whole: `session` if unset.
    pub unit: ExperimentUnit,
    /// The versions that are compared. One that is added at the end takes its share from all others alike.
    #[schemars(length(min = 1))]
    pub arms: Vec<ArmSpec>,
}

/// An arm of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArmSpec {
    /// What reports call it.
    pub name: String,
    /// A label such as `production`, the number of a version, or `latest` for the file as it is.
    #[serde(rename = "use")]
    pub version: String,
    /// Its share beside the weights of the others; 1 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: Option<i64>,
}

/// What gets one arm as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExperimentUnit {
    /// A session.
    #[default]
    Session,
    /// A workflow.
    Workflow,
    /// A key of a server's client.
    Key,
    /// A call; a session counts as one, since its calls belong together.
    Call,
}

impl JsonSchema for ExperimentUnit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExperimentUnit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "enum": ["session", "workflow", "key", "call"]})
    }
}

/// An experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExperimentPlan {
    /// Its name.
    pub name: String,
    /// The prompt that is compared.
    pub prompt: String,
    /// What gets one arm as a whole.
    pub unit: ExperimentUnit,
    /// The arms in their order.
    pub arms: Vec<ArmPlan>,
}

/// An arm of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArmPlan {
    /// Its name.
    pub name: String,
    /// A label, the number of a version, or `latest`.
    pub version: String,
    /// Its share.
    pub weight: u32,
}

/// Versions of prompts that are compared, by the name of the experiment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ExperimentsSpec(pub BTreeMap<String, ExperimentSpec>);

/// The experiments by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct Experiments(pub(super) Vec<ExperimentPlan>);

/// The section `experiments`.
#[derive(Debug)]
pub(super) struct ExperimentsSection;

impl Section for ExperimentsSection {
    const KEY: Option<&'static str> = Some("experiments");
    type Spec = ExperimentsSpec;
    type Plan = Experiments;

    fn resolve(&self, spec: &Self::Spec, context: &mut ResolveContext<'_>) -> Experiments {
        let root = context.root.clone();
        Experiments(
            spec.0.iter().map(|(name, one)| experiment(name, one, &root.key(name), context)).collect(),
        )
    }
}

fn experiment(
    name: &str,
    spec: &ExperimentSpec,
    path: &KeyPath,
    context: &mut ResolveContext<'_>,
) -> ExperimentPlan {
    check_name(name, path, context);
    if spec.prompt.trim().is_empty() {
        context.report(Problem::new(
            code::MISSING,
            path.clone(),
            "there is no `prompt` to compare versions of",
        ));
    }
    if spec.arms.is_empty() {
        context.report(Problem::new(code::MISSING, path.clone(), "there are no `arms` to compare"));
    }
    let arms: Vec<ArmPlan> = spec
        .arms
        .iter()
        .enumerate()
        .map(|(at, arm)| {
            let path = path.key("arms").index(at);
            check_name(&arm.name, &path, context);
            if spec.arms[..at].iter().any(|other| other.name == arm.name) {
                let message = format!("there is an arm `{}` already", arm.name);
                context.report(Problem::new(code::BAD_KEY, path.key("name"), message));
            }
            if arm.version.trim().is_empty() {
                let problem =
                    Problem::new(code::MISSING, path.clone(), "it does not say which version it uses");
                context.report(
                    problem.with_hint("write `use:` with a label, the number of a version, or `latest`"),
                );
            }
            let weight = context.integer(arm.weight, 0..=1_000_000, &path.key("weight")).unwrap_or(1);
            ArmPlan { name: arm.name.clone(), version: arm.version.clone(), weight }
        })
        .collect();
    if !arms.is_empty() && arms.iter().all(|arm| arm.weight == 0) {
        context.report(Problem::new(code::OUT_OF_RANGE, path.key("arms"), "no arm has a weight"));
    }
    ExperimentPlan { name: name.to_owned(), prompt: spec.prompt.clone(), unit: spec.unit, arms }
}

/// Names stand in the tags of calls, several of them with blanks between them.
fn check_name(name: &str, path: &KeyPath, context: &mut ResolveContext<'_>) {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_letter) {
        let problem = Problem::new(
            code::BAD_KEY,
            path.clone(),
            format!("`{name}` is no name of an experiment or an arm"),
        );
        context.report(problem.with_hint("write 1 to 40 letters (a to z), digits, `-`, `_` and `.`"));
    }
}
