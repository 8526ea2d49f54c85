//! A person in the loop: asked after each cycle, and able to steer at any time.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::task::AtomicWaker;
use serde::{Deserialize, Serialize};

use crate::{State, prompt::clean::one_line};

/// Decides after each cycle of an attended session.
#[async_trait]
pub trait Attendant: fmt::Debug + Send + Sync + 'static {
    /// What to do after `cycle`. The session waits; calls that are still under way go on.
    async fn decide(&self, cycle: u32, state: &State) -> Decree;
}

/// What the attendant decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decree {
    /// Go on by the stop rule.
    Continue,
    /// Leave the remaining cycles out.
    Skip,
    /// Run one more cycle with this in mind.
    Feedback(String),
    /// Settle conflicts otherwise than the synthesizer did, in one more cycle if any is not accepted or deferred.
    Resolve(Vec<Resolution>),
    /// Break off.
    Abort,
}

/// What the attendant says about one conflict of [`SessionResult::conflicts`](crate::SessionResult).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resolution {
    /// What the conflict is about, as the synthesizer put it.
    pub about: String,
    /// The choice.
    pub choice: Choice,
}

/// How a conflict is to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// As the synthesizer resolved it.
    Accept,
    /// By this one of its positions.
    Choose(String),
    /// In this other way.
    Custom(String),
    /// Not in this session.
    Defer,
}

impl Decree {
    /// What the next cycle is told; `None` if the decision asks for none.
    pub(crate) fn instruction(&self) -> Option<String> {
        match self {
            Self::Feedback(text) => Some(text.clone()),
            Self::Resolve(resolutions) => {
                let told = resolutions.iter().filter_map(|one| match &one.choice {
                    // Mostly words of models, who get no lines of their own in a prompt.
                    Choice::Choose(text) | Choice::Custom(text) => {
                        Some(format!("On {}: {}", one_line(&one.about), one_line(text)))
                    }
                    Choice::Accept | Choice::Defer => None,
                });
                let told: Vec<String> = told.collect();
                (!told.is_empty()).then(|| told.join("\n"))
            }
            Self::Continue | Self::Skip | Self::Abort => None,
        }
    }
}

/// Steers a running session. Clones steer the same one.
#[derive(Debug, Clone, Default)]
pub struct Controls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    commands: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
}

#[derive(Debug)]
pub(crate) enum Command {
    Pause,
    Resume,
    Abort,
    Skip,
    Feedback(String),
}

impl Controls {
    /// Lets calls that are under way end and makes no new ones.
    pub fn pause(&self) {
        self.send(Command::Pause);
    }

    /// Makes calls again.
    pub fn resume(&self) {
        self.send(Command::Resume);
    }

    /// Cancels what is under way and ends the session. It can be resumed later.
    pub fn abort(&self) {
        self.send(Command::Abort);
    }

    /// Goes on without the rest of the stage that is under way.
    pub fn skip(&self) {
        self.send(Command::Skip);
    }

    /// Tells the next stages something.
    pub fn feedback(&self, text: impl Into<String>) {
        self.send(Command::Feedback(text.into()));
    }

    fn send(&self, command: Command) {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).push_back(command);
        self.0.waker.wake();
    }

    pub(crate) fn take(&self) -> Option<Command> {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether there is a command; if not, `cx` is woken when one comes.
    pub(crate) fn is_called(&self, cx: &std::task::Context<'_>) -> bool {
        self.0.waker.register(cx.waker());
        !self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
