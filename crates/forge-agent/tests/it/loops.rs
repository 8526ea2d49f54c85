//! Conversations with agents that answer wrongly, loop, decline, fail, and are killed at every step.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use forge_agent::{
    agent::{Agent, AgentEvent, AgentFailure, AgentLimits, AgentReply, AgentStep, Dialogue, Ended},
    tool::{MAX_OUTPUT, Tool, ToolOutput, Toolbox},
};
use forge_core::{
    ErrorKind, Money, Participant, TokenCount,
    event::StopReason,
    request::{FunctionTool, Part},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::support::scale;

/// A tool that counts its calls, and says too much.
struct Shout(Arc<AtomicUsize>);

impl Tool for Shout {
    fn definition(&self) -> FunctionTool {
        FunctionTool::new("shout", json!({"type": "object"}))
    }

    fn run(&self, _: Value) -> BoxFuture<'static, ToolOutput> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { ToolOutput::new("a".repeat(MAX_OUTPUT * 2)) })
    }
}

/// What a scripted model does at a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    Right,
    Wrong,
    Empty,
    Tool,
    TwoTools,
    UnknownTool,
    Declines,
    Fails,
}

impl Said {
    fn event(self, call: usize) -> AgentEvent {
        let id = |number| format!("c{call}-{number}");
        let tool = |name: &str, number| Part::tool_use(id(number), name, json!({}));
        let (content, stop) = match self {
            Self::Right => (vec![Part::text("42")], StopReason::EndTurn),
            Self::Wrong => (vec![Part::text("many")], StopReason::EndTurn),
            Self::Empty => (Vec::new(), StopReason::EndTurn),
            Self::Tool => (vec![Part::text("wait"), tool("shout", 0)], StopReason::ToolUse),
            Self::TwoTools => (vec![tool("shout", 0), tool("shout", 1)], StopReason::ToolUse),
            Self::UnknownTool => (vec![tool("whisper", 0)], StopReason::ToolUse),
            Self::Declines => (vec![Part::text("I will not")], StopReason::Refusal),
            Self::Fails => return AgentEvent::Failed(AgentFailure::new(ErrorKind::Server, "down")),
        };
        let mut reply = AgentReply::new(content);
        reply.stop_reason = stop;
        reply.tokens = TokenCount::default().with_input(100).with_output(10);
        reply.cost = Some(Money::from_nanos(1_000));
        AgentEvent::Answered(Box::new(reply))
    }
}

struct Ending {
    result: Result<u32, Ended>,
    calls: usize,
    log: Vec<AgentEvent>,
}

/// Drives the agent along the script, whose last word is repeated. After `dies_at` events all that is known is the log.
fn drive(agent: &Agent<u32>, script: &[Said], dies_at: Option<usize>) -> Ending {
    let (mut dialogue, mut log, mut calls) = (Dialogue::default(), Vec::new(), 0);
    let mut died = false;
    loop {
        if dies_at == Some(log.len()) && !died {
            died = true;
            dialogue = Dialogue::default();
            for event in &log {
                dialogue.apply(event);
            }
        }
        let event = match dialogue.next(&agent.limits) {
            AgentStep::Open => AgentEvent::Opened { system: "s".into(), user: "u".into() },
            AgentStep::Call { tools } => {
                let request = agent.request(&dialogue, tools);
                assert!(!request.messages.is_empty());
                calls += 1;
                script.get(calls - 1).or(script.last()).unwrap().event(calls)
            }
            AgentStep::Tool { id, name, input } => {
                let said = futures_util::FutureExt::now_or_never(agent.tools.run(&name, &input)).unwrap();
                assert!(said.text.len() < MAX_OUTPUT + 100);
                AgentEvent::ToolEnded { id, text: said.text, is_error: said.is_error }
            }
            AgentStep::Answer(text) => match agent.read(&text) {
                Ok(answer) => return Ending { result: Ok(answer), calls, log },
                Err(problem) => match dialogue.refuse(problem, &agent.limits) {
                    Ok(event) => event,
                    Err(ended) => return Ending { result: Err(ended), calls, log },
                },
            },
            AgentStep::Over(ended) => return Ending { result: Err(ended), calls, log },
            AgentStep::Wait => panic!("nothing is under way"),
        };
        dialogue.apply(&event);
        log.push(event);
    }
}

