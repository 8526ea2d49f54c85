//! The exact form of replies.

use forge_core::{
    ErrorKind, ModelProvider, ProviderError, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
    request::{Citation, Opaque},
};
use forge_http::Events;
use serde_json::{Value, json};

use super::{LIST, MODEL, SSE, any_reply::events, decoded, folded, frames, reply, written};
use crate::{error, response};

fn part(kind: PartKind, deltas: Vec<Delta>, state: Option<Opaque>) -> Vec<StreamEvent> {
    let deltas = deltas.into_iter().map(|delta| StreamEvent::PartDelta { index: 0, delta });
    let begun = std::iter::once(StreamEvent::PartStarted { index: 0, kind });
    begun.chain(deltas).chain([StreamEvent::PartEnded { index: 0, opaque: state.map(Box::new) }]).collect()
}

#[test]
fn a_stream_has_the_form_that_clients_insist_on() {
    let stream = written(SSE, &events(StopReason::ToolUse, &["a".into(), "b".into()], 2));
    insta::assert_snapshot!(stream);
    for frame in frames(&stream) {
        assert_eq!((&frame["responseId"], &frame["modelVersion"]), (&json!("0197-ab"), &json!(MODEL)));
    }
    let list = written(LIST, &events(StopReason::EndTurn, &["a".into()], 0));
    assert!(list.starts_with("[{") && list.contains("},\r\n{") && list.ends_with("}]"), "{list}");
}

