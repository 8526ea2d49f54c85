//! Documents with planted faults: the compiled-in ones, or those of a folder.
//!
//! A document is one Markdown file. Its front matter says what the author was asked for, and for each fault where it stands,
//! what is right there, and how reviewers say it; the *clean twin* is the same text with what is right in the place of every
//! span. A mistake in a file is told with its line, all mistakes of all files at once.

mod built_in;
mod claim;
mod document;
mod error;
mod plant;
mod problems;
mod read;
mod sample;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs, path::Path};

pub use self::{
    document::{CATEGORIES, Document, Fault, Kind},
    error::{CorpusError, CorpusProblem},
};

/// Documents with planted faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    documents: Vec<Document>,
}

impl Corpus {
    /// The compiled-in corpus.
    ///
    /// # Errors
    /// None in practice; a test reads it.
    pub fn built_in() -> Result<Self, CorpusError> {
        Self::parse("the compiled-in corpus", built_in::FILES.iter().copied())
    }

    /// The files of a folder that end in `.md`, except `README.md`, in the order of their names.
    ///
    /// # Errors
    /// A folder or a file that cannot be read, and whatever is wrong with the documents.
    pub fn read(folder: &Path) -> Result<Self, CorpusError> {
        let unreadable = |path: &Path| {
            let path = path.display().to_string();
            |source| CorpusError::Unreadable { path, source }
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let is_document = path.extension().is_some_and(|it| it == "md") && !path.ends_with("README.md");
            if is_document && path.is_file() {
                let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
                files.push((path.display().to_string(), text));
            }
        }
        files.sort();
        let name = folder.display().to_string();
        Self::parse(&name, files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// The documents in these files, by name and text; `name` is what an error calls all of them.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, or that there is none.
    pub fn parse<'a>(
        name: &str,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CorpusError> {
        let (mut documents, mut problems) = (Vec::new(), Vec::new());
        let mut ids = BTreeSet::new();
        for (file, text) in files {
            match read::document(file, text) {
                Ok(document) if ids.insert(document.id.clone()) => documents.push(document),
                Ok(document) => problems.push(CorpusProblem {
                    file: file.to_owned(),
                    line: 2,
                    what: format!("another document is called `{}`", document.id),
                    next: "give each document its own id".to_owned(),
                }),
                Err(found) => problems.extend(found),
            }
        }
        match (problems.is_empty(), documents.is_empty()) {
            (false, _) => Err(CorpusError::Problems(problems)),
            (true, true) => Err(CorpusError::Empty(name.to_owned())),
            (true, false) => Ok(Self { documents }),
        }
    }

    /// The documents.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// How many faults are planted in all of them.
    pub fn faults(&self) -> usize {
        self.documents.iter().map(|document| document.faults.len()).sum()
    }

    /// So many of the documents, as many of each kind as their shares in the whole allow, chosen by the seed. The order stays;
    /// all of them if there are not more.
    pub fn sample(&self, documents: usize, seed: u64) -> Self {
        let chosen = sample::stratified(
            &self.documents.iter().map(|one| one.kind).collect::<Vec<_>>(),
            documents,
            seed,
        );
        let documents = chosen.into_iter().filter_map(|at| self.documents.get(at).cloned());
        Self { documents: documents.collect() }
    }
}
