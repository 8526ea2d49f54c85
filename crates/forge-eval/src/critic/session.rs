//! A participant as a critic: through the critique stage of sessions.

use std::time::Duration;

use forge_core::{Money, Participant, async_trait};
use forge_session::{Cast, CritiqueCall, Plan, SessionDeps, SessionError, Settings, Topic};

use super::{Assignment, Critic, Expected, Outcome, Reading};

/// A participant that reads as it would in a session: the same prompts, limits and reader of answers, blind to everybody else.
#[derive(Debug)]
pub struct SessionCritic {
    name: String,
    participant: Participant,
    deps: SessionDeps,
    settings: Settings,
}

impl SessionCritic {
    /// The participant under the id of its provider, on these dependencies, with the limits of these settings.
    pub fn new(participant: Participant, deps: SessionDeps, settings: Settings) -> Self {
        Self { name: participant.provider_id.to_string(), participant, deps, settings }
    }

    fn plan(&self, assignment: Assignment<'_>) -> Plan {
        let document = assignment.document;
        // The name of the document says too much of what is wrong with it; the task begins with what it is about.
        let title = document.task.split_inclusive(['.', ':', ';']).next().unwrap_or_default().trim();
        let topic =
            Topic::new(title).with_description(document.task.as_str()).with_output(document.kind.output());
        let cast = Cast { critics: vec![vec![self.participant.clone()]], ..Cast::default() };
        let mut plan = Plan::new(topic, cast).with_draft(assignment.text());
        plan.settings = self.settings.clone();
        plan.settings.seed = self.settings.seed.wrapping_add(u64::from(assignment.run));
        plan
    }
}

#[async_trait]
impl Critic for SessionCritic {
    fn name(&self) -> &str {
        &self.name
    }

    fn expected(&self, assignment: Assignment<'_>) -> Result<Expected, SessionError> {
        let call = CritiqueCall::plan(&self.deps, &self.plan(assignment))?;
        Ok(Expected { likely: call.likely, most: call.most, priced: call.priced })
    }

    async fn read(&self, assignment: Assignment<'_>) -> Reading {
        let plan = self.plan(assignment);
        let call = match CritiqueCall::plan(&self.deps, &plan) {
            Ok(call) => call,
            Err(error) => {
                let outcome = Outcome::Failed(error.to_string());
                return Reading { outcome, cost: None, charged: Money::ZERO, took: Duration::ZERO };
            }
        };
        let answer = call.ask(&self.deps, &plan).await;
        let outcome = match answer.findings {
            Ok(Some(findings)) => Outcome::Findings(findings),
            Ok(None) => Outcome::Unreadable,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        Reading { outcome, cost: answer.cost, charged: answer.charged.money, took: answer.took }
    }
}
