//! The figures of one critic.

use std::collections::BTreeMap;

use forge_core::Money;
use serde::Serialize;

use super::scores::Scores;
use crate::{
    critic::Outcome,
    panels::Share,
    stats::{f1, precision},
};

/// What one critic found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CriticFigures {
    /// Its name.
    pub name: String,
    /// Whether it was measured.
    #[serde(flatten)]
    pub state: CriticState,
    /// Readings that were asked for, of those that were wanted.
    pub readings: usize,
    /// All that were wanted.
    pub wanted: usize,
    /// Readings that failed.
    pub failed: usize,
    /// Answers that cannot be read. They count as answers that find nothing.
    pub unreadable: usize,
    /// Faults at whose place it found something.
    pub located: Share,
    /// Faults that it found: at their place, with the same claim.
    pub identified: Share,
    /// The same by severity.
    pub by_severity: BTreeMap<&'static str, Share>,
    /// The same by category.
    pub by_category: BTreeMap<&'static str, Share>,
    /// Findings about a clean twin, in the mean; `None` if it read none.
    pub false_alarms_per_clean: Option<f64>,
    /// Findings about a text with faults that identify none, in the mean.
    pub false_claims_per_document: Option<f64>,
    /// Findings whose quote is not in the text.
    pub unanchored: usize,
    /// The share of its findings about texts with faults that identify one. What it repeats counts once.
    pub precision: Option<f64>,
    /// The harmonic mean of this precision and of the share that it identified.
    pub f1: Option<f64>,
    /// What its readings cost in nano-dollars; `None` if that is unknown.
    pub cost_nano_usd: Option<u64>,
    /// What a fault that it identified cost.
    pub cost_per_found_nano_usd: Option<u64>,
    /// How long its readings took one after the other, in milliseconds.
    pub duration_ms: u64,
    /// How many seconds a fault that it identified took.
    pub seconds_per_found: Option<f64>,
}

/// Whether a critic was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CriticState {
    /// It answered.
    Measured,
    /// Not one of its readings has an answer.
    Failed {
        /// Why the first of them has none.
        reason: String,
    },
    /// It was asked for nothing, since the money was used up before.
    NotAsked,
}

pub(super) fn figures(scores: &Scores<'_>) -> CriticFigures {
    let hits = scores.matched().map(|one| one.identified.iter().filter(|hit| **hit).count()).sum::<usize>();
    let planted = scores.matched().map(|one| one.identified.len()).sum::<usize>();
    let false_claims = scores.matched().map(|one| one.false_claims).sum::<usize>();
    let texts = scores.matched().count();
    let cost = scores.cost().map(Money::nanos);
    let cost_per_found = cost.and_then(|cost| cost.checked_div(hits as u64));
    let (hits, wrong) = (hits as f64, false_claims as f64);
    let took: u128 = scores.readings.iter().map(|one| one.took.as_millis()).sum();
    let per_found = |value: f64| (hits > 0.0).then(|| value / hits);
    let mean = |sum: usize, of: usize| (of > 0).then(|| sum as f64 / of as f64);
    let count = |is: fn(&Outcome) -> bool| scores.readings.iter().filter(|one| is(&one.outcome)).count();
    CriticFigures {
        name: scores.name.to_owned(),
        state: state(scores),
        readings: scores.readings.len(),
        wanted: scores.wanted,
        failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
        unreadable: count(|outcome| matches!(outcome, Outcome::Unreadable)),
        located: share(scores.faults(|one| &one.located).map(|(_, hit)| hit)),
        identified: share(scores.faults(|one| &one.identified).map(|(_, hit)| hit)),
        by_severity: by(scores, |fault| fault.severity.as_str()),
        by_category: by(scores, |fault| fault.category),
        false_alarms_per_clean: mean(scores.clean.iter().sum(), scores.clean.len()),
        false_claims_per_document: mean(false_claims, texts),
        unanchored: scores.matched().map(|one| one.unanchored).sum(),
        precision: precision(hits, wrong),
        f1: f1(hits, wrong, planted as f64),
        cost_nano_usd: cost,
        cost_per_found_nano_usd: cost_per_found,
        duration_ms: u64::try_from(took).unwrap_or(u64::MAX),
        seconds_per_found: per_found(took as f64 / 1_000.0),
    }
}

fn state(scores: &Scores<'_>) -> CriticState {
    let mut reasons = scores.readings.iter().map(|one| match &one.outcome {
        Outcome::Failed(reason) => Some(reason),
        Outcome::Findings(_) | Outcome::Unreadable => None,
    });
    let Some(first) = reasons.next() else { return CriticState::NotAsked };
    match first.filter(|_| reasons.all(|reason| reason.is_some())) {
        Some(reason) => CriticState::Failed { reason: reason.clone() },
        None => CriticState::Measured,
    }
}

/// The share of faults, each with the share of its readings that hit it. Its interval is that of so many faults, however often each
/// was read: readings of one text are not independent.
fn share(hits: impl Iterator<Item = f64>) -> Share {
    let (sum, of) = hits.fold((0.0, 0), |(sum, of), hit| (sum + hit, of + 1));
    Share::new(sum, of)
}

fn by(scores: &Scores<'_>, name: fn(&crate::corpus::Fault) -> &'static str) -> BTreeMap<&'static str, Share> {
    let mut groups: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (fault, hit) in scores.faults(|one| &one.identified) {
        groups.entry(name(fault)).or_default().push(hit);
    }
    groups.into_iter().map(|(name, hits)| (name, share(hits.into_iter()))).collect()
}
