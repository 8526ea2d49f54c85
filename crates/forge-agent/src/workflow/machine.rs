//! Workflows as durable runs.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use forge_core::{
    CallContext, ModelRequest, Participant, ProviderExt as _,
    storage::{budget::BudgetCap, journal::StreamName},
    tags::Tags,
};
use forge_durable::{Machine, ModelCall, Next, PendingEffect, RunError};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    command::Command,
    deps::WorkflowDeps,
    effect,
    event::{Act, AgentId, Event, Outcome},
    next::Step,
    state::State,
};
use crate::{
    agent::{AgentEvent, AgentFailure, AgentReply, Dialogue},
    tool::Toolbox,
};

/// What the summary of a stream says of a workflow.
pub(super) const KIND: &str = "workflow";
/// Characters of the task that stand for the whole.
const TITLE: usize = 80;

/// A workflow as a durable run has it.
#[derive(Debug)]
pub(super) struct WorkflowMachine {
    pub(super) deps: WorkflowDeps,
    pub(super) name: StreamName,
    pub(super) state: State,
    /// Entries that are applied, those of earlier runs among them.
    applied: u64,
    /// What all agents have, and what editors have.
    tools: OnceLock<(Toolbox, Toolbox)>,
}

/// What a command is, and who gives it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: Command,
    pub(super) by: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Call(AgentId),
    Act(Act),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(agent) => write!(f, "call of {agent}"),
            Self::Act(act) => act.fmt(f),
        }
    }
}

pub(super) enum Effect {
    Call(Arc<ModelRequest>),
    Act,
}

pub(super) enum EffectOutcome {
    Said(AgentEvent),
    Act(Outcome),
}

impl WorkflowMachine {
    pub(super) fn new(deps: WorkflowDeps, name: StreamName) -> Self {
        Self { deps, name, state: State::default(), applied: 0, tools: OnceLock::new() }
    }

    /// What an agent may have the host do. The folder of a workflow and its checks do not change.
    fn tools(&self, agent: &AgentId) -> Toolbox {
        let Some((root, brief)) = self.state.root.as_ref().zip(self.state.brief.as_ref()) else {
            return Toolbox::default();
        };
        let (all, editors) = self.tools.get_or_init(|| {
            let all = effect::toolbox(root);
            let editors = effect::editor_toolbox(&self.deps, root, &brief.checks, &all);
            (all, editors)
        });
        if matches!(agent, AgentId::Editor(_)) { editors.clone() } else { all.clone() }
    }

    fn tags(&self, agent: &AgentId) -> Tags {
        let tags = self.deps.tags.clone().with_workflow(self.name.as_str());
        let session = self.state.brief.as_ref().and_then(|brief| brief.session.clone());
        let tags = session.map_or(tags.clone(), |session| tags.with_session(session));
        tags.with_task(format!("{}.{agent}", self.name.as_str()))
    }

    fn call(&self, agent: AgentId, tools: bool) -> Next<Self> {
        let Some(cast) = self.state.cast(&agent) else { return Next::Wait { until: None } };
        let empty = Dialogue::default();
        let dialogue = self.state.dialogues.get(&agent).unwrap_or(&empty);
        let mut request = dialogue.request(&self.tools(&agent), &cast.limits, tools);
        request.sampling.temperature = cast.temperature;
        Next::Call {
            participant: cast.participant.clone(),
            tags: self.tags(&agent),
            effect: Effect::Call(Arc::new(request)),
            key: Key::Call(agent),
        }
    }

    /// Whose edits stand in the change.
    fn authors(&self) -> Vec<Participant> {
        let is_editor = |agent: &AgentId| matches!(agent, AgentId::Editor(_));
        let editors = self.state.dialogues.iter().filter(|(agent, _)| is_editor(agent));
        editors.filter_map(|(_, dialogue)| dialogue.answered_by().cloned()).collect()
    }

    /// The budgets of the workflow and of the agent, which hold beside the configured ones.
    fn caps(&self, agent: &AgentId) -> Vec<BudgetCap> {
        let name = self.name.as_str();
        let of_all = self.state.brief.as_ref().map(|brief| {
            BudgetCap::new(format!("workflow:{name}")).with_money(brief.money).with_tokens(brief.tokens)
        });
        let of_agent = self.state.cast(agent).map(|cast| {
            let cap = BudgetCap::new(format!("workflow:{name}:{agent}"));
            cap.with_money(cast.limits.money).with_tokens(cast.limits.tokens)
        });
        let caps = of_all.into_iter().chain(of_agent);
        caps.filter(|cap| cap.money.is_some() || cap.tokens.is_some()).collect()
    }

