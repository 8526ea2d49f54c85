//! Whom to ask, with which request, and whether there is room for the call.

use forge_core::{Amount, ModelRequest, Participant};

use super::{Action, Planned, Planner, drop_seat};
use crate::{
    CallKey, Caps, DropReason, FindingId, Mode, Outcome, Purpose, SessionError, Stage, Version, budget,
    prompt::{self, Matter},
    state::Seat,
};

impl Planner<'_> {
    /// A call for a seat that is ready; waiting otherwise, or when there is no room for it.
    pub(super) fn ask(
        &self,
        cycle: u32,
        stage: Stage,
        seat: u32,
        status: &Seat<'_>,
    ) -> Result<Action, SessionError> {
        let Seat::Ready { step, participant, purpose } = *status else { return Ok(Action::Wait(None)) };
        let state = self.state;
        let full = state.running().count() >= state.plan.settings.caps.at_once.max(1) as usize;
        if full || state.paused {
            return Ok(Action::Wait(None));
        }
        let key = CallKey { cycle, stage, seat, step };
        let planned = self.plan_call(key, participant, purpose)?;
        if self.has_room(&planned)? {
            return Ok(Action::Call(Box::new(planned)));
        }
        Ok(drop_seat(cycle, stage, seat, DropReason::Budget))
    }

    /// A call as it is, whether or not there is room for it.
    pub(crate) fn plan_call(
        &self,
        key: CallKey,
        participant: &Participant,
        purpose: Purpose,
    ) -> Result<Planned, SessionError> {
        let request = self.request(key, participant, purpose)?;
        let (reserved, priced) = budget::worst_case(&*self.parts.prices, participant, &request);
        let json = serde_json::to_vec(&request).unwrap_or_default();
        let prompt = format!("{:016x}", crate::seed::hash(&[&json]));
        Ok(Planned { key, participant: participant.clone(), purpose, request, prompt, reserved, priced })
    }

    fn request(
        &self,
        key: CallKey,
        participant: &Participant,
        purpose: Purpose,
    ) -> Result<ModelRequest, SessionError> {
        let state = self.state;
        let able = self.parts.capabilities(participant);
        let matter = self.matter(key, purpose);
        Ok(self.parts.prompts.request(&state.plan, &state.names, key, purpose, able, &matter)?)
    }

    pub(crate) fn has_room(&self, planned: &Planned) -> Result<bool, SessionError> {
        let state = self.state;
        let held = if planned.key.stage == Stage::Critique {
            self.held(planned.key.cycle)?
        } else {
            Amount::default()
        };
        let total = [planned.reserved, held].into_iter().fold(state.used(), Amount::plus);
        Ok(fits(&state.plan.settings.caps, total))
    }

    /// What the synthesis and the check of a cycle need, kept back before critics are asked.
    fn held(&self, cycle: u32) -> Result<Amount, SessionError> {
        let plan = &self.state.plan;
        let critiques = prompt::carried(plan, Stage::Critique) * plan.seats().len() as u64;
        let mut held = Amount::default();
        for stage in [Stage::Synthesis, Stage::Check] {
            if stage == Stage::Check && plan.settings.mode != Mode::Council {
                continue;
            }
            let Some(participant) = plan.chain(stage, 0).first() else { continue };
            let key = CallKey { cycle, stage, seat: 0, step: 0 };
            let request = self.request(key, participant, Purpose::Answer)?;
            let (amount, _) = budget::larger(&*self.parts.prices, participant, &request, critiques);
            held = held.plus(amount);
        }
        Ok(held)
    }

    fn matter(&self, key: CallKey, purpose: Purpose) -> Matter<'_> {
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
        let labels = state.labels.get(&key.cycle).map_or(&[][..], Vec::as_slice);
        let mut findings: Vec<_> = ids
            .iter()
            .filter_map(|id| state.ledger.find(*id))
            .map(|finding| (finding, raised_by(finding, labels)))
            .collect();
        if key.stage == Stage::Synthesis {
            // The order of peers is no ranking: findings follow the shuffled labels.
            findings.sort_by(|(one, by), (other, with)| (by, one.id).cmp(&(with, other.id)));
        }
        let last =
            state.at_seat(key.cycle, key.stage, key.seat).rfind(|call| call.intent.call.step < key.step);
        let answer = match (purpose, last.map(|call| &call.outcome)) {
            (Purpose::Repair, Some(Outcome::Answered(answer))) => Some(answer.raw_content.as_str()),
            _ => None,
        };
        Matter {
            document: version.map_or("", |version| &version.text),
            findings,
            feedback: state.feedback(key.cycle),
            answer,
        }
    }

    /// Whom to ask at a critic's seat: nobody judges a text of its own.
    pub(super) fn critics(&self, cycle: u32, seat: u32) -> Vec<&Participant> {
        let author = self.state.base(cycle);
        let own = |critic: &Participant, author: &Participant| {
            (&critic.provider_id, &critic.model) == (&author.provider_id, &author.model)
                && !critic.model.as_str().is_empty()
        };
        let is_author = |critic: &&Participant| {
            author.is_some_and(|version| own(critic, &version.author) || own(critic, &version.asked))
        };
        self.state.plan.chain(Stage::Critique, seat).iter().filter(|critic| !is_author(critic)).collect()
    }

    /// Whom to ask for a check: other families than the author's first.
    pub(super) fn checkers(&self, cycle: u32) -> Vec<&Participant> {
        let author = self.state.versions.iter().rev().find(|version| version.cycle == cycle);
        let mut chain: Vec<&Participant> = self.state.plan.cast.checker.iter().collect();
        chain
            .sort_by_key(|checker| author.is_some_and(|version| version.author.provider == checker.provider));
        chain
    }
}

fn raised_by(finding: &crate::Finding, labels: &[crate::Label]) -> Vec<String> {
    let name = |seat: Option<u32>| match seat {
        None => Some("the checker".to_owned()),
        Some(seat) => labels.iter().find(|label| label.seat == seat).map(|label| label.label.clone()),
    };
    let mut names: Vec<String> = finding.raised_by.iter().filter_map(|raised| name(raised.seat)).collect();
    names.sort();
    names.dedup();
    names
}

fn fits(caps: &Caps, amount: Amount) -> bool {
    caps.money.is_none_or(|cap| amount.money <= cap) && caps.tokens.is_none_or(|cap| amount.tokens <= cap)
}
