//! Stop sequences for vendors that have no field for them.

use std::collections::VecDeque;

use forge_core::{
    ResponseStream, StreamEvent,
    event::{Delta, PartKind, StopReason},
};

use super::rewritten::rewritten;

/// Texts that end an answer.
#[derive(Debug, Clone, Default)]
pub struct Stops(Vec<String>);

impl Stops {
    /// The texts of a request.
    pub fn of(sequences: &[String]) -> Self {
        Self(sequences.iter().filter(|text| !text.is_empty()).cloned().collect())
    }

    /// The reply up to the first of the texts. It is read to its end all the same: only there stands what it takes.
    pub fn cut(self, reply: ResponseStream) -> ResponseStream {
        if self.0.is_empty() {
            return reply;
        }
        let mut cut = Cut { stops: self, text: None, held: String::new(), open: Vec::new(), stopped: None };
        rewritten(reply, move |event, ready| cut.event(event, ready))
    }

    /// The place of the first text, and which it is.
    fn first_in(&self, text: &str) -> Option<(usize, &String)> {
        let found = self.0.iter().filter_map(|stop| Some((text.find(stop.as_str())?, stop)));
        found.min_by_key(|(at, _)| *at)
    }

    /// How many bytes at the end of a text may be the beginning of one of these.
    fn begun_in(&self, text: &str) -> usize {
        let begins = |length: &usize| {
            let end = text.get(text.len() - length..);
            end.is_some_and(|end| self.0.iter().any(|stop| stop.starts_with(end)))
        };
        let longest = self.0.iter().map(String::len).max().unwrap_or_default();
        (1..longest.min(text.len() + 1)).rev().find(begins).unwrap_or_default()
    }
}

/// A reply up to a text.
struct Cut {
    stops: Stops,
    /// The text that is being written.
    text: Option<u32>,
    /// The end of it that may be the beginning of a stop.
    held: String,
    /// The parts that were handed out and have not ended.
    open: Vec<u32>,
    stopped: Option<String>,
}

impl Cut {
    fn event(&mut self, mut event: StreamEvent, ready: &mut VecDeque<StreamEvent>) {
        match &mut event {
            StreamEvent::PartStarted { .. } if self.stopped.is_some() => return,
            StreamEvent::PartStarted { index, kind } => {
                self.open.push(*index);
                if matches!(kind, PartKind::Text) {
                    (self.text, self.held) = (Some(*index), String::new());
                }
            }
            StreamEvent::PartDelta { index, .. } if !self.open.contains(index) => return,
            StreamEvent::PartDelta { index, delta: Delta::Text(piece) } if self.text == Some(*index) => {
                self.held.push_str(piece);
                return self.written(*index, ready);
            }
            StreamEvent::PartEnded { index, .. } => {
                if !self.open.contains(index) {
                    return;
                }
                self.open.retain(|one| one != index);
                if self.text == Some(*index) {
                    self.text = None;
                    let rest = std::mem::take(&mut self.held);
                    say(*index, rest, ready);
                }
            }
            StreamEvent::Finished(finished) => {
                if let Some(stop) = self.stopped.take() {
                    (finished.reason, finished.stop_sequence) = (StopReason::StopSequence, Some(stop));
                    finished.raw_reason = None;
                }
            }
            _ => {}
        }
        ready.push_back(event);
    }

    /// Hands out what can be no stop any more, or ends the text before one.
    fn written(&mut self, index: u32, ready: &mut VecDeque<StreamEvent>) {
        if let Some((at, stop)) = self.stops.first_in(&self.held) {
            self.stopped = Some(stop.clone());
            self.held.truncate(at);
            let rest = std::mem::take(&mut self.held);
            say(index, rest, ready);
            self.text = None;
            self.open.retain(|one| *one != index);
            ready.push_back(StreamEvent::PartEnded { index, opaque: None });
            return;
        }
        let held = self.held.split_off(self.held.len() - self.stops.begun_in(&self.held));
        let said = std::mem::replace(&mut self.held, held);
        say(index, said, ready);
    }
}

fn say(index: u32, text: String, ready: &mut VecDeque<StreamEvent>) {
    if !text.is_empty() {
        ready.push_back(StreamEvent::PartDelta { index, delta: Delta::Text(text) });
    }
}

#[cfg(test)]
mod tests {
    use forge_core::event::{Finished, ToolStart};
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn started(index: u32, kind: PartKind) -> StreamEvent {
        StreamEvent::PartStarted { index, kind }
    }

    fn text(index: u32, text: &str) -> StreamEvent {
        StreamEvent::PartDelta { index, delta: Delta::Text(text.into()) }
    }

    fn ended(index: u32) -> StreamEvent {
        StreamEvent::PartEnded { index, opaque: None }
    }

    fn finished(reason: StopReason) -> Finished {
        let mut finished = Finished::new(reason);
        finished.usage.output = Some(40);
        finished
    }

    /// What is said of the pieces, and how it ends.
    fn cut(stops: &[&str], pieces: &[&str]) -> (String, Option<String>) {
        let stops: Vec<String> = stops.iter().copied().map(str::to_owned).collect();
        let mut events = vec![started(0, PartKind::Text)];
        events.extend(pieces.iter().map(|piece| text(0, piece)));
        let call = PartKind::ToolUse(Box::new(ToolStart::new("1", "f")));
        events.extend([ended(0), started(1, call), ended(1), finished(StopReason::ToolUse).into()]);
        let reply = ResponseStream::from_events(events.into_iter().map(Ok));
        let events: Vec<_> = Stops::of(&stops).cut(reply).collect().now_or_never().unwrap();
        let (mut said, mut end, mut open) = (String::new(), None, Vec::new());
        for event in events {
            match event.unwrap() {
                StreamEvent::PartStarted { index, .. } => open.push(index),
                StreamEvent::PartEnded { index, .. } => open.retain(|one| *one != index),
                StreamEvent::PartDelta { delta: Delta::Text(piece), .. } => said += &piece,
                StreamEvent::Finished(finished) => {
                    assert!(open.is_empty() && finished.usage.output == Some(40), "{finished:?}");
                    assert_eq!(finished.reason == StopReason::StopSequence, finished.stop_sequence.is_some());
                    end = finished.stop_sequence.clone();
                }
                other => panic!("{other:?}"),
            }
        }
        (said, end)
    }

    #[test]
    fn a_text_ends_before_the_first_stop_wherever_its_pieces_are_cut() {
        let whole = "one\nObservation: two\nEND";
        for at in 1..whole.len() {
            let pieces = [&whole[..at], &whole[at..]];
            assert_eq!(
                cut(&["END", "\nObservation:"], &pieces),
                ("one".into(), Some("\nObservation:".into()))
            );
        }
        let letters: Vec<String> = whole.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(cut(&["END"], &letters), ("one\nObservation: two\n".into(), Some("END".into())));
    }

    #[test]
    fn a_text_without_a_stop_stays_whole() {
        assert_eq!(cut(&["END"], &["an ", "EN", "trance, the E", "N"]), ("an ENtrance, the EN".into(), None));
        assert_eq!(cut(&["é!"], &["caf", "é", "s, olé"]), ("cafés, olé".into(), None));
        assert_eq!(cut(&[""], &["x"]), ("x".into(), None));
    }
}
