//! The critique stage by itself: one critic reads one document, and nobody decides.

use std::{sync::Arc, time::Duration};

use forge_core::{
    CallContext, ModelRequest, Money, Participant, ProviderError, TokenCount, call::Fallback,
    storage::budget::Amount,
};
use forge_prompt::{Pseudonyms, clean};

use crate::{
    answer::{self, Form, Issue, Reading},
    budget,
    call::{self, CallLimits},
    deps::SessionDeps,
    error::{PlanError, SessionError},
    estimate::{LIKELY_SHARE, assumed_state},
    plan::Plan,
    planner::{Later, Planner},
    stage::{CallKey, Purpose, Stage},
};

/// A critique as the first cycle of a session would ask for it: the same prompts, form and limits. It stands in no journal, and
/// an answer that cannot be read is not asked for again.
#[derive(Debug, Clone)]
pub struct CritiqueCall {
    participant: Participant,
    request: Arc<ModelRequest>,
    names: Pseudonyms,
    prompt: String,
    /// What it is likely to use: a quarter of the tokens that the answer may have.
    pub likely: Amount,
    /// The most that it can use.
    pub most: Amount,
    /// Whether its price is known; if not, the amounts hold no money.
    pub priced: bool,
}

/// What came of a critique.
#[derive(Debug)]
#[non_exhaustive]
pub struct CritiqueAnswer {
    /// The findings; `None` if the answer cannot be read. An error is a call that failed.
    pub findings: Result<Option<Vec<Issue>>, ProviderError>,
    /// What it cost; `None` if that is unknown.
    pub cost: Option<Money>,
    /// What it takes from a budget: its cost, or the most that it may have cost.
    pub charged: Amount,
    /// Its tokens; `None` for a call that failed.
    pub tokens: Option<TokenCount>,
    /// How long it took.
    pub took: Duration,
}

impl CritiqueCall {
    /// Plans the critique of the draft of `plan` by the first critic of its cast. Sends nothing.
    ///
    /// # Errors
    /// No draft, no critic, no provider for it, or a prompt template that is wrong.
    pub fn plan(deps: &SessionDeps, plan: &Plan) -> Result<Self, SessionError> {
        if plan.draft.is_none() {
            return Err(PlanError::NothingToJudge.into());
        }
        deps.check(plan)?;
        let first = plan.chain(Stage::Critique, 0).first();
        let participant = first.ok_or(PlanError::NoParticipant { stage: Stage::Critique })?.clone();
        let state = assumed_state(deps, plan);
        let planner = Planner { state: &state, deps, later: &Later::new(), now: Duration::ZERO };
        let key = CallKey { cycle: 1, stage: Stage::Critique, seat: 0, step: 0 };
        let planned = planner.plan_call(key, &participant, Purpose::Answer)?;
        let answer = u64::from(planned.request.max_tokens.unwrap_or(0)) / LIKELY_SHARE;
        let input = forge_core::request::RequestSize::of(&planned.request).expected_input();
        let tokens = TokenCount::default().with_input(input).with_output(answer);
        let money = (deps.prices)(&participant, &tokens, None).unwrap_or_default();
        Ok(Self {
            request: Arc::new(planned.request),
            prompt: deps.prompts.tag(Stage::Critique, plan.topic.output),
            names: state.names,
            likely: Amount { money, tokens: input + answer },
            most: planned.reserved,
            priced: planned.priced,
            participant,
        })
    }

    /// Asks, and reads the answer as the critique stage does. Nobody else is asked if the participant fails.
    pub async fn ask(&self, deps: &SessionDeps, plan: &Plan) -> CritiqueAnswer {
        let cx = CallContext::with_timer(self.participant.clone(), Arc::clone(&deps.timer));
        let tags = deps.tags.clone().with_prompt(self.prompt.clone());
        let limits = CallLimits::of(
            &plan.settings,
            Stage::Critique,
            &deps.profile(&self.participant),
            plan.settings.caps.time,
        );
        let cx = cx.with_tags(tags).with_timeout(limits.ceiling).with_fallback(Fallback::Nobody);
        let cx = cx.with_caps(Arc::clone(&deps.budget_caps));
        let begun = deps.timer.instant();
        let response = match deps.provider(&self.participant) {
            Ok(provider) => call::perform(&*provider, &cx, Arc::clone(&self.request), limits, |_| {}).await,
            Err(unknown) => Err(unknown),
        };
        let took = deps.timer.instant().saturating_duration_since(begun);
        match response {
            Ok(response) => {
                let text = clean(&response.text()).into_owned();
                let mut served = (*response.participant).clone();
                // Priced as the model that served, which need not be the one that was asked.
                served.model_id = response.model;
                let cost =
                    (deps.prices)(&served, &response.tokens, Some(&response.served.unwrap_or_default()));
                let findings = match answer::read(Form::Critique, &self.names.reveal(&text)) {
                    Reading::Critique(critique) => Some(critique.findings),
                    _ => None,
                };
                let charged = budget::charged(self.most, cost, &response.tokens);
                CritiqueAnswer { findings: Ok(findings), cost, charged, tokens: Some(response.tokens), took }
            }
            Err(error) => {
                let charged = budget::charged_for_failure(self.most, error.kind, error.phase);
                CritiqueAnswer { findings: Err(error), cost: None, charged, tokens: None, took }
            }
        }
    }
}
