//! What vendors want back with a conversation and clients of another dialect have no place for: signatures of thoughts and of
//! calls. It is kept under the id of the tool call that it came with, which every client sends back.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    ModelRequest, ProviderError, StreamEvent,
    event::{Delta, PartKind},
    request::{MessageRole, Opaque, Part},
    stream::StreamObserver,
    time::Timer,
};

/// How much is kept, and how long: a loop of tools goes on within minutes.
const MOST_BYTES: usize = 64 << 20;
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Whose call, and its id: nobody gets at the state of another key.
type CallKey = (Arc<str>, Arc<str>);

/// The state of tool calls that clients may come back with. It ends with the process: a vendor is then asked without it,
/// as after a change of the vendor.
#[derive(Debug)]
pub(crate) struct StateMemory {
    timer: Arc<dyn Timer>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    calls: HashMap<CallKey, Remembered>,
    /// The oldest first.
    order: VecDeque<(CallKey, Instant)>,
    bytes: usize,
}

/// What belongs to a call.
#[derive(Debug, Clone)]
struct Remembered {
    since: Instant,
    /// The thoughts that led to it, with their state.
    thoughts: Vec<Part>,
    /// The state of the call itself.
    state: Option<Opaque>,
}

impl Remembered {
    fn bytes(&self) -> usize {
        let thought = |part: &Part| match part {
            Part::Thinking { text, .. } => text.len(),
            _ => 0,
        };
        let states = self.thoughts.iter().filter_map(Part::opaque).chain(&self.state);
        let states: usize = states.map(|state| state.data.len()).sum();
        // Besides the texts, about as much as the entry itself takes.
        self.thoughts.iter().map(thought).sum::<usize>() + states + 256
    }
}

impl StateMemory {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Self {
        Self { timer, kept: Mutex::default() }
    }

    /// Puts what is remembered of `owner`'s calls into a conversation that comes back.
    pub(crate) fn restore(&self, owner: &Arc<str>, request: &mut ModelRequest) {
        let calls = request.messages.iter().flat_map(|message| &message.parts);
        if !calls.into_iter().any(|part| matches!(part, Part::ToolUse { .. })) {
            return;
        }
        let mut found: HashMap<Arc<str>, Remembered> = HashMap::new();
        {
            let mut kept = self.kept();
            kept.forget(self.timer.instant());
            for part in request.messages.iter().flat_map(|message| &message.parts) {
                let Part::ToolUse { id, .. } = part else { continue };
                let key = (Arc::clone(owner), Arc::from(id.as_str()));
                if let Some(remembered) = kept.calls.get(&key) {
                    found.insert(key.1, remembered.clone());
                }
            }
        }
        if found.is_empty() {
            return;
        }
        for message in request.messages.to_mut().iter_mut().filter(|one| one.role == MessageRole::Assistant) {
            message.parts = restored(std::mem::take(&mut message.parts), &mut found);
        }
    }

