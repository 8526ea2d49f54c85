//! What the last review of a branch has left, kept in the state folder.

use std::{fs, path::PathBuf};

use forge::agent::review::{Change, Report, Repository, Round, Taken, only_since, parse};

use crate::{args::Review, paths::paths, terminal::note};

/// The reviews of a branch so far.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// Where they are kept; `None` where there is no branch, or no folder.
    path: Option<PathBuf>,
    before: Option<Round>,
}

impl Rounds {
    /// Those of the branch that is checked out, if it is what is reviewed.
    pub(super) fn open(repository: &Repository, taken: &Taken, review: &Review) -> Self {
        let branch = repository.branch().filter(|_| taken.is_checked_out && taken.head.is_some());
        let path = branch.zip(paths().state).map(|(branch, state)| {
            // Simulated reviews are no reviews.
            let kind = if review.source.offline { "simulated" } else { "reviews" };
            let name = format!("{}\n{branch}", repository.root().display());
            state.join(kind).join(format!("{}.json", forge::agent::review::name_of(&name)))
        });
        let text =
            path.as_deref().filter(|_| !review.change.all).and_then(|path| fs::read_to_string(path).ok());
        // A file that cannot be read costs a review of everything, and nothing else.
        let before: Option<Round> = text.and_then(|text| serde_json::from_str(&text).ok());
        // Whoever began later has not read what comes before.
        let before = before.filter(|round| repository.is_ancestor(&round.base, &taken.base));
        Self { path, before }
    }

    /// The part of `change` that was not read before, with the lines that are new since then; `None` on a first review.
    pub(super) fn since(
        &self,
        repository: &Repository,
        taken: &Taken,
        change: &Change,
    ) -> Option<(Change, Change)> {
        let (before, head) = self.before.as_ref().zip(taken.head.as_deref())?;
        // A commit that a rebase has thrown away is gone one day; then all is read again.
        let since = parse(&repository.since(&before.head, head).ok()?).ok()?;
        Some((only_since(change, &since), since))
    }

    pub(super) fn before(&self) -> Option<&Round> {
        self.before.as_ref()
    }

    /// Keeps what the next review has to know.
    pub(super) fn keep(&self, report: &Report, quiet: bool) {
        let ends = report.base.as_deref().zip(report.head.as_deref());
        let Some((path, (base, head))) = self.path.as_ref().zip(ends) else { return };
        // What was read from an earlier commit on stays read.
        let base = self.before.as_ref().map_or(base, |round| &round.base);
        let next = self.before.clone().unwrap_or_default().after(base, head, report);
        let Some(text) = next.and_then(|next| serde_json::to_string(&next).ok()) else { return };
        let kept = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
        if let Err(error) = kept {
            note(
                quiet,
                &format!("the next review reads all of the branch again: {}: {error}", path.display()),
            );
        }
    }
}
