use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::encode::{self, Piece};
use super::{oddity, pieces};
use crate::answer::{Answer, Frame, Framing, Payload, Stream};
use crate::api_error::ApiError;
use crate::error_kind::ErrorKind;
use crate::scenario::{Cut, Reset, Rule, Split};
use crate::seed::Rng;

/// A reply as a schedule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Before the status line.
    pub(crate) delay: Duration,
    /// Reset instead of a reply.
    pub(crate) refuse_connection: bool,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The length that the head promises; chunked without one.
    pub(crate) length: Option<u64>,
    pub(crate) steps: VecDeque<Step>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    /// Let what is there go out.
    Flush,
    Wait(Duration),
    /// Close without the end that the framing promised.
    Cut,
    /// Close with a TCP reset.
    Reset,
}

/// How fast the model is on this request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Pace {
    pub(crate) first_byte: Duration,
    pub(crate) tokens_per_second: Option<f64>,
}

impl Pace {
    fn time_for(self, tokens: u64) -> Duration {
        self.tokens_per_second
            .filter(|rate| *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(tokens as f64 / rate).ok())
            .unwrap_or_default()
    }
}

/// Puts a reply, a rule and a pace together.
pub(crate) fn plan(mut answer: Answer, rule: &Rule, pace: Pace, accepts_gzip: bool) -> Plan {
    oddity::apply(&mut answer, rule);
    let mut headers: Vec<(String, String)> =
        answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, value) in &rule.headers {
        // In place of the vendor's: two headers of a name would leave the choice to the client.
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.clone(), value.clone()));
    }
    let stall = rule.stall.unwrap_or_default();
    let mut plan = Plan {
        delay: Duration::from_millis(stall.before_headers),
        refuse_connection: rule.reset == Some(Reset::BeforeHeaders),
        // A refusal keeps its own status: the rule's is for the good reply that it shapes.
        status: rule.status.filter(|_| answer.status < 300).unwrap_or(answer.status),
        headers,
        length: None,
        steps: VecDeque::new(),
    };
    let content_type = match &answer.payload {
        Payload::Empty => None,
        Payload::Json(_) => Some("application/json"),
        Payload::Text { content_type, .. } => Some(*content_type),
        Payload::Stream(stream) => Some(stream.framing.content_type()),
    };
    if let Some(content_type) = content_type
        && !plan.has_header("content-type")
    {
        plan.headers.push(("content-type".into(), content_type.into()));
    }
    let usage = answer.usage.unwrap_or_default();
    let text = match answer.payload {
        Payload::Stream(stream) => {
            // Thinking that is not shown has no frames, but takes its time.
            let shown = stream.frames.iter().map(|frame| frame.tokens).sum();
            let hidden = usage.reasoning.min(usage.total_output().saturating_sub(shown));
            plan.delay += pace.first_byte + pace.time_for(hidden);
            plan.schedule_stream(stream, rule, pace);
            return plan;
        }
        Payload::Empty => String::new(),
        Payload::Json(value) => value.to_string(),
        Payload::Text { text, .. } => text,
    };
    if usage.total_output() > 0 {
        // A whole reply comes when all of it is written.
        plan.delay += pace.first_byte + pace.time_for(usage.total_output());
    }
    plan.schedule_whole(text.into_bytes(), rule, accepts_gzip);
    plan
}

impl Plan {
    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn schedule_whole(&mut self, bytes: Vec<u8>, rule: &Rule, accepts_gzip: bool) {
        let mut bytes = oddity::spell(bytes, rule);
        if rule.truncated_json {
            bytes.truncate(bytes.len() / 2);
        }
        if rule.bytes.gzip && accepts_gzip {
            bytes = gzip(&bytes);
            self.headers.push(("content-encoding".into(), "gzip".into()));
        }
        // Of what is sent, also of half a JSON: the fault is in the text and not in the framing.
        self.length = (!rule.bytes.chunked).then_some(bytes.len() as u64);
        self.opening(rule);
        self.send_all(&[Piece { bytes, terminal: true, tokens: 0 }], rule, |_| Vec::new());
    }

    fn schedule_stream(&mut self, stream: Stream, rule: &Rule, pace: Pace) {
        self.opening(rule);
        let stall = rule.stall.unwrap_or_default();
        let framing = match (stream.framing, rule.bytes.line_ending) {
            (Framing::Sse(_), Some(ending)) => Framing::Sse(ending),
            (framing, _) => framing,
        };
        let frames = played(stream, rule);
        let mut pieces = encode::pieces(framing, &frames, &rule.bytes);
        for piece in &mut pieces {
            piece.bytes = oddity::spell(std::mem::take(&mut piece.bytes), rule);
        }
        self.send_all(&pieces, rule, |index| {
            let mut steps = Vec::new();
            let stalls = match stall.after_events {
                Some(after) => index == after,
                None => index > 0,
            };
            if stalls && stall.between_events > 0 {
                let ping = encode::ping(framing, &frames);
                steps.extend(silence(stall.between_events, stall.pings_every, ping.as_ref()));
            }
            let pause = pace.time_for(pieces[index].tokens);
            if !pause.is_zero() {
                steps.push(Step::Wait(pause));
            }
            steps
        });
    }

