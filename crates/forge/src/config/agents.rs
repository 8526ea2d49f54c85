//! The sections `agents` and `workflow`.

use std::time::Duration;

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dollars;
use crate::Money;

/// How long a check may take unless the file says otherwise.
const CHECK_TIMEOUT: Duration = Duration::from_mins(10);
/// The formats in which edits are asked for.
const FORMATS: [(&str, &str); 4] = [
    ("search_replace", "search_replace"),
    ("udiff", "udiff"),
    ("whole", "whole"),
    ("apply_patch", "apply_patch"),
];

/// Who does what in a workflow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentsSpec {
    /// Asks what a task leaves open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clarifier: Option<AgentSpec>,
    /// Makes the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planner: Option<AgentSpec>,
    /// Writes the edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editor: Option<AgentSpec>,
    /// Reads the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<AgentSpec>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentSpec {
    /// Whether it takes part; `clarifier` and `reviewer` may be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The role in which it is asked: `clarifier`, `planner`, `coder` and `reviewer` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The provider that is asked; whoever the role has if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model of that provider; its usual one if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Randomness of its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// Calls for one answer, those after the results of tools included; 16 if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub max_steps: Option<i64>,
    /// Dollars that it may spend in one workflow, for each task where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_cost_usd: Option<f64>,
}

/// Who does what in a workflow, as far as the file says.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct AgentsPlan {
    /// Asks what a task leaves open.
    pub clarifier: AgentPlan,
    /// Makes the plan.
    pub planner: AgentPlan,
    /// Writes the edits.
    pub editor: AgentPlan,
    /// Reads the change.
    pub reviewer: AgentPlan,
}

/// One of them. What is unset is as usual.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct AgentPlan {
    /// Whether it is left out.
    pub disabled: bool,
    /// The role in which it is asked.
    pub role: Option<String>,
    /// The provider that is asked.
    pub provider: Option<String>,
    /// The model of that provider.
    pub model: Option<String>,
    /// Randomness of its answers.
    pub temperature: Option<f64>,
    /// Calls for one answer.
    pub max_steps: Option<u32>,
    /// The most that it may spend.
    pub max_cost: Option<Money>,
}

/// The section `agents`.
#[derive(Debug)]
pub(super) struct AgentsSection;

impl Section for AgentsSection {
    const KEY: Option<&'static str> = Some("agents");
    type Spec = AgentsSpec;
    type Plan = AgentsPlan;

    fn resolve(&self, spec: &AgentsSpec, context: &mut ResolveContext<'_>) -> AgentsPlan {
        let root = context.root.clone();
        let mut one = |name: &str, spec: &Option<AgentSpec>, needed: bool| {
            spec.as_ref().map(|spec| agent(spec, &root.key(name), needed, context)).unwrap_or_default()
        };
        AgentsPlan {
            clarifier: one("clarifier", &spec.clarifier, false),
            planner: one("planner", &spec.planner, true),
            editor: one("editor", &spec.editor, true),
            reviewer: one("reviewer", &spec.reviewer, false),
        }
    }
}

fn agent(spec: &AgentSpec, path: &KeyPath, needed: bool, context: &mut ResolveContext<'_>) -> AgentPlan {
    if needed && spec.enabled == Some(false) {
        let message = "a workflow cannot do without it";
        context.report(Problem::new(code::UNKNOWN_WORD, path.key("enabled"), message));
    }
    if spec.model.is_some() && spec.provider.is_none() {
        let message = "it does not say which provider has the model";
        context.report(Problem::new(code::MISSING, path.key("model"), message).with_hint("add `provider:`"));
    }
    AgentPlan {
        disabled: spec.enabled == Some(false),
        role: spec.role.clone(),
        provider: spec.provider.clone(),
        model: spec.model.clone(),
        temperature: context.number(spec.temperature, 0.0..=2.0, &path.key("temperature")),
        max_steps: context.integer(spec.max_steps, 1..=1_000, &path.key("max_steps")),
        max_cost: context
            .number(spec.max_cost_usd, 0.0..=1_000_000.0, &path.key("max_cost_usd"))
            .map(dollars),
    }
}

/// How workflows go.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkflowSpec {
    /// Commands that have to succeed after each task, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckSpec>,
    /// The formats in which edits are asked for, the next one where a model does not keep to one: `search_replace`, `udiff`,
    /// `whole`, `apply_patch`. `[search_replace, whole]` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<String>>,
    /// Dollars that a workflow may spend; what the budgets leave if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_cost_usd: Option<f64>,
}

/// A command that has to succeed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckSpec {
    /// The program and its arguments; no shell reads them.
    pub run: Vec<String>,
    /// How long it may take, such as `90s`; `10m` if unset. Then it is ended with all that it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// How workflows go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WorkflowPlan {
    /// Commands that have to succeed after each task, each with its time.
    pub checks: Vec<(Vec<String>, Duration)>,
    /// The formats in which edits are asked for; empty for the usual ones.
    pub formats: Vec<String>,
    /// The most that a workflow may spend.
    pub max_cost: Option<Money>,
}

/// The section `workflow`.
#[derive(Debug)]
pub(super) struct WorkflowSection;

impl Section for WorkflowSection {
    const KEY: Option<&'static str> = Some("workflow");
    type Spec = WorkflowSpec;
    type Plan = WorkflowPlan;

    fn refused(&self, spec: &WorkflowSpec) -> Vec<Problem> {
        let checks = KeyPath::ROOT.key("workflow").key("checks");
        let set = (!spec.checks.is_empty()).then_some(checks);
        set.map(|path| Problem::untrusted(path, "runs programs on this machine")).into_iter().collect()
    }

    fn resolve(&self, spec: &WorkflowSpec, context: &mut ResolveContext<'_>) -> WorkflowPlan {
        let root = context.root.clone();
        let checks = spec.checks.iter().enumerate().map(|(at, check)| {
            let path = root.key("checks").index(at);
            if check.run.first().is_none_or(|program| program.trim().is_empty()) {
                let problem = Problem::new(code::MISSING, path.key("run"), "it names no program");
                context.report(problem.with_hint("write `run: [cargo, test]`"));
            }
            let timeout = context.duration(check.timeout.as_deref(), &path.key("timeout"));
            (check.run.clone(), timeout.unwrap_or(CHECK_TIMEOUT))
        });
        let checks = checks.collect();
        let formats = spec.formats.iter().flatten().enumerate().filter_map(|(at, name)| {
            context.one_of(name, &FORMATS, "format", &root.key("formats").index(at)).map(str::to_owned)
        });
        let formats = formats.collect();
        let most = context.number(spec.max_cost_usd, 0.0..=1_000_000.0, &root.key("max_cost_usd"));
        WorkflowPlan { checks, formats, max_cost: most.map(dollars) }
    }
}
