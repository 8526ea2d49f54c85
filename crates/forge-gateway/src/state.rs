//! What vendors want back with a conversation and clients of another dialect have no place for: signatures of thoughts and of
//! calls. It comes back in seals, or is kept here under the id of the tool call that it came with, which every client sends
//! back.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    ModelRequest,
    event::{Delta, PartKind},
    request::{MessageRole, Opaque, Part},
    time::Timer,
};

use crate::seal::State;

/// How much is kept, and how long: a loop of tools goes on within minutes.
const MOST_BYTES: usize = 64 << 20;
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Whose call, and its id: nobody gets at the state of another key.
type CallKey = (Arc<str>, Arc<str>);

/// The state of tool calls that clients may come back with. It ends with the process: a vendor is then asked without what was
/// too large for a seal.
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
#[derive(Debug)]
struct Remembered {
    since: Instant,
    state: State,
}

impl Remembered {
    fn bytes(&self) -> usize {
        let thought = |part: &Part| match part {
            Part::Thinking { text, .. } => text.len(),
            _ => 0,
        };
        let states: usize = self.state.opaques().map(|state| state.data.len()).sum();
        // Besides the texts, about as much as the entry itself takes.
        self.state.thoughts.iter().map(thought).sum::<usize>() + states + 256
    }
}

impl StateMemory {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Self {
        Self { timer, kept: Mutex::default() }
    }

