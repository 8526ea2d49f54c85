//! The parts of a reply whose pieces come without indices of their own.

use forge_core::{
    ModelId, ModelProvider, ProviderId, StreamEvent,
    event::{Delta, PartKind, ToolStart},
    request::{Citation, Opaque},
};
use forge_http::{Events, Failure};
use serde_json::value::RawValue;

use super::{
    names::CallNames,
    tags::{Said, ThinkTags},
    thoughts::{Keeper, TAGGED},
};

/// Gives out the parts of a reply: thoughts, one text, tool calls.
///
/// Thoughts end when something else begins; thoughts that come later are another part. The text and
/// the calls stay open until the end, because servers go back and forth between them.
#[derive(Debug, Default)]
pub struct Parts {
    next: u32,
    thinking: Option<u32>,
    text: Option<u32>,
    refusal: Option<u32>,
    calls: Vec<Call>,
    /// Keeps thoughts so that they can go back.
    keeper: Option<Keeper>,
    /// Looks for thoughts in the content, until something else than them has begun.
    tags: Option<ThinkTags>,
    ids: CallNames,
}

#[derive(Debug)]
struct Call {
    part: u32,
    index: Option<u32>,
    /// The server's id; empty if it gave none.
    said: String,
    state: Option<Box<Opaque>>,
}

/// A piece of a tool call, or a whole one. Empty texts count as missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallPiece<'a> {
    /// The vendor's index of the call.
    pub index: Option<u32>,
    /// The call's id.
    pub id: &'a str,
    /// The tool's name; it comes with the first piece.
    pub name: &'a str,
    /// Whether the tool takes free text.
    pub freeform: bool,
}

impl Parts {
    /// Says whose thoughts they are, so that they can go back; through `origin` alone, where there is one.
    pub fn keep_thoughts(&mut self, vendor: ModelProvider, model: ModelId, origin: Option<ProviderId>) {
        self.keeper = Some(Keeper::new(vendor, model, origin));
    }

    /// Keeps what came beside the newest call.
    pub(super) fn keep_call(&mut self, extra_content: &RawValue) {
        if let Some((call, keeper)) = self.calls.last_mut().zip(self.keeper.as_ref()) {
            call.state = Some(Box::new(keeper.of_call(extra_content.get())));
        }
    }

    /// Looks for thoughts in the content, if the server leaves them there.
    pub fn look_for(&mut self, tags: Option<ThinkTags>) {
        self.tags = tags;
    }

    /// Adds to the content: the text, and the thoughts that may stand in front of it.
    pub fn content(&mut self, text: String, events: &mut Events) {
        match self.tags.take() {
            None => self.text(text, events),
            Some(mut tags) => {
                tags.take(text, |said| self.tell(said, events));
                self.tags = Some(tags);
            }
        }
    }

    /// The content so far is all that there may be thoughts in.
    fn release(&mut self, events: &mut Events) {
        if let Some(mut tags) = self.tags.take() {
            tags.end(|said| self.tell(said, events));
        }
    }

