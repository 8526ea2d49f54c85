//! Planned calls: whom to ask, with which request, and whether the budget has room.

use std::borrow::Cow;

use forge_core::{ModelRequest, Participant, call::Fallback, storage::budget::Amount};
use forge_prompt::strip_reasoning;

use super::{Action, PlannedCall, Planner, drop_seat};
use crate::{
    answer::FindingId,
    budget,
    error::SessionError,
    event::DropReason,
    plan::Caps,
    prompt::{self, PromptInput},
    stage::{CallKey, Purpose, Stage},
    state::{Outcome, Seat, Version},
};

impl Planner<'_> {
    /// The call for a seat that is ready, or a wait; a call without room in the budget drops the seat.
    pub(super) fn ask(
        &self,
        cycle: u32,
        stage: Stage,
        seat: u32,
        status: &Seat<'_>,
    ) -> Result<Action, SessionError> {
        let Seat::Ready { step, participant, purpose, last } = *status else { return Ok(Action::Wait(None)) };
        let state = self.state;
        let full = state.running().count() >= state.plan.settings.caps.at_once.max(1) as usize;
        if full || state.paused {
            return Ok(Action::Wait(None));
        }
        let key = CallKey { cycle, stage, seat, step };
        let mut planned = self.plan_call(key, participant, purpose)?;
        // Somebody else stands behind it in the chain, so that a router need not insist on this one.
        if !last && planned.fallback == Fallback::Nobody {
            planned.fallback = Fallback::Caller;
        }
        if self.has_room(&planned)? {
            return Ok(Action::Call(Box::new(planned)));
        }
        // Only this seat goes: whoever sits at another one may cost less.
        Ok(drop_seat(cycle, stage, seat, DropReason::Budget))
    }

    /// A call, whether or not the budget has room for it.
    pub(crate) fn plan_call(
        &self,
        key: CallKey,
        participant: &Participant,
        purpose: Purpose,
    ) -> Result<PlannedCall, SessionError> {
        let request = self.request(key, participant, purpose)?;
        let (reserved, priced) = budget::worst_case(&*self.deps.prices, participant, &request);
        let json = serde_json::to_vec(&request).unwrap_or_default();
        let prompt = format!("{:016x}", crate::seed::hash(&[&json]));
        let state = self.state;
        // A router may answer with another model than the one that is asked. Whoever wrote the text must not
        // judge it, and whoever decided the findings must not check the decisions, on any route.
        let exclude = match key.stage {
            Stage::Draft | Stage::Synthesis => Vec::new(),
            Stage::Critique => state.authors(key.cycle),
            Stage::Check => self.deciders(key.cycle),
        };
        // A participant without a model stands for a role and has the fallbacks of that role; any other is asked alone.
        let by_role = participant.model_id.as_str().is_empty();
        let fallback = if by_role { Fallback::Configured } else { Fallback::Nobody };
        let participant = participant.clone();
        Ok(PlannedCall { key, participant, purpose, request, prompt, reserved, priced, exclude, fallback })
    }

    /// Who decided findings in any cycle so far: all of their decisions stand in the text that is checked.
    fn deciders(&self, cycle: u32) -> Vec<Participant> {
        (1..=cycle).flat_map(|cycle| self.state.deciders(cycle)).collect()
    }

    /// Whether the budget has room for the required critics of another cycle and for the stages after them.
    pub(super) fn has_room_for_panel(&self, cycle: u32) -> Result<bool, SessionError> {
        let mut total = self.state.used().plus(self.reserved_for_later(cycle)?);
        // Those without whom there is no quorum. The others are asked as far as the rest of the budget goes.
        for seat in self.state.plan.seats().take(self.state.plan.required()) {
            let Some(critic) = self.critics(cycle, seat).first().copied() else { continue };
            let key = CallKey { cycle, stage: Stage::Critique, seat, step: 0 };
            total = total.plus(self.plan_call(key, critic, Purpose::Answer)?.reserved);
        }
        Ok(fits(&self.state.plan.settings.caps, total))
    }

    /// The request for a call, as this participant can take it.
    fn request(
        &self,
        key: CallKey,
        participant: &Participant,
        purpose: Purpose,
    ) -> Result<ModelRequest, SessionError> {
        let state = self.state;
        let profile = self.deps.profile(participant);
        let prompt_input = self.prompt_input(key, purpose);
        Ok(self.deps.prompts.request(&state.plan, &state.names, key, purpose, &profile, &prompt_input)?)
    }

    /// Whether the caps have room for the most that the call can take, beside all that is spent and set
    /// aside. Calls side by side can then never overspend together.
    pub(crate) fn has_room(&self, planned: &PlannedCall) -> Result<bool, SessionError> {
        let state = self.state;
        let reserved = if planned.key.stage == Stage::Critique {
            self.reserved_for_later(planned.key.cycle)?
        } else {
            Amount::default()
        };
        let total = [planned.reserved, reserved].into_iter().fold(state.used(), Amount::plus);
        Ok(fits(&state.plan.settings.caps, total))
    }

    /// The amount that synthesis and check of a cycle need. It is kept back before critics are asked: findings that nobody
    /// can decide any more are worth nothing.
    fn reserved_for_later(&self, cycle: u32) -> Result<Amount, SessionError> {
        if let Some((_, known)) = self.later.get().filter(|(of, _)| *of == cycle) {
            return Ok(*known);
        }
        let plan = &self.state.plan;
        // The prompts of the later stages will hold critiques that are not written yet.
        let critiques = prompt::carried_bytes(plan, Stage::Critique) * plan.seats().len() as u64;
        let mut reserved = Amount::default();
        for stage in [Stage::Synthesis, Stage::Check] {
            if stage == Stage::Check && !plan.settings.mode.has_check() {
                continue;
            }
            let Some(participant) = plan.chain(stage, 0).first() else { continue };
            let key = CallKey { cycle, stage, seat: 0, step: 0 };
            let request = self.request(key, participant, Purpose::Answer)?;
            let (amount, _) = budget::worst_case_with(&*self.deps.prices, participant, &request, critiques);
            reserved = reserved.plus(amount);
        }
        // Of two cycles, the first one stays: it is rare that both are asked for.
        let _ = self.later.set((cycle, reserved));
        Ok(reserved)
    }

    /// What a prompt holds beside the topic. It follows from the state alone, so that a call that is made
    /// again asks the same.
    fn prompt_input(&self, key: CallKey, purpose: Purpose) -> PromptInput<'_> {
        let state = self.state;
        let latest = || state.versions.last();
        let version: Option<&Version> = match key.stage {
            Stage::Draft => None,
            Stage::Critique | Stage::Synthesis => state.base(key.cycle),
            Stage::Check => latest(),
        };
        let ids: Vec<FindingId> = match key.stage {
            Stage::Draft | Stage::Critique => Vec::new(),
            Stage::Synthesis => state.to_decide(),
            Stage::Check => state.to_check(),
        };
        let gap =
            (purpose == Purpose::Repair).then(|| state.gap_at(key.cycle, key.stage, key.seat)).flatten();
        let gap = gap.unwrap_or_default();
        let labels = state.labels.get(&key.cycle).map_or(&[][..], Vec::as_slice);
        let mut findings: Vec<_> = ids
            .iter()
            .filter(|id| gap.findings.is_empty() || gap.findings.contains(id))
            .filter_map(|id| state.ledger.find(*id))
            .map(|finding| (finding, raised_by(finding, labels)))
            .collect();
        if key.stage == Stage::Synthesis {
            // Models favour what comes first, so that findings follow the shuffled labels and not the order of the seats.
            findings.sort_by(|(one, by), (other, with)| (by, one.id).cmp(&(with, other.id)));
        }
        // The call before this one: on a relaunch, the call itself is in the state already.
        let last =
            state.at_seat(key.cycle, key.stage, key.seat).rfind(|call| call.intent.call.step < key.step);
        let answer = match (purpose, last.map(|call| &call.outcome)) {
            (Purpose::Repair, Some(Outcome::Answered(answer))) => strip_reasoning(&answer.raw_content),
            _ => Cow::Borrowed(""),
        };
        // A repair decides again only what was unusable; its edits apply on top of those that were usable.
        let so_far = state.revision(key.cycle).filter(|_| !gap.findings.is_empty());
        let document = match so_far.filter(|_| key.stage == Stage::Synthesis) {
            Some(revision) => {
                let text = state.revised_by(key.cycle, &revision).text;
                Cow::Owned(prompt::shown(&state.names, &text).into_owned())
            }
            None => Cow::Borrowed(version.map_or("", Version::shown)),
        };
        let duplicates = |id: FindingId| {
            let same = state.ledger.findings().filter(move |other| other.duplicate_of() == Some(id));
            same.map(|other| other.issue.claim.as_str()).collect()
        };
        PromptInput {
            document,
            findings: findings.into_iter().map(|(one, by)| (one, by, duplicates(one.id))).collect(),
            feedback: state.feedback(key.cycle),
            answer,
            problem: format!("{}. {}", gap.problem, gap.wanted),
        }
    }

    /// The chain of a critic's seat. No model judges a text that it wrote, and none sits at two seats, since two readings of
    /// one model are not independent.
    pub(super) fn critics(&self, cycle: u32, seat: u32) -> Vec<&Participant> {
        let state = self.state;
        let authors = state.authors(cycle);
        // Taken models: first choices by the order of the seats, fallbacks once they were asked.
        let others = state.plan.seats().filter(|other| *other != seat);
        let seated: Vec<(bool, &Participant)> = others
            .flat_map(|other| {
                let asked = state.at_seat(cycle, Stage::Critique, other).map(|call| &call.intent.participant);
                let first = state.plan.chain(Stage::Critique, other).first();
                first.into_iter().chain(asked).map(move |one| (other < seat, one))
            })
            .collect();
        let chain = state.plan.chain(Stage::Critique, seat).iter().enumerate();
        let may_sit = |(at, critic): &(usize, &Participant)| {
            let is_taken =
                seated.iter().any(|(before, one)| (*at > 0 || *before) && is_one_model(critic, one));
            !is_taken && !authors.iter().any(|author| is_one_model(critic, author))
        };
        chain.filter(may_sit).map(|(_, critic)| critic).collect()
    }

    /// The chain of the check: nobody who decided the findings, and other families first.
    pub(super) fn checkers(&self, cycle: u32) -> Vec<&Participant> {
        self.checkers_of(&self.deciders(cycle))
    }

    /// Who may check what these have decided, other families first.
    fn checkers_of(&self, deciders: &[Participant]) -> Vec<&Participant> {
        let checkers = self.state.plan.cast.checker.iter();
        let mut chain: Vec<&Participant> =
            checkers.filter(|checker| !deciders.iter().any(|one| is_one_model(checker, one))).collect();
        // A model favours its own family. The sort is stable: within a family the order of the cast holds.
        chain.sort_by_key(|checker| deciders.iter().any(|one| one.provider == checker.provider));
        chain
    }

    /// The first choice at a seat of the first cycle, if every earlier call is answered.
    pub(crate) fn first_choice(&self, stage: Stage, seat: u32) -> Option<&Participant> {
        let cast = &self.state.plan.cast;
        match stage {
            Stage::Draft | Stage::Synthesis => self.state.plan.chain(stage, 0).first(),
            Stage::Critique => self.critics(1, seat).first().copied(),
            Stage::Check => {
                // Who will decide is not known yet; the first choice stands for it.
                let synthesizer = cast.synthesizer.first().cloned();
                self.checkers_of(&synthesizer.into_iter().collect::<Vec<_>>()).first().copied()
            }
        }
    }
}

/// Whether two participants are one model, through any provider. A participant that stands for a role is no model yet.
fn is_one_model(one: &Participant, other: &Participant) -> bool {
    (&one.provider, &one.model_id) == (&other.provider, &other.model_id) && !one.model_id.as_str().is_empty()
}

/// Who raised a finding, by label. The names of models stay hidden, so that the synthesizer weighs what is
/// said and not who says it.
fn raised_by(finding: &crate::finding::Finding, labels: &[crate::stage::Label]) -> Vec<String> {
    let name = |raised: &crate::finding::Raised| match raised.seat {
        None if raised.person => Some("the person who asked for the document".to_owned()),
        None => Some("the checker".to_owned()),
        Some(seat) => labels.iter().find(|label| label.seat == seat).map(|label| label.label.clone()),
    };
    let mut names: Vec<String> = finding.raised_by.iter().filter_map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether a total keeps to both caps. Money of unknown price is not in it.
fn fits(caps: &Caps, amount: Amount) -> bool {
    caps.money.is_none_or(|cap| amount.money <= cap) && caps.tokens.is_none_or(|cap| amount.tokens <= cap)
}