    fn keep(&self, key: CallKey, thoughts: Vec<Part>, state: Option<Opaque>) {
        let now = self.timer.instant();
        let remembered = Remembered { since: now, thoughts, state };
        let mut kept = self.kept();
        kept.bytes += remembered.bytes();
        if let Some(before) = kept.calls.insert(key.clone(), remembered) {
            kept.bytes -= before.bytes();
        }
        kept.order.push_back((key, now));
        kept.forget(now);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // An entry is whole before it is in, and so is a lock that a panic has poisoned.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Forgets what is too old, and the oldest while there is too much.
    fn forget(&mut self, now: Instant) {
        while let Some((_, since)) = self.order.front() {
            if self.bytes <= MOST_BYTES && now.saturating_duration_since(*since) < LONGEST {
                break;
            }
            // A call that was kept once more stays until its second time.
            if let Some((key, since)) = self.order.pop_front()
                && self.calls.get(&key).is_some_and(|kept| kept.since == since)
                && let Some(gone) = self.calls.remove(&key)
            {
                self.bytes -= gone.bytes();
            }
        }
    }
}

/// The parts of a turn with what is remembered of its calls. The thoughts before a call take the place of those that the
/// client sends, which have lost their state.
fn restored(parts: Vec<Part>, found: &mut HashMap<Arc<str>, Remembered>) -> Vec<Part> {
    let mut all: Vec<Part> = Vec::with_capacity(parts.len());
    // Where the parts begin that belong to the next call.
    let mut begin = 0;
    for part in parts {
        let remembered = match &part {
            Part::ToolUse { id, .. } => found.remove(id.as_str()),
            _ => None,
        };
        let is_call = matches!(part, Part::ToolUse { .. });
        match remembered {
            None => all.push(part),
            Some(Remembered { thoughts, state, .. }) => {
                if !thoughts.is_empty() {
                    let is_thought =
                        |part: &&Part| matches!(part, Part::Thinking { .. } | Part::Vendor { .. });
                    let end = begin + all.iter().skip(begin).take_while(is_thought).count();
                    all.splice(begin..end, thoughts);
                }
                let own = part.opaque().cloned();
                all.push(part.with_opaque(state.or(own)));
            }
        }
        if is_call {
            begin = all.len();
        }
    }
    all
}

/// Whether an id stands for one call alone. Where a vendor gives none, adapters count the calls of the conversation, and
/// another conversation has the same numbers.
fn is_of_one_call(id: &str) -> bool {
    let counted = id.strip_prefix("call_").unwrap_or(id);
    !counted.bytes().all(|sign| sign.is_ascii_digit())
}

/// Watches a reply for state that belongs to its tool calls.
pub(crate) struct Remembering {
    memory: Arc<StateMemory>,
    owner: Arc<str>,
    /// The thoughts before anything else since the last call.
    thoughts: Vec<Part>,
    /// Whether something else came since.
    other: bool,
    open: Open,
}

/// The part that is under way.
enum Open {
    Thought(String),
    Vendor,
    Call(Arc<str>),
    Other,
}

impl fmt::Debug for Remembering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembering").finish_non_exhaustive()
    }
}

impl Remembering {
    pub(crate) fn new(memory: Arc<StateMemory>, owner: Arc<str>) -> Self {
        Self { memory, owner, thoughts: Vec::new(), other: false, open: Open::Other }
    }

    fn begin(&mut self, kind: &PartKind) {
        self.open = match kind {
            PartKind::Thinking => Open::Thought(String::new()),
            PartKind::Vendor => Open::Vendor,
            PartKind::ToolUse(start) => Open::Call(start.id.as_str().into()),
            _ => {
                self.other = true;
                Open::Other
            }
        };
    }

    fn end(&mut self, state: Option<&Opaque>) {
        match (std::mem::replace(&mut self.open, Open::Other), state) {
            (Open::Thought(text), Some(state)) if !self.other => {
                self.thoughts.push(Part::thinking(text).with_opaque(state.clone()));
            }
            (Open::Vendor, Some(state)) if !self.other => self.thoughts.push(Part::vendor(state.clone())),
            (Open::Call(id), state) => {
                let thoughts = std::mem::take(&mut self.thoughts);
                self.other = false;
                if is_of_one_call(&id) && (!thoughts.is_empty() || state.is_some()) {
                    self.memory.keep((Arc::clone(&self.owner), id), thoughts, state.cloned());
                }
            }
            _ => {}
        }
    }
}

impl StreamObserver for Remembering {
    fn event(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::PartStarted { kind, .. } => self.begin(kind),
            StreamEvent::PartDelta { delta: Delta::Thinking(more), .. } => {
                if let Open::Thought(text) = &mut self.open {
                    text.push_str(more);
                }
            }
            StreamEvent::PartEnded { opaque, .. } => self.end(opaque.as_deref()),
            _ => {}
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}

#[cfg(test)]
mod tests {
    use forge_core::{ModelId, ModelProvider, request::Message, time::SystemTimer};

    use super::*;

    fn state(data: &str) -> Opaque {
        Opaque::new(ModelProvider::Google, ModelId::from("gemini-4"), data)
    }

    fn watched(memory: &Arc<StateMemory>, owner: &str, events: &[StreamEvent]) {
        let mut watching = Remembering::new(Arc::clone(memory), owner.into());
        for event in events {
            watching.event(event);
        }
    }

