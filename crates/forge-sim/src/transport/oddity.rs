//! Odd replies on purpose: numbers that are none, events that are too many, bytes that are no text.

use serde_json::{Value, json};

use crate::answer::{Answer, Frame, Framing, Payload, Stream};
use crate::scenario::{Quirk, Rule};

/// Signs for private use that stand in a text until it becomes bytes. No `String` can hold what most of them
/// stand for.
const LONE_SURROGATE: char = '\u{e000}';
const INVALID_UTF8: char = '\u{e001}';
const SPLIT_PAIR: char = '\u{e002}';
const SECOND_HALF: char = '\u{e003}';

/// What each sign becomes in the bytes of a JSON string.
const BYTES: &[(char, &[u8])] = &[
    (LONE_SURROGATE, b"\\ud83d"),
    (INVALID_UTF8, b"\xff"),
    // The pair as it is, where nothing divides it.
    (SPLIT_PAIR, b"\\ud83d\\ude00"),
    (SECOND_HALF, b"\\ude00"),
];

/// Quirks that put a sign into the text of an answer.
const SIGNS: &[(Quirk, char)] = &[
    (Quirk::LoneSurrogate, LONE_SURROGATE),
    (Quirk::InvalidUtf8, INVALID_UTF8),
    (Quirk::SplitSurrogates, SPLIT_PAIR),
];

/// Puts the sign of each quirk of the rule behind the first word of a text.
pub(crate) fn sign(text: &mut String, rule: &Rule) {
    let blank = text.char_indices().find(|(_, sign)| sign.is_whitespace());
    // Behind a word, so that a client has shown something before it meets the sign.
    let at = blank.map_or(text.len(), |(at, sign)| at + sign.len_utf8());
    for (quirk, sign) in SIGNS {
        if rule.has(*quirk) {
            text.insert(at, *sign);
        }
    }
}

