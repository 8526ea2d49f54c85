//! Reads the result out of a session's state.

use std::collections::{BTreeMap, BTreeSet};

use forge_core::Participant;

use super::{AttributedStrength, CallSummary, Comparison, Degradation, Dissent, Participation, Usage};
use crate::{
    answer::Strength,
    event::{Answer, Attempt},
    finding::{Finding, FindingState},
    passage::QuoteIndex,
    stage::{CallKey, Mode, Stage},
    state::{Call, Outcome, State, is_cut_off, is_usable},
    stop::Stop,
};

/// What a call failed of that was under way when its run ended. What it cost is unknown.
const KILLED: &str = "its run ended before it did; it was made again";

/// Every call in the order of its beginning, those that died with their run among them.
pub(super) fn summaries(state: &State) -> Vec<CallSummary> {
    let killed = |call| CallSummary { error: Some(KILLED.into()), ..summary(call) };
    // A call that was made again may have begun at the same time as the one that died.
    let mut calls: Vec<CallSummary> =
        state.killed.iter().map(killed).chain(state.calls.values().map(summary)).collect();
    calls.sort_by_key(|call| (call.begun_ms, call.call));
    calls
}

/// A call in short.
fn summary(call: &Call) -> CallSummary {
    let asked = &call.intent.participant;
    let one = Usage { calls: 1, ..Usage::default() };
    let unknown = Usage { unknown: 1, ..one };
    let (participant, usage, took, error) = match &call.outcome {
        Outcome::Running => (asked, unknown, None, Some("not waited for".to_owned())),
        Outcome::Answered(answer) => {
            let fault = answer_fault(call.intent.call.stage, answer);
            (&answer.served, answered(answer), Some(answer.took), fault)
        }
        Outcome::Failed(failure) => {
            let usage =
            // What was charged without an answer is what was set aside, not what it cost.
                if failure.charged == forge_core::storage::budget::Amount::default() { one } else { unknown };
            (asked, usage, Some(failure.took), Some(failure.message.clone()))
        }
    };
    CallSummary {
        call: call.intent.call,
        purpose: call.intent.purpose,
        participant: participant.clone(),
        begun_ms: call.begun,
        duration_ms: took,
        usage,
        error,
    }
}

/// What an answer used. Unknown tokens or an unknown cost are counted as unknown, beside what is known.
fn answered(answer: &Answer) -> Usage {
    let (input, output) = (answer.tokens.total_input(), answer.tokens.total_output());
    let known = input.is_some() && output.is_some() && answer.cost.is_some();
    Usage {
        calls: 1,
        input_tokens: input.unwrap_or(0),
        output_tokens: output.unwrap_or(0),
        cost: answer.cost.unwrap_or_default(),
        unknown: u32::from(!known),
    }
}

/// What is wrong with an answer that came whole, as far as its end tells.
fn answer_fault(stage: Stage, answer: &Answer) -> Option<String> {
    if answer.raw_content.trim().is_empty() {
        let thought = answer.tokens.reasoning.filter(|tokens| *tokens > 0 && is_cut_off(answer.stop_reason));
        return Some(thought.map_or_else(
            || "empty answer".to_owned(),
            |tokens| format!("{tokens} tokens went into thinking and none were left for an answer"),
        ));
    }
    let word = serde_json::to_value(answer.stop_reason).ok()?;
    (!is_usable(answer.stop_reason, stage))
        .then(|| format!("ended with {}", word.as_str().unwrap_or("no reason")))
}

/// Who was asked in a call and who answered. A failure without attempts of its own is the one attempt.
pub(super) fn participation(call: &Call) -> Participation {
    let (served, failed) = match &call.outcome {
        Outcome::Running => (None, Vec::new()),
        Outcome::Answered(answer) => (Some(answer.served.clone()), answer.failed.clone()),
        Outcome::Failed(failure) => {
            let own = Attempt {
                provider: call.intent.participant.provider_id.clone(),
                model: call.intent.participant.model_id.clone(),
                error: failure.kind,
                message: failure.message.clone(),
            };
            let failed = if failure.failed.is_empty() { vec![own] } else { failure.failed.clone() };
            (None, failed)
        }
    };
    Participation { call: call.intent.call, asked: call.intent.participant.clone(), served, failed }
}

