//! Events of the vendor become events.

use forge_core::{
    ErrorKind, ModelId, ModelProvider, ProviderId, StreamEvent,
    event::{Finished, PartKind, Started, StopReason},
    request::Opaque,
    storage::accounts::Served,
};
use forge_http::{Decode, Events, Failure, Frame};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    open::{Item, Source, Which},
    response::{Kind, Whole},
};
use crate::{
    chat::{CallNames, reports_error},
    error,
    usage::{Counting, Totals},
    wire::responses_reply::{
        AnnotationEvent, DeltaEvent, DeltaLength, ItemEvent, Response, ResponseEvent, TypeOnly,
    },
};

/// Decodes the stream of one reply. Each output item is one part.
#[derive(Debug)]
pub(crate) struct Decoder {
    vendor: ModelProvider,
    /// The model asked for, which owns the items.
    model: ModelId,
    /// The configured provider: the vendor binds items to the account behind it.
    origin: ProviderId,
    ids: CallNames,
    started: bool,
    items: Vec<Item>,
    /// How many parts have begun.
    parts: u32,
    refused: bool,
}

impl Decoder {
    pub(crate) fn new(vendor: ModelProvider, model: ModelId, origin: ProviderId) -> Self {
        let (ids, items) = (CallNames::default(), Vec::new());
        Self { vendor, model, origin, ids, started: false, items, parts: 0, refused: false }
    }

    /// Says which turn of the conversation the reply is; ids that the server leaves out follow from it.
    pub(crate) fn with_turn(mut self, turn: usize) -> Self {
        self.ids.tell_apart(&turn.to_le_bytes());
        self
    }

    fn event(&mut self, name: &str, data: &str, events: &mut Events) -> Result<(), Failure> {
        if let Some((kind, summary)) = delta_kind(name) {
            self.refused |= kind == Kind::Refusal;
            return self.delta(kind, summary, data, events);
        }
        match name {
            "response.output_text.annotation.added" => {
                let AnnotationEvent { output_index, item_id, annotation } = parse(data)?;
                let which = Which { output_index, id: item_id.as_deref() };
                if let Some(annotation) = annotation {
                    self.citation(which, annotation, events);
                }
                Ok(())
            }
            "response.output_item.added" => {
                let ItemEvent { output_index, item: Some(item) } = parse(data)? else { return Ok(()) };
                let whole = Whole::read(item)?;
                let at = self.open(Which { output_index, id: whole.id() }, whole.kind)?;
                // Whether a message is an answer or a refusal shows with its first words, and whether an item is
                // the vendor's own shows when it is whole.
                if !matches!(whole.kind, Kind::Text | Kind::Vendor) {
                    self.begin(at, whole.part_kind(), events);
                }
                Ok(())
            }
            "response.output_item.done" => {
                let ItemEvent { output_index, item: Some(item) } = parse(data)? else { return Ok(()) };
                self.item(output_index, item, events)
            }
            "response.created" | "response.queued" | "response.in_progress" => {
                let ResponseEvent { response } = parse(data)?;
                self.start(&response, events);
                Ok(())
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let ResponseEvent { response } = parse(data)?;
                self.finish(&response, name.strip_prefix("response."), events)
            }
            // Flat in the vendor's types, nested in recorded streams; both are read.
            "error" => Err(error::inside(data).unwrap_or_else(Failure::nameless)),
            _ => Ok(()),
        }
    }

    fn delta(&mut self, kind: Kind, summary: bool, data: &str, events: &mut Events) -> Result<(), Failure> {
        let DeltaEvent { output_index, item_id, delta, content_index, summary_index } = parse(data)?;
        let Some(mut delta) = delta.filter(|delta| !delta.is_empty()) else { return Ok(()) };
        let index = summary_index.or(content_index).unwrap_or(0);
        let which = Which { output_index, id: item_id.as_deref() };
        let at = match self.position(which) {
            Some(at) => at,
            None if matches!(kind, Kind::Call | Kind::Freeform) => {
                return Err(misfit("the arguments of a call that did not begin"));
            }
            None => self.open(which, kind)?,
        };
        let item = &mut self.items[at];
        if item.kind == Kind::Vendor && item.part.is_none() && !matches!(kind, Kind::Call | Kind::Freeform) {
            item.kind = kind;
        }
        if self.items[at].kind.goes_with(kind) {
            self.begin(at, Whole::empty(kind).part_kind(), events);
        }
        let item = &mut self.items[at];
        if !item.kind.goes_with(kind) || item.ended {
            return Err(misfit("a delta that does not fit its item"));
        }
        let source = Source { summary, index };
        if std::mem::replace(&mut item.source, source) != source && item.sent > 0 && kind == Kind::Thinking {
            delta.insert_str(0, Whole::BETWEEN_THOUGHTS);
        }
        item.send(delta, events);
        Ok(())
    }

