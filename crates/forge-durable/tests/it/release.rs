//! A second kind of work: copy files side by side, let a model check them, publish once.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use forge_core::{CallContext, Participant, tags::Tags};
use forge_durable::{Machine, ModelCall, Next, PendingEffect, RunError};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde::{Deserialize, Serialize};

use crate::world::World;

pub(crate) const FILES: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Step {
    Copy(u32),
    Check,
    Publish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    Begun {
        step: Step,
        call: Option<ModelCall>,
    },
    Ended {
        step: Step,
    },
    /// It may have happened, and must not happen twice.
    InDoubt {
        step: Step,
    },
    Aborted,
}

#[derive(Debug)]
pub(crate) struct Release {
    world: Arc<World>,
    /// What was begun: the call, if it is one, and whether it ended.
    pub(crate) steps: BTreeMap<Step, (Option<ModelCall>, bool)>,
    pub(crate) in_doubt: bool,
    pub(crate) aborted: bool,
}

impl Release {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), steps: BTreeMap::new(), in_doubt: false, aborted: false }
    }

    fn is_done(&self, step: Step) -> bool {
        self.steps.get(&step).is_some_and(|(_, ended)| *ended)
    }

    fn begin(step: Step) -> Next<Self> {
        match step {
            Step::Check => Next::Call {
                key: step,
                participant: Participant::claude_haiku(),
                tags: Tags::default(),
                effect: (),
            },
            Step::Copy(_) | Step::Publish => Next::Act { key: step, effect: () },
        }
    }
}

/// Ends the work.
#[derive(Debug)]
pub(crate) struct Abort;

impl Machine for Release {
    type Event = Event;
    type Key = Step;
    type Effect = ();
    type Outcome = ();
    type Command = Abort;
    type Error = RunError;

    fn apply(&mut self, _: Duration, event: &Event) {
        match event {
            Event::Begun { step, call } => {
                self.steps.insert(*step, (call.clone(), false));
            }
            Event::Ended { step } => {
                if let Some((_, ended)) = self.steps.get_mut(step) {
                    *ended = true;
                }
            }
            Event::InDoubt { step } => {
                self.steps.remove(step);
                self.in_doubt = true;
            }
            Event::Aborted => self.aborted = true,
        }
    }

    fn next(&self, _: Duration) -> Result<Next<Self>, RunError> {
        if self.aborted || self.in_doubt || self.is_done(Step::Publish) {
            return Ok(Next::Done);
        }
        let copies = (0..FILES).map(Step::Copy);
        let wanted = match (copies.clone().all(|step| self.is_done(step)), self.is_done(Step::Check)) {
            (false, _) => copies.collect(),
            (true, false) => vec![Step::Check],
            (true, true) => vec![Step::Publish],
        };
        let next = wanted.into_iter().find(|step| !self.steps.contains_key(step));
        Ok(next.map_or(Next::Wait { until: None }, Self::begin))
    }

    fn intended(&self, step: &Step, (): &(), call: Option<&ModelCall>) -> Vec<Event> {
        vec![Event::Begun { step: *step, call: call.cloned() }]
    }

    fn perform(&self, step: &Step, (): (), cx: Option<CallContext>) -> BoxFuture<'static, ()> {
        let (world, step) = (Arc::clone(&self.world), *step);
        async move {
            match cx {
                Some(cx) => world.call(&cx).await,
                None => {
                    world.moment().await;
                    world.happens(&step.to_string());
                    world.moment().await;
                }
            }
        }
        .boxed()
    }

    fn ended(&self, step: &Step, (): ()) -> Vec<Event> {
        vec![Event::Ended { step: *step }]
    }

    fn pending(&self) -> Vec<PendingEffect<Step>> {
        let open = self.steps.iter().filter(|(_, (_, ended))| !ended);
        open.map(|(step, (call, _))| match call {
            Some(call) => PendingEffect::call(*step, call.clone()),
            None => PendingEffect::act(*step),
        })
        .collect()
    }

    fn relaunch(&self, step: &Step, _: Duration) -> Result<Next<Self>, RunError> {
        Ok(match step {
            Step::Copy(_) | Step::Check => Self::begin(*step),
            Step::Publish => Next::Record(vec![Event::InDoubt { step: *step }]),
        })
    }

    fn command(&mut self, Abort: Abort, _: Duration) -> Vec<Event> {
        vec![Event::Aborted]
    }
}
