//! The section `session`.

use std::path::PathBuf;

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Critics unless the file says otherwise, as in a session's own settings.
const CRITICS: u32 = 3;

/// How sessions are run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSpec {
    /// How many critics read a draft, 1 to 8; or who sits at each seat, and what it looks for in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critics: Option<CriticsSpec>,
    /// How many of them have to answer; at most `critics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 8))]
    pub required: Option<i64>,
    /// How many times a draft is criticised and rewritten, 1 to 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3))]
    pub cycles: Option<i64>,
    /// Tokens of a prompt that references may take; a third of the smallest window of those who take part if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub reference_tokens: Option<i64>,
    /// A folder of prompt templates that stand in for the built-in ones, seen from the file's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
}

/// Who reads a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CriticsSpec {
    /// So many.
    Count(i64),
    /// These.
    Seats(Vec<SeatSpec>),
}

impl JsonSchema for CriticsSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Critics".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let seat = generator.subschema_for::<SeatSpec>();
        schemars::json_schema!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 8},
            {"type": "array", "items": seat, "minItems": 1, "maxItems": 8},
        ]})
    }
}

/// A critic's seat.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeatSpec {
    /// The provider that is asked first; whoever the role `critic` has next unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What it looks for in particular: `security`, `correctness`, `performance`, `operations`, `clarity`, `simplicity`,
    /// `tests`, `readability`, or the NAME of a `lens.NAME.jinja` among the prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
}

/// How sessions are run. What is not set is the session's own default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SessionPlan {
    /// How many critics read a draft, 1 to 8.
    pub critics: Option<u32>,
    /// Who sits at each critic's seat, as far as the file says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatSpec>,
    /// How many of them have to answer, at least 1 and at most `critics`.
    pub required: Option<u32>,
    /// How many times a draft is criticised and rewritten, 1 to 3.
    pub cycles: Option<u32>,
    /// Tokens of a prompt that references may take.
    pub reference_tokens: Option<u32>,
    /// A folder of prompt templates that stand in for the built-in ones, seen from the file's folder.
    pub prompts: Option<PathBuf>,
}

/// The section `session`.
#[derive(Debug)]
pub(super) struct SessionSection;

impl Section for SessionSection {
    const KEY: Option<&'static str> = Some("session");
    type Spec = SessionSpec;
    type Plan = SessionPlan;

    fn refused(&self, spec: &SessionSpec) -> Vec<Problem> {
        let prompts = spec.prompts.is_some().then(|| KeyPath::ROOT.key("session").key("prompts"));
        let problem = |path| Problem::untrusted(path, "sets what models are told, from its own files");
        prompts.map(problem).into_iter().collect()
    }

    fn resolve(&self, spec: &SessionSpec, context: &mut ResolveContext<'_>) -> SessionPlan {
        let path = context.root.clone();
        let seats = match &spec.critics {
            Some(CriticsSpec::Seats(seats)) => seats.clone(),
            Some(CriticsSpec::Count(_)) | None => Vec::new(),
        };
        let critics = spec.critics.as_ref().map(|critics| match critics {
            CriticsSpec::Count(count) => *count,
            CriticsSpec::Seats(seats) => i64::try_from(seats.len()).unwrap_or(i64::MAX),
        });
        let mut count = |key: &str, value: Option<i64>, most: i64| -> Option<u32> {
            context.integer(value, 1..=most, &path.key(key))
        };
        let plan = SessionPlan {
            critics: count("critics", critics, 8),
            required: count("required", spec.required, 8),
            cycles: count("cycles", spec.cycles, 3),
            reference_tokens: count("reference_tokens", spec.reference_tokens, 10_000_000),
            prompts: spec.prompts.clone(),
            seats,
        };
        // A count that is out of its range is `None` and reported already; nothing is compared with it.
        let usual = spec.critics.is_none().then_some(CRITICS);
        if let (Some(critics), Some(required)) = (plan.critics.or(usual), plan.required)
            && required > critics
        {
            let message = format!("{required} critics have to answer, but only {critics} are asked");
            context.report(Problem::new(code::OUT_OF_RANGE, path.key("required"), message));
        }
        plan
    }
}