    fn citation(&mut self, which: Which<'_>, raw: &RawValue, events: &mut Events) {
        if let Some(at) = self.position(which).filter(|at| !self.items[*at].ended) {
            self.items[at].cite(raw, events);
        }
    }

    fn position(&self, which: Which<'_>) -> Option<usize> {
        self.items.iter().rposition(|item| which.is(item))
    }

    fn open(&mut self, which: Which<'_>, kind: Kind) -> Result<usize, Failure> {
        if let Some(at) = self.position(which) {
            return Ok(at);
        }
        let Which { output_index, id } = which;
        if output_index.is_none() && id.is_none() {
            return Err(misfit("an event that does not say which item it is about"));
        }
        self.items.push(Item {
            output_index,
            id: id.map(str::to_owned),
            part: None,
            kind,
            sent: 0,
            cited: 0,
            source: Source::default(),
            ended: false,
        });
        Ok(self.items.len() - 1)
    }

    /// Begins the part that the item is, unless it has begun.
    fn begin(&mut self, at: usize, mut kind: PartKind, events: &mut Events) {
        if self.items[at].part.is_some() {
            return;
        }
        if let PartKind::ToolUse(start) = &mut kind {
            start.id = self.ids.unused(&start.id);
        }
        self.ensure_started(Started::default(), events);
        let index = self.parts;
        self.parts += 1;
        let item = &mut self.items[at];
        item.part = Some(index);
        if kind == PartKind::Refusal {
            item.kind = Kind::Refusal;
        }
        events.push_back(StreamEvent::PartStarted { index, kind });
    }

    /// A whole item: what of its text did not come in deltas goes out now.
    fn item(
        &mut self,
        output_index: Option<u32>,
        raw: &RawValue,
        events: &mut Events,
    ) -> Result<(), Failure> {
        let whole = Whole::read(raw)?;
        let at = self.open(Which { output_index, id: whole.id() }, whole.kind)?;
        // `response.completed` repeats every item; what has ended is not told twice.
        if self.items[at].ended {
            return Ok(());
        }
        if whole.kind == Kind::Vendor && self.items[at].part.is_some() {
            // What it is can no longer be read; what came of it stands.
            self.items[at].ended = true;
            events.extend(self.items[at].part.map(|index| StreamEvent::PartEnded { index, opaque: None }));
            return Ok(());
        }
        if self.items[at].kind == Kind::Vendor && self.items[at].part.is_none() {
            self.items[at].kind = whole.kind;
        }
        if !self.items[at].kind.goes_with(whole.kind) {
            return Err(misfit("an item that is not what it began as"));
        }
        self.begin(at, whole.part_kind(), events);
        let item = &mut self.items[at];
        self.refused |= whole.refused;
        // Some servers send no deltas or lose the last ones; the whole item is the vendor's last word.
        let rest = whole.text.get(item.sent..).unwrap_or_default();
        item.send(rest.to_owned(), events);
        for raw in whole.citations.iter().skip(item.cited) {
            item.cite(raw, events);
        }
        item.ended = true;
        let opaque = whole.replayable.then(|| {
            let data = raw.get().to_owned();
            let state = Opaque::new(self.vendor.clone(), self.model.clone(), data);
            Box::new(state.with_origin(self.origin.clone()))
        });
        events.extend(item.part.map(|index| StreamEvent::PartEnded { index, opaque }));
        Ok(())
    }

    fn start(&mut self, response: &Response<'_>, events: &mut Events) {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let (id, model) = (text(response.id.as_deref()), text(response.model.as_deref()).map(ModelId::from));
        if !self.started {
            self.ids.tell_apart(id.as_deref().unwrap_or_default().as_bytes());
        }
        self.ensure_started(Started::new(id, model), events);
    }

