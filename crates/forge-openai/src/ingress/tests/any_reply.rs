//! Replies: what is written of them is decoded as the same, in streams and whole.

use std::collections::HashSet;

use forge_core::{
    ModelProvider, ModelResponse, Participant, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason, ToolStart},
    request::{Citation, Opaque, Part, ToolInput},
};
use forge_http::Events;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    super::{CHAT, RESPONSES},
    decoded, folded, frames, read, values, written,
};
use crate::{chat, responses};

fn text() -> impl Strategy<Value = String> {
    "[a-zäß{}\"\\\\\n: ]{0,12}[a-z]"
}

/// A part of a reply, and the texts in which it comes.
#[derive(Debug, Clone)]
struct Said {
    kind: PartKind,
    pieces: Vec<String>,
    citation: Option<Citation>,
    state: Option<Opaque>,
}

impl Said {
    fn new(kind: PartKind, pieces: Vec<String>) -> Self {
        Self { kind, pieces, citation: None, state: None }
    }

    fn deltas(&self, index: u32) -> Vec<StreamEvent> {
        let delta = |text: &String| match self.kind {
            PartKind::Thinking => Delta::Thinking(text.clone()),
            PartKind::ToolUse(_) => Delta::ToolInput(text.clone()),
            _ => Delta::Text(text.clone()),
        };
        let cited = self.citation.iter().map(|citation| Delta::Citation(Box::new(citation.clone())));
        let deltas = self.pieces.iter().map(delta).chain(cited);
        deltas.map(|delta| StreamEvent::PartDelta { index, delta }).collect()
    }
}

/// The events of these parts, one after the other, or all of them open until the end.
fn events(parts: &[Said], together: bool, finished: &Finished) -> Vec<StreamEvent> {
    let mut events = vec![Started::new(Some("vendors-own".into()), Some("m".into())).into()];
    let mut ends = Vec::new();
    for (index, said) in (0..).zip(parts) {
        events.push(StreamEvent::PartStarted { index, kind: said.kind.clone() });
        events.extend(said.deltas(index));
        let end = StreamEvent::PartEnded { index, opaque: said.state.clone().map(Box::new) };
        if together { &mut ends } else { &mut events }.push(end);
    }
    events.extend(ends);
    events.push(StreamEvent::UsageUpdated(Box::new(finished.usage)));
    events.push(finished.clone().into());
    events
}

fn call() -> impl Strategy<Value = Said> {
    let json = vec(("[a-z]{1,4}", any::<i16>()), 0..3);
    let json =
        json.prop_map(|fields| Value::Object(fields.into_iter().map(|(k, v)| (k, v.into())).collect()));
    let input =
        prop_oneof![json.prop_map(|json| (json.to_string(), false)), text().prop_map(|text| (text, true))];
    ("[a-z_]{1,9}", input, any::<prop::sample::Index>()).prop_map(|(name, (input, freeform), cut)| {
        let start = ToolStart::new("", name);
        let start = if freeform { start.freeform() } else { start };
        let cut = cut.index(input.len());
        let pieces = match input.split_at_checked(cut) {
            Some((first, rest)) => vec![first.to_owned(), rest.to_owned()],
            None => vec![input],
        };
        Said::new(PartKind::ToolUse(Box::new(start)), pieces)
    })
}

fn numbered(parts: Vec<Said>) -> Vec<Said> {
    let number = |(at, mut said): (usize, Said)| {
        if let PartKind::ToolUse(start) = &mut said.kind {
            start.id = format!("call_{at}");
        }
        said
    };
    parts.into_iter().enumerate().map(number).collect()
}

fn tokens() -> impl Strategy<Value = TokenCount> {
    (1_u64..9999, 1_u64..9999, option::of(1_u64..99), option::of(1_u64..99), option::of(1_u64..99)).prop_map(
        |(input, output, cached, written, reasoning)| {
            TokenCount::default()
                .with_input(input)
                .with_output(output)
                .with_cache_read(cached)
                .with_cache_write_5m(written)
                .with_reasoning(reasoning)
        },
    )
}

/// An end that the decoder can tell: a reply with calls waits for them, and one with a refusal has refused.
fn end_of(parts: &[Said], cut: Option<StopReason>) -> StopReason {
    let has = |is: fn(&PartKind) -> bool| parts.iter().any(|said| is(&said.kind));
    match cut {
        Some(cut) => cut,
        None if has(|kind| matches!(kind, PartKind::ToolUse(_))) => StopReason::ToolUse,
        None if has(|kind| *kind == PartKind::Refusal) => StopReason::Refusal,
        None => StopReason::EndTurn,
    }
}

fn cut() -> impl Strategy<Value = Option<StopReason>> {
    option::weighted(0.3, select(vec![StopReason::MaxTokens, StopReason::ContentFiltered]))
}