    fn tell(&mut self, said: Said, events: &mut Events) {
        match said {
            Said::Thoughts(text) => self.add_thinking(text, events),
            Said::Over(all) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.add(TAGGED, &all);
                }
            }
            Said::Text(text) => self.text(text, events),
        }
    }

    /// Tells this reply from others of the conversation: by its id, or by its place. Ids that are minted follow from it.
    pub fn tell_apart(&mut self, by: &[u8]) {
        self.ids.tell_apart(by);
    }

    /// Adds to the thoughts, which came in this field.
    pub fn thinking(&mut self, field: &'static str, text: String, events: &mut Events) {
        if text.is_empty() {
            return;
        }
        self.release(events);
        if let Some(keeper) = &mut self.keeper {
            keeper.add(field, &text);
        }
        self.add_thinking(text, events);
    }

    /// The state of thoughts that are kept otherwise than as their text.
    pub(super) fn keeper(&mut self) -> Option<&mut Keeper> {
        self.keeper.as_mut()
    }

    /// Adds to the thoughts without keeping them.
    pub(super) fn show_thinking(&mut self, text: String, events: &mut Events) {
        self.release(events);
        self.add_thinking(text, events);
    }

    fn add_thinking(&mut self, text: String, events: &mut Events) {
        if text.is_empty() {
            return;
        }
        let index = match self.thinking {
            Some(index) => index,
            None => {
                let index = self.start(PartKind::Thinking, events);
                *self.thinking.insert(index)
            }
        };
        events.push_back(StreamEvent::PartDelta { index, delta: Delta::Thinking(text) });
    }

    /// Adds to the text.
    pub fn text(&mut self, text: String, events: &mut Events) {
        if text.is_empty() {
            return;
        }
        self.end_thinking(events);
        let index = match self.text {
            Some(index) => index,
            None => {
                let index = self.start(PartKind::Text, events);
                *self.text.insert(index)
            }
        };
        events.push_back(StreamEvent::PartDelta { index, delta: Delta::Text(text) });
    }

    /// Whether more of the text would only go on with it.
    pub(super) fn is_text(&self) -> bool {
        self.text.is_some() && self.thinking.is_none() && self.tags.is_none()
    }

    /// Adds to the words with which the model declines.
    pub fn refusal(&mut self, text: String, events: &mut Events) {
        if text.is_empty() {
            return;
        }
        self.end_thinking(events);
        let index = match self.refusal {
            Some(index) => index,
            None => {
                let index = self.start(PartKind::Refusal, events);
                *self.refusal.insert(index)
            }
        };
        events.push_back(StreamEvent::PartDelta { index, delta: Delta::Text(text) });
    }

    /// Adds what the text so far rests on; without a text it rests on nothing.
    pub fn citation(&mut self, citation: Citation, events: &mut Events) {
        if let Some(index) = self.text {
            let delta = Delta::Citation(Box::new(citation));
            events.push_back(StreamEvent::PartDelta { index, delta });
        }
    }

    /// Adds to a tool call: the one that the piece belongs to, or a new one.
    ///
    /// # Errors
    /// When the piece begins a call but names no tool.
    pub fn call(
        &mut self,
        piece: CallPiece<'_>,
        arguments: String,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let index = match self.belongs_to(piece) {
            Some(part) => part,
            None => self.start_call(piece, events)?,
        };
        add_arguments(index, arguments, events);
        Ok(())
    }

    /// Adds a tool call that came whole, whatever its index and id are.
    ///
    /// # Errors
    /// When it names no tool.
    pub fn whole_call(
        &mut self,
        piece: CallPiece<'_>,
        arguments: String,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let index = self.start_call(piece, events)?;
        add_arguments(index, arguments, events);
        Ok(())
    }

    /// Whether there is a tool call.
    pub fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Ends every part; tells whether there was any.
    pub fn end(&mut self, events: &mut Events) -> bool {
        self.release(events);
        // State that came behind the thoughts is thoughts without a text.
        if self.thinking.is_none() && self.keeper.as_ref().is_some_and(Keeper::holds_details) {
            self.thinking = Some(self.start(PartKind::Thinking, events));
        }
        self.end_thinking(events);
        for index in self.text.take().into_iter().chain(self.refusal.take()) {
            events.push_back(StreamEvent::PartEnded { index, opaque: None });
        }
        for call in &mut self.calls {
            events.push_back(StreamEvent::PartEnded { index: call.part, opaque: call.state.take() });
        }
        self.next > 0
    }

    /// Servers that send calls whole may number all of them 0; a name and an id of its own then tell
    /// that a call is another one.
    fn belongs_to(&self, piece: CallPiece<'_>) -> Option<u32> {
        let call = match piece.index {
            Some(_) => {
                let same = self.calls.iter().rfind(|call| call.index == piece.index);
                // What names no tool begins no call; it goes on with the one before it.
                same.or_else(|| self.calls.last().filter(|_| piece.name.is_empty() && piece.id.is_empty()))?
            }
            None if piece.id.is_empty() && piece.name.is_empty() => self.calls.last()?,
            None if piece.id.is_empty() => return None,
            None => self.calls.iter().rfind(|call| call.said == piece.id)?,
        };
        let another = !piece.name.is_empty() && !piece.id.is_empty() && piece.id != call.said;
        (!another).then_some(call.part)
    }

    fn start_call(&mut self, piece: CallPiece<'_>, events: &mut Events) -> Result<u32, Failure> {
        // Without a name nobody can carry the call out, and to drop it would hide that the model wants one.
        if piece.name.is_empty() {
            return Err(Failure::new(
                forge_core::ErrorKind::Decode,
                "a tool call begins without the name of a tool",
            ));
        }
        self.release(events);
        self.end_thinking(events);
        let id = self.ids.unused(piece.id);
        let start = ToolStart::new(id, piece.name);
        let kind = PartKind::ToolUse(Box::new(if piece.freeform { start.freeform() } else { start }));
        let part = self.start(kind, events);
        self.calls.push(Call { part, index: piece.index, said: piece.id.to_owned(), state: None });
        Ok(part)
    }

    fn start(&mut self, kind: PartKind, events: &mut Events) -> u32 {
        let index = self.next;
        self.next += 1;
        events.push_back(StreamEvent::PartStarted { index, kind });
        index
    }

    fn end_thinking(&mut self, events: &mut Events) {
        if let Some(index) = self.thinking.take() {
            let opaque = self.keeper.as_mut().and_then(Keeper::take);
            events.push_back(StreamEvent::PartEnded { index, opaque });
        }
    }
}

