//! Reads the result out of a session's state.

use std::collections::{BTreeMap, BTreeSet};

use super::{CallSummary, Comparison, Degradation, Dissent, Part, Usage};
use crate::{
    Answer, Call, CallKey, DropReason, Finding, FindingState, Mode, Outcome, Stage, State, Stop,
    event::Attempt, state::is_usable,
};

pub(super) fn summaries(state: &State) -> Vec<CallSummary> {
    let mut calls: Vec<CallSummary> = state.calls.values().map(summary).collect();
    calls.sort_by_key(|call| (call.begun_ms, call.call));
    calls
}

fn summary(call: &Call) -> CallSummary {
    let asked = &call.intent.participant;
    let one = Usage { calls: 1, ..Usage::default() };
    let unknown = Usage { unknown: 1, ..one };
    let (participant, usage, took, error) = match &call.outcome {
        Outcome::Running => (asked, unknown, None, Some("not waited for".to_owned())),
        Outcome::Answered(answer) => {
            let fault = fault(call.intent.call.stage, answer);
            (&answer.served, answered(answer), Some(answer.took), fault)
        }
        Outcome::Failed(failure) => {
            let usage = if failure.charged == forge_core::Amount::default() { one } else { unknown };
            (asked, usage, Some(failure.took), Some(failure.message.clone()))
        }
    };
    CallSummary {
        call: call.intent.call,
        purpose: call.intent.purpose,
        participant: participant.clone(),
        begun_ms: call.begun,
        took_ms: took,
        usage,
        error,
    }
}

fn answered(answer: &Answer) -> Usage {
    let (input, output) = (answer.tokens.total_input(), answer.tokens.total_output());
    let known = input.is_some() && output.is_some() && answer.cost.is_some();
    Usage {
        calls: 1,
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cost: answer.cost.unwrap_or_default(),
        unknown: u32::from(!known),
    }
}

fn fault(stage: Stage, answer: &Answer) -> Option<String> {
    if answer.raw_content.trim().is_empty() {
        return Some("empty answer".into());
    }
    let word = serde_json::to_value(answer.stop_reason).ok()?;
    (!is_usable(answer.stop_reason, stage))
        .then(|| format!("ended with {}", word.as_str().unwrap_or("no reason")))
}

pub(super) fn part(call: &Call) -> Part {
    let (served, failed) = match &call.outcome {
        Outcome::Running => (None, Vec::new()),
        Outcome::Answered(answer) => (Some(answer.served.clone()), answer.failed.clone()),
        Outcome::Failed(failure) => {
            let own = Attempt {
                provider: call.intent.participant.provider_id.clone(),
                model: call.intent.participant.model.clone(),
                error: failure.kind,
                message: failure.message.clone(),
            };
            let failed = if failure.failed.is_empty() { vec![own] } else { failure.failed.clone() };
            (None, failed)
        }
    };
    Part { call: call.intent.call, asked: call.intent.participant.clone(), served, failed }
}

pub(super) fn dissents(state: &State) -> Vec<Dissent> {
    let rejected =
        state.ledger.findings().filter(|finding| finding.blocks() && finding.state == FindingState::Rejected);
    let dissent = |finding: &Finding| Dissent {
        finding: finding.id.to_string(),
        severity: finding.severity().to_owned(),
        claim: finding.remark.claim.clone(),
        support: finding.raised_by.len(),
        reason: finding.disposition.as_ref().map(|given| given.reason.clone()).unwrap_or_default(),
    };
    rejected.map(dissent).collect()
}

/// Why nobody was asked, in words.
pub(crate) const fn because(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Budget => "the budget has no room for it",
        DropReason::OwnText => "nobody judges a text of its own",
        DropReason::Skipped => "the user skipped it",
    }
}

