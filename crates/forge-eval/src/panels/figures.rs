//! The figures of participants, of pairs, and of panels by their size.

use std::collections::BTreeMap;

use super::{CoverageFigures, PairFigures, ParticipantFigures, RatedPanel, Share, counted::Counted};
use crate::stats::{
    CoveragePoint, MOST_EXACT, Panel, coverage_curve, f1, jaccard, mcnemar, phi, precision, share_to_remove,
};

/// A difference that chance makes less often than this tells two participants apart.
const APART: f64 = 0.05;

pub(super) fn participants(counted: &Counted<'_>) -> Vec<ParticipantFigures> {
    let names = counted.matrix.participants.iter().enumerate();
    names.map(|(at, name)| participant(counted, name, Panel::of([at]))).collect()
}

fn participant(counted: &Counted<'_>, name: &str, alone: Panel) -> ParticipantFigures {
    let (found, issues) = (counted.detections.covered(alone), counted.detections.issues());
    let mut severities: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (issue, by) in counted.matrix.issues.iter().zip(counted.detections.found_by()) {
        if let Some(severity) = &issue.severity {
            let (hits, of) = severities.entry(severity.clone()).or_default();
            *hits += usize::from(!by.is_disjoint(alone));
            *of += 1;
        }
    }
    let false_claims = counted.false_claims_of(alone);
    let claims = false_claims.map(|count| count as f64);
    let places = counted.matrix.false_claims.as_ref().map(|claims| claims.len().max(1) as f64);
    ParticipantFigures {
        name: name.to_owned(),
        found: Share::new(found as f64, issues),
        by_severity: severities
            .into_iter()
            .map(|(word, (hits, of))| (word, Share::new(hits as f64, of)))
            .collect(),
        false_claims,
        false_claims_per_change: claims.zip(places).map(|(claims, places)| claims / places),
        precision: claims.and_then(|claims| precision(found as f64, claims)),
        f1: claims.and_then(|claims| f1(found as f64, claims, issues as f64)),
    }
}

pub(super) fn pairs(counted: &Counted<'_>) -> Vec<PairFigures> {
    let names = &counted.matrix.participants;
    let two = |first: usize, second: usize| {
        let pair = counted.detections.pair(first, second);
        let p = mcnemar(pair.first, pair.second);
        let names = [first, second].map(|at| names.get(at).cloned().unwrap_or_default());
        PairFigures { names, jaccard: jaccard(pair), phi: phi(pair), p, told_apart: p <= APART }
    };
    (0..names.len())
        .flat_map(|first| (first + 1..names.len()).map(move |second| (first, second)))
        .map(|(a, b)| two(a, b))
        .collect()
}

pub(super) fn coverage(counted: &Counted<'_>) -> Vec<CoverageFigures> {
    let curve = coverage_curve(&counted.detections);
    let alone = (0..counted.detections.participants()).filter_map(|at| f1_of(counted, Panel::of([at])));
    let target = alone.max_by(f64::total_cmp);
    curve.iter().map(|point| of_size(counted, point, target)).collect()
}

fn of_size(counted: &Counted<'_>, point: &CoveragePoint, target: Option<f64>) -> CoverageFigures {
    let mean = counted.share(point.mean);
    let precision = mean_precision(counted, point.size);
    CoverageFigures {
        size: point.size,
        worst: counted.named(point.worst.0),
        mean,
        best: counted.named(point.best.0),
        exact: point.exact,
        precision,
        best_f1: best_f1(counted, point.size),
        to_remove: precision
            .zip(target)
            .and_then(|(precision, target)| share_to_remove(mean, precision, target)),
    }
}

/// Every panel of a size, where there are not too many; none where nobody counted false claims.
fn panels(counted: &Counted<'_>, size: usize) -> impl Iterator<Item = Panel> {
    let participants = counted.detections.participants();
    let all =
        if participants <= MOST_EXACT && counted.false_claims.is_some() { 1 << participants } else { 0 };
    (0..all).map(Panel).filter(move |panel| panel.size() == size)
}

/// The mean share of true claims in the pooled claims of the panels of a size: an issue counts once, a false claim as often as it
/// was made.
fn mean_precision(counted: &Counted<'_>, size: usize) -> Option<f64> {
    let of = |panel: Panel| {
        precision(counted.detections.covered(panel) as f64, counted.false_claims_of(panel)? as f64)
    };
    let shares: Vec<f64> = panels(counted, size).filter_map(of).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

fn best_f1(counted: &Counted<'_>, size: usize) -> Option<RatedPanel> {
    let rated = panels(counted, size).filter_map(|panel| Some((panel, f1_of(counted, panel)?)));
    // Of equal ones the first.
    let best = rated.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(panel, f1)| RatedPanel { panel: counted.names(panel), f1 })
}

fn f1_of(counted: &Counted<'_>, panel: Panel) -> Option<f64> {
    let found = counted.detections.covered(panel) as f64;
    f1(found, counted.false_claims_of(panel)? as f64, counted.detections.issues() as f64)
}
