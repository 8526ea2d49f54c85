//! An answer as it leaves: what the script changes in it, and where stop sequences and the token
//! limit cut it.

use crate::completion::{Part, Stop, ToolCall};
use crate::responder::Responder;
use crate::scenario::{ReplySpec, StopSpec};
use crate::tokens::{CHARS_PER_TOKEN, count};
use crate::turn::Turn;

/// Words of refusal for a scripted refusal.
const REFUSAL: &str = "Simulated refusal: this request is declined by script.";

pub(crate) fn answer(
    turn: &Turn,
    spec: &ReplySpec,
    responder: &dyn Responder,
    seed: u64,
) -> (Vec<Part>, Stop) {
    let reply = responder.answer(turn, seed);
    let (parts, stop) = prepared(turn, spec, reply.parts, reply.stop);
    // Sequences before the limit: what stands behind a stop sequence was never written and takes no tokens.
    let (parts, stop) = cut_at_stop_sequence(parts, stop, &turn.stop);
    cut_at_limit(parts, stop, turn)
}

/// The answer with whatever the script says instead.
fn prepared(turn: &Turn, spec: &ReplySpec, mut parts: Vec<Part>, mut stop: Stop) -> (Vec<Part>, Stop) {
    if let Some(text) = &spec.text {
        parts.retain(|part| matches!(part, Part::Thinking(_)));
        if !text.is_empty() {
            parts.push(Part::Text(text.clone()));
        }
        stop = Stop::EndTurn;
    }
    if let Some(thinking) = &spec.thinking {
        parts.retain(|part| !matches!(part, Part::Thinking(_)));
        if !thinking.is_empty() {
            parts.insert(0, Part::Thinking(thinking.clone()));
        }
    }
    if let Some(calls) = &spec.tool_calls {
        parts.retain(|part| !matches!(part, Part::Call(_)));
        if !calls.is_empty() && spec.text.is_none() {
            parts.retain(|part| !matches!(part, Part::Text(_)));
        }
        let calls = calls.iter().map(|call| {
            let arguments = call.arguments.clone();
            Part::Call(match turn.tools.iter().find(|tool| tool.name == call.name) {
                Some(tool) => ToolCall::of(tool, arguments),
                None => ToolCall::new(&call.name, arguments),
            })
        });
        parts.extend(calls);
        let called = parts.iter().any(|part| matches!(part, Part::Call(_)));
        stop = if called { Stop::ToolUse } else { Stop::EndTurn };
    }
    match spec.stop_reason {
        None => {}
        Some(StopSpec::EndTurn) => stop = Stop::EndTurn,
        Some(StopSpec::MaxTokens) => stop = Stop::MaxTokens,
        Some(StopSpec::ContextWindow) => stop = Stop::ContextWindow,
        Some(StopSpec::PauseTurn) => stop = Stop::PauseTurn,
        Some(StopSpec::Refusal) => {
            let words = spec.text.clone();
            parts = vec![Part::Refusal(words.unwrap_or_else(|| REFUSAL.to_owned()))];
            stop = Stop::Refusal;
        }
        // A filter may hold back all or come too late for a part; with a text of its own, the script has the
        // latter.
        Some(StopSpec::Safety) => {
            if spec.text.is_none() {
                parts.clear();
            }
            stop = Stop::Safety;
        }
        Some(StopSpec::Blocked) => {
            parts.clear();
            stop = Stop::Blocked;
        }
        Some(StopSpec::MalformedCall) => {
            parts.clear();
            stop = Stop::MalformedCall;
        }
    }
    (parts, stop)
}

fn cut_at_stop_sequence(mut parts: Vec<Part>, stop: Stop, words: &[String]) -> (Vec<Part>, Stop) {
    for index in 0..parts.len() {
        let Part::Text(text) = &mut parts[index] else {
            continue;
        };
        let found = words
            .iter()
            .filter(|word| !word.is_empty())
            .filter_map(|word| Some((text.find(word.as_str())?, word)))
            // The one that comes up first in the text, whichever place it has in the request.
            .min_by_key(|(at, _)| *at);
        if let Some((at, word)) = found {
            text.truncate(at);
            let empty = text.is_empty();
            // What follows was never written, calls included.
            parts.truncate(if empty { index } else { index + 1 });
            return (parts, Stop::Sequence(word.clone()));
        }
    }
    (parts, stop)
}

fn cut_at_limit(parts: Vec<Part>, stop: Stop, turn: &Turn) -> (Vec<Part>, Stop) {
    let Some(mut left) = turn.max_tokens else {
        return (parts, stop);
    };
    let percent = turn.model.token_percent;
    let mut kept = Vec::new();
    for part in parts {
        let tokens = count(text_of(&part), percent);
        if tokens <= left {
            left -= tokens;
            kept.push(part);
            continue;
        }
        let chars = usize::try_from(left * 100 / percent * CHARS_PER_TOKEN).unwrap_or(usize::MAX);
        let start: String = text_of(&part).chars().take(chars).collect();
        if !start.is_empty() {
            kept.push(match part {
                Part::Thinking(_) => Part::Thinking(start),
                Part::Text(_) => Part::Text(start),
                Part::Refusal(_) => Part::Refusal(start),
                // Cut JSON is what a client has to notice; each dialect decides whether it is sent at all.
                Part::Call(call) => Part::Call(ToolCall { json: start, complete: false, ..call }),
            });
        }
        return (kept, Stop::MaxTokens);
    }
    (kept, stop)
}

fn text_of(part: &Part) -> &str {
    match part {
        Part::Thinking(text) | Part::Text(text) | Part::Refusal(text) => text,
        Part::Call(call) => &call.json,
    }
}

/// Tokens of the thinking, or of all the rest.
pub(crate) fn output_tokens(parts: &[Part], percent: u64, thinking: bool) -> u64 {
    parts
        .iter()
        .filter(|part| matches!(part, Part::Thinking(_)) == thinking)
        .map(|part| count(text_of(part), percent))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stop_sequence_cuts_the_text() {
        let parts = vec![Part::Text("one two three".into()), Part::Text("four".into())];
        let words = ["three".to_owned(), "two".to_owned()];
        let (parts, stop) = cut_at_stop_sequence(parts, Stop::EndTurn, &words);
        assert_eq!(parts, [Part::Text("one ".into())]);
        assert_eq!(stop, Stop::Sequence("two".into()));
    }
}
