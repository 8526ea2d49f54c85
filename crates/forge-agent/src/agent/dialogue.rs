//! The loop of an agent, as a fold.

use forge_core::{
    Message, ModelRequest, Money, Participant,
    event::StopReason,
    request::{MessageRole, Part, ToolChoice, ToolInput},
};
use forge_durable::ModelCall;

use super::{
    event::{AgentEvent, AgentFailure, AgentReply},
    limits::AgentLimits,
};
use crate::tool::Toolbox;

/// What was said between the host and a model, and what it took.
#[derive(Debug, Clone, Default)]
pub struct Dialogue {
    system: String,
    messages: Vec<Message>,
    /// Calls of the model since the host last gave it something to do.
    steps: u32,
    repairs: u32,
    /// The call that is under way, or was when its run died.
    pub(crate) open: Option<ModelCall>,
    /// Tools that the last answer calls and that have not run yet, in order.
    wanted: Vec<(String, String, ToolInput)>,
    /// Results of the tools that have.
    results: Vec<Part>,
    last: Option<AgentReply>,
    answered_by: Option<Participant>,
    failure: Option<AgentFailure>,
    spent_tokens: u64,
    spent: Money,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "whoever drives a dialogue handles every step")]
pub enum AgentStep {
    /// Tell the model what to do.
    Open,
    /// Ask the model.
    Call {
        /// Whether it may call tools.
        tools: bool,
    },
    /// Run a tool.
    Tool {
        /// The call of the tool, as the model names it.
        id: String,
        /// The tool.
        name: String,
        /// What it is called with.
        input: ToolInput,
    },
    /// Look at the answer.
    Answer(String),
    /// Wait for the call that is under way.
    Wait,
    /// The dialogue cannot go on.
    Over(Ended),
}

/// Why a dialogue cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// The model cannot be asked, or declined.
    #[error("{}", .0.message)]
    Failed(AgentFailure),
    /// It was asked as often as it may be.
    #[error("it gave no answer within its steps")]
    Steps,
    /// Its answers were refused as often as they may be. The last reason.
    #[error("its answer cannot be used: {0}")]
    Repairs(String),
    /// It has taken what it may take.
    #[error("it has taken the tokens or the money that it may take")]
    Budget,
}

