//! Bodies that go out and come back as they are, while what they say is read beside them.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
};

use bytes::Bytes;
use forge_core::{ModelId, ModelProvider, ModelRequest, StreamEvent, event::Relayed, request::Carried};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::decode::{Events, Passage};

/// The bytes of a stream, on their way from its vendor to a client.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Those that are not handed out, in the pieces in which they came: a frame of many pieces is put together once.
    waiting: VecDeque<Bytes>,
    /// How many bytes of the stream are out of `waiting`.
    taken: usize,
    /// Where the last frame ends that is to be handed out.
    ready: usize,
    /// The frames that go out with the end of the reply.
    held: Bytes,
    /// What is to be handed out holds content.
    has_content: bool,
    /// The bytes of text in it.
    text: usize,
}

impl Passed {
    /// Takes the next piece of the stream.
    pub(crate) fn push(&mut self, piece: &Bytes) {
        self.waiting.push_back(piece.clone());
    }

    /// The frame that ends here adds so many bytes of text.
    pub(crate) fn add(&mut self, end: usize, text: usize) {
        self.ready = end;
        self.has_content = true;
        self.text += text;
    }

    /// Puts the bytes of the frame that ends at `end` in the place of the parts that were read from it. What is told beside
    /// the parts stays.
    pub(crate) fn replace(&mut self, end: usize, passage: Passage, events: &mut Events) {
        self.has_content |= events.iter().any(StreamEvent::is_content);
        self.text += events.iter().map(written).sum::<usize>();
        events.retain(|event| !event.is_content());
        match passage {
            Passage::Now => {
                self.ready = end;
                self.hand_out(events);
            }
            Passage::AtEnd | Passage::Never => {
                self.hand_out(events);
                let frame = self.take(end);
                if passage == Passage::AtEnd {
                    self.held = joined(std::mem::take(&mut self.held), frame);
                }
            }
        }
    }

    /// Adds the bytes that are ready, if there are any.
    pub(crate) fn hand_out(&mut self, events: &mut Events) {
        let mut bytes = self.take(self.ready);
        if matches!(events.back(), Some(StreamEvent::Finished(_))) {
            bytes = joined(std::mem::take(&mut self.held), bytes);
        }
        if bytes.is_empty() {
            return;
        }
        let relayed = Relayed::new(bytes, std::mem::take(&mut self.has_content));
        relay(relayed.with_text(std::mem::take(&mut self.text)), events);
    }

    fn take(&mut self, end: usize) -> Bytes {
        let wanted = end.saturating_sub(self.taken);
        let mut bytes = self.split_to(wanted);
        let next = self.waiting.iter().find_map(|piece| piece.first());
        // A line may have ended with CR before its LF was there.
        if bytes.last() == Some(&b'\r') && next == Some(&b'\n') {
            bytes = joined(bytes, self.split_to(1));
        }
        let length = bytes.len();
        self.taken += length;
        // The decoder was told of an end that the server of the frame has not written.
        let is_open = length > 0 && wanted > length;
        if is_open { joined(bytes, Bytes::from_static(b"\n\n")) } else { bytes }
    }

    /// The first of the bytes that wait, at most so many.
    fn split_to(&mut self, length: usize) -> Bytes {
        let mut parts = Vec::new();
        let mut missing = length;
        while let Some(piece) = self.waiting.front_mut() {
            let part = piece.split_to(missing.min(piece.len()));
            if piece.is_empty() {
                self.waiting.pop_front();
            }
            missing -= part.len();
            // Mostly a frame is within one piece, and nothing is copied.
            if missing == 0 && parts.is_empty() {
                return part;
            }
            parts.push(part);
            if missing == 0 {
                break;
            }
        }
        parts.concat().into()
    }
}

/// Both, one behind the other. Pieces of a stream mostly end with a frame, so that nothing is copied.
fn joined(first: Bytes, second: Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second,
        (_, true) => first,
        _ => [first, second].concat().into(),
    }
}

/// Puts a whole reply in the place of the parts that were read from it.
pub(crate) fn replace_parts(events: &mut Events, body: Bytes) {
    let has_content = events.iter().any(StreamEvent::is_content);
    let relayed = Relayed::new(body, has_content).with_text(events.iter().map(written).sum());
    events.retain(|event| !event.is_content());
    relay(relayed, events);
}

/// `Started` is the first event of every reply, and nothing comes after `Finished`.
fn relay(relayed: Relayed, events: &mut Events) {
    let at = usize::from(matches!(events.front(), Some(StreamEvent::Started(_))));
    events.insert(at, StreamEvent::Relayed(relayed));
}