#[test]
fn what_keeps_a_stream_alive_is_nothing_but_empty_lines() {
    for end in [SSE, LIST] {
        let mut out = Vec::new();
        reply(end).keep_alive(&mut out);
        assert_eq!(out, b"\n\n", "{end}");
    }
    // In a list they are white space, wherever they stand.
    let (mut reply, mut out) = (reply(LIST), Vec::new());
    for event in events(StopReason::EndTurn, &["a".into()], 1) {
        reply.keep_alive(&mut out);
        reply.event(&event, &mut out);
    }
    assert!(serde_json::from_slice::<Vec<Value>>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn what_breaks_off_has_no_good_end() {
    let failure = ProviderError::new(ErrorKind::Overloaded, "p", "busy");
    let broken = |end: &str, begun: bool| {
        let (mut reply, mut out) = (reply(end), Vec::new());
        reply.event(&Started::default().into(), &mut out);
        reply.event(&StreamEvent::PartStarted { index: 0, kind: PartKind::Text }, &mut out);
        if begun {
            reply.event(&StreamEvent::PartDelta { index: 0, delta: Delta::Text("so".into()) }, &mut out);
        }
        reply.failure(&failure, &mut out);
        String::from_utf8(out).unwrap()
    };
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#;
    let stream = broken(SSE, true);
    assert!(stream.ends_with(&format!("\n\ndata: {error}\n\n")), "{stream}");
    assert!(!stream.contains("finishReason"));
    assert_eq!(error::inside(error).unwrap().kind, ErrorKind::Overloaded);
    let list = broken(LIST, true);
    assert!(list.ends_with(&format!("}},\r\n{error}")), "a list without an end: {list}");
    assert_eq!(broken(LIST, false), format!("[{error}]"), "the vendor's own form of an error");
}

#[test]
fn a_blocked_prompt_is_a_reply_without_an_answer() {
    let error = ProviderError::new(ErrorKind::ContentFiltered, "p", "no")
        .with(|facts| facts.code = Some("BLOCKLIST".into()));
    let mut out = Vec::new();
    reply(SSE).failure(&error, &mut out);
    let frame = &frames(&String::from_utf8(out).unwrap())[0];
    let feedback = json!({"blockReason": "BLOCKLIST", "blockReasonMessage": "no"});
    assert_eq!((&frame["promptFeedback"], &frame["candidates"]), (&feedback, &Value::Null));
    let read = response::from_wire(&frame.to_string(), &MODEL.into(), &mut Events::new()).unwrap_err();
    assert_eq!((read.kind, read.code.as_deref()), (ErrorKind::ContentFiltered, Some("BLOCKLIST")));
}

#[test]
fn state_of_another_vendor_is_no_signature() {
    let foreign = |data: &str| Some(Opaque::new(ModelProvider::Anthropic, "claude".into(), data));
    let vendor = r#"{"type":"redacted_thinking","data":"EuYB"}"#;
    for (kind, deltas, state) in [
        (PartKind::Thinking, vec![Delta::Thinking("hm".into())], foreign("c2ln")),
        (PartKind::Text, vec![Delta::Text("hm".into())], foreign("c2ln")),
        (PartKind::tool_use("c", "f"), vec![Delta::ToolInput("{}".into())], foreign("c2ln")),
        (PartKind::Vendor, Vec::new(), foreign(vendor)),
    ] {
        let mut events = vec![Started::default().into()];
        events.extend(part(kind, deltas, state));
        events.push(Finished::new(StopReason::EndTurn).into());
        let stream = written(SSE, &events);
        let whole = String::from_utf8(reply("generateContent").whole(&folded(events))).unwrap();
        for text in [stream, whole] {
            assert!(!text.contains("thoughtSignature") && !text.contains("EuYB"), "{text}");
        }
    }
}

#[test]
fn the_state_of_a_text_survives_its_pieces() {
    let own = || Some(super::opaque("U2ln"));
    let mut events = vec![Started::new(None, Some(MODEL.into())).into()];
    events.extend(part(PartKind::Text, vec![Delta::Text("so".into()), Delta::Text(" far".into())], own()));
    events.push(Finished::new(StopReason::EndTurn).into());
    let read = folded(decoded(&written(SSE, &events)));
    assert_eq!((read.text().as_ref(), read.content.last().unwrap().opaque()), ("so far", own().as_ref()));
}

#[test]
fn words_for_an_end_are_the_vendors_own_where_it_ended_the_reply() {
    let word = |reason, raw: Option<&str>| {
        let finished = Finished::new(reason).with_raw_reason(raw.map(str::to_owned));
        let frame = frames(&written(SSE, &[finished.into()])).remove(0);
        frame["candidates"][0]["finishReason"].as_str().unwrap().to_owned()
    };
    for (reason, raw, expected) in [
        (StopReason::EndTurn, Some("end_turn"), "STOP"),
        (StopReason::StopSequence, Some("stop_sequence"), "STOP"),
        (StopReason::ToolUse, None, "STOP"),
        (StopReason::MaxTokens, Some("length"), "MAX_TOKENS"),
        (StopReason::ContextWindow, None, "MAX_TOKENS"),
        (StopReason::Refusal, Some("refusal"), "SAFETY"),
        (StopReason::ContentFiltered, Some("content_filter"), "SAFETY"),
        (StopReason::ContentFiltered, Some("RECITATION"), "RECITATION"),
        (StopReason::Error, Some("MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
        (StopReason::Error, None, "MALFORMED_RESPONSE"),
        (StopReason::Paused, Some("pause_turn"), "OTHER"),
        (StopReason::Paused, Some("CONTINUATION"), "CONTINUATION"),
        (StopReason::Other, Some("NEW_WORD"), "NEW_WORD"),
        (StopReason::Other, None, "OTHER"),
    ] {
        assert_eq!(word(reason, raw), expected, "{reason:?} {raw:?}");
    }
}

#[test]
fn what_a_text_rests_on_stands_in_the_last_frame() {
    let citation = |quote: &str| {
        let known = Citation::raw("{}").with_url(Some("https://a.example".into()));
        Delta::Citation(Box::new(known.with_title(Some("A".into())).with_quote(Some(quote.into()))))
    };
    let mut events = vec![Started::default().into()];
    events.extend(part(
        PartKind::Text,
        vec![Delta::Text("x".into()), citation("one"), citation("two")],
        None,
    ));
    events.push(Finished::new(StopReason::EndTurn).into());
    let stream = written(SSE, &events);
    let expected = json!({
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"text": "one"}, "groundingChunkIndices": [0]},
            {"segment": {"text": "two"}, "groundingChunkIndices": [0]}],
    });
    assert_eq!(frames(&stream).last().unwrap()["candidates"][0]["groundingMetadata"], expected);
    let whole: Value = serde_json::from_slice(&reply("generateContent").whole(&folded(events))).unwrap();
    assert_eq!(whole["candidates"][0]["groundingMetadata"], expected);
}

#[test]
fn tokens_that_nobody_counted_are_no_numbers() {
    let usage = |tokens: TokenCount| {
        let finished = Finished::new(StopReason::EndTurn).with_usage(tokens);
        frames(&written(SSE, &[finished.into()])).remove(0)["usageMetadata"].clone()
    };
    assert_eq!(usage(TokenCount::default()), Value::Null);
    let half = TokenCount::default().with_input(3);
    assert_eq!(usage(half), json!({"promptTokenCount": 3}), "a total would say that the rest is zero");
    let cached = half.with_cache_read(2).with_cache_write_5m(4).with_output(5);
    let expected = json!({"promptTokenCount": 9, "cachedContentTokenCount": 2, "candidatesTokenCount": 5, "totalTokenCount": 14});
    assert_eq!(usage(cached), expected);
}
