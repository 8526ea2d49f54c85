//! Estimates of usage before anything is sent.

use std::time::Duration;

use forge_core::{Participant, TokenCount, request::RequestSize, storage::budget::Amount};
use serde::Serialize;

use crate::{
    budget,
    deps::SessionDeps,
    engine::Session,
    error::SessionError,
    plan::Plan,
    planner::{Later, Planner},
    prompt::{self, PromptInput, names},
    stage::{CallKey, Mode, Purpose, Stage},
    state::{State, Version},
};

/// Answers use about one in so many of the tokens that they may have.
pub(crate) const LIKELY_SHARE: u64 = 4;

/// What a session will use. Nothing is promised: a model that writes less takes less, repairs and fallbacks
/// take more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The draft and every call of one cycle, if each first choice answers, by the rules by which they will be made.
    pub calls: Vec<EstimatedCall>,
    /// Cycles at most; 0 in the mode that only drafts.
    pub cycles: u32,
    /// What a session of one cycle is likely to use.
    pub likely: Amount,
    /// What a session of all cycles is likely to use.
    pub likely_all_cycles: Amount,
    /// The most that one cycle can use, repairs and fallbacks left out. Reservations keep to the caps in any case.
    pub most: Amount,
    /// Whether every price is known; if not, the money above is too low.
    pub priced: bool,
    /// What will be less than was wanted, such as references that do not fit, in words for the user.
    pub warnings: Vec<String>,
}

/// One call that will be made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimatedCall {
    /// The stage.
    pub stage: Stage,
    /// Who is asked first.
    pub participant: Participant,
    /// What the call is likely to use: a quarter of the tokens that its answer may have.
    pub likely: Amount,
    /// The most that it can use.
    pub most: Amount,
    /// Whether its price is known.
    pub priced: bool,
}

impl Session {
    /// Estimates what a session will use. Sends nothing.
    ///
    /// # Errors
    /// A plan that cannot be run, or a prompt template that is wrong.
    pub fn estimate(deps: &SessionDeps, plan: &Plan) -> Result<Estimate, SessionError> {
        plan.check()?;
        deps.check(plan)?;
        let state = assumed_state(deps, plan);
        let planner = Planner { state: &state, deps, later: &Later::new(), now: Duration::ZERO };
        let plan = &state.plan;
        let stages: &[Stage] = match plan.settings.mode {
            Mode::Direct => &[Stage::Draft],
            Mode::Review => &[Stage::Draft, Stage::Critique, Stage::Synthesis],
            Mode::Council | Mode::Judge => &Stage::ALL,
        };
        let (mut calls, mut warnings) = (Vec::new(), plan.notes.clone());
        let is_written = plan.draft.is_some();
        for stage in stages.iter().filter(|stage| **stage != Stage::Draft || !is_written) {
            let seats = if *stage == Stage::Critique { plan.seats() } else { 0..1 };
            for seat in seats {
                match planner.first_choice(*stage, seat) {
                    Some(participant) => calls.push(estimated(deps, &state, participant, *stage)?),
                    None => warnings.push(format!(
                        "nobody is left to ask at seat {} of the {stage}: whoever wrote a text does not judge it",
                        seat + 1
                    )),
                }
            }
        }
        let sum = |of: &dyn Fn(&EstimatedCall) -> Amount| {
            calls.iter().map(of).fold(Amount::default(), Amount::plus)
        };
        let likely = sum(&|call| call.likely);
        // A further cycle has all of the calls but the draft.
        let further = sum(&|call| if call.stage == Stage::Draft { Amount::default() } else { call.likely });
        let cycles = plan.cycles();
        Ok(Estimate {
            cycles,
            likely,
            likely_all_cycles: (1..cycles).fold(likely, |sum, _| sum.plus(further)),
            most: sum(&|call| call.most),
            priced: calls.iter().all(|call| call.priced),
            calls,
            warnings,
        })
    }
}

/// The state in which the first choices have answered, so that the rules of the planner say who comes next.
pub(crate) fn assumed_state(deps: &SessionDeps, plan: &Plan) -> State {
    let plan = deps.resolved(plan.clone());
    let names = names::of(&plan);
    let drafter = plan.cast.drafter.first().cloned();
    let written = drafter.map(|drafter| Version {
        asked: Some(drafter.clone()),
        author: Some(drafter),
        ..Version::initial(String::new(), &names)
    });
    let draft = plan.draft.clone().map(|text| Version::initial(text, &names)).or(written);
    let mut state = State::default();
    (state.names, state.versions, state.plan) = (names, draft.into_iter().collect(), plan);
    state
}

/// One call, as its first choice would take it. Texts that are not written yet are added as tokens.
fn estimated(
    deps: &SessionDeps,
    state: &State,
    participant: &Participant,
    stage: Stage,
) -> Result<EstimatedCall, SessionError> {
    let plan = &state.plan;
    let key = CallKey { cycle: u32::from(stage != Stage::Draft), stage, seat: 0, step: 0 };
    let profile = deps.profile(participant);
    let request =
        deps.prompts.request(plan, &state.names, key, Purpose::Answer, &profile, &PromptInput::default())?;
    let document = u64::from(plan.settings.max_tokens.draft);
    let critiques = plan.seats().len() as u64 * u64::from(plan.settings.max_tokens.critique);
    // These texts are not written yet: at their longest for the most, at a usual length for what is likely.
    let earlier = match stage {
        Stage::Draft => 0,
        Stage::Critique => document,
        Stage::Synthesis | Stage::Check => document + critiques,
    };
    let answer = u64::from(request.max_tokens.unwrap_or(0));
    let input = RequestSize::of(&request).expected_input() + earlier / LIKELY_SHARE;
    let output = answer / LIKELY_SHARE;
    let tokens = TokenCount::default().with_input(input).with_output(output);
    let money = (deps.prices)(participant, &tokens, None);
    let (most, priced) =
        budget::worst_case_with(&*deps.prices, participant, &request, earlier * prompt::BYTES_PER_TOKEN);
    Ok(EstimatedCall {
        stage,
        participant: participant.clone(),
        likely: Amount { money: money.unwrap_or_default(), tokens: input + output },
        most,
        priced,
    })
}
