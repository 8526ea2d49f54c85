//! What a model can do.

use serde::Serialize;

use crate::{event::Warning, request::Effort};

/// What a model can do, as far as routing has to know. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Tokens of input and output together; `None` if unknown.
    pub context_tokens: Option<u64>,
    /// Tokens of output; `None` if unknown.
    pub max_output_tokens: Option<u64>,
    /// Takes pictures.
    pub images: bool,
    /// Takes documents such as PDF files.
    pub documents: bool,
    /// Takes recordings.
    pub audio: bool,
    /// Calls tools.
    pub tools: bool,
    /// Can be made to call a tool ([`ToolChoice::Required`](crate::request::ToolChoice::Required)).
    pub forced_tool_choice: bool,
    /// Answers in JSON that obeys a schema.
    pub structured_output: bool,
    /// Takes a temperature and its siblings.
    pub sampling: bool,
    /// Takes stop sequences.
    pub stop_sequences: bool,
    /// Continues a last message of the assistant's.
    pub prefill: bool,
    /// The effort levels it takes; empty if it does not think.
    pub efforts: Efforts,
}

/// A set of effort levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
// One bit for each of the seven levels, so that capabilities are copied and never shared.
pub struct Efforts(u8);

impl Efforts {
    /// No level: the model does not think.
    pub const NONE: Self = Self(0);

    /// These levels.
    pub const fn of(levels: &[Effort]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        // By index, because iterators do not run in a constant.
        while at < levels.len() {
            bits |= 1 << levels[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether `level` is in the set.
    pub const fn contains(self, level: Effort) -> bool {
        self.0 & (1 << level as u8) != 0
    }

    /// Whether there is no level at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What a request that asks for `asked` gets: the level itself, else the nearest lower one, else the
    /// nearest; `None` where the model does not think. Anything but the level itself is warned about.
    pub fn settle(self, asked: Effort, warnings: &mut Vec<Warning>) -> Option<Effort> {
        if self.contains(asked) {
            return Some(asked);
        }
        // The caller gets what it asked for, so that there is nothing to warn about.
        if self.is_empty() && asked == Effort::None {
            return None;
        }
        // Lower before higher: more thinking than was asked for would cost more than was asked for.
        let lower = self.iter().filter(|level| *level < asked).last();
        let nearest = lower.or_else(|| self.iter().next());
        let message = match nearest {
            Some(level) => {
                format!(
                    "this model does not support effort `{}`; `{}` is sent instead",
                    asked.as_str(),
                    level.as_str()
                )
            }
            None => "this model does not support thinking; effort is left out".into(),
        };
        warnings.push(Warning::new("effort", message));
        nearest
    }

    /// The levels, least first.
    pub fn iter(self) -> impl Iterator<Item = Effort> {
        Effort::ALL.into_iter().filter(move |level| self.contains(*level))
    }
}

impl Serialize for Efforts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_level_becomes_the_nearest_lower_one_or_else_the_nearest() {
        let some = Efforts::of(&[Effort::Low, Effort::Medium, Effort::XHigh]);
        for (asked, known, expected, warned) in [
            (Effort::Medium, some, Some(Effort::Medium), false),
            (Effort::High, some, Some(Effort::Medium), true),
            (Effort::None, some, Some(Effort::Low), true),
            (Effort::Max, some, Some(Effort::XHigh), true),
            (Effort::High, Efforts::NONE, None, true),
            (Effort::None, Efforts::NONE, None, false),
        ] {
            let mut warnings = Vec::new();
            assert_eq!(known.settle(asked, &mut warnings), expected, "{asked:?}");
            assert_eq!(!warnings.is_empty(), warned, "{asked:?}");
        }
    }

    #[test]
    fn a_set_holds_exactly_its_levels() {
        let set = Efforts::of(&[Effort::High, Effort::Low]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Effort::Low, Effort::High]);
        assert!(!set.contains(Effort::Max) && Efforts::NONE.is_empty());
    }
}