pub(super) fn degradations(state: &State) -> Vec<Degradation> {
    let mut all = Vec::new();
    let mut add = |cycle, stage, reason: String| all.push(Degradation { cycle, stage, reason });
    if state.versions.is_empty() && state.stopped.is_some() {
        add(0, Stage::Draft, why(state, 0, Stage::Draft, 0));
    }
    if state.versions.last().is_some_and(|version| version.cut_off) {
        let cycle = state.versions.last().map_or(0, |version| version.cycle);
        let stage = if cycle == 0 { Stage::Draft } else { Stage::Synthesis };
        add(cycle, stage, "the document was cut off at its token limit".into());
    }
    let stopped = state.stopped.map(|(reason, _)| reason);
    for cycle in 1..=state.cycle() {
        let Some(counted) = counted(state, cycle) else { continue };
        let seats = state.plan.seats().len();
        let missing = state.plan.seats().filter(|seat| counted.iter().all(|key| key.seat != *seat));
        let missing: Vec<String> = missing
            .map(|seat| format!("critic {}: {}", seat + 1, why(state, cycle, Stage::Critique, seat)))
            .collect();
        if !missing.is_empty() {
            let found = counted.len();
            add(
                cycle,
                Stage::Critique,
                format!("{found} of {seats} critics answered in time ({})", missing.join("; ")),
            );
        }
        for key in counted {
            let author =
                state.base(cycle).map(|version| (&version.author.provider_id, &version.author.model));
            if let Some(Call { outcome: Outcome::Answered(answer), .. }) = state.calls.get(key)
                && author == Some((&answer.served.provider_id, &answer.served.model))
            {
                add(
                    cycle,
                    Stage::Critique,
                    format!("critic {} was served by the author of the text", key.seat + 1),
                );
            }
        }
    }
    let no_synthesis = matches!(stopped, Some(Stop::NoSynthesis | Stop::Budget));
    if no_synthesis && state.panels.contains_key(&state.cycle()) {
        add(state.cycle(), Stage::Synthesis, why(state, state.cycle(), Stage::Synthesis, 0));
    }
    for cycle in &state.revised {
        let closed = state.closed.len() >= *cycle as usize;
        if state.plan.settings.mode == Mode::Council && closed && !state.checked.contains(cycle) {
            add(
                *cycle,
                Stage::Check,
                format!("the revision was not checked: {}", why(state, *cycle, Stage::Check, 0)),
            );
        }
    }
    all
}

/// The critiques that counted in a cycle; `None` if its panel was never at work.
fn counted(state: &State, cycle: u32) -> Option<&[CallKey]> {
    let gave_up = cycle == state.cycle() && matches!(state.stopped, Some((Stop::NoCritic | Stop::Budget, _)));
    let none: &[CallKey] = &[];
    state.panels.get(&cycle).map(|panel| panel.counted.as_slice()).or(gave_up.then_some(none))
}

/// Why a seat has no answer.
fn why(state: &State, cycle: u32, stage: Stage, seat: u32) -> String {
    if let Some(reason) = state.dropped.get(&(cycle, stage, seat)) {
        return because(*reason).to_owned();
    }
    match state.at_seat(cycle, stage, seat).next_back().map(|call| &call.outcome) {
        None => "it was not asked".into(),
        Some(Outcome::Running) => "it was too slow".into(),
        Some(Outcome::Failed(failure)) => failure.message.clone(),
        Some(Outcome::Answered(answer)) => fault(stage, answer)
            .unwrap_or_else(|| "its answer could not be understood or came too late".into()),
    }
}

/// The calls that had to follow each other: in each stage the longest seat, as far as the stage waited for it.
pub(super) fn critical_path(state: &State) -> u64 {
    let mut longest: BTreeMap<(u32, Stage), u64> = BTreeMap::new();
    let mut seats: BTreeMap<(u32, Stage, u32), u64> = BTreeMap::new();
    for call in state.calls.values() {
        let key = call.intent.call;
        let counts = key.stage != Stage::Critique
            || state
                .panels
                .get(&key.cycle)
                .is_none_or(|panel| panel.counted.iter().any(|one| one.seat == key.seat));
        if let Some(ended) = call.ended.filter(|_| counts) {
            let sum = seats.entry((key.cycle, key.stage, key.seat)).or_default();
            *sum += ended.saturating_sub(call.begun);
            let most = longest.entry((key.cycle, key.stage)).or_default();
            *most = (*most).max(*sum);
        }
    }
    longest.values().sum()
}

pub(super) fn comparison(state: &State, calls: &[CallSummary]) -> Option<Comparison> {
    let (draft, last) = (state.versions.first()?, state.versions.last()?);
    let lines = |text: &str| -> BTreeSet<String> {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (old, new) = (lines(&draft.text), lines(&last.text));
    let serious: Vec<&Finding> = state.ledger.findings().filter(|finding| finding.blocks()).collect();
    let gone = |finding: &&&Finding| matches!(finding.state, FindingState::Settled | FindingState::Accepted);
    let of_draft = || calls.iter().filter(|call| call.call.stage == Stage::Draft);
    Some(Comparison {
        serious_found: serious.len(),
        serious_settled: serious.iter().filter(gone).count(),
        draft_usage: of_draft().fold(Usage::default(), |sum, call| sum.plus(call.usage)),
        draft_ms: of_draft().filter_map(|call| call.took_ms).sum(),
        new_lines: new.difference(&old).count(),
        lost_lines: old.difference(&new).count(),
    })
}