/// The order in which the dialect has the parts: thoughts, one text, a refusal, calls.
fn chat_parts() -> impl Strategy<Value = Vec<Said>> {
    let pieces = || option::of(vec(text(), 1..4));
    (pieces(), pieces(), pieces(), vec(call(), 0..3), any::<bool>()).prop_map(
        |(thoughts, words, refusal, calls, cited)| {
            let mut parts = Vec::new();
            parts.extend(thoughts.map(|pieces| {
                let state = json!({"reasoning_content": pieces.concat()}).to_string();
                let state = Opaque::new(ModelProvider::OpenAI, "m".into(), state);
                Said { state: Some(state), ..Said::new(PartKind::Thinking, pieces) }
            }));
            parts.extend(words.map(|pieces| {
                let raw = json!({"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A",
                    "start_index": 0, "end_index": 1}});
                let citation = Citation::raw(raw.to_string())
                    .with_url(Some("https://a.example".into()))
                    .with_title(Some("A".into()));
                Said { citation: cited.then_some(citation), ..Said::new(PartKind::Text, pieces) }
            }));
            parts.extend(refusal.map(|pieces| Said::new(PartKind::Refusal, pieces)));
            parts.extend(calls);
            numbered(parts)
        },
    )
}

fn responses_parts() -> impl Strategy<Value = Vec<Said>> {
    let group = |(mut said, namespace): (Said, Option<String>)| {
        if let PartKind::ToolUse(start) = &mut said.kind {
            start.namespace = namespace;
        }
        said
    };
    let state = |data: Value| Some(Opaque::new(ModelProvider::OpenAI, "m".into(), data.to_string()));
    let cited = move |(pieces, cited): (Vec<String>, bool)| {
        let raw = json!({"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1});
        let citation = Citation::raw(raw.to_string())
            .with_url(Some("https://a.example".into()))
            .with_title(Some("A".into()));
        Said { citation: cited.then_some(citation), ..Said::new(PartKind::Text, pieces) }
    };
    let part = prop_oneof![
        vec(text(), 0..3).prop_map(|pieces| Said::new(PartKind::Thinking, pieces)),
        (vec(text(), 1..3), any::<bool>()).prop_map(cited),
        vec(text(), 1..3).prop_map(|pieces| Said::new(PartKind::Refusal, pieces)),
        (call(), option::of(text())).prop_map(group),
        Just(Said {
            state: state(
                json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}})
            ),
            ..Said::new(PartKind::Vendor, Vec::new())
        }),
    ];
    vec(part, 0..5).prop_map(numbered)
}

/// The content without what the items of a reply are to their vendor: they get new ids.
fn without_state(content: &[Part]) -> Vec<Part> {
    let part = |part: &Part| match part {
        Part::Vendor { opaque, .. } => {
            Part::vendor(Opaque::new(opaque.provider.clone(), opaque.model.clone(), opaque.data.as_str()))
        }
        part => part.clone().with_opaque(None),
    };
    content.iter().map(part).collect()
}

fn reply(parts: &[Said], finished: &Finished) -> ModelResponse {
    folded(events(parts, false, finished))
}

/// The whole reply as a router hands it on.
fn whole(response: &ModelResponse) -> ModelResponse {
    let mut whole =
        ModelResponse::new(Participant::gpt(), response.content.clone()).with_tokens(response.tokens);
    whole.stop_reason = response.stop_reason;
    whole
}