/// The bytes with what the signs stand for; untouched where the rule has put none.
pub(super) fn spell(bytes: Vec<u8>, rule: &Rule) -> Vec<u8> {
    if !SIGNS.iter().any(|(quirk, _)| rule.has(*quirk)) {
        return bytes;
    }
    BYTES.iter().fold(bytes, |bytes, (sign, spelled)| {
        let mut buffer = [0; 4];
        replaced(&bytes, sign.encode_utf8(&mut buffer).as_bytes(), spelled)
    })
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Makes a good reply odd in the ways of the rule.
pub(super) fn apply(answer: &mut Answer, rule: &Rule) {
    if answer.status >= 300 {
        return;
    }
    let usage = rule.reply.as_ref().and_then(|reply| reply.raw_usage.as_ref());
    match &mut answer.payload {
        Payload::Json(value) => {
            if let Some(usage) = usage {
                report(value, usage);
            }
        }
        Payload::Stream(stream) => {
            if let Some(usage) = usage {
                edit(&mut stream.frames, |value| report(value, usage));
            }
            events(stream, rule);
        }
        Payload::Empty | Payload::Text { .. } => {}
    }
}

/// Changes the JSON of each frame.
fn edit(frames: &mut [Frame], change: impl Fn(&mut Value)) {
    for frame in frames {
        if let Ok(mut value) = serde_json::from_str(&frame.data) {
            change(&mut value);
            frame.data = value.to_string();
        }
    }
}

/// Where the dialects report usage.
const PLACES: &[&str] =
    &["/usage", "/usageMetadata", "/message/usage", "/response/usage", "/choices/0/usage"];

/// Counts that Ollama lays flat into its last line.
const FLAT: &[&str] = &["prompt_eval_count", "eval_count"];

/// Reports these counts over the computed ones, or in place of all of them.
fn report(value: &mut Value, usage: &Value) {
    for place in PLACES {
        if let Some(reported) = value.pointer_mut(place).filter(|reported| reported.is_object()) {
            lay_over(reported, usage);
        }
    }
    if FLAT.iter().all(|name| value.get(name).is_some()) {
        if usage.is_object() {
            lay_over(value, usage);
        } else {
            for name in FLAT {
                value[*name] = usage.clone();
            }
        }
    }
}

fn lay_over(below: &mut Value, above: &Value) {
    match (below.as_object_mut(), above.as_object()) {
        (Some(fields), Some(more)) => {
            for (name, value) in more {
                lay_over(fields.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        _ => below.clone_from(above),
    }
}

fn events(stream: &mut Stream, rule: &Rule) {
    let frames = &mut stream.frames;
    if rule.has(Quirk::WholeStart) {
        whole_start(frames);
    }
    if rule.has(Quirk::OrphanDelta) {
        let start = |frame: &Frame| frame.event.as_deref() == Some("content_block_start");
        if let Some(at) = frames.iter().position(|frame| start(frame) && frame.data.contains("\"text\"")) {
            frames.remove(at);
        }
    }
    if rule.has(Quirk::SecondMessageStart) {
        let start = frames.iter().find(|frame| frame.event.as_deref() == Some("message_start")).cloned();
        let delta = |frame: &Frame| frame.event.as_deref() == Some("content_block_delta");
        if let (Some(start), Some(at)) = (start, frames.iter().position(delta)) {
            frames.insert(at + 1, start);
        }
    }
    if rule.has(Quirk::SplitSurrogates) {
        split_pair(frames);
    }
    if rule.has(Quirk::ExtraDone)
        && matches!(stream.framing, Framing::Sse(_))
        && frames.last().is_some_and(|frame| frame.data != "[DONE]")
    {
        frames.push(Frame::data("[DONE]").terminal());
    }
    if let Some(size) = rule.bytes.last_event_bytes {
        pad(frames, size);
    }
}

/// The whole message in its first event, and then its end.
fn whole_start(frames: &mut Vec<Frame>) {
    let events: Vec<Value> =
        frames.iter().filter_map(|frame| serde_json::from_str(&frame.data).ok()).collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let (Some(start), Some(end)) = (of("message_start").next(), of("message_delta").next()) else {
        return;
    };
    let mut start = start.clone();
    let blocks: Vec<Value> = of("content_block_start")
        .map(|opening| {
            let mut block = opening["content_block"].clone();
            for event in of("content_block_delta").filter(|event| event["index"] == opening["index"]) {
                for (field, piece) in event["delta"].as_object().into_iter().flatten() {
                    let Some(piece) = piece.as_str().filter(|_| field != "type") else {
                        continue;
                    };
                    let field = if field == "partial_json" { "input" } else { field };
                    let before = block[field].as_str().unwrap_or_default();
                    block[field] = format!("{before}{piece}").into();
                }
            }
            if let Some(text) = block["input"].as_str() {
                block["input"] = serde_json::from_str(text).unwrap_or(json!({}));
            }
            block
        })
        .collect();
    start["message"]["content"] = blocks.into();
    for field in ["stop_reason", "stop_sequence", "stop_details"] {
        start["message"][field] = end["delta"][field].clone();
    }
    lay_over(&mut start["message"]["usage"], &end["usage"]);
    *frames = vec![Frame::typed(&start), Frame::typed(&json!({"type": "message_stop"})).terminal()];
}

/// Divides the event with the pair into two, between its halves.
fn split_pair(frames: &mut Vec<Frame>) {
    let Some(at) = frames.iter().position(|frame| frame.data.contains(SPLIT_PAIR)) else {
        return;
    };
    let Ok(value) = serde_json::from_str::<Value>(&frames[at].data) else {
        return;
    };
    let (mut first, mut second) = (value.clone(), value);
    cut(&mut first, |before, _| format!("{before}{LONE_SURROGATE}"));
    cut(&mut second, |_, after| format!("{SECOND_HALF}{after}"));
    let more = Frame { data: second.to_string(), ..frames[at].clone() };
    frames[at].data = first.to_string();
    frames.insert(at + 1, more);
}

/// Changes every text around the pair.
fn cut(value: &mut Value, keep: fn(&str, &str) -> String) {
    match value {
        Value::String(text) => {
            if let Some((before, after)) = text.split_once(SPLIT_PAIR) {
                *text = keep(before, after);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, keep)),
        Value::Object(fields) => fields.values_mut().for_each(|item| cut(item, keep)),
        _ => {}
    }
}

/// Makes the last event as large as this, with a field that nobody knows.
fn pad(frames: &mut [Frame], size: usize) {
    let last = frames.iter_mut().rev().find_map(|frame| {
        let value = serde_json::from_str::<Value>(&frame.data).ok().filter(Value::is_object)?;
        Some((frame, value))
    });
    if let Some((frame, mut value)) = last {
        value["padding"] = "x".repeat(size.saturating_sub(frame.data.len())).into();
        frame.data = value.to_string();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stands_behind_the_first_word_whatever_the_blank() {
        let rule = Rule { quirks: vec![Quirk::LoneSurrogate], ..Rule::default() };
        for (text, signed) in [("a b", "a \u{e000}b"), ("a\u{3000}b", "a\u{3000}\u{e000}b"), ("", "\u{e000}")]
        {
            let mut text = text.to_owned();
            sign(&mut text, &rule);
            assert_eq!(text, signed);
        }
    }

    #[test]
    fn signs_of_a_text_are_left_alone_without_a_quirk() {
        let bytes = "a\u{e000}".as_bytes().to_vec();
        assert_eq!(spell(bytes.clone(), &Rule::default()), bytes);
        let rule = Rule { quirks: vec![Quirk::InvalidUtf8], ..Rule::default() };
        assert_eq!(spell("a\u{e001}b".as_bytes().to_vec(), &rule), b"a\xffb");
    }

    #[test]
    fn counts_are_laid_over_counts() {
        let mut value = json!({"usage": {"a": 1, "b": {"c": 2}}});
        report(&mut value, &json!({"a": -1, "b": {"d": null}}));
        assert_eq!(value, json!({"usage": {"a": -1, "b": {"c": 2, "d": null}}}));
        report(&mut value, &Value::Null);
        assert_eq!(value, json!({"usage": null}));
    }
}