/// Serious findings that were rejected, with everybody who raised them or a duplicate, each once over all
/// cycles.
pub(super) fn dissents(state: &State) -> Vec<Dissent> {
    let rejected =
        state.ledger.findings().filter(|finding| finding.blocks() && finding.state == FindingState::Rejected);
    let dissent = |finding: &Finding| {
        let seats = (finding.cycle..=state.cycle())
            .flat_map(|cycle| state.ledger.seats(finding, cycle).into_iter().map(move |seat| (cycle, seat)));
        let who: BTreeSet<String> = seats.filter_map(|(cycle, seat)| critic(state, cycle, seat)).collect();
        Dissent {
            finding: finding.id.to_string(),
            severity: finding.severity().to_owned(),
            claim: finding.issue.claim.clone(),
            support: who.len(),
            raised_by: who.into_iter().collect(),
            reason: finding.disposition.as_ref().map(|given| given.reason.clone()).unwrap_or_default(),
            check: finding.note.clone().filter(|_| finding.checked),
        }
    };
    rejected.map(dissent).collect()
}

/// The critic at a seat, as it answered: its provider and its model.
fn critic(state: &State, cycle: u32, seat: u32) -> Option<String> {
    let answered = |call: &Call| match &call.outcome {
        Outcome::Answered(answer) => Some(name(&answer.served)),
        Outcome::Running | Outcome::Failed(_) => None,
    };
    // The last one: the answer of a fallback takes the place of those before it.
    state.at_seat(cycle, Stage::Critique, seat).filter_map(answered).next_back()
}

/// A participant as results name it: the configured provider and the model.
fn name(participant: &Participant) -> String {
    format!("{}/{}", participant.provider_id, participant.model_id)
}

/// The finding with the names of those who raised it.
pub(super) fn with_participants(state: &State, finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    for raised in &mut finding.raised_by {
        raised.who = match raised.seat {
            // A late answer counts in a later cycle than the one in which it was asked for.
            Some(seat) => (0..=raised.cycle).rev().find_map(|cycle| critic(state, cycle, seat)),
            None if raised.person => Some("the person who asked".to_owned()),
            None => Some("the checker".to_owned()),
        };
    }
    finding
}

/// What critics found good, once each.
pub(super) fn strengths(state: &State) -> Vec<AttributedStrength> {
    let mut all: Vec<AttributedStrength> = Vec::new();
    let (mut cycle, mut text) = (0, QuoteIndex::default());
    for key in state.panels.values().flat_map(|panel| &panel.counted) {
        // All critics of a cycle read one text.
        if cycle != key.cycle {
            let base = state.base(key.cycle).map_or("", |version| &version.text);
            (cycle, text) = (key.cycle, QuoteIndex::of(base));
        }
        let who = critic(state, key.cycle, key.seat).unwrap_or_default();
        for Strength { quote, claim } in state.critique(*key).strengths {
            let anchored = text.find(&quote).is_some();
            let praise = AttributedStrength { cycle: key.cycle, who: who.clone(), quote, anchored, claim };
            if !all.iter().any(|known| (&known.who, &known.claim) == (&praise.who, &praise.claim)) {
                all.push(praise);
            }
        }
    }
    all
}

/// What is less than planned, stage by stage.
pub(super) fn degradations(state: &State) -> Vec<Degradation> {
    let mut all = Vec::new();
    let mut add = |cycle, stage, reason: String| all.push(Degradation { cycle, stage, reason });
    if state.versions.is_empty() && state.stopped.is_some() {
        add(0, Stage::Draft, reason_without_answer(state, 0, Stage::Draft, 0));
    }
    if state.versions.last().is_some_and(|version| version.cut_off) {
        add(0, Stage::Draft, "the draft was cut off before its end".into());
    }
    if state.is_unread() {
        let closed = u32::try_from(state.closed.len()).unwrap_or(u32::MAX);
        add(
            closed,
            Stage::Critique,
            "the text was written anew after the last panel, and none has read it".into(),
        );
    }
    let stopped = state.stopped.map(|(reason, _)| reason);
    for cycle in 1..=state.cycle() {
        if let Some(reason) = silent_critics(state, cycle) {
            add(cycle, Stage::Critique, reason);
        }
    }
    let no_synthesis = matches!(stopped, Some(Stop::NoSynthesis | Stop::Budget));
    if no_synthesis && state.panels.contains_key(&state.cycle()) {
        add(
            state.cycle(),
            Stage::Synthesis,
            reason_without_answer(state, state.cycle(), Stage::Synthesis, 0),
        );
    }
    for cycle in &state.revised {
        let closed = state.closed.len() >= *cycle as usize;
        let unchecked = state.closed.get((*cycle as usize).saturating_sub(1)).is_some_and(|one| !one.checked);
        if state.plan.settings.mode.has_check() && closed && unchecked {
            let is_judged = state.plan.settings.mode == Mode::Judge;
            let what = if is_judged { "the decisions were" } else { "the revision was" };
            add(
                *cycle,
                Stage::Check,
                format!("{what} not checked: {}", reason_without_answer(state, *cycle, Stage::Check, 0)),
            );
        }
    }
    // Told whatever the session ended with: it may have stopped for another reason before.
    for finding in state.contested() {
        let reason = format!(
            "{} was raised by most critics and rejected by the family that wrote the text",
            finding.id
        );
        add(finding.cycle, Stage::Synthesis, reason);
    }
    for version in state.versions.iter().filter(|version| version.lost > 0) {
        let lines = if version.lost == 1 { "line was" } else { "lines were" };
        let reason = format!("{} {lines} lost that no accepted finding is about", version.lost);
        add(version.cycle, Stage::Synthesis, reason);
    }
    all
}

