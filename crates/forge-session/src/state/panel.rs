//! The quality of a panel: who spoke, who may judge, and what only one of them saw.

use std::collections::BTreeSet;

use forge_core::{ModelProvider, Participant};

use super::{Outcome, State};
use crate::{
    answer::{Critique, DispositionKind},
    capture_recapture,
    finding::{Finding, FindingState},
    passage::{QuoteIndex, overlap},
    stage::{CallKey, Mode, Stage},
    stop::PanelQuality,
};

/// The shortest quote, in characters, that shows that a critic has read the text.
const QUOTE: usize = 20;

impl State {
    /// Whether a critique has substance: a finding, or a strength with a quote that the host finds in the text and that is
    /// not its title. Praise without a quote can be written without reading.
    pub(crate) fn has_substance(&self, key: CallKey) -> bool {
        let critique = self.critique(key);
        !critique.findings.is_empty() || self.quotes_text(key.cycle, &critique)
    }

    /// Whether a strength quotes the text. The title does not count: it can be read without the rest.
    fn quotes_text(&self, cycle: u32, critique: &Critique) -> bool {
        let Some(base) = self.base(cycle) else { return false };
        let text = QuoteIndex::of(&base.text);
        let first = base.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let title = text.find(first);
        critique.strengths.iter().any(|strength| {
            let long = strength.quote.chars().filter(|c| !c.is_whitespace()).count() >= QUOTE;
            let places = text.find_all(&strength.quote);
            long && places.into_iter().any(|place| title.as_ref().is_none_or(|title| !overlap(title, &place)))
        })
    }

    /// Everybody who wrote a part of the text that `cycle` starts from, as asked and as served.
    pub(crate) fn authors(&self, cycle: u32) -> Vec<Participant> {
        let versions = self.versions.iter().filter(|version| version.cycle < cycle.max(1));
        distinct(versions.flat_map(|version| version.asked.iter().chain(&version.author)))
    }

    /// Everybody who decided the findings of `cycle`.
    pub(crate) fn deciders(&self, cycle: u32) -> Vec<Participant> {
        let calls = self.at_seat(cycle, Stage::Synthesis, 0);
        let answered = calls.filter_map(|call| match &call.outcome {
            Outcome::Answered(answer) => Some([&call.intent.participant, &answer.served]),
            Outcome::Running | Outcome::Failed(_) => None,
        });
        distinct(answered.flatten())
    }

    /// Blocking findings of most of a panel that the family which wrote the text has rejected. A model favours its own
    /// text, and one check does not outweigh a majority, so that this never counts as settled.
    pub(crate) fn contested(&self) -> impl Iterator<Item = &Finding> {
        let rejected = |finding: &&Finding| finding.blocks() && finding.state == FindingState::Rejected;
        self.ledger.findings().filter(rejected).filter(|finding| {
            // In any cycle since: a later panel may be the one of which most raise it.
            (finding.cycle..=self.cycle()).any(|cycle| {
                let spoke = self.spoke(cycle);
                // One critic alone is no majority.
                spoke > 1
                    && self.ledger.seats(finding, cycle).len() * 2 > spoke
                    && self.is_of_one_family(cycle)
            })
        })
    }

    /// Whether a family that decided the findings of `cycle` also wrote a part of its text.
    fn is_of_one_family(&self, cycle: u32) -> bool {
        let families = |all: Vec<Participant>| -> Vec<ModelProvider> {
            all.into_iter().map(|one| one.provider).collect()
        };
        let authors = families(self.authors(cycle));
        families(self.deciders(cycle)).iter().any(|family| authors.contains(family))
    }

    /// Critics of a cycle that said something in time.
    fn spoke(&self, cycle: u32) -> usize {
        let counted = self.panels.get(&cycle).map_or(&[][..], |panel| panel.counted.as_slice());
        counted.iter().filter(|key| self.has_substance(**key)).count()
    }

    /// The quality of the panel of `cycle`, as its cycle closes.
    pub(crate) fn panel_quality(&self, cycle: u32) -> PanelQuality {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let spoke = self.spoke(cycle);
        // Answers without substance fill no quorum.
        let quorum = spoke >= self.plan.required();
        let is_changed = self.versions.last().is_some_and(|version| version.cycle == cycle);
        let is_council = self.plan.settings.mode == Mode::Council;
        // What was rejected is no fault that others missed. A duplicate counts where it is represented.
        let accepted = |finding: &&Finding| {
            let given = finding.disposition.as_ref().filter(|_| finding.duplicate_of().is_none());
            finding.blocks() && given.is_some_and(|given| given.decision == DispositionKind::Accept)
        };
        let seats = self.ledger.findings().filter(accepted).map(|one| self.ledger.seats(one, cycle).len());
        let (mut by_one, mut by_two) = (0, 0);
        for seats in seats {
            by_one += usize::from(seats == 1);
            by_two += usize::from(seats == 2);
        }
        PanelQuality {
            cycle,
            wanted: self.plan.wanted_seats(),
            answered: count(self.panels.get(&cycle).map_or(0, |panel| panel.counted.len())),
            spoke: count(spoke),
            quorum,
            // Any change, also a small one, makes another text than the one that was read.
            dry: is_council
                && quorum
                && !is_changed
                && self.ledger.open_blocking() == 0
                && self.ledger.to_check().next().is_none(),
            unseen: if self.plan.settings.mode.has_check() {
                capture_recapture::undetected_lower_bound(spoke, by_one, by_two)
            } else {
                None
            },
        }
    }

    /// Whether anything that blocks was raised in `cycle`.
    pub(crate) fn raised_blocking(&self, cycle: u32) -> bool {
        let raised = |finding: &&Finding| finding.raised_by.iter().any(|raised| raised.cycle == cycle);
        self.ledger.findings().filter(raised).any(Finding::blocks)
    }
}

/// Each model once, through whichever provider it was reached.
fn distinct<'a>(all: impl Iterator<Item = &'a Participant>) -> Vec<Participant> {
    let mut seen = BTreeSet::new();
    // Who stands for a role names no model. Whoever answered for it is in the list as well.
    let known = all.filter(|one| !one.model_id.as_str().is_empty());
    let new = known.filter(|one| seen.insert((one.provider.clone(), one.model_id.clone())));
    new.cloned().collect()
}
