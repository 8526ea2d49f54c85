//! Later reviews of one branch: what was read before is not read again, and what was open stays open until its line goes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    change::{Change, Hunk, Mark},
    finding::Open,
    report::{Report, Status},
};

/// What the last review of a branch has left, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// The commit from which on it has read.
    pub base: String,
    /// The commit up to which it has read.
    pub head: String,
    /// Fingerprints of everything that was reported or decided so far.
    pub seen: BTreeSet<String>,
    /// Those that are open: confirmed, and still there.
    pub open: BTreeMap<String, Open>,
}

impl Round {
    /// What the next review has to know after this one; `None` if it was not whole, so that nothing counts as read.
    pub fn after(&self, base: &str, head: &str, report: &Report) -> Option<Self> {
        if !matches!(report.coverage.status, Status::Reviewed | Status::Empty) {
            return None;
        }
        let mut next = Self {
            base: base.to_owned(),
            head: head.to_owned(),
            seen: self.seen.clone(),
            open: BTreeMap::new(),
        };
        next.open.extend(report.open.iter().map(|one| (one.fingerprint.clone(), one.clone())));
        let all = [&report.findings, &report.folded, &report.disputed, &report.rejected];
        next.seen.extend(all.into_iter().flatten().map(|one| one.fingerprint.clone()));
        let confirmed = report.findings.iter().chain(&report.folded);
        next.open.extend(confirmed.map(|one| (one.fingerprint.clone(), Open::from(one))));
        Some(next)
    }

    /// Those of the open findings whose passage still stands where `read` looks.
    pub fn still_open(&self, read: impl Fn(&str) -> Option<String>) -> Vec<Open> {
        let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let stands = |open: &Open| {
            let text = read(&open.path).map(|text| fold(&text));
            text.is_some_and(|text| text.contains(&fold(&open.quote)))
        };
        self.open.values().filter(|open| stands(open)).cloned().collect()
    }
}

/// The hunks of `change` that have a line which `since` touches: the diff between the commit that was read last and now. Both
/// end in the same state, so that their new lines have the same numbers.
pub fn only_since(change: &Change, since: &Change) -> Change {
    let touched = lines(since);
    let mut left = change.clone();
    for file in &mut left.files {
        let lines = touched.get(file.path()).cloned().unwrap_or_default();
        let is_touched =
            |hunk: &Hunk| hunk.lines.iter().any(|line| line.mark != Mark::Kept && lines.contains(&line.new));
        file.hunks.retain(is_touched);
    }
    // A file without lines, such as a picture, was told the first time.
    left.files.retain(|file| !file.hunks.is_empty());
    left
}

/// The lines that a change touches, as they are numbered afterwards, by file.
pub fn lines(change: &Change) -> BTreeMap<String, BTreeSet<u32>> {
    let mut touched: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for file in &change.files {
        let lines = file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.mark != Mark::Kept);
        touched.entry(file.path().to_owned()).or_default().extend(lines.map(|line| line.new));
    }
    touched
}
