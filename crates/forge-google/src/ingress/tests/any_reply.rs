//! Replies that are written are read as they were.

use forge_core::{
    StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopDetail, StopReason},
    request::Opaque,
};
use forge_http::Events;
use proptest::prelude::*;
use serde_json::Value;

use super::{LIST, MODEL, SSE, decoded, folded, frames, opaque, reply, words, written};
use crate::response;

/// A reply with every kind of part, as events.
pub(super) fn events(reason: StopReason, pieces: &[String], calls: usize) -> Vec<StreamEvent> {
    let mut index = 0;
    let mut events = vec![Started::new(None, Some(MODEL.into())).into()];
    let mut part = |kind, deltas: Vec<Delta>, state: Option<Opaque>| {
        events.push(StreamEvent::PartStarted { index, kind });
        events.extend(deltas.into_iter().map(|delta| StreamEvent::PartDelta { index, delta }));
        events.push(StreamEvent::PartEnded { index, opaque: state.map(Box::new) });
        index += 1;
    };
    let texts = |of: fn(String) -> Delta| pieces.iter().cloned().map(of).collect::<Vec<_>>();
    let code = r#"{"executableCode":{"language":"PYTHON","code":"print(1)"}}"#;
    part(PartKind::Thinking, texts(Delta::Thinking), None);
    part(PartKind::Vendor, Vec::new(), Some(opaque(code)));
    part(PartKind::Text, texts(Delta::Text), None);
    // As the vendor signs a text that came in pieces.
    part(PartKind::Text, Vec::new(), Some(opaque("Sig+/==")));
    for call in 0..calls {
        let arguments = [r#"{"at""#, r#": "here"}"#].map(|piece| Delta::ToolInput(piece.into()));
        let state = (call == 0).then(|| opaque("Q2FsbA=="));
        part(PartKind::tool_use(format!("call-{call}"), "look"), arguments.into(), state);
    }
    let usage = TokenCount::default()
        .with_input(7)
        .with_cache_read(3)
        .with_other_input(5)
        .with_output(9)
        .with_reasoning(4);
    let mut finished = Finished::new(reason).with_usage(usage);
    finished.detail = StopDetail::of(None, (reason == StopReason::ContentFiltered).then(|| "why".into()));
    events.push(finished.into());
    events
}

/// A reason, with the calls that go with it.
fn ends() -> impl Strategy<Value = (StopReason, usize)> {
    prop_oneof![
        Just((StopReason::EndTurn, 0)),
        Just((StopReason::MaxTokens, 0)),
        Just((StopReason::ContentFiltered, 0)),
        Just((StopReason::Error, 1)),
        Just((StopReason::Other, 0)),
        (1..3_usize).prop_map(|calls| (StopReason::ToolUse, calls)),
    ]
}

proptest! {
    #[test]
    fn a_reply_that_is_written_is_read_as_it_was(
        pieces in prop::collection::vec(words(), 1..4),
        (reason, calls) in ends(),
    ) {
        let events = events(reason, &pieces, calls);
        let expected = folded(events.clone());
        let stream = written(SSE, &events);
        prop_assert_eq!(&folded(decoded(&stream)), &expected);
        let list: Vec<Value> = serde_json::from_str(&written(LIST, &events)).unwrap();
        prop_assert_eq!(list, frames(&stream), "the same frames in a list");
        let body = String::from_utf8(reply("generateContent").whole(&expected)).unwrap();
        let mut whole = Events::new();
        response::from_wire(&body, &MODEL.into(), &mut whole).unwrap();
        prop_assert_eq!(&folded(whole), &expected);
    }
}
