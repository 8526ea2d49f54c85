//! Chunks become events.

use forge_core::{
    ModelId, ModelProvider, ProviderId, StreamEvent,
    event::{Finished, Started, StopReason},
    request::Citation,
    storage::accounts::Served,
};
use forge_http::{Decode, Events, Failure, Frame, Passage};
use serde_json::value::RawValue;

use super::{
    faults::{error_in, stray_error, unreadable},
    parts::{CallPiece, Parts},
    pieces::{argument_text, citation, detail_text, found},
    tags::ThinkTags,
};
use crate::{
    usage::{Counting, Totals},
    wire::chat_reply::{Addition, Content, Custom, Message, Reply, ToolCall},
};

/// Decodes the stream of one reply.
#[derive(Debug)]
pub struct Decoder {
    review: fn(Failure) -> Failure,
    counting: Counting,
    started: bool,
    parts: Parts,
    /// A message came, whole or in pieces.
    spoken: bool,
    refused: bool,
    finish: Option<Finish>,
    usage: Totals,
    tier: Option<String>,
    /// The pages on which the answer rests. Chunks repeat them.
    found: Vec<Citation>,
    /// The client has not asked for the chunk that counts.
    withholds_usage: bool,
    /// The last chunk was nothing but that.
    only_usage: bool,
}

/// Why the model stopped, in the vendor's words; `None` if they are no words.
#[derive(Debug, PartialEq, Eq)]
struct Finish(Option<String>);