    /// What happens between the head and the first byte.
    fn opening(&mut self, rule: &Rule) {
        if rule.reset == Some(Reset::AfterHeaders) {
            // The head has to be on its way first, or the reset would take it along.
            self.steps.push_back(Step::Flush);
            self.steps.push_back(Step::Reset);
        }
        let silent = rule.stall.unwrap_or_default().before_first_byte;
        if silent > 0 {
            self.steps.push_back(Step::Flush);
            self.steps.push_back(Step::Wait(Duration::from_millis(silent)));
        }
    }

    fn send_all(&mut self, pieces: &[Piece], rule: &Rule, before: impl Fn(usize) -> Vec<Step>) {
        let (cut, end) = match (rule.cut, rule.reset) {
            (Some(cut), _) => (Some(cut), Some(Step::Cut)),
            (None, Some(Reset::During(cut))) => (Some(cut), Some(Step::Reset)),
            _ => (None, None),
        };
        let mut left = cut.map_or(usize::MAX, |cut: Cut| pieces::offset(cut, pieces));
        // A seed of its own, so that the split at which a client failed can be played again.
        let mut rng = Rng::new(match rule.bytes.split {
            Some(Split::Seed(seed)) => seed,
            _ => 0,
        });
        let mut joined = Vec::new();
        let group = rule.bytes.coalesce.unwrap_or(1).max(1);
        for (index, piece) in pieces.iter().enumerate() {
            let mut bytes = piece.bytes.as_slice();
            // What is coalesced goes out after all the pauses that its events have.
            self.steps.extend(before(index));
            if bytes.len() > left {
                bytes = &bytes[..left];
            }
            left -= bytes.len();
            joined.extend_from_slice(bytes);
            if (index + 1).is_multiple_of(group) || index + 1 == pieces.len() || left == 0 {
                self.write(&joined, rule, &mut rng);
                joined.clear();
            }
            if left == 0 {
                break;
            }
        }
        if let Some(end) = end {
            // The head has to be out even where nothing of the body is.
            if !self.steps.iter().any(|step| matches!(step, Step::Send(_))) {
                self.steps.push_back(Step::Flush);
            }
            self.steps.push_back(end);
        }
    }

    fn write(&mut self, bytes: &[u8], rule: &Rule, rng: &mut Rng) {
        let writes = match rule.drip {
            Some(drip) => bytes.chunks(drip.bytes.max(1)).map(<[u8]>::to_vec).collect(),
            None => pieces::split(bytes, rule.bytes.split, rng),
        };
        for write in writes {
            if write.is_empty() {
                continue;
            }
            // Not before the first piece, for which `stall` has settings of its own.
            if let Some(drip) = rule.drip
                && self.steps.iter().any(|step| matches!(step, Step::Send(_)))
            {
                self.steps.push_back(Step::Wait(Duration::from_millis(drip.every_ms)));
            }
            self.steps.push_back(Step::Send(Bytes::from(write)));
        }
    }
}

/// A pause, with keep-alives in it where they are asked for.
fn silence(total: u64, pings_every: Option<u64>, ping: Option<&Piece>) -> Vec<Step> {
    let Some(every) = pings_every.filter(|every| *every > 0) else {
        return vec![Step::Wait(Duration::from_millis(total))];
    };
    let mut steps = Vec::new();
    for _ in 0..(total / every).min(100_000) {
        steps.push(Step::Wait(Duration::from_millis(every)));
        if let Some(ping) = ping {
            steps.push(Step::Send(Bytes::copy_from_slice(&ping.bytes)));
        }
    }
    steps
}

