//! From the text of a `forge.yaml` to a plan, with every mistake at its line and column.
//!
//! The file is put together from sections: the router's keys, `session:`, `serve:`, `mcp:`, `prompts:`, `experiments:`, `agents:`, `workflow:`, `hooks:`, `permissions:`, and those that a program adds
//! ([`Loader::with_section`]). The environment and the disk are the caller's: variables and files come through a
//! [`Lookup`].
//!
//! ```
//! use forge::config::{Loader, Lookup};
//!
//! #[derive(Debug)]
//! struct Nothing;
//!
//! impl Lookup for Nothing {
//!     fn variable(&self, _: &str) -> Option<String> {
//!         None
//!     }
//!     fn file(&self, _: &str) -> std::io::Result<String> {
//!         Err(std::io::ErrorKind::NotFound.into())
//!     }
//! }
//!
//! let (registry, models) = (forge::registry(), forge::models());
//! let loader = Loader::new(&registry, &models, chrono::NaiveDate::MIN, &Nothing);
//! let text = "providers: { claude: { type: anthropic, modle: claude-opus-5-5 } }";
//! let error = loader.load("forge.yaml", text).unwrap_err();
//! assert_eq!(
//!     error.reports.last().unwrap().to_string(),
//!     "forge.yaml:1:41: error[E105]: providers.claude.modle: there is no key `modle` here; did you mean `model`?"
//! );
//! ```

mod agents;
mod hooks;
mod mcp;
mod permissions;
mod prompts;
mod serve;
mod session;

use std::sync::LazyLock;

use chrono::NaiveDate;
pub use forge_config::{
    ConfigError, Key, KeyPath, Lookup, MAX_BYTES, Place, Problem, Report, ResolveContext, Section, Severity,
    Tree, Trust, code, is_reference, nearest, schemars,
};
use forge_config::{Loaded, Sections};
pub use forge_router::{RouterPlan, RouterSection, RouterSpec};
use serde_json::Value;

pub use self::{
    agents::{AgentPlan, AgentSpec, AgentsPlan, AgentsSpec, CheckSpec, WorkflowPlan, WorkflowSpec},
    hooks::{HookActionPlan, HookOptionsSpec, HookPlan, HookPreset, HookSpec, HooksSpec},
    mcp::{McpPlan, McpSpec},
    permissions::{
        PermissionEffect, PermissionRulePlan, PermissionRuleSpec, PermissionsPlan, PermissionsSpec,
    },
    prompts::{
        ArmPlan, ArmSpec, ExperimentPlan, ExperimentSpec, ExperimentUnit, ExperimentsSpec, PromptsPlan,
        PromptsSpec,
    },
    serve::{
        AdminPlace, AliasModel, AliasSpec, AliasTarget, BetasSpec, KeptResponsesSpec, KeyLimitSpec, Listen,
        ModelAlias, ModelNames, Network, NoAdminPlace, NoNetwork, NoPlace, ServeLimitSpec, ServeLogSpec,
        ServePlan, ServeSpec, TlsFiles, TlsSpec,
    },
    session::{CriticsSpec, SeatSpec, SessionPlan, SessionSpec},
};
use self::{
    agents::{AgentsSection, WorkflowSection},
    hooks::{Hooks, HooksSection},
    mcp::McpSection,
    permissions::PermissionsSection,
    prompts::{Experiments, ExperimentsSection, PromptsSection},
    serve::ServeSection,
    session::SessionSection,
};
use crate::{AdapterRegistry, ModelTable, Money, proxy::Proxies};

/// The JSON Schema (2020-12) of a `forge.yaml` with the adapters and sections that are built in, for editors.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let (registry, models) = (crate::registry(), ModelTable::default());
        let router = RouterSection { registry: &registry, models: &models, today: NaiveDate::MIN };
        sections(router).schema()
    });
    &SCHEMA
}

fn sections(router: RouterSection<'_>) -> Sections<'_> {
    Sections::new()
        .with_title(
            "Forge configuration",
            "A forge.yaml: providers, pools, roles, budgets, sessions and servers.",
        )
        .with(router)
        .with(SessionSection)
        .with(ServeSection)
        .with(McpSection)
        .with(PromptsSection)
        .with(ExperimentsSection)
        .with(AgentsSection)
        .with(WorkflowSection)
        .with(HooksSection)
        .with(PermissionsSection)
}

/// Reads files that are made of the same sections, on the same machine.
#[derive(Debug)]
pub struct Loader<'a> {
    sections: Sections<'a>,
    registry: &'a AdapterRegistry,
    lookup: &'a dyn Lookup,
    trust: Trust,
}

impl<'a> Loader<'a> {
    /// Reads trusted files that name adapters of `registry`, with the models of `models` as they are `today`.
    pub fn new(
        registry: &'a AdapterRegistry,
        models: &'a ModelTable,
        today: NaiveDate,
        lookup: &'a dyn Lookup,
    ) -> Self {
        let sections = sections(RouterSection { registry, models, today });
        Self { sections, registry, lookup, trust: Trust::Trusted }
    }

    /// Reads files that the user stands behind, or does not. What a file that is not trusted may not set is a
    /// mistake in it, with the code `E108`.
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Reads this section as well; see [`ConfigFile::get`].
    pub fn with_section(mut self, section: impl Section + 'a) -> Self {
        self.sections = self.sections.with(section);
        self
    }