    fn perform_call(
        &self,
        agent: &AgentId,
        request: Arc<ModelRequest>,
        cx: CallContext,
    ) -> BoxFuture<'static, EffectOutcome> {
        let cx = cx.with_caps(self.caps(agent));
        let (provider, price) = (Arc::clone(&self.deps.provider), Arc::clone(&self.deps.price));
        let authors = if matches!(agent, AgentId::Reviewer(_)) { self.authors() } else { Vec::new() };
        Box::pin(async move {
            let among_others = cx.clone().with_exclusions(authors);
            let mut response = provider.complete(&among_others, Arc::clone(&request)).await;
            // Where nobody else can be asked, somebody reads their own text rather than nobody at all.
            if response.is_err() && !among_others.exclude.is_empty() && cx.attempts.begun() == 0 {
                response = provider.complete(&cx, request).await;
            }
            EffectOutcome::Said(match response {
                Ok(response) => {
                    let failed = u32::try_from(cx.attempts.failed().len()).unwrap_or(u32::MAX);
                    let cost = price(&response);
                    AgentEvent::Answered(Box::new(AgentReply::of(response, cost, failed)))
                }
                Err(error) => AgentEvent::Failed(AgentFailure::from(&error)),
            })
        })
    }
}

impl Machine for WorkflowMachine {
    type Event = Event;
    type Key = Key;
    type Effect = Effect;
    type Outcome = EffectOutcome;
    type Command = Order;
    type Error = RunError;

    fn apply(&mut self, _: Duration, event: &Event) {
        self.state.apply(event);
        self.applied += 1;
    }

    fn next(&self, _: Duration) -> Result<Next<Self>, RunError> {
        Ok(match self.state.next() {
            Step::Record(events) => Next::Record(events),
            Step::Call { agent, tools } => self.call(agent, tools),
            Step::Act(act) => Next::Act { key: Key::Act(act), effect: Effect::Act },
            Step::Wait => Next::Wait { until: None },
            Step::Done => Next::Done,
        })
    }

    fn intended(&self, key: &Key, _: &Effect, call: Option<&ModelCall>) -> Vec<Event> {
        match (key, call) {
            (Key::Call(agent), Some(call)) => {
                let event = AgentEvent::Intended { call: call.clone() };
                vec![Event::Agent { agent: agent.clone(), event }]
            }
            (Key::Act(act), _) => vec![Event::Begun { act: act.clone() }],
            (Key::Call(_), None) => Vec::new(),
        }
    }

    fn perform(
        &self,
        key: &Key,
        effect: Effect,
        cx: Option<CallContext>,
    ) -> BoxFuture<'static, EffectOutcome> {
        match (key, effect, cx) {
            (Key::Call(agent), Effect::Call(request), Some(cx)) => self.perform_call(agent, request, cx),
            (Key::Act(act), ..) => {
                let tools = match act {
                    Act::Tool(agent, _) => self.tools(agent),
                    _ => Toolbox::default(),
                };
                let doing = effect::perform(&self.deps, &self.name, &self.state, act, &tools);
                Box::pin(async move { EffectOutcome::Act(doing.await) })
            }
            // Every call has a request and a context.
            (Key::Call(_), ..) => Box::pin(std::future::pending()),
        }
    }

    fn ended(&self, key: &Key, outcome: EffectOutcome) -> Vec<Event> {
        match (key, outcome) {
            (Key::Call(agent), EffectOutcome::Said(event)) => {
                vec![Event::Agent { agent: agent.clone(), event }]
            }
            (Key::Act(act), EffectOutcome::Act(outcome)) => {
                vec![Event::Ended { act: act.clone(), outcome: Box::new(outcome) }]
            }
            _ => Vec::new(),
        }
    }

    fn pending(&self) -> Vec<PendingEffect<Key>> {
        let calls = self.state.dialogues.iter().filter_map(|(agent, dialogue)| {
            Some(PendingEffect::call(Key::Call(agent.clone()), dialogue.open.clone()?))
        });
        let acts = self.state.in_flight.iter().map(|act| PendingEffect::act(Key::Act(act.clone())));
        calls.chain(acts).collect()
    }

    fn relaunch(&self, key: &Key, _: Duration) -> Result<Next<Self>, RunError> {
        // A workflow that is over makes no call any more.
        if matches!(self.state.next(), Step::Done) {
            return Ok(Next::Wait { until: None });
        }
        Ok(match key {
            Key::Act(act) => Next::Act { key: Key::Act(act.clone()), effect: Effect::Act },
            Key::Call(agent) => {
                let limits = self.state.cast(agent).map(|cast| cast.limits).unwrap_or_default();
                let dialogue = self.state.dialogues.get(agent);
                self.call(agent.clone(), dialogue.is_some_and(|one| one.may_call_tools(&limits)))
            }
        })
    }

    fn command(&mut self, Order { command, by }: Order, _: Duration) -> Vec<Event> {
        // What cannot be done now changes nothing; whoever asks looks at the state.
        self.state.command(command, by).into_iter().collect()
    }

    fn summary(&self, _: &StreamName) -> Option<Value> {
        let brief = self.state.brief.as_ref()?;
        let title: String = brief.task.lines().next().unwrap_or_default().chars().take(TITLE).collect();
        Some(json!({
            "kind": KIND, "title": title, "stage": self.state.stage.as_str(), "started": self.state.started,
            "paused": self.state.paused.is_some(), "cost_nano_usd": self.state.cost(),
        }))
    }

    fn written(&mut self, entries: &[(Duration, Event)]) {
        let Some(observer) = &self.deps.observer else { return };
        // All that is applied is written now.
        let first = self.applied - entries.len() as u64;
        for (number, (_, event)) in (first..).zip(entries) {
            observer(&self.name, number, event, &self.state);
        }
    }
}