fn add_arguments(index: u32, arguments: String, events: &mut Events) {
    if !arguments.is_empty() {
        events.push_back(StreamEvent::PartDelta { index, delta: Delta::ToolInput(arguments) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece<'a>(index: Option<u32>, id: &'a str, name: &'a str) -> CallPiece<'a> {
        CallPiece { index, id, name, freeform: false }
    }

    /// The part that each piece went to, and the ids of the calls.
    fn run(pieces: &[CallPiece<'_>]) -> (Vec<u32>, Vec<String>) {
        let (mut parts, mut events) = (Parts::default(), Events::new());
        for piece in pieces {
            parts.call(*piece, "x".into(), &mut events).unwrap();
        }
        let (mut targets, mut ids) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                StreamEvent::PartDelta { index, .. } => targets.push(index),
                StreamEvent::PartStarted { kind: PartKind::ToolUse(tool), .. } => ids.push(tool.id),
                other => panic!("{other:?}"),
            }
        }
        (targets, ids)
    }

    #[test]
    fn fragments_find_their_call_by_index() {
        let (targets, ids) = run(&[
            piece(Some(0), "a", "add"),
            piece(Some(1), "b", "sub"),
            piece(Some(0), "", ""),
            piece(Some(1), "b", "sub"),
        ]);
        assert_eq!((targets, ids), (vec![0, 1, 0, 1], vec!["a".into(), "b".into()]));
    }

    #[test]
    fn whole_calls_are_told_apart_without_an_index() {
        let (targets, ids) = run(&[piece(None, "", "add"), piece(None, "", "add"), piece(None, "", "")]);
        assert_eq!((targets, ids), (vec![0, 1, 1], vec!["call_00000000_0".into(), "call_00000000_1".into()]));
        let (targets, _) = run(&[piece(None, "a", "add"), piece(None, "b", "add"), piece(None, "a", "")]);
        assert_eq!(targets, [0, 1, 0]);
    }

    #[test]
    fn calls_that_are_all_numbered_0_are_told_apart_by_their_ids() {
        let (targets, _) =
            run(&[piece(Some(0), "a", "add"), piece(Some(0), "b", "add"), piece(Some(0), "", "")]);
        assert_eq!(targets, [0, 1, 1]);
    }

    #[test]
    fn ids_are_unique_in_a_reply_and_in_a_conversation() {
        let mut minted = Vec::new();
        for turn in 1_usize..40 {
            let (mut parts, mut events) = (Parts::default(), Events::new());
            parts.tell_apart(&turn.to_le_bytes());
            for id in ["", "same", "same", ""] {
                parts.whole_call(piece(Some(0), id, "f"), String::new(), &mut events).unwrap();
            }
            minted.extend(events.into_iter().map(|event| match event {
                StreamEvent::PartStarted { kind: PartKind::ToolUse(tool), .. } => tool.id,
                other => panic!("{other:?}"),
            }));
        }
        assert!(minted.iter().all(|id| id.len() <= 64));
        minted.retain(|id| id != "same");
        let all = minted.len();
        minted.sort();
        minted.dedup();
        assert_eq!((all, minted.len()), (39 * 3, 39 * 3));
    }

    #[test]
    fn a_call_without_a_name_is_an_error() {
        let failure = Parts::default().call(piece(Some(0), "a", ""), String::new(), &mut Events::new());
        assert_eq!(failure.unwrap_err().kind, forge_core::ErrorKind::Decode);
    }

    #[test]
    fn thoughts_end_when_the_text_begins() {
        let (mut parts, mut events) = (Parts::default(), Events::new());
        parts.thinking("reasoning", "hm".into(), &mut events);
        parts.text("Hi".into(), &mut events);
        parts.thinking("reasoning", "more".into(), &mut events);
        parts.text("!".into(), &mut events);
        parts.end(&mut events);
        let order: Vec<String> = events
            .iter()
            .map(|event| match event {
                StreamEvent::PartStarted { index, .. } => format!("+{index}"),
                StreamEvent::PartDelta { index, .. } => format!("{index}"),
                StreamEvent::PartEnded { index, .. } => format!("-{index}"),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(order.join(" "), "+0 0 -0 +1 1 +2 2 -2 1 -1");
    }
}