/// Whether a body is the whole reply or one chunk of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Chunk,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a reply.
    pub fn new() -> Self {
        Self {
            review: |failure| failure,
            counting: Counting::default(),
            started: false,
            parts: Parts::default(),
            spoken: false,
            refused: false,
            finish: None,
            usage: Totals::default(),
            tier: None,
            found: Vec::new(),
            withholds_usage: false,
            only_usage: false,
        }
    }

    /// Keeps the chunk that only counts from a client to which the others are passed on.
    pub(crate) fn with_usage_withheld(self, withholds_usage: bool) -> Self {
        Self { withholds_usage, ..self }
    }

    /// Lets `review` have the last word on errors inside the reply.
    pub fn with_review(self, review: fn(Failure) -> Failure) -> Self {
        Self { review, ..self }
    }

    /// Says how the server's numbers belong together.
    pub fn with_counting(self, counting: Counting) -> Self {
        Self { counting, ..self }
    }

    /// Says whose thoughts come, so that they carry what has to go back.
    /// Where only the configured provider `origin` can use it, it goes back through that alone.
    pub fn with_state(mut self, vendor: ModelProvider, model: ModelId, origin: Option<ProviderId>) -> Self {
        self.parts.keep_thoughts(vendor, model, origin);
        self
    }

    /// Looks for thoughts in the answer, if the server leaves them there.
    pub fn with_think_tags(mut self, tags: Option<ThinkTags>) -> Self {
        self.parts.look_for(tags);
        self
    }

    /// Says which turn of the conversation the reply is; ids that the server leaves out follow from it.
    pub fn with_turn(mut self, turn: usize) -> Self {
        self.parts.tell_apart(&turn.to_le_bytes());
        self
    }

    /// Takes a whole reply or one chunk; tells whether it had a choice.
    pub(super) fn take(&mut self, extent: Extent, body: &str, events: &mut Events) -> Result<bool, Failure> {
        let reply: Reply<'_> = serde_json::from_str(body).map_err(|error| unreadable(body, &error))?;
        if let Some(failure) = error_in(&reply, body) {
            return Err((self.review)(failure));
        }
        if !self.started {
            self.start(&reply, events);
        }
        let has_choice = reply.choice.is_some();
        self.only_usage = !has_choice && reply.usage.is_some();
        if let Some(tier) = reply.service_tier
            && self.tier.as_deref() != Some(&*tier)
        {
            self.tier = Some(tier.into_owned());
        }
        let titled = !reply.search_results.is_empty();
        let pages = if titled { reply.search_results } else { reply.citations };
        // Addresses alone do not take the place of what has titles.
        if titled || pages.len() > self.found.len() {
            self.found = pages.into_iter().map(found).collect();
        }
        let mut usage = reply.usage;
        // A whole reply has one choice, whatever its number is.
        let is_ours = |index: Option<u32>| extent == Extent::Whole || index.unwrap_or(0) == 0;
        if let Some(choice) = reply.choice.filter(|choice| is_ours(choice.index)) {
            // Some servers send both: beside a chunk all that came so far, beside a whole message an empty piece.
            let message = match extent {
                Extent::Whole => choice.message.or(choice.delta),
                Extent::Chunk => choice.delta.or(choice.message),
            };
            if let Some(message) = message {
                self.spoken = true;
                self.message(extent, message, events)?;
            }
            // A later chunk with null does not take back that the model has stopped.
            self.finish = choice.finish_reason.and_then(Finish::read).or(self.finish.take());
            usage = usage.or(choice.usage);
        }
        // llama.cpp sends its timings even where no usage was asked for or the field was ignored.
        let counted = usage.map(Totals::of_chat).or_else(|| reply.timings.map(Totals::of_timings));
        if let Some(counted) = counted.filter(|counted| !counted.is_missing()) {
            self.usage.overwrite(counted);
            self.ensure_started(Started::default(), events);
            // Whoever adds up what comes keeps what was once known: what is in doubt must not be.
            let (tokens, _) = self.usage.settled(self.counting, true);
            if !tokens.is_unknown() {
                events.push_back(StreamEvent::from(tokens));
            }
        }
        Ok(has_choice)
    }

    /// The body is complete: the reply is, too, if the vendor gave a reason. A whole message needs none to be whole.
    pub(super) fn finish(&mut self, extent: Extent, events: &mut Events) -> Result<(), Failure> {
        let raw = match self.finish.take() {
            Some(Finish(raw)) => raw,
            None if extent == Extent::Whole && self.spoken => None,
            // `[DONE]` proves nothing: vLLM sends it after an error too. Ollama swallows errors and just ends
            // the stream.
            None => return Err(Failure::truncated()),
        };
        self.ensure_started(Started::default(), events);
        for page in self.found.drain(..) {
            self.parts.citation(page, events);
        }
        let has_output = self.parts.end(events);
        let (tokens, warning) = self.usage.settled(self.counting, has_output);
        events.extend(warning.map(StreamEvent::from));
        let reason = self.reason(raw.as_deref());
        let mut finished = Finished::new(reason).with_raw_reason(raw).with_usage(tokens);
        finished.served = self.tier.take().map(|tier| Served::default().with_tier(tier));
        events.push_back(finished.into());
        Ok(())
    }

    fn start(&mut self, reply: &Reply<'_>, events: &mut Events) {
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (id, model) = (text(reply.id.as_deref()), text(reply.model.as_deref()).map(ModelId::from));
        self.parts.tell_apart(id.as_deref().unwrap_or_default().as_bytes());
        // Some gateways send an empty chunk ahead of the one that names the reply.
        if model.is_some() || reply.choice.is_some() {
            self.ensure_started(Started::new(id, model), events);
        }
    }

    fn ensure_started(&mut self, started: Started, events: &mut Events) {
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(StreamEvent::from(started));
        }
    }

    fn message(&mut self, extent: Extent, message: Message<'_>, events: &mut Events) -> Result<(), Failure> {
        let Message { content, refusal, reasoning_details, tool_calls, annotations, .. } = message;
        let thoughts = [
            ("reasoning_content", message.reasoning_content),
            ("reasoning", message.reasoning),
            ("thinking", message.thinking),
        ];
        let thoughts = thoughts.into_iter().filter_map(|(field, text)| Some((field, text?)));
        // Gateways send one thought under two names; the first that says something is enough.
        let thoughts = thoughts.into_iter().find(|(_, text)| !text.is_empty());
        if thoughts.is_some() || !reasoning_details.is_empty() {
            self.thoughts(extent, thoughts, &reasoning_details, events);
        }
        match content {
            Content::None => {}
            Content::Text(text) => self.parts.content(text, events),
            Content::Pieces(pieces) => {
                for piece in pieces {
                    match piece.thoughts() {
                        Some(thoughts) => self.parts.show_thinking(thoughts, events),
                        None => self.parts.text(piece.text.unwrap_or_default(), events),
                    }
                }
            }
        }
        if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            self.parts.refusal(refusal, events);
        }
        for raw in annotations {
            self.parts.citation(citation(raw), events);
        }
        tool_calls.into_iter().try_for_each(|call| self.call(extent, call, events))
    }

    fn thoughts(
        &mut self,
        extent: Extent,
        text: Option<(&'static str, String)>,
        details: &[&RawValue],
        events: &mut Events,
    ) {
        match (text, details) {
            (Some((field, text)), []) => self.parts.thinking(field, text, events),
            (Some((_, text)), _) => self.parts.show_thinking(text, events),
            (None, details) => {
                for detail in details {
                    self.parts.show_thinking(detail_text(detail), events);
                }
            }
        }
        if let Some(keeper) = self.parts.keeper() {
            for detail in details {
                match extent {
                    Extent::Whole => keeper.add_whole(detail),
                    Extent::Chunk => keeper.add_piece(detail),
                }
            }
        }
    }

    fn call(&mut self, extent: Extent, call: ToolCall<'_>, events: &mut Events) -> Result<(), Failure> {
        let ToolCall { index, id, function, custom, extra_content } = call;
        let freeform = custom.is_some();
        let (name, arguments) = match custom {
            Some(Custom { name, input }) => (name, input),
            None => (function.name, function.arguments.map(argument_text).transpose()?),
        };
        let (id, name) = (id.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default());
        let piece = CallPiece { index, id, name, freeform };
        match extent {
            Extent::Whole => self.parts.whole_call(piece, arguments.unwrap_or_default(), events)?,
            Extent::Chunk => self.parts.call(piece, arguments.unwrap_or_default(), events)?,
        }
        if let Some(state) = extra_content {
            self.parts.keep_call(state);
        }
        Ok(())
    }

    /// Servers give `stop` after tool calls, too. A reply that reached its limit is cut off whatever it
    /// holds.
    fn reason(&self, raw: Option<&str>) -> StopReason {
        match raw {
            Some("length") => StopReason::MaxTokens,
            Some("content_filter") => StopReason::ContentFiltered,
            _ if self.parts.has_calls() => StopReason::ToolUse,
            _ if self.refused => StopReason::Refusal,
            Some("stop" | "tool_calls" | "function_call") => StopReason::EndTurn,
            Some("error") => StopReason::Error,
            _ => StopReason::Other,
        }
    }
}

