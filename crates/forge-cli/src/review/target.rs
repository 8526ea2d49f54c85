//! What an argument of `forge review` means.

use std::path::{Path, PathBuf};

use forge::agent::review::{GitError, Repository, Target as Range};

use crate::{args::Review, error::CliError};

/// What is reviewed.
#[derive(Debug)]
pub(super) enum Target {
    /// A file, or standard input.
    Document(PathBuf),
    /// A change that git knows.
    Change(Repository, Range),
    /// A change in a file, or on standard input.
    Diff(PathBuf),
}

pub(super) fn of(review: &Review) -> Result<Target, CliError> {
    if let Some(path) = &review.document {
        return Ok(Target::Document(path.clone()));
    }
    if let Some(path) = &review.diff {
        return Ok(Target::Diff(path.clone()));
    }
    let repository = || Repository::open(Path::new(".")).map_err(|error| refused(&error));
    let Some(target) = &review.target else {
        let range = if review.staged { Range::Staged } else { Range::Worktree };
        return Ok(Target::Change(repository()?, range));
    };
    if target == "-" {
        return Ok(Target::Document(PathBuf::from(target)));
    }
    let is_path = Path::new(target).exists();
    match Repository::open(Path::new(".")) {
        Ok(repository) if !is_path => Ok(Target::Change(repository, Range::Revision(target.clone()))),
        Ok(repository) if repository.is_revision(target) => Err(CliError::usage(
            format!("`{target}` is a revision, and a file has that name"),
            format!("write `{target}...HEAD` for the change, or `--document {target}` for the file"),
        )),
        _ if is_path => Ok(Target::Document(PathBuf::from(target))),
        Err(GitError::NoRepository(_)) => Err(CliError::usage(
            format!(
                "there is no file `{target}`, and no git repository here in which it could be a revision"
            ),
            "name a file, go into a repository, or give a change with `--diff FILE`",
        )),
        Ok(_) => Err(CliError::usage(format!("`{target}` is nothing"), "name a revision or a file")),
        Err(error) => Err(refused(&error)),
    }
}

/// What git says is on the command line or in the repository, and nothing that trying again would mend.
pub(super) fn refused(error: &GitError) -> CliError {
    CliError::usage(error.to_string(), error.next())
}

/// Options that say nothing about a document.
pub(super) fn refuse_for_document(review: &Review) -> Result<(), CliError> {
    let change = &review.change;
    let given = [
        ("--format", change.format.is_some()),
        ("--baseline", !change.baseline.is_empty()),
        ("--scanned", !change.scanned.is_empty()),
        ("--max-calls", change.max_calls.is_some()),
    ];
    refuse(&given, "a change", "leave it out, or name a revision or `--diff FILE`")
}

/// Options that say nothing about a change.
pub(super) fn refuse_for_change(review: &Review) -> Result<(), CliError> {
    let session = &review.session;
    let given = [
        ("--attended", session.attended),
        ("--document-only", session.document_only),
        ("--jsonl", session.jsonl),
        ("--reference", !review.topic.references.is_empty()),
    ];
    refuse(&given, "a document", "leave it out, or name a file with `--document FILE`")
}

fn refuse(given: &[(&str, bool)], of: &str, next: &str) -> Result<(), CliError> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(CliError::usage(format!("`{name}` is for the review of {of}"), next)),
        None => Ok(()),
    }
}