proptest! {
    #[test]
    fn a_chat_is_decoded_as_it_was(
        parts in chat_parts(), usage in tokens(), cut in cut(), together in any::<bool>(), asked in any::<bool>(),
    ) {
        let finished = Finished::new(end_of(&parts, cut)).with_usage(usage);
        let expected = reply(&parts, &finished);
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "q"}],
            "stream": true, "stream_options": {"include_usage": asked}});
        let decoder = || chat::Decoder::new().with_state(ModelProvider::OpenAI, "m".into(), None);
        let stream = written(&mut *read(&CHAT, &body).reply, &events(&parts, together, &finished));
        let streamed = decoded(decoder(), &stream);
        prop_assert_eq!(&streamed.content, &expected.content);
        prop_assert_eq!(streamed.stop_reason, expected.stop_reason);
        prop_assert_eq!(streamed.tokens, if asked { usage } else { TokenCount::default() });
        let bytes = read(&CHAT, &body).reply.whole(&whole(&expected));
        let mut events = Events::new();
        decoder().whole(std::str::from_utf8(&bytes).unwrap(), &mut events).unwrap();
        let decoded = folded(events);
        prop_assert_eq!(&decoded.content, &expected.content);
        prop_assert_eq!((decoded.stop_reason, decoded.tokens), (expected.stop_reason, usage));
    }

    #[test]
    fn a_chat_has_one_end_and_it_is_the_last(parts in chat_parts(), cut in cut(), asked in any::<bool>()) {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "q"}],
            "stream_options": {"include_usage": asked}});
        let finished = Finished::new(end_of(&parts, cut));
        let all = events(&parts, false, &finished);
        let mut reply = read(&CHAT, &body).reply;
        let stream = written(&mut *reply, &all);
        let ends = frames(&stream).iter().filter(|(_, data)| data == "[DONE]").count();
        prop_assert!(ends == 1 && stream.ends_with(b"data: [DONE]\n\n"));
        let reasons = values(&stream).iter().filter(|chunk| chunk["choices"][0]["finish_reason"].is_string()).count();
        prop_assert_eq!(reasons, 1);
        prop_assert!(values(&stream).iter().all(|chunk| chunk["choices"].is_array() && chunk["id"] == "chatcmpl-0197-ab"));
        // Nothing follows it, whatever comes.
        let error = forge_core::ProviderError::new(forge_core::ErrorKind::Server, "p", "m");
        let (mut out, again) = (Vec::new(), written(&mut *reply, &all));
        reply.failure(&error, &mut out);
        reply.keep_alive(&mut out);
        prop_assert!(again.is_empty() && out.is_empty());
    }

    #[test]
    fn a_reply_of_responses_is_decoded_as_it_was(
        parts in responses_parts(), usage in tokens(), cut in cut(), together in any::<bool>(),
    ) {
        let finished = Finished::new(end_of(&parts, cut)).with_usage(usage);
        let expected = reply(&parts, &finished);
        let decoder = || responses::Decoder::new(ModelProvider::OpenAI, "m".into(), "p".into());
        let stream = written(&mut *read(&RESPONSES, &json!({"model": "m", "input": "q"})).reply,
            &events(&parts, together, &finished));
        let streamed = decoded(decoder(), &stream);
        // What only its vendor understands becomes an item when it ends, and so may stand behind later ones.
        let sorted = |content: &[Part]| {
            let mut content = without_state(content);
            content.sort_by_key(|part| together && matches!(part, Part::Vendor { .. }));
            content
        };
        prop_assert_eq!(sorted(&streamed.content), sorted(&expected.content));
        prop_assert_eq!(streamed.stop_reason, expected.stop_reason);
        prop_assert_eq!(streamed.tokens.total_input(), usage.total_input());
        prop_assert_eq!(streamed.tokens.total_output(), usage.total_output());
        let bytes = read(&RESPONSES, &json!({"model": "m", "input": "q"})).reply.whole(&whole(&expected));
        let mut events = Events::new();
        decoder().whole(std::str::from_utf8(&bytes).unwrap(), &mut events).unwrap();
        let decoded = folded(events);
        prop_assert_eq!(without_state(&decoded.content), without_state(&expected.content));
        prop_assert_eq!(decoded.stop_reason, expected.stop_reason);
    }

    #[test]
    fn a_stream_of_responses_is_whole(parts in responses_parts(), cut in cut(), together in any::<bool>()) {
        let finished = Finished::new(end_of(&parts, cut));
        let all = events(&parts, together, &finished);
        let mut reply = read(&RESPONSES, &json!({"model": "m", "input": "q"})).reply;
        let stream = written(&mut *reply, &all);
        for (at, (name, data)) in frames(&stream).iter().enumerate() {
            let event: Value = serde_json::from_str(data).unwrap();
            prop_assert_eq!((&event["type"], &event["sequence_number"]), (&json!(name), &json!(at)));
        }
        let told = values(&stream);
        let of = |kind: &str| told.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
        let ids: Vec<&Value> = of("response.output_item.added").iter().map(|event| &event["item"]["id"]).collect();
        let mut done = of("response.output_item.done");
        done.sort_by_key(|event| event["output_index"].as_u64());
        let places: Vec<u64> = done.iter().map(|event| event["output_index"].as_u64().unwrap()).collect();
        prop_assert_eq!(places, (0..parts.len() as u64).collect::<Vec<_>>());
        let items: Vec<&Value> = done.iter().map(|event| &event["item"]).collect();
        prop_assert_eq!(ids, items.iter().map(|item| &item["id"]).collect::<Vec<_>>());
        let known = items.iter().filter(|item| item["type"] != "web_search_call");
        let known: Vec<_> = known.map(|item| item["id"].as_str().unwrap()).collect();
        prop_assert_eq!(known.iter().collect::<HashSet<_>>().len(), known.len());
        let last = &told.last().unwrap()["response"];
        prop_assert_eq!(last["output"].as_array().unwrap().iter().collect::<Vec<_>>(), items);
        let is_end = |event: &&Value| ["completed", "incomplete", "failed"].contains(
            &event["type"].as_str().unwrap().trim_start_matches("response."));
        prop_assert_eq!(told.iter().filter(is_end).count(), 1);
        prop_assert!(is_end(&told.last().unwrap()));
        prop_assert!(written(&mut *reply, &all).is_empty());
    }
}

#[test]
fn a_part_with_text_is_a_part_of_that_text() {
    let said = Said::new(PartKind::Text, vec!["a".into(), "b".into()]);
    assert_eq!(reply(&[said], &Finished::new(StopReason::EndTurn)).content, [Part::text("ab")]);
    let call = Said::new(PartKind::tool_use("c", "f"), Vec::new());
    let content = reply(&[call], &Finished::new(StopReason::ToolUse)).content;
    assert_eq!(content, [Part::tool_use("c", "f", ToolInput::Json(json!({})))]);
}