/// The frames that the rule leaves of a stream, and those that it adds.
fn played(stream: Stream, rule: &Rule) -> Vec<Frame> {
    let Stream { mut frames, error_frames, .. } = stream;
    let terminal = frames.iter().position(|frame| frame.terminal);
    let content = terminal.unwrap_or(frames.len());
    if let Some(error) = &rule.stream_error {
        // Never behind the terminal event: a stream that said it was complete has no error.
        frames.truncate(error.after_events.unwrap_or(content).min(content));
        frames.extend(error_frames(&ApiError::from(error), frames.len()));
    } else if rule.error_then_done {
        frames.truncate(content);
        frames.extend(error_frames(&ApiError::new(ErrorKind::Server), frames.len()));
        if frames.last().is_none_or(|frame| frame.data != "[DONE]") {
            frames.push(Frame::data("[DONE]").terminal());
        }
    } else if rule.silent_end {
        frames.truncate(content);
    }
    frames
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{ByteStyle, Drip, ErrorStyle, LineEnding, Stall, StreamError};
    use crate::usage::Usage;

    fn stream(texts: &[&str]) -> Answer {
        let mut frames: Vec<Frame> = texts.iter().map(|text| Frame::data(*text)).collect();
        if let Some(last) = frames.last_mut() {
            last.terminal = true;
        }
        Answer::stream(Stream {
            framing: Framing::Sse(LineEnding::Lf),
            frames,
            error_frames: Box::new(|error, _| vec![Frame::data(error.kind.id())]),
        })
    }

    fn sent(plan: &Plan) -> Vec<String> {
        plan.steps
            .iter()
            .filter_map(|step| match step {
                Step::Send(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn each_event_is_one_write_unless_they_are_coalesced() {
        let rule = Rule::default();
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        assert_eq!(sent(&planned), ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]);
        let rule = Rule { bytes: ByteStyle { coalesce: Some(2), ..ByteStyle::default() }, ..Rule::default() };
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        assert_eq!(sent(&planned), ["data: 1\n\ndata: 2\n\n", "data: 3\n\n"]);
    }

    #[test]
    fn a_cut_sends_exactly_the_bytes_before_it() {
        let rule = Rule { cut: Some(Cut::AtByte(12)), ..Rule::default() };
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        assert_eq!(sent(&planned).concat(), "data: 1\n\ndat");
        assert_eq!(planned.steps.back(), Some(&Step::Cut));
    }

    #[test]
    fn a_stream_error_replaces_the_rest() {
        let rule = Rule {
            stream_error: Some(StreamError {
                kind: ErrorKind::Overloaded,
                after_events: Some(1),
                message: None,
                code: None,
                style: ErrorStyle::Usual,
            }),
            ..Rule::default()
        };
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        assert_eq!(sent(&planned), ["data: 1\n\n", "data: overloaded\n\n"]);
    }

    #[test]
    fn a_drip_waits_between_writes() {
        let rule = Rule { drip: Some(Drip { bytes: 4, every_ms: 5 }), ..Rule::default() };
        let planned = plan(stream(&["1"]), &rule, Pace::default(), false);
        assert_eq!(sent(&planned), ["data", ": 1\n", "\n"]);
        let waits = planned.steps.iter().filter(|step| matches!(step, Step::Wait(_))).count();
        assert_eq!(waits, 2);
    }

    #[test]
    fn a_stall_after_an_event_comes_only_there() {
        let rule = Rule {
            stall: Some(Stall { between_events: 100, after_events: Some(2), ..Stall::default() }),
            ..Rule::default()
        };
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        let wait = Step::Wait(Duration::from_millis(100));
        let at: Vec<usize> = (0..planned.steps.len()).filter(|index| planned.steps[*index] == wait).collect();
        assert_eq!(at, [2]);
    }

    #[test]
    fn keep_alives_of_a_stall_have_the_line_ends_of_the_stream() {
        let rule = Rule {
            stall: Some(Stall { between_events: 10, pings_every: Some(5), ..Stall::default() }),
            bytes: ByteStyle { line_ending: Some(LineEnding::Crlf), ..ByteStyle::default() },
            ..Rule::default()
        };
        let text = sent(&plan(stream(&["1", "2"]), &rule, Pace::default(), false)).concat();
        assert_eq!(text.matches(": keep-alive\r\n\r\n").count(), 2, "{text:?}");
    }

    #[test]
    fn coalesced_events_keep_their_pauses() {
        let rule = Rule {
            stall: Some(Stall { between_events: 100, after_events: Some(1), ..Stall::default() }),
            bytes: ByteStyle { coalesce: Some(3), ..ByteStyle::default() },
            ..Rule::default()
        };
        let planned = plan(stream(&["1", "2", "3"]), &rule, Pace::default(), false);
        assert_eq!(planned.steps[0], Step::Wait(Duration::from_millis(100)));
        assert_eq!(sent(&planned).len(), 1);
    }

    #[test]
    fn thinking_that_no_event_shows_takes_its_time_before_the_first() {
        let usage = Usage { output: 5, reasoning: 20, ..Usage::default() };
        let mut answer = stream(&["1", "2"]).reporting(usage, "m");
        if let Payload::Stream(stream) = &mut answer.payload {
            stream.frames[1].tokens = 5;
        }
        let pace = Pace { first_byte: Duration::from_millis(30), tokens_per_second: Some(100.0) };
        let planned = plan(answer, &Rule::default(), pace, false);
        assert_eq!(planned.delay, Duration::from_millis(30 + 200));
    }

    #[test]
    fn the_pace_sets_the_time_of_each_event() {
        let mut answer = stream(&["1", "2"]);
        if let Payload::Stream(stream) = &mut answer.payload {
            stream.frames[1].tokens = 5;
        }
        let pace = Pace { first_byte: Duration::from_millis(30), tokens_per_second: Some(100.0) };
        let planned = plan(answer, &Rule::default(), pace, false);
        assert_eq!(planned.delay, Duration::from_millis(30));
        assert_eq!(planned.steps[1], Step::Wait(Duration::from_millis(50)));
    }

    #[test]
    fn truncated_json_is_well_framed() {
        let rule = Rule { truncated_json: true, ..Rule::default() };
        let planned = plan(Answer::json(json!({"a": 1})), &rule, Pace::default(), false);
        assert_eq!(sent(&planned), ["{\"a"]);
        assert_eq!(planned.length, Some(3));
    }
}