impl Dialogue {
    /// Applies an entry.
    pub fn apply(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Opened { system, user } => {
                self.system.clone_from(system);
                self.messages = vec![Message::user(user.clone())];
            }
            AgentEvent::Intended { call } => {
                self.open = Some(call.clone());
                self.failure = None;
            }
            AgentEvent::Answered(reply) => self.answered(reply),
            AgentEvent::Failed(failure) => {
                self.open = None;
                self.failure = Some(failure.clone());
            }
            AgentEvent::ToolEnded { id, text, is_error } => self.tool_ended(id, text, *is_error),
            AgentEvent::Refused { problem } => {
                self.repairs += 1;
                self.messages.push(Message::user(problem.clone()));
                self.last = None;
            }
            AgentEvent::Told { text } => {
                (self.steps, self.repairs, self.last) = (0, 0, None);
                self.messages.push(Message::user(text.clone()));
            }
        }
    }

    fn answered(&mut self, reply: &AgentReply) {
        self.open = None;
        self.steps += 1;
        self.spent += reply.cost.unwrap_or_default();
        let tokens = [reply.tokens.total_input(), reply.tokens.total_output()];
        self.spent_tokens += tokens.into_iter().flatten().sum::<u64>();
        self.wanted = reply.content.iter().filter_map(tool_use).collect();
        // Vendors refuse an empty turn.
        if !reply.content.is_empty() {
            self.messages.push(Message::new(MessageRole::Assistant, reply.content.clone()));
        }
        let who = Participant::new(reply.vendor.clone(), reply.model.clone());
        self.answered_by = Some(who.with_provider_id(reply.provider.clone()));
        self.last = Some(reply.clone());
    }

    fn tool_ended(&mut self, id: &str, text: &str, is_error: bool) {
        let result = Part::tool_result(id, text);
        self.results.push(if is_error { result.failed() } else { result });
        // The first one alone: a model may give two calls one name.
        if let Some(at) = self.wanted.iter().position(|(wanted, ..)| wanted == id) {
            self.wanted.remove(at);
        }
        if self.wanted.is_empty() {
            // All results of an answer stand in one turn behind it.
            let results = std::mem::take(&mut self.results);
            self.messages.push(Message::new(MessageRole::User, results));
            self.last = None;
        }
    }

    /// What comes next within these limits.
    pub fn next(&self, limits: &AgentLimits) -> AgentStep {
        if self.open.is_some() {
            return AgentStep::Wait;
        }
        if let Some(failure) = &self.failure {
            return AgentStep::Over(Ended::Failed(failure.clone()));
        }
        if self.messages.is_empty() {
            return AgentStep::Open;
        }
        if let Some((id, name, input)) = self.wanted.first() {
            // Nobody would read its result. Tools were not offered any more.
            if self.steps >= limits.steps {
                return AgentStep::Over(Ended::Steps);
            }
            let (id, name, input) = (id.clone(), name.clone(), input.clone());
            return AgentStep::Tool { id, name, input };
        }
        match &self.last {
            // A long turn that the vendor interrupted goes on when it is sent back.
            Some(reply) if reply.stop_reason == StopReason::Paused => self.next_call(limits),
            Some(reply) if reply.stop_reason == StopReason::Refusal => {
                let said = AgentFailure::new(forge_core::ErrorKind::Refusal, reply.text());
                AgentStep::Over(Ended::Failed(said))
            }
            Some(reply) => AgentStep::Answer(reply.text()),
            None => self.next_call(limits),
        }
    }

    fn next_call(&self, limits: &AgentLimits) -> AgentStep {
        let has = |cap: Option<u64>, spent: u64| cap.is_none_or(|cap| spent < cap);
        if !has(limits.tokens, self.spent_tokens) || !has(limits.money.map(Money::nanos), self.spent.nanos())
        {
            return AgentStep::Over(Ended::Budget);
        }
        match limits.steps.saturating_sub(self.steps) {
            0 => AgentStep::Over(Ended::Steps),
            _ => AgentStep::Call { tools: self.may_call_tools(limits) },
        }
    }

    /// Whether tools may be called in the next answer: the last one has to be an answer.
    pub fn may_call_tools(&self, limits: &AgentLimits) -> bool {
        limits.steps.saturating_sub(self.steps) > 1
    }

    /// What follows from an answer that the host refuses: the model is told, or it was told often enough.
    pub fn refuse(&self, problem: String, limits: &AgentLimits) -> Result<AgentEvent, Ended> {
        if self.repairs < limits.repairs {
            Ok(AgentEvent::Refused { problem })
        } else {
            Err(Ended::Repairs(problem))
        }
    }

    /// The next request. With tools that may not be called any more, the model has to answer.
    pub fn request(&self, toolbox: &Toolbox, limits: &AgentLimits, tools: bool) -> ModelRequest {
        let request = ModelRequest::new(self.system.clone()).with_max_tokens(limits.output_tokens);
        let request = self.messages.iter().cloned().fold(request, ModelRequest::with_message);
        if toolbox.is_empty() {
            return request;
        }
        let choice = if tools { ToolChoice::Auto } else { ToolChoice::None };
        toolbox.definitions().fold(request, ModelRequest::with_tool).with_tool_choice(choice)
    }

    /// Whether nothing was said yet.
    pub fn is_new(&self) -> bool {
        self.messages.is_empty()
    }

    /// Who answered last.
    pub fn answered_by(&self) -> Option<&Participant> {
        self.answered_by.as_ref()
    }

    /// The known cost so far.
    pub fn cost(&self) -> Money {
        self.spent
    }

    /// The known tokens so far.
    pub fn tokens(&self) -> u64 {
        self.spent_tokens
    }

    /// Takes a failure back, so that the call is made again, and says whether there was one.
    pub fn retry(&mut self) -> bool {
        self.failure.take().is_some()
    }
}

fn tool_use(part: &Part) -> Option<(String, String, ToolInput)> {
    match part {
        Part::ToolUse { id, name, input, .. } => Some((id.clone(), name.clone(), input.clone())),
        _ => None,
    }
}