    fn begun(kind: PartKind) -> StreamEvent {
        StreamEvent::PartStarted { index: 0, kind }
    }

    fn ended(state: Option<Opaque>) -> StreamEvent {
        StreamEvent::PartEnded { index: 0, opaque: state.map(Box::new) }
    }

    fn call(id: &str) -> Part {
        Part::tool_use(id, "search", serde_json::json!({}))
    }

    /// What becomes of a turn of these parts.
    fn back(memory: &StateMemory, owner: &str, parts: Vec<Part>) -> Vec<Part> {
        let mut request = ModelRequest::new("");
        request.messages.push(Message::new(MessageRole::Assistant, parts));
        memory.restore(&owner.into(), &mut request);
        request.messages[0].parts.clone()
    }

    #[test]
    fn thoughts_and_state_come_back_with_the_call_that_they_belong_to() {
        let memory = Arc::new(StateMemory::new(SystemTimer::shared()));
        let thinking = |text: &str| StreamEvent::PartDelta { index: 0, delta: Delta::Thinking(text.into()) };
        watched(
            &memory,
            "ci",
            &[
                begun(PartKind::Thinking),
                thinking("I need "),
                thinking("to look"),
                ended(Some(state("t1"))),
                begun(PartKind::Vendor),
                ended(Some(state("redacted"))),
                begun(PartKind::Text),
                ended(None),
                begun(PartKind::tool_use("call_a1", "search")),
                ended(Some(state("c1"))),
                begun(PartKind::tool_use("call_a2", "search")),
                ended(None),
            ],
        );
        let thoughts = || {
            [Part::thinking("I need to look").with_opaque(state("t1")), Part::vendor(state("redacted"))]
                .to_vec()
        };
        let whole = |text: Option<&str>| {
            let text = text.map(Part::text);
            let calls = [call("call_a1").with_opaque(state("c1")), call("call_a2")];
            thoughts().into_iter().chain(text).chain(calls).collect::<Vec<_>>()
        };
        let sent = vec![Part::text("Let me see."), call("call_a1"), call("call_a2")];
        assert_eq!(back(&memory, "ci", sent.clone()), whole(Some("Let me see.")));
        let stale = Part::thinking("I need to look");
        assert_eq!(back(&memory, "ci", vec![stale.clone(), call("call_a1"), call("call_a2")]), whole(None));
        let twice = back(&memory, "ci", back(&memory, "ci", sent.clone()));
        assert_eq!(twice, whole(Some("Let me see.")), "what is there already is not doubled");
        assert_eq!(back(&memory, "other", sent.clone()), sent, "the state of another key");
        let unknown = vec![stale, call("call_a9")];
        assert_eq!(back(&memory, "ci", unknown.clone()), unknown);
    }

    #[test]
    fn numbers_that_other_conversations_have_as_well_stand_for_no_call() {
        let memory = Arc::new(StateMemory::new(SystemTimer::shared()));
        for (id, is_kept) in
            [("call_1", false), ("17", false), ("", false), ("call_r1_1", true), ("toolu_1", true)]
        {
            watched(&memory, "ci", &[begun(PartKind::tool_use(id, "search")), ended(Some(state("s")))]);
            assert_eq!(back(&memory, "ci", vec![call(id)])[0].opaque().is_some(), is_kept, "{id}");
        }
    }

    #[test]
    fn what_is_too_much_goes_with_the_oldest() {
        let memory = Arc::new(StateMemory::new(SystemTimer::shared()));
        let large = "x".repeat(MOST_BYTES / 2);
        for id in ["call_a1", "call_a2", "call_a3"] {
            watched(&memory, "ci", &[begun(PartKind::tool_use(id, "search")), ended(Some(state(&large)))]);
        }
        let has = |id: &str| back(&memory, "ci", vec![call(id)])[0].opaque().is_some();
        assert_eq!([has("call_a1"), has("call_a2"), has("call_a3")], [false, false, true]);
        assert!(memory.kept().bytes <= MOST_BYTES);
    }
}