/// The bytes of the answer in an event.
fn written(event: &StreamEvent) -> usize {
    match event {
        StreamEvent::PartDelta { delta, .. } => delta.len(),
        _ => 0,
    }
}

/// The most tokens of an answer that a vendor is asked for in one piece. More may take longer than the ten minutes that
/// vendors, and what stands between, have for a reply.
pub const LONGEST_WHOLE: u64 = 21_333;

/// The body of a carried request for `model`: that of the client with the name of the model replaced, if it has one, and
/// with the fields that are `added`.
///
/// Of the raw fields of `request` for `vendor`, those are added that the body does not have.
pub fn spliced(
    carried: &Carried,
    model: &ModelId,
    added: &[(&'static str, &'static str)],
    request: &ModelRequest,
    vendor: &ModelProvider,
) -> Bytes {
    let own = carried.body.get(carried.model.clone()).unwrap_or_default();
    let name = match own {
        [] => String::new(),
        _ => serde_json::to_string(model.as_str()).unwrap_or_default(),
    };
    let mut added = added_fields(carried, added, request.extra.fields(vendor));
    if added.is_empty() && own == name.as_bytes() {
        return carried.body.clone();
    }
    let open = memchr::memchr(b'{', &carried.body).map_or(0, |brace| brace + 1);
    // Nothing stands behind the last comma of an object that was empty.
    if carried.body[open..].trim_ascii_start().starts_with(b"}") {
        added.pop();
    }
    let (start, end) = (carried.model.start.max(open), carried.model.end.max(open));
    let mut body = Vec::with_capacity(carried.body.len() + added.len() + name.len());
    body.extend_from_slice(&carried.body[..open]);
    body.extend_from_slice(added.as_bytes());
    body.extend_from_slice(&carried.body[open..start]);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&carried.body[end..]);
    body.into()
}

/// The fields that are added, each with a comma behind it.
fn added_fields(
    carried: &Carried,
    added: &[(&'static str, &'static str)],
    extra: Option<&Map<String, Value>>,
) -> String {
    let mut text = String::new();
    for (name, value) in added {
        text.extend([&format!("{name:?}:"), *value, ","]);
    }
    let Some(extra) = extra.filter(|extra| !extra.is_empty()) else { return text };
    // Looked up only where there is something to add, which few configurations have.
    let names = serde_json::from_slice::<Names<'_>>(&carried.body).unwrap_or_default().0;
    for (name, value) in extra.iter().filter(|(name, _)| !names.contains(name.as_str())) {
        let name = Value::from(name.as_str());
        text.extend([name.to_string(), ":".into(), value.to_string(), ",".into()]);
    }
    text
}

