//! State in a reply on its way to a client whose dialect is not that of the vendor: it goes out sealed, in the place that the
//! dialect has.

use std::{fmt, sync::Arc};

use forge_core::{
    ModelProvider, StreamEvent,
    event::PartKind,
    request::{Dialect, Opaque, Part},
};

use crate::{
    seal::{Seals, State, in_base64},
    state::{Ended, Gathered, StateMemory},
};

/// Where clients of a dialect keep state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// With each thought. A call has a place for its own in its id alone.
    Thought,
    /// In the ids of calls.
    CallId,
    /// With calls.
    Signature,
}

/// Seals the state of one reply, and remembers it.
pub(crate) struct Sealing {
    slot: Slot,
    /// The dialect's. Its state goes out as it is.
    vendor: ModelProvider,
    owner: Arc<str>,
    seals: Arc<Seals>,
    memory: Arc<StateMemory>,
    gathered: Gathered,
    /// A call that has begun, and may have state of its own at its end.
    held: Vec<StreamEvent>,
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl Sealing {
    /// For `owner`'s client, which speaks `dialect`, that of `vendor`.
    pub(crate) fn new(
        dialect: &Dialect,
        vendor: ModelProvider,
        owner: Arc<str>,
        seals: Arc<Seals>,
        memory: Arc<StateMemory>,
    ) -> Self {
        let slot = match dialect.as_str() {
            "chat" => Slot::CallId,
            "gemini" => Slot::Signature,
            _ => Slot::Thought,
        };
        Self { slot, vendor, owner, seals, memory, gathered: Gathered::default(), held: Vec::new() }
    }

    /// Hands the event out as its client gets it. The beginning of a call waits for what comes at once with it: its id goes
    /// out first, and may have to hold the state that stands at its end.
    pub(crate) fn event(&mut self, mut event: StreamEvent, out: &mut impl FnMut(StreamEvent)) {
        match &mut event {
            StreamEvent::PartStarted { index, kind } => {
                self.release(out);
                self.gathered.begin(*index, kind);
                if matches!(kind, PartKind::ToolUse(_)) && self.slot != Slot::Signature {
                    return self.held.push(event);
                }
            }
            StreamEvent::PartDelta { index, delta } => {
                self.gathered.add(*index, delta);
                if !self.held.is_empty() {
                    return self.held.push(event);
                }
            }
            StreamEvent::PartEnded { index, opaque } => {
                if self.is_held(*index) {
                    self.go_on(opaque.as_deref().cloned(), out);
                }
                self.release(out);
                let ended = self.gathered.end(*index, opaque.as_deref());
                *opaque = self.closed(ended, opaque.take());
            }
            _ => self.release(out),
        }
        out(event);
    }

    /// Lets go what waits: more of it is not there yet.
    pub(crate) fn release(&mut self, out: &mut impl FnMut(StreamEvent)) {
        self.go_on(None, out);
    }

    fn is_held(&self, index: u32) -> bool {
        matches!(self.held.first(), Some(StreamEvent::PartStarted { index: held, .. }) if *held == index)
    }

    fn go_on(&mut self, state: Option<Opaque>, out: &mut impl FnMut(StreamEvent)) {
        let mut held = std::mem::take(&mut self.held);
        if let Some(StreamEvent::PartStarted { kind: PartKind::ToolUse(start), .. }) = held.first_mut()
            && let Some(id) = self.id(&start.id, state)
        {
            start.id = id;
        }
        held.into_iter().for_each(out);
    }

    /// The id in which the state of a call is sealed, if it has any.
    fn id(&self, id: &str, state: Option<Opaque>) -> Option<String> {
        let is_chat = self.slot == Slot::CallId;
        let is_wanted = |state: &Opaque| {
            // One that repeats the call is of no use beside it.
            (is_chat || state.provider != self.vendor) && !state.data.contains(id)
        };
        let thoughts = if is_chat { self.gathered.thoughts.clone() } else { Vec::new() };
        let state = State { id: id.to_owned(), thoughts, call: state.filter(is_wanted) };
        state.opaques().next()?;
        self.seals.id(&state, &self.owner)
    }

    /// What a part that has ended has in the place of its state.
    fn closed(&self, ended: Ended, state: Option<Box<Opaque>>) -> Option<Box<Opaque>> {
        let is_foreign = |state: &Opaque| state.provider != self.vendor;
        match ended {
            Ended::Call(call) => {
                let signature = (self.slot == Slot::Signature && call.opaques().all(is_foreign))
                    .then(|| self.signature(&call));
                self.memory.keep(&self.owner, call);
                signature
                    .unwrap_or_else(|| state.filter(|state| self.slot != Slot::Thought || !is_foreign(state)))
            }
            _ if self.slot != Slot::Thought || !state.as_deref().is_some_and(is_foreign) => state,
            Ended::Thought(thought) => self.thought(thought),
            Ended::Other => None,
        }
    }

    fn signature(&self, call: &State) -> Option<Box<Opaque>> {
        let model = call.opaques().next()?.model.clone();
        let seal = self.seals.text(call, &self.owner, &call.id)?;
        Some(Box::new(Opaque::new(self.vendor.clone(), model, in_base64(&seal))))
    }

    /// A seal for a thought whose text stands beside it.
    fn thought(&self, thought: Part) -> Option<Box<Opaque>> {
        let state = thought.opaque()?.clone();
        let model = state.model.clone();
        let thought = match thought {
            Part::Thinking { .. } => Part::thinking("").with_opaque(state),
            other => other,
        };
        let sealed = State { thoughts: vec![thought], ..State::default() };
        let seal = self.seals.text(&sealed, &self.owner, "")?;
        Some(Box::new(Opaque::new(self.vendor.clone(), model, seal)))
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{event::Delta, storage::access::SealSecrets, time::SystemTimer};

    use super::*;
    use crate::seal::{SealedId, found, seal_secret};

    /// What a client gets of these events, with a pause after so many of them.
    fn sealed(
        dialect: &'static str,
        pause: Option<usize>,
        events: Vec<StreamEvent>,
    ) -> (Vec<StreamEvent>, Arc<Seals>) {
        let seals = Arc::new(Seals::new(&SealSecrets::new(seal_secret().unwrap())));
        let memory = Arc::new(StateMemory::new(SystemTimer::shared()));
        let vendor = ModelProvider::Anthropic;
        let mut sealing =
            Sealing::new(&Dialect::new(dialect), vendor, "ci".into(), Arc::clone(&seals), memory);
        let mut all = Vec::new();
        for (at, event) in events.into_iter().enumerate() {
            let mut out = |event| all.push(event);
            if pause == Some(at) {
                sealing.release(&mut out);
            }
            sealing.event(event, &mut out);
        }
        (all, seals)
    }

    fn begun(index: u32, kind: PartKind) -> StreamEvent {
        StreamEvent::PartStarted { index, kind }
    }

    fn input(index: u32) -> StreamEvent {
        StreamEvent::PartDelta { index, delta: Delta::ToolInput("{}".into()) }
    }

    fn ended(index: u32, data: &str) -> StreamEvent {
        let state = Opaque::new(ModelProvider::Google, "m".into(), data);
        StreamEvent::PartEnded { index, opaque: Some(Box::new(state)) }
    }

    fn id(events: &[StreamEvent], at: usize) -> &str {
        match &events[at] {
            StreamEvent::PartStarted { kind: PartKind::ToolUse(start), .. } => &start.id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_that_comes_at_once_has_its_state_in_its_id_and_another_what_is_known_before() {
        let call = |state| vec![begun(1, PartKind::tool_use("a1", "f")), input(1), ended(1, state)];
        let thought = || vec![begun(0, PartKind::Thinking), ended(0, "t")];
        for (dialect, pause, thoughts, state) in
            [("chat", None, 1, true), ("chat", Some(4), 1, false), ("messages", None, 0, true)]
        {
            let (events, seals) = sealed(dialect, pause, [thought(), call("c")].concat());
            assert_eq!(events.len(), 5, "{events:?}");
            let opened = seals.open_id(&SealedId::of(id(&events, 2)).unwrap(), "ci").unwrap();
            let found = (opened.id.as_str(), opened.thoughts.len(), opened.call.is_some());
            assert_eq!(found, ("a1", thoughts, state));
        }
        // One that comes in pieces, and one whose state only repeats it.
        for (pause, state) in [(Some(2), "c"), (None, "{\"call_id\":\"a1\"}")] {
            let (events, _) = sealed("messages", pause, call(state));
            assert_eq!(id(&events, 0), "a1");
        }
    }

    #[test]
    fn parts_that_are_open_at_once_keep_their_order_and_their_own_state() {
        let (events, seals) = sealed(
            "gemini",
            None,
            vec![
                begun(0, PartKind::tool_use("a1", "f")),
                begun(1, PartKind::tool_use("a2", "f")),
                input(0),
                ended(1, "two"),
                ended(0, "one"),
            ],
        );
        for (at, call, data) in [(3, "a2", "two"), (4, "a1", "one")] {
            let StreamEvent::PartEnded { opaque: Some(state), .. } = &events[at] else {
                panic!("{events:?}")
            };
            assert_eq!(state.provider, ModelProvider::Anthropic);
            let opened = seals.open_text(&found(&state.data).unwrap(), "ci", call).unwrap();
            assert_eq!(opened.call.unwrap().data, data);
        }
        let calls = [0, 1].map(|at| begun(at, PartKind::tool_use(format!("a{at}"), "f")));
        let ends = [input(0), input(1), ended(0, "one"), ended(1, "two")];
        let (events, _) = sealed("chat", None, calls.into_iter().chain(ends).collect());
        let places: Vec<u32> = events
            .iter()
            .map(|event| match event {
                StreamEvent::PartStarted { index, .. }
                | StreamEvent::PartDelta { index, .. }
                | StreamEvent::PartEnded { index, .. } => *index,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(places, [0, 1, 0, 1, 0, 1]);
    }
}