    fn ensure_started(&mut self, started: Started, events: &mut Events) {
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(StreamEvent::from(started));
        }
    }

    /// The vendor says that the reply is over; `said` is how, should the reply itself not say it.
    pub(super) fn finish(
        &mut self,
        response: &Response<'_>,
        said: Option<&str>,
        events: &mut Events,
    ) -> Result<(), Failure> {
        // A reply that holds output and does not say how it ended has ended.
        let implied = (!response.output.is_empty()).then_some("completed");
        let status = response.status.as_deref().or(said).or(implied).unwrap_or_default();
        match (status, response.error.filter(|error| reports_error(error))) {
            (_, Some(error)) => return Err(error::from_field(error.get())),
            ("failed" | "cancelled", None) => return Err(Failure::nameless()),
            // A reply that goes on in the background is none that can be waited for here.
            ("in_progress" | "queued", None) => return Err(Failure::truncated()),
            ("", None) => return Err(misfit("a reply without a status")),
            _ => {}
        }
        self.start(response, events);
        for (output_index, raw) in (0..).zip(&response.output) {
            self.item(Some(output_index), raw, events)?;
        }
        let open = self.items.iter().filter(|item| !item.ended);
        events.extend(
            open.filter_map(|item| item.part).map(|index| StreamEvent::PartEnded { index, opaque: None }),
        );
        let usage = response.usage.map(Totals::of_responses).unwrap_or_default();
        let (usage, warning) = usage.settled(Counting::default(), self.parts > 0);
        events.extend(warning.map(StreamEvent::from));
        let (reason, raw_reason) = self.reason(status, response);
        let mut finished = Finished::new(reason).with_raw_reason(raw_reason.to_owned()).with_usage(usage);
        let tier = response.service_tier.as_deref();
        finished.served = tier.map(|tier| Served::default().with_tier(tier));
        events.push_back(finished.into());
        Ok(())
    }

    /// The vendor gives no reason; it follows from the status and the items. An incomplete reply is cut
    /// off whatever it holds.
    fn reason<'a>(&self, status: &'a str, response: &'a Response<'_>) -> (StopReason, &'a str) {
        let cause = response.incomplete_details.reason.as_deref();
        let has_calls = self.items.iter().any(|item| matches!(item.kind, Kind::Call | Kind::Freeform));
        match (status, cause) {
            ("completed", _) if has_calls => (StopReason::ToolUse, status),
            ("completed", _) if self.refused => (StopReason::Refusal, status),
            ("completed", _) => (StopReason::EndTurn, status),
            ("incomplete", Some(cause @ "max_output_tokens")) => (StopReason::MaxTokens, cause),
            ("incomplete", Some(cause @ "content_filter")) => (StopReason::ContentFiltered, cause),
            (status, cause) => (StopReason::Other, cause.unwrap_or(status)),
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        let Frame::Event { name, data } = frame else { return Ok(()) };
        match data.trim_ascii() {
            // `[DONE]` proves nothing: the end of this API is a terminal event.
            "" | "[DONE]" => Ok(()),
            // Proxies drop the `event:` line; the vendor repeats the name as `type` of the data.
            data if name.is_empty() => {
                let TypeOnly { r#type } = parse(data)?;
                match r#type {
                    Some(name) => self.event(&name, data, events),
                    None => error::inside(data).map_or(Ok(()), Err),
                }
            }
            data => self.event(name, data, events),
        }
    }

    fn added_text(&mut self, frame: Frame<'_>) -> Option<usize> {
        let Frame::Event { name, data } = frame else { return None };
        let (kind, summary) = delta_kind(name)?;
        let DeltaLength { output_index, item_id, delta, content_index, summary_index } =
            serde_json::from_str(data).ok()?;
        let at = self.position(Which { output_index, id: item_id })?;
        let source = Source { summary, index: summary_index.or(content_index).unwrap_or(0) };
        self.items[at].add(kind, source, delta.0)
    }
}

/// What the deltas of an event are, and whether they are of a summary.
fn delta_kind(event: &str) -> Option<(Kind, bool)> {
    Some(match event {
        "response.output_text.delta" => (Kind::Text, false),
        "response.reasoning_summary_text.delta" => (Kind::Thinking, true),
        "response.reasoning_text.delta" => (Kind::Thinking, false),
        "response.function_call_arguments.delta" => (Kind::Call, false),
        "response.custom_tool_call_input.delta" => (Kind::Freeform, false),
        "response.refusal.delta" => (Kind::Refusal, false),
        _ => return None,
    })
}

fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Failure> {
    serde_json::from_str(data).map_err(|error| Failure::decode("an event", &error))
}

fn misfit(what: &str) -> Failure {
    Failure::new(ErrorKind::Decode, format!("the vendor sent {what}"))
}

#[cfg(test)]
mod tests {
    use forge_core::{
        CallContext, ModelResponse, Participant,
        request::{Part, ToolInput},
        stream::Accumulator,
    };
    use serde_json::{Value, json};

    use super::*;

    fn run(lines: &[Value]) -> Result<ModelResponse, Failure> {
        let (mut decoder, mut events) =
            (Decoder::new(ModelProvider::OpenAI, "gpt-6.2-sol".into(), "openai".into()), Events::new());
        for line in lines {
            // Half of the servers name their events only in the data.
            let name = line["type"].as_str().filter(|name| name.len() % 2 == 0).unwrap_or_default();
            let data = line.to_string();
            decoder.frame(Frame::Event { name, data: &data }, &mut events)?;
        }
        if !matches!(events.back(), Some(StreamEvent::Finished(_))) {
            decoder.end(&mut events)?;
        }
        let mut accumulator = Accumulator::new(&CallContext::new(Participant::gpt()));
        for event in events {
            accumulator.push(event).unwrap();
        }
        Ok(accumulator.finish().unwrap())
    }

    fn item(word: &str, index: u32, item: &Value) -> Value {
        json!({"type": format!("response.output_item.{word}"), "output_index": index, "item": item})
    }

    fn delta(word: &str, index: u32, text: &str) -> Value {
        json!({"type": format!("response.{word}.delta"), "output_index": index, "delta": text})
    }

