//! What an agent is.

use std::{fmt, sync::Arc};

use forge_core::{CallContext, ModelRequest, Money, Participant, Provider, ProviderError, ProviderExt as _};

use super::{
    dialogue::{AgentStep, Dialogue, Ended},
    event::{AgentEvent, AgentFailure, AgentReply},
    limits::AgentLimits,
};
use crate::tool::Toolbox;

/// Reads an answer.
type Read<A> = dyn Fn(&str) -> Result<A, String> + Send + Sync;

/// An agent: who is asked, with which tools, how far it may go, and what its answer is.
///
/// ```
/// use forge_agent::agent::Agent;
/// use forge_core::Participant;
///
/// // One of one's own: a number between tools and limits that are the usual ones.
/// let agent = Agent::new("counter", Participant::local("qwen3"), |answer| {
///     answer.trim().parse::<u32>().map_err(|_| "Answer with one number and nothing else.".to_owned())
/// });
/// assert_eq!(agent.read("42\n"), Ok(42));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Agent<A> {
    /// What it is called, in accounts and in words.
    pub name: String,
    /// Who is asked: a role of a router, or a model.
    pub participant: Participant,
    /// How far it may go.
    pub limits: AgentLimits,
    /// Randomness of its answers, if it is not the model's usual one.
    pub temperature: Option<f64>,
    /// What it may have the host do.
    pub tools: Toolbox,
    read: Arc<Read<A>>,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answered<A> {
    /// The answer.
    pub answer: A,
    /// All that was said, in order.
    pub events: Vec<AgentEvent>,
    /// What it cost, as far as that is known.
    pub cost: Money,
}

impl<A> Agent<A> {
    /// An agent with the usual limits and without tools. `read` says what is wrong with an answer in words for the model.
    pub fn new(
        name: impl Into<String>,
        participant: Participant,
        read: impl Fn(&str) -> Result<A, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            participant,
            limits: AgentLimits::default(),
            temperature: None,
            tools: Toolbox::default(),
            read: Arc::new(read),
        }
    }

    /// The same within these limits.
    pub fn with_limits(mut self, limits: AgentLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with these tools.
    pub fn with_tools(mut self, tools: Toolbox) -> Self {
        self.tools = tools;
        self
    }

    /// The same with this randomness.
    pub fn with_temperature(mut self, temperature: impl Into<Option<f64>>) -> Self {
        self.temperature = temperature.into();
        self
    }

    /// What an answer says.
    ///
    /// # Errors
    /// What is wrong with it, in words for the model.
    pub fn read(&self, answer: &str) -> Result<A, String> {
        (self.read)(answer)
    }

    /// The next request of a dialogue with it.
    pub fn request(&self, dialogue: &Dialogue, tools: bool) -> ModelRequest {
        let mut request = dialogue.request(&self.tools, &self.limits, tools);
        request.sampling.temperature = self.temperature;
        request
    }

    /// Asks it once, in memory. Work that has to survive its process drives a [`Dialogue`] of its own.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, provider: &dyn Provider, system: &str, user: &str) -> Result<Answered<A>, Ended> {
        let mut dialogue = Dialogue::default();
        let mut events = Vec::new();
        let mut note = |dialogue: &mut Dialogue, event: AgentEvent| {
            dialogue.apply(&event);
            events.push(event);
        };
        loop {
            let event = match dialogue.next(&self.limits) {
                AgentStep::Open => AgentEvent::Opened { system: system.into(), user: user.into() },
                AgentStep::Call { tools } => self.call(provider, &dialogue, tools).await,
                AgentStep::Tool { id, name, input } => {
                    let said = self.tools.run(&name, &input).await;
                    AgentEvent::ToolEnded { id, text: said.text, is_error: said.is_error }
                }
                AgentStep::Answer(text) => match self.read(&text) {
                    Ok(answer) => return Ok(Answered { answer, cost: dialogue.cost(), events }),
                    Err(problem) => dialogue.refuse(problem, &self.limits)?,
                },
                AgentStep::Over(ended) => return Err(ended),
                // No call is under way between two steps.
                AgentStep::Wait => return Err(Ended::Steps),
            };
            note(&mut dialogue, event);
        }
    }

    async fn call(&self, provider: &dyn Provider, dialogue: &Dialogue, tools: bool) -> AgentEvent {
        let cx = CallContext::new(self.participant.clone());
        match provider.complete(&cx, self.request(dialogue, tools)).await {
            Ok(response) => {
                let cost = response.cost;
                AgentEvent::Answered(Box::new(AgentReply::of(response, cost, 0)))
            }
            Err(error) => AgentEvent::Failed(AgentFailure::from(&error)),
        }
    }
}

impl From<&ProviderError> for AgentFailure {
    fn from(error: &ProviderError) -> Self {
        Self::new(error.kind, forge_prompt::clean(&error.to_string()))
    }
}

impl<A> fmt::Debug for Agent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
