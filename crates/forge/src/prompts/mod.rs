//! Which prompts hold: the built-in ones, those of the configuration, those of a trusted project; and for a session, the
//! versions that labels and experiments choose.

mod choice;

use std::path::{Path, PathBuf};

use forge_prompt::{PromptError, PromptFile, PromptOrigin, read_folder};

pub use self::choice::LABEL;
pub(crate) use self::choice::choose;
use crate::config::ExperimentPlan;

/// Where the prompts of a project are, seen from its folder.
pub const PROJECT_PROMPTS: &str = ".forge/prompts";

/// Where prompts come from, and who gets which version of them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PromptPlan {
    /// The folder that the configuration names.
    pub configured: Option<PathBuf>,
    /// The folder of a project that the user trusts.
    pub project: Option<PathBuf>,
    /// The experiments.
    pub experiments: Vec<ExperimentPlan>,
}

impl PromptPlan {
    /// The files of each folder, in the order in which they take each other's place.
    ///
    /// # Errors
    /// A folder or a file that cannot be read.
    pub fn files(&self) -> Result<Vec<(PromptOrigin, Vec<PromptFile>)>, PromptError> {
        let folders = [(PromptOrigin::Configured, &self.configured), (PromptOrigin::Project, &self.project)];
        let there = folders.into_iter().filter_map(|(origin, folder)| Some((origin, folder.as_deref()?)));
        there.map(|(origin, folder)| Ok((origin, read_folder(folder)?))).collect()
    }
}

/// The folder of the prompts of the project whose configuration is at `config`, if there is one.
pub(crate) fn project_folder(config: &Path) -> Option<PathBuf> {
    let folder = config.with_file_name("").join(PROJECT_PROMPTS);
    folder.is_dir().then_some(folder)
}