    /// Puts what was opened of a conversation that comes back, and what is remembered of `owner`'s calls, where it was. What is
    /// remembered is never less than what was sealed.
    pub(crate) fn restore(
        &self,
        owner: &Arc<str>,
        request: &mut ModelRequest,
        mut found: HashMap<String, State>,
    ) {
        let parts = request.messages.iter().flat_map(|message| &message.parts);
        let mut ids = parts.filter_map(|part| match part {
            Part::ToolUse { id, .. } => Some(id.as_str()),
            _ => None,
        });
        let Some(first) = ids.next() else { return };
        {
            let mut kept = self.kept();
            kept.forget(self.timer.instant());
            for id in std::iter::once(first).chain(ids) {
                if let Some(remembered) = kept.calls.get(&(Arc::clone(owner), id.into())) {
                    found.insert(id.to_owned(), remembered.state.clone());
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

    /// Whether a body answers a call of `owner`'s that something is remembered of.
    pub(crate) fn is_wanted(&self, owner: &Arc<str>, body: &[u8]) -> bool {
        const ID: &[u8] = b"\"tool_call_id\"";
        let mut places = memchr::memmem::find_iter(body, ID).peekable();
        if places.peek().is_none() {
            return false;
        }
        let kept = self.kept();
        let mut ids = places.filter_map(|at| {
            let value = body[at + ID.len()..].split(|sign| *sign == b'"').nth(1)?;
            std::str::from_utf8(value).ok()
        });
        ids.any(|id| kept.calls.contains_key(&(Arc::clone(owner), Arc::from(id))))
    }

    /// Keeps the state of a call of `owner`'s.
    pub(crate) fn keep(&self, owner: &Arc<str>, state: State) {
        if !is_of_one_call(&state.id) || state.opaques().next().is_none() {
            return;
        }
        let now = self.timer.instant();
        let key: CallKey = (Arc::clone(owner), state.id.as_str().into());
        let remembered = Remembered { since: now, state };
        let mut kept = self.kept();
        kept.bytes += remembered.bytes();
        if let Some(before) = kept.calls.insert(key.clone(), remembered) {
            kept.bytes -= before.bytes();
        }
        kept.order.push_back((key, now));
        kept.forget(now);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
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

/// The parts of a turn with what is known of its calls. The thoughts before a call take the place of those that the client
/// sends, which have lost their state.
fn restored(parts: Vec<Part>, found: &mut HashMap<String, State>) -> Vec<Part> {
    let mut all: Vec<Part> = Vec::with_capacity(parts.len());
    // Where the parts begin that belong to the next call.
    let mut begin = 0;
    for part in parts {
        let Part::ToolUse { id, .. } = &part else {
            all.push(part);
            continue;
        };
        let State { thoughts, call, .. } = found.remove(id.as_str()).unwrap_or_default();
        if !thoughts.is_empty() {
            let is_thought = |part: &&Part| matches!(part, Part::Thinking { .. } | Part::Vendor { .. });
            let end = begin + all.iter().skip(begin).take_while(is_thought).count();
            all.splice(begin..end, thoughts);
        }
        let own = part.opaque().cloned();
        all.push(part.with_opaque(call.or(own)));
        begin = all.len();
    }
    all
}

/// Whether an id stands for one call alone. Where a vendor gives none, adapters count the calls of the conversation, and
/// another conversation has the same numbers.
pub(crate) fn is_of_one_call(id: &str) -> bool {
    let counted = id.strip_prefix("call_").unwrap_or(id);
    !counted.bytes().all(|sign| sign.is_ascii_digit())
}

/// Gathers the state of a reply until the call comes that it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The thoughts before anything else since the last call.
    pub(crate) thoughts: Vec<Part>,
    /// Whether something else came since.
    other: bool,
    /// The parts that are under way.
    open: Vec<(u32, Open)>,
}

/// A part that is under way.
#[derive(Debug)]
enum Open {
    Thought(String),
    Vendor,
    Call(String),
}

/// A part that has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// A thought, or what only its vendor understands, with its state.
    Thought(Part),
    /// A call with all that belongs to it.
    Call(State),
    Other,
}

impl Gathered {
    pub(crate) fn begin(&mut self, index: u32, kind: &PartKind) {
        let open = match kind {
            PartKind::Thinking => Open::Thought(String::new()),
            PartKind::Vendor => Open::Vendor,
            PartKind::ToolUse(start) => Open::Call(start.id.clone()),
            _ => {
                self.other = true;
                return;
            }
        };
        self.open.push((index, open));
    }

    pub(crate) fn add(&mut self, index: u32, delta: &Delta) {
        let open = self.open.iter_mut().find(|(known, _)| *known == index);
        if let (Some((_, Open::Thought(text))), Delta::Thinking(more)) = (open, delta) {
            text.push_str(more);
        }
    }

    pub(crate) fn end(&mut self, index: u32, state: Option<&Opaque>) -> Ended {
        let Some(at) = self.open.iter().position(|(known, _)| *known == index) else { return Ended::Other };
        let thought = match (self.open.remove(at).1, state) {
            (Open::Thought(text), Some(state)) => Part::thinking(text).with_opaque(state.clone()),
            (Open::Vendor, Some(state)) => Part::vendor(state.clone()),
            (Open::Call(id), state) => {
                self.other = false;
                let thoughts = std::mem::take(&mut self.thoughts);
                return Ended::Call(State { id, thoughts, call: state.cloned() });
            }
            _ => return Ended::Other,
        };
        if !self.other {
            self.thoughts.push(thought.clone());
        }
        Ended::Thought(thought)
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{ModelId, ModelProvider, StreamEvent, request::Message, time::SystemTimer};

    use super::*;

    fn state(data: &str) -> Opaque {
        Opaque::new(ModelProvider::Google, ModelId::from("gemini-4"), data)
    }

    fn watched(memory: &Arc<StateMemory>, owner: &str, events: &[StreamEvent]) {
        let mut gathered = Gathered::default();
        for event in events {
            match event {
                StreamEvent::PartStarted { index, kind } => gathered.begin(*index, kind),
                StreamEvent::PartDelta { index, delta } => gathered.add(*index, delta),
                StreamEvent::PartEnded { index, opaque } => {
                    if let Ended::Call(state) = gathered.end(*index, opaque.as_deref()) {
                        memory.keep(&owner.into(), state);
                    }
                }
                _ => {}
            }
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
        memory.restore(&owner.into(), &mut request, HashMap::new());
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