/// The names of an object's fields.
#[derive(Default)]
struct Names<'a>(BTreeSet<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = std::collections::BTreeMap::<Cow<'a, str>, IgnoredAny>::deserialize(deserializer)?;
        Ok(Self(fields.into_keys().collect()))
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        event::{Finished, StopReason},
        request::{Dialect, InvalidBody, Outline},
    };

    use super::*;
    use crate::frames::SseDecoder;

    fn carried(body: &'static str, model: &str) -> Carried {
        let at = body.rfind(model).unwrap();
        let parse = |_: &Bytes| Err(InvalidBody::new("not read"));
        Carried::new(Dialect::new("d"), body.into(), at..at + model.len(), Outline::default(), parse)
    }

    fn sent(carried: &Carried, request: &ModelRequest, model: &str) -> String {
        let body = spliced(carried, &model.into(), &carried.added, request, &ModelProvider::OpenAI);
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn nothing_but_the_name_of_the_model_changes() {
        let body = r#" {"a" : 1e3, "model":  "old", "b":[1.50,"\u00e4"] } "#;
        let plain = ModelRequest::default();
        let expected = r#" {"a" : 1e3, "model":  "new", "b":[1.50,"\u00e4"] } "#;
        assert_eq!(sent(&carried(body, r#""old""#), &plain, "new"), expected);
        let same = carried(body, r#""old""#);
        assert_eq!(
            spliced(&same, &"old".into(), &[], &plain, &ModelProvider::OpenAI).as_ptr(),
            same.body.as_ptr()
        );
    }

    #[test]
    fn a_body_need_not_name_its_model() {
        let plain = ModelRequest::default();
        for (body, expected) in [(r#" {"a":1}"#, r#" {"n":1,"a":1}"#), ("{ }", r#"{"n":1 }"#)] {
            let mut carried = carried(body, "");
            carried.model = 0..0;
            assert_eq!(sent(&carried, &plain, "m"), body);
            carried.added.push(("n", "1"));
            assert_eq!(sent(&carried, &plain, "m"), expected);
        }
    }

    #[test]
    fn fields_are_added_where_the_body_does_not_have_them() {
        let mut request = ModelRequest::default();
        request.extra.insert(ModelProvider::OpenAI, "store", false);
        request.extra.insert(ModelProvider::OpenAI, "user", "u");
        request.extra.insert(ModelProvider::Anthropic, "speed", "fast");
        let mut carried = carried(r#"{"\u0075ser":"me","model":"m"}"#, r#""m""#);
        carried.added.push(("n", "1"));
        assert_eq!(sent(&carried, &request, "m"), r#"{"n":1,"store":false,"\u0075ser":"me","model":"m"}"#);
    }

    /// What is handed out of a stream, each frame of which passes in its way.
    fn handed_out(text: &'static [u8], size: usize, passages: [Passage; 4]) -> Vec<Relayed> {
        let (mut frames, mut passed, mut out) = (SseDecoder::new(), Passed::default(), Vec::new());
        let mut passages = passages.into_iter();
        for piece in text.chunks(size) {
            passed.push(&Bytes::from_static(piece));
            frames.push(piece);
            while frames.next_frame().unwrap().is_some() {
                let passage = passages.next().unwrap();
                let mut events = Events::new();
                if passages.len() == 0 {
                    events.push_back(Finished::new(StopReason::EndTurn).into());
                }
                passed.replace(frames.consumed(), passage, &mut events);
                out.extend(events.into_iter().filter_map(|event| match event {
                    StreamEvent::Relayed(relayed) => Some(relayed),
                    _ => None,
                }));
            }
        }
        out
    }

    const FRAMES: &[u8] =
        b"\xef\xbb\xbf: hi\n\nevent: a\r\ndata: 1\r\n\r\ndata: 2\ndata: 3\n\n\r\rdata: 4\r\rdata: 5\n\n";

    #[test]
    fn frames_are_handed_out_as_they_came_however_they_are_cut() {
        for size in 1..FRAMES.len() {
            let out = handed_out(FRAMES, size, [Passage::Now; 4]);
            let bytes: Vec<Bytes> = out.iter().map(|relayed| relayed.bytes.clone()).collect();
            assert_eq!((out.len(), bytes.concat()), (4, FRAMES.to_vec()), "pieces of {size}");
        }
    }

    #[test]
    fn what_says_how_a_reply_ends_goes_out_with_its_end() {
        let passages = [Passage::Now, Passage::AtEnd, Passage::Never, Passage::Now];
        for size in 1..FRAMES.len() {
            let out = handed_out(FRAMES, size, passages);
            let [first, last] = &out[..] else { panic!("{out:?}") };
            // The last sign of an empty line may come with the frame behind it.
            assert!(first.bytes.trim_ascii_end().ends_with(b"data: 1"), "{first:?}");
            let frames: Vec<&[u8]> = last.bytes.trim_ascii().split(|sign| *sign == b'\n').collect();
            let lines = frames.into_iter().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            assert!(lines.eq([&b"data: 2"[..], b"data: 3", b"data: 5"]), "{last:?}");
        }
    }

    #[test]
    fn a_frame_that_its_server_has_not_closed_is_closed() {
        let (mut frames, mut passed, mut events) = (SseDecoder::new(), Passed::default(), Events::new());
        let text = b"data: 1";
        passed.push(&Bytes::from_static(text));
        frames.push(text);
        frames.close();
        assert!(frames.next_frame().unwrap().is_some());
        passed.replace(frames.consumed(), Passage::Now, &mut events);
        let expected = Relayed::new(Bytes::from_static(b"data: 1\n\n"), false);
        assert_eq!(events, [StreamEvent::Relayed(expected)]);
    }

    #[test]
    fn frames_that_only_add_text_go_out_together() {
        let (mut passed, mut events) = (Passed::default(), Events::new());
        passed.push(&Bytes::from_static(b"abcdef"));
        passed.add(2, 1);
        passed.add(4, 2);
        passed.hand_out(&mut events);
        passed.hand_out(&mut events);
        let expected = Relayed::new(Bytes::from_static(b"abcd"), true).with_text(3);
        assert_eq!(events, [StreamEvent::Relayed(expected)]);
    }
}
