//! The configuration file that holds: found, read, trusted or not, and checked.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{NaiveDate, Utc};

use super::{Paths, SystemError, paths::OWN_FILE, project, text::read};
use crate::{
    AdapterRegistry, ModelTable,
    config::{ConfigError, ConfigFile, Loader, Lookup, Trust},
    prompts::{PromptPlan, project_folder},
};

/// The most bytes read for one `${file:PATH}`: a key is one line, and a path such as `/dev/zero` has no end.
const MAX_SECRET: u64 = 64 * 1024;

/// How variables of the environment are looked up. Libraries never read it themselves.
pub(crate) type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A configuration file as it was read.
#[derive(Debug)]
#[non_exhaustive]
pub struct FoundFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text as it was read. It is what was checked for trust, so that a file that changes meanwhile is
    /// not used unseen.
    pub text: String,
    /// Whether the user stands behind it. Files that the user names or owns are trusted.
    pub trust: Trust,
    /// What holds beside the file, if it is a project's.
    project: Option<Beside>,
}

/// What of the user's own holds beside the file of a project.
#[derive(Debug)]
struct Beside {
    paths: Paths,
    /// The user's own file, whose budgets hold whatever a project says.
    own: Option<Box<FoundFile>>,
}

impl FoundFile {
    /// The file at `named`, else at `./forge.yaml`, else in the user's own folder; `None` without any.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn find(named: Option<&Path>, paths: &Paths) -> Result<Option<Self>, SystemError> {
        let found = match named {
            Some(path) => Some((path.to_owned(), false)),
            None => paths.config_file(),
        };
        let Some((path, is_projects)) = found else { return Ok(None) };
        let text = read(&path)?;
        let trusted = !is_projects || paths.is_trusted(&path, &text)?;
        let trust = if trusted { Trust::Trusted } else { Trust::Project };
        let own = if is_projects { Self::of_the_user(paths)?.map(Box::new) } else { None };
        let project = is_projects.then(|| Beside { paths: paths.clone(), own });
        Ok(Some(Self { path, text, trust, project }))
    }

    /// Checks the file against the adapters of `registry` and today's models, with variables from `lookup` and
    /// files relative to its folder.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn load(
        &self,
        registry: &AdapterRegistry,
        models: &ModelTable,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<ConfigFile, ConfigError> {
        self.load_on(registry, models, Utc::now().date_naive(), Arc::new(lookup))
    }

    pub(crate) fn load_on(
        &self,
        registry: &AdapterRegistry,
        models: &ModelTable,
        today: NaiveDate,
        variables: Variables,
    ) -> Result<ConfigFile, ConfigError> {
        let folder = self.path.parent().unwrap_or(Path::new("")).to_owned();
        let machine = Machine { variables, folder };
        let loader = Loader::new(registry, models, today, &machine).with_trust(self.trust);
        let mut file = loader.load(&self.path.display().to_string(), &self.text)?;
        let Some(Beside { paths, own }) = &self.project else { return Ok(file) };
        if let Some(problem) = project::objection(&self.path, self.trust, &file, paths) {
            return Err(file.refuse([problem]));
        }
        if let Some(own) = own {
            let own = own.load_on(registry, models, today, placeholders(Arc::clone(&machine.variables)))?;
            // A project may allow less than its user does, never more.
            file.keep_to(own);
        }
        Ok(file)
    }

    /// The files whose texts reach a model because of this one, beside itself.
    ///
    /// # Errors
    /// One of them lies outside of the project, or a folder of prompts cannot be read.
    pub fn reached(&self, file: &ConfigFile) -> Result<Vec<PathBuf>, SystemError> {
        project::reached(&self.path, file)
    }

    /// Where the prompts of this file come from. Those of a project count once it is trusted.
    pub fn prompts(&self, file: &ConfigFile) -> PromptPlan {
        let configured = file.prompts.dir.as_ref().map(|dir| self.path.with_file_name("").join(dir));
        let is_trusted = self.project.is_some() && self.trust == Trust::Trusted;
        let project = if is_trusted { project_folder(&self.path) } else { None };
        PromptPlan { configured, project, experiments: file.experiments.clone() }
    }

    /// That there are prompts which are not used, for people.
    pub(super) fn unused_prompts(&self) -> Option<String> {
        let folder = project_folder(&self.path).filter(|_| self.project.is_some())?;
        (self.trust != Trust::Trusted).then(|| {
            let folder = folder.display();
            format!("warning: the prompts in {folder} are not used: read them, then run `forge config trust`")
        })
    }

    /// The user's own file. One that is there and cannot be read is no reason to spend without its budgets.
    fn of_the_user(paths: &Paths) -> Result<Option<Self>, SystemError> {
        let own = paths.config.as_ref().map(|folder| folder.join(OWN_FILE));
        let Some(path) = own.filter(|path| path.exists()) else { return Ok(None) };
        let text = read(&path)?;
        Ok(Some(Self { path, text, trust: Trust::Trusted, project: None }))
    }
}

/// The variables, and something for those that are not set: of the user's own file, the budgets alone are wanted.
fn placeholders(variables: Variables) -> Variables {
    Arc::new(move |name| {
        variables(name).filter(|value| !value.is_empty()).or_else(|| Some("unset".to_owned()))
    })
}

/// The environment, and files relative to the configuration.
struct Machine {
    variables: Variables,
    folder: PathBuf,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Lookup for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> io::Result<String> {
        let mut text = String::new();
        // One byte more, to tell a file that goes on from one that ends at the limit.
        let read = File::open(self.folder.join(path))?.take(MAX_SECRET + 1).read_to_string(&mut text)?;
        if read as u64 > MAX_SECRET {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any key"));
        }
        Ok(text)
    }
}
