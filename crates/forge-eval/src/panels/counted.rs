//! A matrix as bits and sums.

use std::collections::BTreeMap;

use super::NamedPanel;
use crate::{
    matrix::Matrix,
    stats::{Detections, Panel},
};

/// Severities that must be changed, in the words that are usual for them.
const SEVERE: [&str; 4] = ["blocker", "critical", "high", "major"];

/// A matrix as its figures are counted.
pub(super) struct Counted<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) detections: Detections,
    /// The places of the issues of each change; `None` if some issue has none.
    pub(super) changes: Option<BTreeMap<&'a str, Vec<usize>>>,
    /// False claims by participant.
    pub(super) false_claims: Option<Vec<u64>>,
}

impl<'a> Counted<'a> {
    pub(super) fn of(matrix: &'a Matrix) -> Self {
        let names: BTreeMap<&str, usize> =
            matrix.participants.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let place = |name: &String| names.get(name.as_str()).copied();
        let found_by = matrix.issues.iter().map(|issue| Panel::of(issue.found_by.iter().filter_map(place)));
        let found_by = found_by.collect();
        let mut changes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, issue) in matrix.issues.iter().enumerate() {
            if let Some(change) = &issue.change {
                changes.entry(change).or_default().push(at);
            }
        }
        let is_known = matrix.issues.iter().all(|issue| issue.change.is_some());
        let count = |name: &String| {
            let claims = matrix.false_claims.as_ref()?;
            Some(claims.values().filter_map(|of| of.get(name)).sum())
        };
        Self {
            // A matrix has at most 64 participants, and only they find anything.
            detections: Detections::new(names.len(), found_by).unwrap_or_default(),
            changes: is_known.then_some(changes),
            false_claims: matrix.participants.iter().map(count).collect(),
            matrix,
        }
    }

    /// Whether the issue at this place must be changed.
    pub(super) fn is_severe(&self, issue: usize) -> bool {
        let severity = self.matrix.issues.get(issue).and_then(|issue| issue.severity.as_deref());
        severity.is_some_and(|word| SEVERE.contains(&word.to_lowercase().as_str()))
    }

    /// The share of all issues.
    pub(super) fn share(&self, found: f64) -> f64 {
        found / self.detections.issues().max(1) as f64
    }

    /// The false claims of a panel, pooled as they are.
    pub(super) fn false_claims_of(&self, panel: Panel) -> Option<u64> {
        let claims = self.false_claims.as_ref()?;
        Some(panel.places().filter_map(|at| claims.get(at)).sum())
    }

    pub(super) fn names(&self, panel: Panel) -> Vec<String> {
        panel.places().filter_map(|at| self.matrix.participants.get(at).cloned()).collect()
    }

    pub(super) fn named(&self, panel: Panel) -> NamedPanel {
        let found = self.detections.covered(panel);
        NamedPanel { panel: self.names(panel), found, share: self.share(found as f64) }
    }
}
