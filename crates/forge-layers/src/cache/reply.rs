//! A reply as it is kept.

use std::sync::Arc;

use forge_core::{
    StreamEvent, TokenCount,
    event::{Delta, Warning},
};

/// A reply as it will be given again.
pub(super) struct Reply {
    pub(super) key: Arc<str>,
    pub(super) events: Vec<StreamEvent>,
    pub(super) bytes: usize,
}

impl Reply {
    pub(super) fn push(&mut self, event: &StreamEvent) {
        let mut event = event.clone();
        let text = match &mut event {
            // A hit uses no tokens, so there is no usage to report on the way.
            StreamEvent::UsageUpdated(_) => return,
            StreamEvent::PartDelta { index, delta } => {
                self.bytes += delta.len();
                if let Some(StreamEvent::PartDelta { index: last, delta: written }) = self.events.last_mut()
                    && last == index
                    && let (Some(written), Some(more)) = (text_of(written), text_of(delta))
                {
                    written.push_str(more);
                    return;
                }
                0
            }
            StreamEvent::PartEnded { opaque, .. } => opaque.as_ref().map_or(0, |opaque| opaque.data.len()),
            StreamEvent::Started(started) => {
                // What the vendor had left then would mislead whoever reads it later, as would the way of that call.
                started.rate_limit = None;
                started.route = None;
                0
            }
            StreamEvent::Finished(finished) => {
                finished.usage = TokenCount::default().with_input(0).with_output(0);
                finished.raw_response.as_ref().map_or(0, String::len)
            }
            StreamEvent::Relayed(relayed) => relayed.bytes.len(),
            _ => 0,
        };
        self.bytes += size_of::<StreamEvent>() + text;
        self.events.push(event);
    }

    pub(super) fn marked(mut self) -> Self {
        let warning = Warning::new("cache", "this reply comes from the cache");
        // Nothing comes before `Started`.
        let place = usize::from(matches!(self.events.first(), Some(StreamEvent::Started(_))));
        self.events.insert(place, StreamEvent::from(warning));
        self
    }
}

/// The text of a delta that can be joined with the one before it.
fn text_of(delta: &mut Delta) -> Option<&mut String> {
    match delta {
        Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text) => Some(text),
        _ => None,
    }
}