/// Which critics of a cycle did not answer, or said nothing, and why; `None` if all of them spoke.
fn silent_critics(state: &State, cycle: u32) -> Option<String> {
    let counted = counted(state, cycle)?;
    let silent = |seat: u32| match counted.iter().find(|key| key.seat == seat) {
        Some(key) if state.has_substance(*key) => None,
        Some(_) => Some(format!("critic {}: read, nothing said", seat + 1)),
        None => Some(format!(
            "critic {}: {}",
            seat + 1,
            reason_without_answer(state, cycle, Stage::Critique, seat)
        )),
    };
    let silent: Vec<String> = state.plan.seats().filter_map(silent).collect();
    let seats = state.plan.seats().len();
    let spoke = seats - silent.len();
    (!silent.is_empty())
        .then(|| format!("{spoke} of {seats} critics said something in time ({})", silent.join("; ")))
}

/// The critiques that counted in a cycle; `None` if its panel was never at work.
fn counted(state: &State, cycle: u32) -> Option<&[CallKey]> {
    let gave_up = cycle == state.cycle() && matches!(state.stopped, Some((Stop::NoCritic | Stop::Budget, _)));
    let none: &[CallKey] = &[];
    state.panels.get(&cycle).map(|panel| panel.counted.as_slice()).or(gave_up.then_some(none))
}

/// Why a seat has no answer.
fn reason_without_answer(state: &State, cycle: u32, stage: Stage, seat: u32) -> String {
    // Before any failure: that nobody else was asked is the last thing that happened at the seat.
    if let Some(reason) = state.dropped.get(&(cycle, stage, seat)) {
        return reason.describe().to_owned();
    }
    match state.at_seat(cycle, stage, seat).next_back().map(|call| &call.outcome) {
        None => "it was not asked".into(),
        Some(Outcome::Running) if matches!(state.stopped, Some((Stop::UserAborted, _))) => {
            "it was interrupted".into()
        }
        Some(Outcome::Running) => "it was too slow".into(),
        Some(Outcome::Failed(failure)) => failure.message.clone(),
        Some(Outcome::Answered(answer)) => {
            let last = state.at_seat(cycle, stage, seat).next_back();
            answer_fault(stage, answer)
                .unwrap_or_else(|| last.map_or_else(String::new, |call| reason_unused(state, call)))
        }
    }
}

/// Why an answer that was given whole was not used.
fn reason_unused(state: &State, call: &Call) -> String {
    let key = call.intent.call;
    if state.is_own_text(call) {
        return "it came from whoever wrote the text".into();
    }
    match state.gap_at(key.cycle, key.stage, key.seat) {
        Some(gap) => format!("its answer (call {key}) could not be used: {}", gap.problem),
        None => "it came too late".into(),
    }
}

/// The calls that had to follow each other: in each stage the longest seat, as far as the stage waited for it.
pub(super) fn critical_path(state: &State) -> u64 {
    let mut longest: BTreeMap<(u32, Stage), u64> = BTreeMap::new();
    let mut seats: BTreeMap<(u32, Stage, u32), u64> = BTreeMap::new();
    for call in state.calls.values() {
        let key = call.intent.call;
        // A panel does not wait for critics that do not count; every other stage waits for its calls.
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

/// What the session gained over its draft; lines are compared as sets, so that moving one changes nothing.
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
        draft_duration_ms: of_draft().filter_map(|call| call.duration_ms).sum(),
        new_lines: new.difference(&old).count(),
        lost_lines: old.difference(&new).count(),
    })
}
