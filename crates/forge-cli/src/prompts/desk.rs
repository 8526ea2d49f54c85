//! The prompts in use and what is known of their versions.

use std::path::Path;

use forge::{
    FoundFile, PromptPlan, SystemError,
    config::{Report, Severity, nearest},
    prompt::{Prompt, PromptFile, PromptOrigin, PromptSet},
    storage::prompts::{LabelMove, PromptVersion},
    store::Store,
};

use crate::{args::PromptsStore, config, error::CliError, layout, metrics, paths::paths, terminal};

/// Letters of a name that a message repeats.
const LONGEST: usize = 100;

/// The prompts in use, the versions in the accounts, and how to tell of them.
pub(super) struct Desk {
    pub(super) set: PromptSet,
    pub(super) versions: Vec<PromptVersion>,
    /// Where each label points.
    pub(super) labels: Vec<LabelMove>,
    pub(super) simulated: bool,
    pub(super) quiet: bool,
    pub(super) json: bool,
}

impl Desk {
    pub(super) fn open(
        named: Option<&Path>,
        store: PromptsStore,
        quiet: bool,
        json: bool,
    ) -> Result<Self, CliError> {
        let set = set(&plan(named)?)?;
        // A look makes no file.
        let known = metrics::open_if_there(store.offline).map(|store| store.known_prompts()).transpose();
        let (versions, labels) = known.map_err(|error| CliError::store(&error))?.unwrap_or_default();
        Ok(Self { set, versions, labels, simulated: store.offline, quiet, json })
    }

    /// The accounts, which are made if they are not there.
    pub(super) fn store(&self) -> Result<Store, CliError> {
        metrics::open(self.simulated)
    }

    /// The prompt of this name.
    pub(super) fn prompt(&self, name: &str) -> Result<&Prompt, CliError> {
        self.set.get(name).ok_or_else(|| unknown(name, &self.set))
    }

    /// The number of the version that a prompt has now; `None` before it is used.
    pub(super) fn number(&self, prompt: &Prompt) -> Option<u32> {
        let is_own =
            |one: &&PromptVersion| *one.prompt.name == *prompt.name && *one.prompt.hash == *prompt.version;
        self.versions.iter().find(is_own).map(|one| one.number)
    }

    /// The labels of a prompt, and where each points.
    pub(super) fn labels<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a LabelMove> {
        self.labels.iter().filter(move |one| *one.name == *name)
    }

    /// The version of this number or label.
    pub(super) fn version(&self, name: &str, at: &str) -> Result<&PromptVersion, CliError> {
        let labelled = || self.labels(name).find(|one| *one.label == *at).map(|one| one.version);
        let number: Option<u32> = at.parse().ok().or_else(labelled);
        let own = || self.versions.iter().filter(|one| *one.prompt.name == *name);
        own().find(|one| Some(one.number) == number).ok_or_else(|| {
            let next = if own().next().is_none() {
                "it has none yet: a version is kept when it is first used".to_owned()
            } else {
                format!("see `forge prompts versions {name}`")
            };
            CliError::usage(format!("`{name}` has no version or label `{}`", layout::cut(at, LONGEST)), next)
        })
    }

    /// The prompts with a version in place of the file.
    pub(super) fn at(&self, name: &str, at: &str) -> Result<PromptSet, CliError> {
        let text = &self.version(name, at)?.prompt;
        let parts = text.parts.iter().map(|(name, text)| PromptFile::new(name, text));
        let own = PromptFile::new(&*text.file, &*text.text);
        let files = parts.chain([own]).collect();
        self.set
            .and(PromptOrigin::Stored, files)
            .map_err(|mistakes| refused("the prompts", &mistakes.reports))
    }
}

/// Where the prompts in use come from.
pub(super) fn plan(named: Option<&Path>) -> Result<PromptPlan, CliError> {
    let found = FoundFile::find(named, &paths()).map_err(config::refused)?;
    let Some(found) = found else { return Ok(PromptPlan::default()) };
    match config::load(&found) {
        Ok(file) => Ok(found.prompts(&file)),
        Err(source) => Err(config::refused(SystemError::Config { path: found.path, source })),
    }
}

fn set(plan: &PromptPlan) -> Result<PromptSet, CliError> {
    let files = plan.files().map_err(|error| config::refused(error.into()))?;
    PromptSet::with(files).map_err(|mistakes| refused("the prompts", &mistakes.reports))
}

/// Files with mistakes, which are told here.
pub(super) fn refused(what: &str, reports: &[Report]) -> CliError {
    for report in reports {
        terminal::note(false, &report.to_string());
    }
    let mistakes = reports.iter().filter(|report| report.severity == Severity::Error).count();
    let counted = if mistakes == 1 { "1 mistake".to_owned() } else { format!("{mistakes} mistakes") };
    CliError::usage(format!("{what} cannot be used: {counted}"), "correct the files; nothing was sent")
}

/// There is no such prompt.
pub(super) fn unknown(name: &str, set: &PromptSet) -> CliError {
    let next = nearest(name, set.iter().map(|one| one.name.as_str()))
        .map_or_else(|| "see `forge prompts list`".to_owned(), |near| format!("did you mean `{near}`?"));
    CliError::usage(format!("there is no prompt `{}`", layout::cut(name, LONGEST)), next)
}
