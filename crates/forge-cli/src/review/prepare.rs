//! From a target to what is read: everything that is done before anybody is asked.

use std::{collections::BTreeSet, fs, path::Path};

use forge::agent::review::{self, Change, Piece, Repository, Review as Job, Taken, lines, parse};
use forge::session::Reference;

use super::{
    rounds::Rounds,
    target::{Target, refused},
};
use crate::{args::Review, error::CliError, files};

/// A larger file is not read for what stands around a change.
const MOST_BYTES: usize = 1 << 20;
/// The part of a piece that the code around it may have.
const AROUND: u64 = 4;

/// A review before it begins.
pub(super) struct Prepared {
    pub(super) job: Job<'static>,
    /// What the user has to know of it.
    pub(super) notices: Vec<String>,
    pub(super) base: Option<String>,
    pub(super) head: Option<String>,
    pub(super) rounds: Rounds,
    pub(super) repository: Option<Repository>,
}

impl Prepared {
    /// The text of a file after the change.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        let repository = self.repository.as_ref()?;
        match &self.head {
            Some(head) => repository.file_at(head, path, MOST_BYTES),
            None => fs::read_to_string(repository.root().join(path)).ok(),
        }
    }
}

pub(super) fn prepare(target: Target, review: &Review) -> Result<Prepared, CliError> {
    let (repository, taken, text, name) = match target {
        Target::Change(repository, range) => {
            let taken = repository.change(&range).map_err(|error| refused(&error))?;
            (Some(repository), Some(taken.clone()), taken.diff, taken.name)
        }
        Target::Diff(path) | Target::Document(path) => {
            let is_stdin = path.as_os_str() == "-";
            let text = if is_stdin { files::standard_input()? } else { files::read(&path)? };
            let name = if is_stdin { "a diff".to_owned() } else { path.display().to_string() };
            (None, None, text, name)
        }
    };
    let mut change = parse(&text).map_err(|error| {
        CliError::usage(
            format!("{name}: {error}"),
            "give what `git diff` or `diff -u` writes; to review it as a text, use `--document`",
        )
    })?;
    let masked = review::mask(&mut change);
    let whole = change.clone();
    let (mut rounds, mut fresh) = (Rounds::default(), None);
    if let Some((repository, taken)) = repository.as_ref().zip(taken.as_ref()) {
        rounds = Rounds::open(repository, taken, review);
        if let Some((left, since)) = rounds.since(repository, taken, &change) {
            (change, fresh) = (left, Some(lines(&since)));
        }
    }
    let most = review.change.context;
    let (pieces, unread) = review::split(&change, most - most / AROUND);
    let mut notices = notices(&masked, taken.as_ref());
    if fresh.is_some() {
        let what = "only what changed since the last review of this branch is read; `--all` reads all of it";
        notices.push(what.to_owned());
    }
    let around = around(&pieces, taken.as_ref(), repository.as_ref(), most / AROUND, &mut notices);
    let mut job = Job {
        target: name,
        task: review.task.clone().unwrap_or_default(),
        rules: rules(repository.as_ref(), taken.as_ref()),
        known: known(review, &rounds)?,
        fresh,
        most: review.change.most,
        around,
        unread,
        pieces,
        ..Job::default()
    };
    job.scanned = scanned(review, &whole)?;
    job.change = change;
    let base = taken.as_ref().map(|taken| taken.base.clone());
    let head = taken.and_then(|taken| taken.head);
    let mut prepared = Prepared { job, notices, base, head, rounds, repository };
    let open = prepared.rounds.before().map(|round| round.still_open(|path| prepared.file(path)));
    prepared.job.open = open.unwrap_or_default();
    Ok(prepared)
}

fn notices(masked: &[String], taken: Option<&Taken>) -> Vec<String> {
    let mut notices = Vec::new();
    if !masked.is_empty() {
        let shown = masked.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if masked.len() > 5 { format!(" and {} more", masked.len() - 5) } else { String::new() };
        notices.push(format!(
            "what looks like a secret was masked before anybody read it: {shown}{more}; if it is one, replace it"
        ));
    }
    let untracked = taken.map_or(0, |taken| taken.untracked);
    if untracked > 0 {
        notices
            .push(format!("{untracked} files that git does not track are not read; `git add -N` shows them"));
    }
    notices
}

/// The rules of the state before the change.
fn rules(repository: Option<&Repository>, taken: Option<&Taken>) -> Vec<Reference> {
    let Some((repository, taken)) = repository.zip(taken) else { return Vec::new() };
    review::rules(|path| repository.file_at(&taken.base, path, MOST_BYTES))
}

fn known(review: &Review, rounds: &Rounds) -> Result<BTreeSet<String>, CliError> {
    let mut known = rounds.before().map(|round| round.seen.clone()).unwrap_or_default();
    for path in &review.change.baseline {
        let read = review::read_baseline(&files::read(path)?);
        known.extend(read.map_err(|why| unusable(path, &why))?);
    }
    Ok(known)
}

fn scanned(review: &Review, change: &Change) -> Result<Vec<review::Finding>, CliError> {
    let mut found = Vec::new();
    for path in &review.change.scanned {
        let read = review::read_sarif(&files::read(path)?, change);
        found.extend(read.map_err(|why| unusable(path, &why))?);
    }
    Ok(found)
}

fn unusable(path: &Path, why: &str) -> CliError {
    CliError::usage(format!("{}: {why}", path.display()), "give a file of the form that the option names")
}

/// What the index knows of the code around each piece. It reads the files of now, which are those of the change only where
/// that is checked out.
#[cfg(feature = "index")]
fn around(
    pieces: &[Piece],
    taken: Option<&Taken>,
    repository: Option<&Repository>,
    most: u64,
    notices: &mut Vec<String>,
) -> Vec<Vec<Reference>> {
    let Some(repository) = repository.filter(|_| taken.is_some_and(|taken| taken.is_checked_out)) else {
        if repository.is_some() {
            notices.push(
                "the change is not what is checked out, so that nobody sees the code around it".to_owned(),
            );
        }
        return Vec::new();
    };
    let mut options = forge_index::Options::default();
    if let Some(state) = crate::paths::paths().state {
        options = options.with_cache(state.join("index"));
    }
    match forge_index::Index::open(repository.root(), options) {
        Ok(mut index) => {
            pieces.iter().map(|piece| review::around(&mut index, piece, most).into_iter().collect()).collect()
        }
        Err(error) => {
            notices.push(format!("nobody sees the code around the change: {error}"));
            Vec::new()
        }
    }
}

#[cfg(not(feature = "index"))]
fn around(
    _: &[Piece],
    _: Option<&Taken>,
    _: Option<&Repository>,
    _: u64,
    _: &mut Vec<String>,
) -> Vec<Vec<Reference>> {
    Vec::new()
}
