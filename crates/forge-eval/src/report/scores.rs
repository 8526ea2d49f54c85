//! The readings of one critic, matched.

use std::collections::BTreeMap;

use forge_core::Money;

use crate::{
    corpus::{Corpus, Fault},
    critic::{Critic, Outcome, Reading},
    evaluation::Measurement,
    matching::{Matched, match_findings},
    matrix::{Matrix, MatrixIssue},
};

/// What one critic answered.
pub(super) struct Scores<'a> {
    pub(super) name: &'a str,
    pub(super) corpus: &'a Corpus,
    /// Every reading that was asked for.
    pub(super) readings: Vec<&'a Reading>,
    pub(super) wanted: usize,
    /// What came of each text with faults, by document and run; `None` where there is no answer. One that cannot be read finds
    /// nothing: whoever asked has a critic less.
    pub(super) faulty: Vec<Vec<Option<Matched>>>,
    /// How many findings there are of each clean twin that was read.
    pub(super) clean: Vec<usize>,
}

impl<'a> Scores<'a> {
    pub(super) fn of(
        corpus: &'a Corpus,
        critic: usize,
        named: &'a dyn Critic,
        measured: &'a Measurement,
    ) -> Self {
        let (documents, runs) = (corpus.documents(), measured.runs.max(1) as usize);
        let own = measured.readings.iter().skip(critic * documents.len() * 2 * runs);
        let own: Vec<Option<&Reading>> = own.take(documents.len() * 2 * runs).map(Option::as_ref).collect();
        let (mut faulty, mut clean) = (Vec::new(), Vec::new());
        for (document, readings) in documents.iter().zip(own.chunks(2 * runs)) {
            let (with_faults, twins) = readings.split_at(runs.min(readings.len()));
            let matched = |reading: Option<&Reading>| match &reading?.outcome {
                Outcome::Findings(findings) => Some(match_findings(document, findings)),
                Outcome::Unreadable => Some(match_findings(document, &[])),
                Outcome::Failed(_) => None,
            };
            faulty.push(with_faults.iter().copied().map(matched).collect());
            clean.extend(twins.iter().flatten().filter_map(|reading| match &reading.outcome {
                Outcome::Findings(findings) => Some(findings.len()),
                Outcome::Unreadable => Some(0),
                Outcome::Failed(_) => None,
            }));
        }
        let wanted = own.len();
        Self {
            name: named.name(),
            corpus,
            readings: own.into_iter().flatten().collect(),
            wanted,
            faulty,
            clean,
        }
    }

    /// Every fault with the share of its readings that hit it; those of documents that were never answered are left out.
    pub(super) fn faults(&self, hits: fn(&Matched) -> &[bool]) -> impl Iterator<Item = (&'a Fault, f64)> {
        let documents = self.corpus.documents().iter().zip(&self.faulty);
        documents.flat_map(move |(document, runs)| {
            let answered: Vec<&Matched> = runs.iter().flatten().collect();
            let share = move |at: usize| {
                let hit = answered.iter().filter(|one| hits(one).get(at) == Some(&true)).count();
                (!answered.is_empty()).then(|| hit as f64 / answered.len() as f64)
            };
            document.faults.iter().enumerate().filter_map(move |(at, fault)| Some((fault, share(at)?)))
        })
    }

    /// What came of every text with faults that was answered.
    pub(super) fn matched(&self) -> impl Iterator<Item = &Matched> {
        self.faulty.iter().flatten().flatten()
    }

    /// The cost of all readings; `None` where that of some answer is unknown.
    pub(super) fn cost(&self) -> Option<Money> {
        let answered = self.readings.iter().filter(|one| !matches!(one.outcome, Outcome::Failed(_)));
        let costs: Option<Vec<Money>> = answered.map(|one| one.cost).collect();
        costs.map(|costs| costs.into_iter().fold(Money::ZERO, |sum, cost| sum + cost))
    }

    /// The cost of a reading in the mean, in nano-dollars; `None` where it is unknown, or nothing.
    pub(super) fn mean_cost(&self) -> Option<u64> {
        let mean = self.cost()?.nanos().checked_div(self.readings.len() as u64)?;
        (mean > 0).then_some(mean)
    }
}

/// Who identified what, a row for each fault and run that every critic with an answer has read; `None` with fewer than two.
pub(super) fn matrix(corpus: &Corpus, runs: u32, scores: &[Scores<'_>]) -> Option<Matrix> {
    let answering: Vec<&Scores<'_>> = scores.iter().filter(|one| one.matched().next().is_some()).collect();
    let mut issues = Vec::new();
    let mut false_claims: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (at, document) in corpus.documents().iter().enumerate() {
        for run in 0..runs as usize {
            let of = |one: &&Scores<'_>| Some((one.name.to_owned(), one.faulty.get(at)?.get(run)?.clone()?));
            let read: Option<Vec<(String, Matched)>> = answering.iter().map(of).collect();
            let Some(read) = read else { continue };
            for (name, matched) in &read {
                let claims = false_claims.entry(document.id.clone()).or_default();
                *claims.entry(name.clone()).or_default() += matched.false_claims as u64;
            }
            let row = |(place, fault): (usize, &Fault)| {
                let found = read.iter().filter(|(_, matched)| matched.identified.get(place) == Some(&true));
                let issue = if run == 0 { fault.id.clone() } else { format!("{}#{}", fault.id, run + 1) };
                let found_by = found.map(|(name, _)| name.clone()).collect();
                let severity = fault.severity.as_str().to_owned();
                MatrixIssue::new(document.id.clone(), issue, severity, found_by)
            };
            issues.extend(document.faults.iter().enumerate().map(row));
        }
    }
    if answering.len() < 2 || issues.is_empty() {
        return None;
    }
    let participants = answering.iter().map(|one| one.name.to_owned()).collect();
    let mut matrix = Matrix::new(participants, issues);
    matrix.false_claims = Some(false_claims);
    Some(matrix)
}