    fn terminal(status: &str, extra: &Value) -> Value {
        let mut response = json!({"id": "resp_1", "model": "m", "status": status,
            "usage": {"input_tokens": 1, "output_tokens": 1}});
        response.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"type": format!("response.{status}"), "response": response})
    }

    #[test]
    fn summaries_are_one_text_with_a_blank_line_between() {
        let summary = |index: u32, text: &str| {
            json!({"type": "response.reasoning_summary_text.delta", "output_index": 0,
                "summary_index": index, "delta": text})
        };
        let whole =
            json!({"type": "reasoning", "summary": [{"text": "A"}, {"text": "B"}], "encrypted_content": "x"});
        let streamed = run(&[
            item("added", 0, &json!({"type": "reasoning", "summary": []})),
            summary(0, "A"),
            summary(1, "B"),
            item("done", 0, &whole),
            terminal("completed", &json!({})),
        ])
        .unwrap();
        let at_once = run(&[terminal("completed", &json!({"output": [whole]}))]).unwrap();
        assert_eq!(streamed.content, at_once.content);
        assert!(
            matches!(&streamed.content[0], Part::Thinking { text, opaque: Some(_), .. } if text == "A\n\nB")
        );
    }

    #[test]
    fn text_that_came_in_no_delta_comes_with_its_item() {
        let message = json!({"type": "message", "content": [{"type": "output_text", "text": "Hello"}]});
        let response = run(&[
            delta("output_text", 0, "Hel"),
            item("done", 0, &message),
            terminal("completed", &json!({"output": [message]})),
        ])
        .unwrap();
        assert_eq!(response.text(), "Hello");
    }

    #[test]
    fn thoughts_without_their_encrypted_form_are_not_kept_for_replay() {
        let bare = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": null});
        let response = run(&[terminal("completed", &json!({"output": [bare]}))]).unwrap();
        assert_eq!(response.content, [Part::thinking(String::new())]);
    }

    #[test]
    fn items_of_hosted_tools_are_kept_as_they_are() {
        let search = json!({"type": "web_search_call", "id": "ws_1", "content": 7});
        let response = run(&[
            item("added", 0, &search),
            json!({"type": "response.web_search_call.searching", "output_index": 0}),
            item("done", 0, &search),
            terminal("completed", &json!({})),
        ])
        .unwrap();
        assert!(
            matches!(&response.content[0], Part::Vendor { opaque, .. } if search == opaque.data.parse::<Value>().unwrap())
        );
    }

    #[test]
    fn free_text_calls_refusals_and_sources_are_told_in_streams_and_whole_replies() {
        let call = json!({"type": "custom_tool_call", "id": "ct_1", "call_id": "c", "name": "exec",
            "namespace": "shell", "input": "ls"});
        let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
        let annotation = json!({"type": "url_citation", "url": "https://a.example", "title": "Atlas"});
        let text = json!({"type": "message", "content": [
            {"type": "output_text", "text": "Paris", "annotations": [annotation]}]});
        let empty = json!({"type": "message", "content": []});
        let at_once = run(&[terminal("completed", &json!({"output": [call, refusal, text]}))]).unwrap();
        let streamed = run(&[
            item("added", 0, &json!({"type": "custom_tool_call", "call_id": "c", "name": "exec", "namespace": "shell"})),
            delta("custom_tool_call_input", 0, "ls"),
            item("done", 0, &call),
            item("added", 1, &empty),
            delta("refusal", 1, "No."),
            item("done", 1, &refusal),
            item("added", 2, &empty),
            delta("output_text", 2, "Paris"),
            json!({"type": "response.output_text.annotation.added", "output_index": 2, "annotation": annotation}),
            item("done", 2, &text),
            terminal("completed", &json!({"output": [call, refusal, text]})),
        ])
        .unwrap();
        assert_eq!(streamed.content, at_once.content);
        assert!(
            matches!(&streamed.content[0], Part::ToolUse { namespace: Some(group), input: ToolInput::Text(text), .. }
                if group == "shell" && text == "ls")
        );
        assert_eq!(streamed.content[1], Part::refusal("No."));
        let Part::Text { citations, opaque: Some(state), .. } = &streamed.content[2] else {
            panic!("{streamed:?}")
        };
        assert_eq!((citations.len(), citations[0].title.as_deref()), (1, Some("Atlas")));
        assert!(state.belongs_to(&ModelProvider::OpenAI, &"gpt-6.2-sol".into(), "openai"));
        assert!(!state.belongs_to(&ModelProvider::OpenAI, &"gpt-6.2-sol".into(), "other-account"));
    }

    #[test]
    fn the_reason_follows_from_status_and_items() {
        let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
        let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
        let because = |reason: &str| json!({"incomplete_details": {"reason": reason}});
        for (status, extra, reason, raw) in [
            ("completed", json!({}), StopReason::EndTurn, "completed"),
            ("completed", json!({"output": [call]}), StopReason::ToolUse, "completed"),
            ("completed", json!({"output": [refusal]}), StopReason::Refusal, "completed"),
            ("incomplete", because("max_output_tokens"), StopReason::MaxTokens, "max_output_tokens"),
            ("incomplete", because("content_filter"), StopReason::ContentFiltered, "content_filter"),
            ("incomplete", because("new_reason"), StopReason::Other, "new_reason"),
            ("incomplete", json!({}), StopReason::Other, "incomplete"),
        ] {
            let response = run(&[terminal(status, &extra)]).unwrap();
            assert_eq!((response.stop_reason, response.raw_stop_reason.as_deref()), (reason, Some(raw)));
        }
    }

    #[test]
    fn only_a_terminal_event_makes_a_reply_complete() {
        let text = delta("output_text", 0, "Hi");
        assert_eq!(run(std::slice::from_ref(&text)).unwrap_err().kind, ErrorKind::Truncated);
        let error = json!({"code": "rate_limit_exceeded", "message": "m"});
        for (last, kind) in [
            (terminal("failed", &json!({"error": error})), ErrorKind::RateLimited),
            (terminal("failed", &json!({"error": null})), ErrorKind::Server),
            (
                json!({"type": "error", "code": "server_error", "message": "m", "param": null}),
                ErrorKind::Server,
            ),
            (json!({"type": "error", "error": {"code": "insufficient_quota"}}), ErrorKind::QuotaExhausted),
            (json!({"error": {"message": "m"}}), ErrorKind::Server),
        ] {
            assert_eq!(run(&[text.clone(), last.clone()]).unwrap_err().kind, kind, "{last}");
        }
    }

    /// As llama.cpp sends it: no event says at which place of the output its item stands.
    fn unplaced(call: impl Fn(&str, &str) -> Value) -> [Value; 14] {
        let event =
            |word: &str, item: Value| json!({"type": format!("response.output_item.{word}"), "item": item});
        let delta = |word: &str, id: &str, text: &str| json!({"type": format!("response.{word}.delta"), "item_id": id, "delta": text});
        let thought = |content: Value| json!({"id": "rs_1", "summary": [], "type": "reasoning", "content": content, "encrypted_content": ""});
        let message = |content: Value| json!({"content": content, "id": "msg_1", "role": "assistant", "type": "message"});
        let thought_whole = thought(json!([{"text": "Hmm.", "type": "reasoning_text"}]));
        let text = json!({"type": "output_text", "annotations": [], "logprobs": [], "text": "I add."});
        let whole = [thought_whole, message(json!([text])), call("1", "{\"x\":1}"), call("2", "{}")];
        let [done_thought, done_message, done_first, done_second] =
            whole.clone().map(|item| event("done", item));
        [
            json!({"type": "response.created", "response": {"id": "resp_1", "object": "response", "status": "in_progress"}}),
            event("added", thought(json!([]))),
            delta("reasoning_text", "rs_1", "Hmm."),
            event("added", call("1", "")),
            delta("function_call_arguments", "fc_1", "{\"x\":1}"),
            event("added", message(json!([]))),
            delta("output_text", "msg_1", "I add."),
            event("added", call("2", "")),
            delta("function_call_arguments", "fc_2", "{}"),
            done_thought,
            done_message,
            done_first,
            done_second,
            terminal("completed", &json!({"output": whole})),
        ]
    }

    #[test]
    fn items_without_a_place_are_told_by_their_ids() {
        let newer = |id: &str, arguments: &str| {
            json!({"id": format!("fc_{id}"), "type": "function_call", "call_id": format!("call_{id}"),
                "name": "add", "arguments": arguments})
        };
        let older = |id: &str, arguments: &str| json!({"type": "function_call", "call_id": format!("fc_{id}"), "name": "add", "arguments": arguments});
        for (lines, prefix) in [(unplaced(newer), "call"), (unplaced(older), "fc")] {
            let response = run(&lines).unwrap();
            let seen: Vec<_> = response
                .content
                .iter()
                .map(|part| match part {
                    Part::Thinking { text, .. } | Part::Text { text, .. } => text.clone(),
                    Part::ToolUse { id, input, .. } => format!("{id} {}", input.to_text()),
                    other => panic!("{other:?}"),
                })
                .collect();
            let calls = [format!("{prefix}_1 {{\"x\":1}}"), format!("{prefix}_2 {{}}")];
            assert_eq!(seen, ["Hmm.", &calls[0], "I add.", &calls[1]]);
            assert_eq!(response.stop_reason, StopReason::ToolUse);
        }
    }

    #[test]
    fn events_that_contradict_each_other_are_errors() {
        let added = item("added", 0, &json!({"type": "message", "content": []}));
        for wrong in [
            delta("function_call_arguments", 0, "{}"),
            delta("function_call_arguments", 5, "{}"),
            item("done", 0, &json!({"type": "reasoning"})),
            json!({"type": "response.output_text.delta", "output_index": "first", "delta": "x"}),
            json!({"type": "response.output_text.delta", "delta": "x"}),
            json!({"type": "response.function_call_arguments.delta", "item_id": "fc_9", "delta": "{}"}),
            json!({"type": "response.output_item.added", "item": {"type": "message", "content": []}}),
        ] {
            assert_eq!(run(&[added.clone(), wrong]).unwrap_err().kind, ErrorKind::Decode);
        }
    }

    #[test]
    fn a_delta_of_an_open_item_need_not_be_decoded() {
        let mut decoder = Decoder::new(ModelProvider::OpenAI, "m".into(), "p".into());
        let name = "response.output_text.delta";
        let data = r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,
            "delta":"\u00e4b","logprobs":[],"sequence_number":4}"#;
        assert_eq!(decoder.added_text(Frame::Event { name, data }), None, "nothing has begun");
        decoder.frame(Frame::Event { name, data }, &mut Events::new()).unwrap();
        assert_eq!(decoder.added_text(Frame::Event { name, data }), Some(3));
        let other = Frame::Event { name: "response.refusal.delta", data };
        assert_eq!(decoder.added_text(other), None);
        // What came is known when the item is whole.
        assert_eq!(decoder.items[0].sent, 6);
    }
}
