//! Agents: a small loop over a model. It is told what to do, calls tools that the host runs, answers, and is told what is wrong with
//! its answer, within steps, repairs, tokens and money.
//!
//! A [`Dialogue`] is the loop without the calls: a fold over what a journal holds, and what comes next. Whoever drives it makes the
//! calls and writes down what came of them, so that a dialogue that was killed goes on where it was and pays nothing twice.
//!
//! ```
//! use forge_agent::agent::{AgentEvent, AgentLimits, AgentReply, AgentStep, Dialogue};
//! use forge_core::request::Part;
//!
//! let mut dialogue = Dialogue::default();
//! dialogue.apply(&AgentEvent::Opened { system: "You plan.".into(), user: "A clock.".into() });
//! assert!(matches!(dialogue.next(&AgentLimits::default()), AgentStep::Call { tools: true }));
//! dialogue.apply(&AgentEvent::Answered(Box::new(AgentReply::new(vec![Part::text("Done.")]))));
//! assert!(matches!(dialogue.next(&AgentLimits::default()), AgentStep::Answer(text) if text == "Done."));
//! ```

mod definition;
mod dialogue;
mod event;
mod limits;

pub use self::{
    definition::{Agent, Answered},
    dialogue::{AgentStep, Dialogue, Ended},
    event::{AgentEvent, AgentFailure, AgentReply},
    limits::AgentLimits,
};