fn agent(shouts: &Arc<AtomicUsize>, limits: AgentLimits) -> Agent<u32> {
    let read = |answer: &str| answer.trim().parse().map_err(|_| "Answer with a number.".to_owned());
    Agent::new("counter", Participant::local("m"), read)
        .with_limits(limits)
        .with_tools(Toolbox::new(vec![Arc::new(Shout(Arc::clone(shouts)))]))
}

#[test]
fn two_thousand_conversations_end_within_their_limits_and_the_same_after_a_kill() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ends = [0_usize; 5];
    for _ in 0..scale().min(20) * 100 {
        let limits = AgentLimits::default()
            .with_steps(rng.u32(1..7))
            .with_repairs(rng.u32(0..3))
            .with_tokens(rng.bool().then(|| rng.u64(100..700)));
        let script: Vec<Said> = (0..rng.usize(1..8))
            .map(|_| {
                *rng.choice(
                    [
                        Said::Right,
                        Said::Wrong,
                        Said::Wrong,
                        Said::Empty,
                        Said::Tool,
                        Said::Tool,
                        Said::TwoTools,
                        Said::UnknownTool,
                        Said::Declines,
                        Said::Fails,
                    ]
                    .iter(),
                )
                .unwrap()
            })
            .collect();
        let shouts = Arc::new(AtomicUsize::new(0));
        let agent = agent(&shouts, limits);
        let whole = drive(&agent, &script, None);
        assert!(whole.calls <= usize::try_from(limits.steps).unwrap(), "{script:?}");
        let refused = whole.log.iter().filter(|event| matches!(event, AgentEvent::Refused { .. })).count();
        assert!(refused <= usize::try_from(limits.repairs).unwrap(), "{script:?}");
        if let Some(cap) = limits.tokens {
            // The call that goes beyond it is the last one.
            assert!(u64::try_from(whole.calls).unwrap() <= cap.div_ceil(110), "{script:?} {cap}");
        }
        ends[match &whole.result {
            Ok(_) => 0,
            Err(Ended::Failed(_)) => 1,
            Err(Ended::Steps) => 2,
            Err(Ended::Repairs(_)) => 3,
            Err(_) => 4,
        }] += 1;
        for at in 0..whole.log.len() {
            let resumed = drive(&agent, &script, Some(at));
            assert_eq!(resumed.result, whole.result, "killed at {at}: {script:?}");
            assert_eq!((resumed.calls, &resumed.log), (whole.calls, &whole.log));
        }
    }
    println!("answered, failed, steps, repairs, budget: {ends:?}");
    assert!(ends.iter().all(|count| *count > 0), "{ends:?}");
}

#[test]
fn the_last_call_has_to_answer_and_every_call_of_a_tool_gets_its_result() {
    let shouts = Arc::new(AtomicUsize::new(0));
    let agent = agent(&shouts, AgentLimits::default().with_steps(2));
    let ending = drive(&agent, &[Said::TwoTools, Said::Tool], None);
    assert_eq!(ending.result, Err(Ended::Steps));
    // What is called although tools are not offered any more is not run.
    assert_eq!(shouts.load(Ordering::Relaxed), 2);
    let mut dialogue = Dialogue::default();
    for event in &ending.log {
        dialogue.apply(event);
    }
    let request = agent.request(&dialogue, false);
    let results = request.messages.iter().flat_map(|message| &message.parts);
    assert_eq!(results.filter(|part| matches!(part, Part::ToolResult { .. })).count(), 2);
}
