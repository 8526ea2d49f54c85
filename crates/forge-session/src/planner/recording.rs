//! Events that record what answers say: findings, decisions, verdicts.

use super::{Action, Planner, count};
use crate::{
    answer::{Check, DispositionKind, Revision},
    event::Event,
    finding::{Finding, FindingState},
    ledger::RaisedFinding,
    revise::Revised,
    stage::{CallKey, Mode},
};

impl Planner<'_> {
    /// The decisions of the synthesizer, as far as the host can confirm them in the text.
    pub(super) fn record_decisions(
        &self,
        cycle: u32,
        call: CallKey,
        revision: Revision,
        mut revised: Revised,
    ) -> Action {
        let state = self.state;
        let base = state.base(cycle).map_or("", |version| &version.text);
        let mut findings = state.ledger.dispose(base, &revised.unplaced, &revision.dispositions);
        let must_change = |finding: &Finding| finding.state == FindingState::Accepted;
        if cycle > 1 && revised.text != base && !findings.iter().any(must_change) {
            // Minor edits are not worth a text that a panel has read without a blocking finding: it would have to be read again.
            let accepted =
                revision.dispositions.iter().filter(|given| given.decision == DispositionKind::Accept);
            let why = "right, but left: this text is the one that the panel has read";
            revised.unplaced.extend(accepted.map(|given| (given.finding, why.to_owned())));
            base.clone_into(&mut revised.text);
            revised.loss.lines = 0;
            findings = state.ledger.dispose(base, &revised.unplaced, &revision.dispositions);
        }
        Action::Record(Event::DispositionsRecorded {
            cycle,
            call,
            document: (revised.text != base).then_some(revised.text),
            lost: count(revised.loss.lines),
            dispositions: revision.dispositions,
            conflicts: revision.conflicts,
            findings,
        })
    }

    /// What critics raised in these calls, and behind it the wishes of the user, numbered on from theirs.
    pub(super) fn record_findings(&self, cycle: u32, calls: Vec<CallKey>) -> Action {
        let state = self.state;
        let critiques: Vec<_> = calls.iter().map(|key| (*key, state.critique(*key))).collect();
        let newest = state.versions.last().map_or(0, |version| version.cycle);
        let raised: Vec<RaisedFinding<'_>> = critiques
            .iter()
            .flat_map(|(key, critique)| {
                let base = state.base(key.cycle);
                let document = base.map_or("", |version| version.text.as_str());
                // The critic has read an older text: the newest one may have settled what it raises again.
                let late = base.is_none_or(|version| version.cycle < newest);
                critique.findings.iter().map(move |issue| RaisedFinding {
                    seat: Some(key.seat),
                    issue,
                    document,
                    late,
                })
            })
            .collect();
        let mut findings = state.ledger.raise(cycle, &raised);
        let mut ledger = state.ledger.clone();
        ledger.set(&findings);
        let wanted = ledger.raise_feedback(cycle, state.new_feedback());
        let wishes = count(wanted.len());
        findings.extend(wanted);
        Action::Record(Event::FindingsRecorded { cycle, calls, wishes, findings })
    }

    /// The verdicts, and then the new findings of the checker, which are open whatever it says of others.
    pub(super) fn record_check(&self, cycle: u32, call: CallKey, check: &Check) -> Action {
        let state = self.state;
        let mut ledger = state.ledger.clone();
        let is_judged = state.plan.settings.mode == Mode::Judge;
        let mut findings =
            ledger.judge(&check.verdicts, if is_judged { "refuted by the check" } else { "not settled" });
        ledger.set(&findings);
        let document = state.versions.last().map_or("", |version| &version.text);
        let raised = |issue| RaisedFinding { seat: None, issue, document, late: false };
        // Whoever refutes has read the findings of others: what it adds is no blind finding, and there is no new text.
        let new_findings = if is_judged { &[][..] } else { &check.new_findings };
        let raised: Vec<_> = new_findings.iter().map(raised).collect();
        let raised = ledger.raise(cycle, &raised);
        // A fault that the same answer calls settled and raises again stays open.
        findings.retain(|finding| raised.iter().all(|newer| newer.id != finding.id));
        findings.extend(raised);
        Action::Record(Event::Checked { cycle, call, verdicts: check.verdicts.clone(), findings })
    }
}
