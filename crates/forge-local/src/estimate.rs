//! A rough size of the prompt, to find out that a server has cut it.

use forge_core::{ModelRequest, StreamEvent, event::Warning, request::Part};
use forge_http::{Decode, Events, Failure, Frame};

/// Prompts that seem to have fewer tokens than this fit into every server's window: the smallest default of
/// Ollama's is 4k.
const SMALL: u64 = 2_000;

/// How many tokens a prompt should have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected(u64);

impl Expected {
    /// Four letters of text make a token. Other scripts have more tokens, never fewer, so that nothing
    /// is suspected that is whole.
    pub(crate) fn of(request: &ModelRequest) -> Self {
        let parts = request.messages.iter().flat_map(|message| &message.parts);
        let letters = request.system.iter().map(|block| letters(&block.text)).sum::<u64>()
            + parts.map(part_letters).sum::<u64>();
        Self(letters / 4)
    }

    /// Warns before the last event, if the server counted less than two thirds.
    pub(crate) fn compare(self, events: &mut Events) {
        let Some(StreamEvent::Finished(finished)) = events.back() else { return };
        let Some(counted) = finished.usage.total_input() else { return };
        if self.0 < SMALL || counted.saturating_mul(3) >= self.0.saturating_mul(2) {
            return;
        }
        let message = format!(
            "the server counted {counted} tokens in a prompt of about {}; it may have cut the prompt to its \
             context window",
            self.0
        );
        let finished = events.pop_back();
        events.push_back(StreamEvent::from(Warning::new("prompt", message)));
        events.extend(finished);
    }
}

fn letters(text: &str) -> u64 {
    text.chars().count() as u64
}

fn part_letters(part: &Part) -> u64 {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => letters(text),
        Part::ToolResult { content, .. } => content.iter().map(part_letters).sum(),
        // Pictures and calls cost tokens too; left out, the expected number stays a lower bound.
        _ => 0,
    }
}

/// A decoder whose reply is compared with what was expected.
#[derive(Debug)]
pub(crate) struct Compared<D> {
    pub(crate) decoder: D,
    pub(crate) expected: Option<Expected>,
}

impl<D: Decode> Decode for Compared<D> {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure> {
        self.decoder.frame(frame, events)?;
        self.compare(events);
        Ok(())
    }

    fn end(&mut self, events: &mut Events) -> Result<(), Failure> {
        self.decoder.end(events)?;
        self.compare(events);
        Ok(())
    }
}

impl<D> Compared<D> {
    fn compare(&self, events: &mut Events) {
        if let Some(expected) = self.expected {
            expected.compare(events);
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        TokenCount,
        event::{Finished, StopReason},
    };

    use super::*;

    fn warned(letters: usize, counted: Option<u64>) -> bool {
        let request = ModelRequest::new("x".repeat(letters / 2)).with_user_message("ä".repeat(letters / 2));
        let usage = TokenCount::default().with_input(counted);
        let finished = Finished::new(StopReason::EndTurn).with_usage(usage);
        let mut events = Events::from([StreamEvent::from(finished)]);
        Expected::of(&request).compare(&mut events);
        assert!(matches!(events.back(), Some(StreamEvent::Finished(_))));
        events.len() == 2
    }

    #[test]
    fn only_a_large_prompt_that_shrank_a_lot_is_suspected() {
        assert!(warned(40_000, Some(4_096)));
        assert!(!warned(40_000, Some(7_000)));
        assert!(!warned(40_000, None));
        assert!(!warned(4_000, Some(10)));
    }
}
