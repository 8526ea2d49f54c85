//! What is about to be done to files, as data that a journal keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    path::EditPath,
    resolve::{Resolved, ResolvedFile},
    workspace::{Fingerprint, Workspace, WorkspaceError},
};

use super::ApplyError;

/// What is about to be done, without the contents. It leads on or back after the process has ended at any moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Intent {
    /// Names what stands beside the files meanwhile; no other edits of the workspace may have it at the same time.
    pub id: String,
    /// The commit of the checkpoint taken before, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Folders that are not there yet, the outer ones first.
    pub folders: Vec<EditPath>,
    /// Files that will be different.
    pub files: Vec<IntentFile>,
}

/// What a file is known by, before and afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntentFile {
    /// Where it is.
    pub path: EditPath,
    /// `None` if it is not there.
    pub before: Option<Fingerprint>,
    /// `None` if it is to go away.
    pub after: Option<Fingerprint>,
}

impl Intent {
    /// The intent with the commit of the checkpoint that was taken for it.
    pub fn with_checkpoint(mut self, commit: impl Into<String>) -> Self {
        self.checkpoint = Some(commit.into());
        self
    }

    /// The resolved files in the order of the intent.
    pub(super) fn contents<'r>(&self, resolved: &'r Resolved) -> Result<Vec<&'r ResolvedFile>, ApplyError> {
        let changed = || resolved.files.iter().filter(|file| file.changes());
        let same = |(one, file): (&IntentFile, &ResolvedFile)| {
            let after = file.after.as_ref().map(|bytes| Fingerprint::of(bytes, None).sha256);
            one.path == file.path && after == one.after.as_ref().map(|after| after.sha256.clone())
        };
        if changed().count() == self.files.len() && self.files.iter().zip(changed()).all(same) {
            Ok(changed().collect())
        } else {
            Err(ApplyError::Other(self.id.clone()))
        }
    }
}

/// No new folder may have the name of a file or of another new folder, also where upper and lower case are the same.
fn differ_by_more_than_case(files: &[IntentFile], folders: &BTreeSet<EditPath>) -> Result<(), ApplyError> {
    let mut names: BTreeMap<String, &EditPath> =
        files.iter().map(|file| (file.path.folded(), &file.path)).collect();
    for folder in folders {
        match names.insert(folder.folded(), folder) {
            None => {}
            Some(other) if other == folder => return Err(ApplyError::FileAndFolder(folder.to_string())),
            Some(other) => {
                return Err(
                    WorkspaceError::Case { path: folder.to_string(), other: other.to_string() }.into()
                );
            }
        }
    }
    Ok(())
}

impl Workspace {
    /// What applying the edits is going to do. Files that are not as they were resolved are an error; files that would not change
    /// are left out. The name is unique among the edits of the workspace.
    pub fn intent(&self, id: &str, resolved: &Resolved) -> Result<Intent, ApplyError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.len() > 64 || !id.chars().all(is_name) {
            return Err(ApplyError::Name(id.to_owned()));
        }
        let (mut files, mut folders, mut changed) = (Vec::new(), BTreeSet::new(), Vec::new());
        for file in resolved.files.iter().filter(|file| file.changes()) {
            let before = self.found(&file.path)?;
            let expected = file.before.as_ref().map(|bytes| Fingerprint::of(bytes, None));
            match (&expected, &before) {
                (None, None) => {}
                (Some(expected), Some(found)) if expected.is(found) => {}
                _ => changed.push(file.path.to_string()),
            }
            let mode = match &file.mode_of {
                Some(other) => self.found(other)?.and_then(|found| found.mode),
                None => before.as_ref().and_then(|found| found.mode),
            };
            if file.after.is_some() {
                self.missing_folders(&file.path, &mut folders)?;
            }
            let after = file.after.as_ref().map(|bytes| Fingerprint::of(bytes, mode));
            files.push(IntentFile { path: file.path.clone(), before, after });
        }
        if !changed.is_empty() {
            return Err(ApplyError::Changed(changed));
        }
        differ_by_more_than_case(&files, &folders)?;
        Ok(Intent { id: id.to_owned(), checkpoint: None, folders: folders.into_iter().collect(), files })
    }

    fn found(&self, path: &EditPath) -> Result<Option<Fingerprint>, ApplyError> {
        match self.place(path)? {
            Some(place) => Ok(place.fingerprint()?),
            None => Ok(None),
        }
    }

    fn missing_folders(&self, path: &EditPath, missing: &mut BTreeSet<EditPath>) -> Result<(), ApplyError> {
        for folder in path.folders() {
            let Ok(folder) = EditPath::new(folder) else { continue };
            let is_there = match self.place(&folder)? {
                Some(place) => place.kind()?.is_some(),
                None => false,
            };
            if !is_there {
                missing.insert(folder);
            }
        }
        Ok(())
    }
}
