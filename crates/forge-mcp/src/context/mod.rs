//! The context server: what is where in the code, what uses it, what a change reaches.

mod answer;
mod text;
mod tools;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use forge_index::{Index, Options};
use rmcp::model::{JsonObject, Tool};
use serde_json::Value;

use crate::{failure::Failure, roots::Roots};

/// The most rows of an answer. A window has room for no more, and a question can be narrower.
const MAX_ROWS: usize = 60;

/// Questions about the code below some folders, answered as `forge index` answers them.
///
/// Nothing is read before the first question. Each answer looks first at what has changed.
#[derive(Debug, Clone)]
pub struct ContextMcpServer {
    folders: Arc<[Folder]>,
    cache: Option<PathBuf>,
}

/// A folder with its index, which is there after the first question.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    index: Mutex<Option<Index>>,
}

impl ContextMcpServer {
    /// Answers about these folders.
    pub fn new(roots: &Roots) -> Self {
        let folder = |path: &PathBuf| Folder { path: path.clone(), index: Mutex::default() };
        Self { folders: roots.folders().iter().map(folder).collect(), cache: None }
    }

    /// Keeps what is known of unchanged files in this folder, for the next process.
    pub fn with_cache(self, folder: impl Into<PathBuf>) -> Self {
        Self { cache: Some(folder.into()), ..self }
    }

    /// The tools, always the same in the same order.
    pub(crate) fn tools() -> Vec<Tool> {
        tools::all()
    }

    /// Answers a call of one of the tools; `None` if it is none of them.
    pub(crate) async fn call(
        &self,
        name: &str,
        given: Option<JsonObject>,
    ) -> Option<Result<String, Failure>> {
        let question = answer::question(name)?;
        let server = self.clone();
        // Reading and searching a tree takes a processor, and other calls go on meanwhile.
        let answered = tokio::task::spawn_blocking(move || {
            let mut given = given.unwrap_or_default();
            let folder = server.folder(given.remove("root"))?;
            // An index is whole again at its next question, whatever broke off the last one.
            let mut index = folder.index.lock().unwrap_or_else(PoisonError::into_inner);
            let index = match &mut *index {
                Some(index) => index,
                none => none.insert(server.open(&folder.path)?),
            };
            question(index, Some(given))
        });
        let broken = |_| {
            Failure::new(
                "internal",
                "the index has failed",
                "ask again; say what you asked to whoever runs Forge",
            )
        };
        Some(answered.await.map_err(broken).flatten())
    }

    /// The folder that is asked about: the first one, or the one with this path or last part of it.
    fn folder(&self, named: Option<Value>) -> Result<&Folder, Failure> {
        let Some(named) = named else { return Ok(&self.folders[0]) };
        let is_named = |folder: &&Folder| {
            let last = folder.path.file_name().map(Path::new);
            named.as_str().map(Path::new).is_some_and(|name| name == folder.path || Some(name) == last)
        };
        self.folders.iter().find(is_named).ok_or_else(|| {
            let known: Vec<_> = self.folders.iter().map(|one| one.path.display().to_string()).collect();
            let next = format!("leave `root` out, or choose one of: {}", known.join(", "));
            Failure::new("no_such_root", format!("{named} is not one of the folders that may be read"), next)
        })
    }

    fn open(&self, path: &Path) -> Result<Index, Failure> {
        let mut options = Options::default().with_max_rows(MAX_ROWS);
        options.cache.clone_from(&self.cache);
        Index::open(path, options).map_err(|error| answer::refused(&error))
    }
}
