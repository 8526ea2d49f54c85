//! Who reads a change: the critics of the configuration, a session for each piece.

use std::sync::{Arc, Mutex, PoisonError};

use forge::agent::review::{Limits, Panel};
use forge::{
    SessionRequest,
    session::{Controls, Mode, Plan, SessionDeps, SessionError, Topic},
    storage::journal::StreamName,
};

use crate::{
    args::{Review, ReviewMode},
    error::CliError,
    session::{self, progress::Progress},
    setup::Setup,
};

/// What critics look for, seat by seat, unless the user says.
const LENSES: [&str; 5] = ["correctness", "security", "performance", "tests", "readability"];

pub(super) struct Reviewers<'a> {
    system: &'a Setup,
    review: &'a Review,
    deps: SessionDeps,
    progress: &'a Progress,
    current: Arc<Current>,
}

/// The session under way.
#[derive(Debug, Default)]
pub(super) struct Current(Mutex<(Option<Controls>, bool)>);

impl Current {
    /// Ends the session under way, and every one that would follow.
    pub(super) fn abort(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = true;
        if let Some(controls) = &state.0 {
            controls.abort();
        }
    }

    fn set(&self, controls: Controls) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 {
            controls.abort();
        }
        state.0 = Some(controls);
    }
}

impl<'a> Reviewers<'a> {
    pub(super) fn new(
        system: &'a Setup,
        review: &'a Review,
        progress: &'a Progress,
    ) -> Result<Self, CliError> {
        let deps = session::deps(system, &review.session, progress, None)?;
        Ok(Self { system, review, deps, progress, current: Arc::default() })
    }

    pub(super) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.current.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// The caps of a session, for all sessions of the review together.
    pub(super) fn limits(&self, review: &Review) -> Limits {
        let caps = self.plan(Topic::default(), String::new()).settings.caps;
        Limits { money: caps.money, tokens: caps.tokens, time: caps.time, calls: review.change.max_calls }
    }

    fn plan(&self, topic: Topic, document: String) -> Plan {
        let (review, one) = (self.review, self.review.mode == Some(ReviewMode::Review));
        let lenses = &review.topic.lenses;
        let usual = || LENSES.iter().map(|lens| (*lens).to_owned()).collect();
        let request = SessionRequest {
            draft: Some(document),
            critics: review.topic.critics.or(one.then_some(1)),
            cycles: Some(1),
            max_cost: review.session.max_cost,
            max_tokens: review.topic.max_tokens,
            deadline: review.topic.deadline.map(Into::into),
            seed: review.source.seed,
            lenses: lenses.clone(),
            ..SessionRequest::new(topic, Mode::Judge)
        };
        let mut plan = self.system.plan_session(request);
        if plan.lenses.iter().all(String::is_empty) {
            plan.lenses = usual();
        }
        plan
    }
}

impl Panel for Reviewers<'_> {
    fn open(
        &self,
        topic: Topic,
        document: String,
        caps: Limits,
    ) -> Result<(SessionDeps, StreamName, Plan), SessionError> {
        let mut topic = topic;
        for constraint in &self.review.topic.constraints {
            topic = topic.with_constraint(constraint.as_str());
        }
        let mut plan = self.plan(topic, document);
        plan.settings.caps = caps.over(plan.settings.caps);
        Ok((self.deps.clone(), forge::session_name()?, plan))
    }

    fn started(&self, name: &StreamName, controls: Controls) {
        self.progress.note(&format!("session {name}"));
        self.current.set(controls);
    }
}