    /// The JSON Schema (2020-12) of the files, sections that were added included.
    pub fn schema(&self) -> Value {
        self.sections.schema()
    }

    /// Reads the `text` of the file that reports call `file`.
    ///
    /// Providers without a `proxy` of their own get that of the usual variables: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`
    /// and `NO_PROXY`.
    ///
    /// # Errors
    /// Every mistake of the file at once, and its warnings among them, in the order of the file.
    pub fn load(&self, file: &str, text: &str) -> Result<ConfigFile, ConfigError> {
        let mut loaded = self.sections.load(file, text, self.lookup, self.trust)?;
        let mut plan: RouterPlan = loaded.take().unwrap_or_default();
        let spec: RouterSpec = loaded.take().unwrap_or_default();
        set_proxies(&mut plan, &spec, self.registry, self.lookup);
        let serve: ServePlan = loaded.take().unwrap_or_default();
        let (sessions, mut problems) = serve::sessions(&serve, &plan, self.registry);
        plan.providers.extend(sessions);
        // Only now is it known whom its names can lead to.
        problems.extend(serve::unknown_targets(&serve, &plan));
        let mut loaded = ConfigFile {
            spec,
            plan,
            session: loaded.take().unwrap_or_default(),
            serve,
            mcp: loaded.take().unwrap_or_default(),
            prompts: loaded.take().unwrap_or_default(),
            experiments: loaded.take::<Experiments>().unwrap_or_default().0,
            agents: loaded.take().unwrap_or_default(),
            workflow: loaded.take().unwrap_or_default(),
            hooks: loaded.take::<Hooks>().unwrap_or_default().0,
            permissions: loaded.take().unwrap_or_default(),
            name: file.to_owned(),
            warnings: std::mem::take(&mut loaded.warnings),
            loaded,
        };
        loaded.set_origins();
        if problems.is_empty() { Ok(loaded) } else { Err(loaded.refuse(problems)) }
    }
}

/// A file that can be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConfigFile {
    /// The router's part as written.
    pub spec: RouterSpec,
    /// The router's part resolved.
    pub plan: RouterPlan,
    /// How sessions are run.
    pub session: SessionPlan,
    /// How a server serves.
    pub serve: ServePlan,
    /// What Forge is for programs that speak MCP.
    pub mcp: McpPlan,
    /// Where prompts of one's own are.
    pub prompts: PromptsPlan,
    /// Who gets which version of a prompt.
    pub experiments: Vec<ExperimentPlan>,
    /// Who does what in a workflow.
    pub agents: AgentsPlan,
    /// How workflows go.
    pub workflow: WorkflowPlan,
    /// Programs that are asked or told at points of the work, in the order in which they are.
    pub hooks: Vec<HookPlan>,
    /// What models may do here.
    pub permissions: PermissionsPlan,
    /// What its author should know, in the order of the file.
    pub warnings: Vec<Report>,
    name: String,
    loaded: Loaded,
}

impl ConfigFile {
    /// The spec or the plan of a section that was added, by its type; `None` if none has that type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.loaded.get()
    }

    /// Says of hooks and rules where they are written, which people are told once they decide something.
    fn set_origins(&mut self) {
        let origin = |key: &KeyPath| match self.loaded.place(key) {
            Some(Place { line, column }) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        };
        for hook in &mut self.hooks {
            hook.origin = origin(&KeyPath::ROOT.key("hooks").key(&hook.name));
        }
        for rule in &mut self.permissions.rules {
            rule.origin = origin(&rule.key);
        }
    }

    /// Runs the hooks of the user's `own` file before those of this one, and keeps to its permissions.
    #[cfg(feature = "system")]
    pub(crate) fn keep_to(&mut self, own: Self) {
        self.plan.keep_to(&own.plan);
        self.hooks.splice(0..0, own.hooks);
        self.permissions.own = own.permissions.rules;
    }

    /// What is wrong with the file in its surroundings, among its mistakes.
    pub(crate) fn refuse(self, problems: impl IntoIterator<Item = Problem>) -> ConfigError {
        let report = |problem: Problem| {
            // What the file leaves out has no place of its own; its report stands at the beginning.
            let place = self.place(&problem.path).unwrap_or(Place { line: 1, column: 1 });
            Report::new(&self.name, place, problem)
        };
        let mut reports = self.warnings.clone();
        reports.extend(problems.into_iter().map(report));
        ConfigError { reports }
    }

    /// Where the value at `path` is written; `None` if it is not in the file.
    pub fn place(&self, path: &KeyPath) -> Option<Place> {
        self.loaded.place(path)
    }
}

fn set_proxies(plan: &mut RouterPlan, spec: &RouterSpec, registry: &AdapterRegistry, lookup: &dyn Lookup) {
    let proxies = Proxies::read(|name| lookup.variable(name));
    for provider in &mut plan.providers {
        let written = spec.providers.get(provider.id.as_str()).or(spec.provider.as_ref());
        // What the file writes wins, `none` for no proxy included.
        if written.is_none_or(|written| written.proxy.is_none()) {
            let usual = || registry.kind(&provider.kind)?.base_url;
            provider.proxy = provider.endpoint.as_deref().or_else(usual).and_then(|url| proxies.to(url));
        }
    }
}

/// Rounded down, so that no budget allows more than is written.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in its range")]
fn dollars(dollars: f64) -> Money {
    Money::from_nanos((dollars * 1e9) as u64)
}
