//! Bodies that go out and come back as they are, while what they say is read beside them.

use std::{borrow::Cow, collections::BTreeSet};

use bytes::{Bytes, BytesMut};
use forge_core::{ModelId, ModelProvider, ModelRequest, StreamEvent, event::Relayed, request::Carried};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::{decode::Events, frames::SseDecoder};

/// The bytes of a stream that no frame has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    waiting: BytesMut,
    /// How many bytes of the stream are handed out.
    taken: usize,
}

impl Passed {
    /// Takes the next piece of the stream.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
    }

    /// The bytes up to the end of the last frame of `frames`.
    pub(crate) fn take(&mut self, frames: &SseDecoder) -> Bytes {
        // The end of a stream is told to the decoder by lines that its server has not sent.
        let length = (frames.consumed() - self.taken).min(self.waiting.len());
        self.taken += length;
        self.waiting.split_to(length).freeze()
    }
}

/// Puts `bytes` in the place of the parts that were read from them. What is told beside the parts stays.
pub(crate) fn replace_parts(events: &mut Events, bytes: Bytes) {
    let has_content = events.iter().any(StreamEvent::is_content);
    let written = events.iter().map(|event| match event {
        StreamEvent::PartDelta { delta, .. } => delta.len(),
        _ => 0,
    });
    let relayed = Relayed::new(bytes, has_content).with_text(written.sum());
    events.retain(|event| !event.is_content());
    // `Started` is the first event of every reply, and nothing comes after `Finished`.
    let at = usize::from(matches!(events.front(), Some(StreamEvent::Started(_))));
    events.insert(at, StreamEvent::Relayed(relayed));
}

/// The body of a carried request for `model`: that of the client with the name of the model replaced, and with the fields
/// that are added to it.
///
/// Of the raw fields of `request` for `vendor`, those are added that the body does not have.
pub fn spliced(carried: &Carried, model: &ModelId, request: &ModelRequest, vendor: &ModelProvider) -> Bytes {
    let name = serde_json::to_string(model.as_str()).unwrap_or_default();
    let added = added(carried, request.extra.fields(vendor));
    let own = carried.body.get(carried.model.clone()).unwrap_or_default();
    if added.is_empty() && own == name.as_bytes() {
        return carried.body.clone();
    }
    // The body is an object, and not an empty one: it has at least the name of a model.
    let open = memchr::memchr(b'{', &carried.body).map_or(0, |brace| brace + 1);
    let (start, end) = (carried.model.start.max(open), carried.model.end);
    let mut body = Vec::with_capacity(carried.body.len() + added.len() + name.len());
    body.extend_from_slice(&carried.body[..open]);
    body.extend_from_slice(added.as_bytes());
    body.extend_from_slice(&carried.body[open..start]);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&carried.body[end..]);
    body.into()
}

/// The fields that are added, each with a comma behind it.
fn added(carried: &Carried, extra: Option<&Map<String, Value>>) -> String {
    let mut text = String::new();
    for (name, value) in &carried.added {
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
    use forge_core::request::{Dialect, InvalidBody, Outline};

    use super::*;

    fn carried(body: &'static str, model: &str) -> Carried {
        let at = body.rfind(model).unwrap();
        let parse = |_: &Bytes| Err(InvalidBody::new("not read"));
        Carried::new(Dialect::new("d"), body.into(), at..at + model.len(), Outline::default(), parse)
    }

    fn sent(carried: &Carried, request: &ModelRequest, model: &str) -> String {
        let body = spliced(carried, &model.into(), request, &ModelProvider::OpenAI);
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
            spliced(&same, &"old".into(), &plain, &ModelProvider::OpenAI).as_ptr(),
            same.body.as_ptr()
        );
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

    #[test]
    fn frames_are_handed_out_as_they_came_however_they_are_cut() {
        let text =
            b"\xef\xbb\xbf: hi\n\nevent: a\r\ndata: 1\r\n\r\ndata: 2\ndata: 3\n\n\r\rdata: 4\r\rdata: 5\n\n";
        for size in 1..text.len() {
            let (mut frames, mut passed, mut out) = (SseDecoder::new(), Passed::default(), Vec::new());
            for piece in text.chunks(size) {
                passed.push(piece);
                frames.push(piece);
                while frames.next_frame().unwrap().is_some() {
                    out.push(passed.take(&frames));
                }
            }
            assert_eq!((out.len(), out.concat()), (4, text.to_vec()), "pieces of {size}");
        }
    }
}