impl Finish {
    /// The reason, unless the value says that there is none yet.
    fn read(raw: &RawValue) -> Option<Self> {
        match raw.get() {
            "\"\"" | "false" | "0" | "{}" | "[]" => None,
            text => Some(Self(serde_json::from_str(text).ok())),
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        match frame {
            Frame::Event { data, .. } => match data.trim_ascii() {
                "[DONE]" => self.finish(Extent::Chunk, events),
                "" => Ok(()),
                data => self.take(Extent::Chunk, data, events).map(drop),
            },
            Frame::Stray(line) => match stray_error(line) {
                Some(failure) => Err((self.review)(failure)),
                None => Ok(()),
            },
        }
    }

    fn added_text(&mut self, frame: Frame<'_>) -> Option<usize> {
        let Frame::Event { data, .. } = frame else { return None };
        let chunk: Addition<'_> = serde_json::from_str(data).ok()?;
        let same_tier = chunk.service_tier.is_none_or(|tier| self.tier.as_deref() == Some(tier));
        let text = chunk.text().filter(|_| same_tier && self.parts.is_text())?;
        self.only_usage = false;
        Some(text)
    }

    // Only `[DONE]` ends a reply, but clients take the reason before it for the end.
    fn passage(&self) -> Passage {
        match (self.only_usage && self.withholds_usage, &self.finish) {
            (true, _) => Passage::Never,
            (false, Some(_)) => Passage::AtEnd,
            (false, None) => Passage::Now,
        }
    }

    // Servers leave `[DONE]` out; a reason before the clean end of the body is as good.
    fn end(&mut self, events: &mut Events) -> Result<(), Failure> {
        self.finish(Extent::Chunk, events)
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        CallContext, ErrorKind, ModelResponse, Participant,
        request::{Part, ToolInput},
        stream::Accumulator,
    };
    use serde_json::json;

    use super::*;

    fn run(lines: &[&str]) -> Result<ModelResponse, Failure> {
        let (mut decoder, mut events) = (Decoder::new(), Events::new());
        for line in lines {
            let frame = match line.strip_prefix("stray ") {
                Some(stray) => Frame::Stray(stray),
                None => Frame::Event { name: "", data: *line },
            };
            decoder.frame(frame, &mut events)?;
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

    const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

    fn kind(lines: &[&str]) -> ErrorKind {
        run(lines).unwrap_err().kind
    }

    #[test]
    fn only_a_finish_reason_makes_a_reply_complete() {
        let text = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
        assert_eq!(run(&[text, STOP, "[DONE]"]).unwrap().text(), "Hi");
        assert_eq!(run(&[text, STOP]).unwrap().text(), "Hi");
        assert_eq!(kind(&[text, "[DONE]"]), ErrorKind::Truncated);
        assert_eq!(kind(&[text]), ErrorKind::Truncated);
        assert_eq!(kind(&[]), ErrorKind::Truncated);
    }

    #[test]
    fn each_finish_reason_has_its_meaning() {
        for (raw, reason) in [
            ("stop", StopReason::EndTurn),
            ("length", StopReason::MaxTokens),
            ("content_filter", StopReason::ContentFiltered),
            ("tool_calls", StopReason::EndTurn),
            ("load", StopReason::Other),
        ] {
            let end = json!({"choices": [{"delta": {}, "finish_reason": raw}]}).to_string();
            let response = run(&[&end]).unwrap();
            assert_eq!((response.stop_reason, response.raw_stop_reason.as_deref()), (reason, Some(raw)));
        }
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        assert_eq!(run(&[call, STOP]).unwrap().stop_reason, StopReason::ToolUse);
        let length = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
        assert_eq!(run(&[call, length]).unwrap().stop_reason, StopReason::MaxTokens);
        let refusal = r#"{"choices":[{"delta":{"refusal":"No."}}]}"#;
        let refused = run(&[refusal, STOP]).unwrap();
        assert_eq!((refused.stop_reason, refused.text().as_ref()), (StopReason::Refusal, "No."));
        assert_eq!(refused.content, [Part::refusal("No.")]);
    }

    #[test]
    fn an_error_ends_the_reply_whatever_follows() {
        let text = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
        for error in [
            r#"{"error":{"message":"m","type":"server_error","code":500}}"#,
            r#"{"error":"m"}"#,
            r#"{"object":"error","message":"m","type":"InternalServerError","code":500}"#,
            r#"{"error":{"message":"m"},"choices":"none"}"#,
            r#"{"choices":null,"base_resp":{"status_code":1000,"status_msg":"m"}}"#,
            r#"stray error: {"code":500,"message":"m","type":"server_error"}"#,
            r#"stray {"error":{"message":"m"}}"#,
        ] {
            let failure = run(&[text, error, STOP, "[DONE]"]).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::Server, "m"), "{error}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error_and_what_is_unknown_is_skipped() {
        assert_eq!(kind(&["nonsense"]), ErrorKind::Decode);
        assert_eq!(kind(&[r#"{"choices":[{"delta":{"content":7}}]}"#]), ErrorKind::Decode);
        assert_eq!(kind(&[r#"{"choices":[{"delta"#]), ErrorKind::Truncated);
        let odd = [r#"{"choices":[],"moderation":{}}"#, r#"{"obfuscation":"x"}"#, "", "stray foo: 1", STOP];
        assert!(run(&odd).unwrap().content.is_empty());
    }

    #[test]
    fn usage_is_cumulative_and_missing_usage_is_unknown() {
        let usage = |n: u64| {
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": n}}).to_string()
        };
        let response = run(&[&usage(1), &usage(5), STOP]).unwrap();
        assert_eq!((response.tokens.input, response.tokens.output), (Some(9), Some(5)));
        assert!(response.warnings.is_empty());
        let silent = run(&[STOP]).unwrap();
        assert!(silent.tokens.is_unknown());
        assert_eq!(silent.warnings[0].about, "usage");
        let timed = r#"{"choices":[],"timings":{"cache_n":3,"prompt_n":4,"predicted_n":5}}"#;
        assert_eq!(run(&[timed, STOP]).unwrap().tokens.total_input(), Some(7));
    }

    #[test]
    fn tokens_in_doubt_are_unknown_to_whoever_adds_up_the_stream() {
        for (usage, input, output) in [
            (json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}), None, None),
            (json!({"prompt_tokens": 1151, "completion_tokens": -35}), Some(1151), None),
            (json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 90}), Some(5), None),
        ] {
            let text = r#"{"choices":[{"delta":{"content":"Hi"}}]}"#;
            let last = json!({"choices": [], "usage": usage}).to_string();
            let response = run(&[text, STOP, &last]).unwrap();
            assert_eq!((response.tokens.input, response.tokens.output), (input, output), "{usage}");
            assert_eq!(response.warnings.len(), 1, "{usage}");
        }
    }

    #[test]
    fn what_was_held_back_stands_in_front_of_the_calls() {
        let mut decoder = Decoder::new().with_think_tags(Some(ThinkTags::local(&"m".into())));
        let mut events = Events::new();
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        for line in [r#"{"choices":[{"delta":{"content":"Let me see."}}]}"#, call, STOP] {
            decoder.frame(Frame::Event { name: "", data: line }, &mut events).unwrap();
        }
        decoder.end(&mut events).unwrap();
        let mut accumulator = Accumulator::new(&CallContext::new(Participant::gpt()));
        for event in events {
            accumulator.push(event).unwrap();
        }
        let content = accumulator.finish().unwrap().content;
        assert!(matches!(&content[..], [Part::Text { .. }, Part::ToolUse { .. }]), "{content:?}");
    }

    #[test]
    fn thoughts_are_read_under_three_names_and_once() {
        for name in ["reasoning_content", "reasoning", "thinking"] {
            let chunk = json!({"choices": [{"delta": {name: "hm"}}]}).to_string();
            let response = run(&[&chunk, STOP]).unwrap();
            assert!(matches!(&response.content[0], Part::Thinking { text, .. } if text == "hm"), "{name}");
        }
        let twice = r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]}"#;
        let response = run(&[twice, STOP]).unwrap();
        assert!(matches!(&response.content[..], [Part::Thinking { text, .. }] if text == "hm"));
    }

    #[test]
    fn free_text_of_a_call_and_the_sources_of_a_text_are_kept() {
        let piece = |text: &str| {
            let call =
                json!({"index": 0, "id": "c", "type": "custom", "custom": {"name": "exec", "input": text}});
            json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string()
        };
        let response = run(&[&piece("ls "), &piece("-l"), STOP]).unwrap();
        assert_eq!(response.content, [Part::tool_use("c", "exec", ToolInput::Text("ls -l".into()))]);
        for (pages, titles) in [
            (
                json!({"search_results": [{"title": "Atlas", "url": "https://a.example", "date": null}, {"url": "https://b.example"}],
                "citations": ["https://a.example", "https://b.example"]}),
                [Some("Atlas"), None],
            ),
            (json!({"citations": ["https://a.example", "https://b.example"]}), [None, None]),
        ] {
            let mut chunk = json!({"choices": [{"delta": {"content": "Paris [1]"}}]});
            chunk.as_object_mut().unwrap().extend(pages.as_object().unwrap().clone());
            let mut last = json!({"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]});
            last.as_object_mut().unwrap().extend(pages.as_object().unwrap().clone());
            let response = run(&[&chunk.to_string(), &last.to_string()]).unwrap();
            let Part::Text { citations, .. } = &response.content[0] else { panic!("{response:?}") };
            let named: Vec<_> =
                citations.iter().map(|one| (one.url.as_deref(), one.title.as_deref())).collect();
            let expected = [(Some("https://a.example"), titles[0]), (Some("https://b.example"), titles[1])];
            assert_eq!(named, expected);
        }
        let cited = json!({"choices": [{"delta": {"content": "Paris", "annotations": [{"type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "Atlas", "start_index": 0, "end_index": 5}}]}}]});
        let response = run(&[&cited.to_string(), STOP]).unwrap();
        let Part::Text { citations, .. } = &response.content[0] else { panic!("{response:?}") };
        assert_eq!((citations[0].title.as_deref(), citations.len()), (Some("Atlas"), 1));
    }

    #[test]
    fn arguments_come_as_text_or_as_an_object() {
        let call = |arguments: serde_json::Value| {
            let call = json!({"function": {"name": "add", "arguments": arguments}});
            let chunk = json!({"choices": [{"delta": {"tool_calls": [call]}}]}).to_string();
            match &run(&[&chunk, STOP]).unwrap().content[0] {
                Part::ToolUse { id, input, .. } => (id.clone(), input.clone()),
                other => panic!("{other:?}"),
            }
        };
        let expected = ("call_811c9dc5_0".to_owned(), ToolInput::from(json!({"x": "\"1\""})));
        assert_eq!(call(json!({"x": "\"1\""})), expected);
        assert_eq!(call(json!(r#"{"x": "\"1\""}"#)), expected);
        assert_eq!(call(json!(null)).1, json!({}).into());
    }

    #[test]
    fn a_chunk_that_only_adds_text_need_not_be_decoded() {
        fn event(data: &str) -> Frame<'_> {
            Frame::Event { name: "", data }
        }
        let (mut decoder, mut events) = (Decoder::new().with_usage_withheld(true), Events::new());
        let chunk = |choice: &str, more: &str| {
            format!(
                r#"{{"id":"a","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default",
                "choices":[{choice}],"obfuscation":"x"{more}}}"#
            )
        };
        let delta =
            |delta: &str| format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}"#);
        let plain = chunk(&delta(r#"{"content":"\u00e4b","refusal":null}"#), r#","usage":null"#);
        assert_eq!(decoder.added_text(event(&plain)), None, "nothing has begun");
        decoder.frame(event(&plain), &mut events).unwrap();
        assert_eq!(decoder.added_text(event(&plain)), Some(3));
        let call = delta(r#"{"content":"a","tool_calls":[{"index":0}]}"#);
        for other in [
            chunk(&delta(r#"{"content":""}"#), ""),
            chunk(&delta("{}"), ""),
            chunk(&call, ""),
            chunk(&plain.replace("null", "0"), ""),
            chunk(r#"{"index":1,"delta":{"content":"a"}}"#, ""),
            chunk(&delta(r#"{"content":"a"}"#), r#","usage":{"prompt_tokens":1}"#),
            plain.replace("default", "flex"),
        ] {
            assert_eq!(decoder.added_text(event(&other)), None, "{other}");
        }
        let usage = chunk("", r#","usage":{"prompt_tokens":1,"completion_tokens":1}"#);
        decoder.frame(event(&usage), &mut events).unwrap();
        assert_eq!(decoder.passage(), Passage::Never);
    }
}
