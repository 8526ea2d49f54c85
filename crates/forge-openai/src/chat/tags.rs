//! Thoughts inside the answer, between `<think>` and `</think>`.

use forge_core::ModelId;

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Pieces of the names of models whose prompt templates end in the opening tag, so that the answer has the closing one
/// alone. Source: the templates of `DeepSeek` R1, `QwQ`, Qwen3 Thinking and `MiniMax` M2 on huggingface.co, 2026-11.
const OPENED_BY_TEMPLATE: [&str; 4] = ["deepseek-r1", "qwq", "-thinking", "minimax-m2"];

/// How much of an answer without an opening tag is held back for the closing one. A person who reads along does not
/// notice it, and the thoughts of a model that is not known to be one of those above are often longer.
const HELD: usize = 1024;

/// Takes an answer apart that may begin with thoughts.
#[derive(Debug)]
pub struct ThinkTags {
    state: State,
    /// How much is held back for a closing tag without an opening one.
    held: usize,
    /// What came and is not handed out.
    pending: String,
    /// The thoughts with their tags, as they go back.
    raw: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Thoughts,
    /// Behind the closing tag, before the answer.
    Between,
    Answer,
}

/// What a piece of the content is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Thoughts(String),
    /// The thoughts are over; so they stood in the content.
    Over(String),
    Text(String),
}

impl ThinkTags {
    /// For answers of `model` on a server of one's own.
    pub fn local(model: &ModelId) -> Self {
        let name = model.as_str().to_ascii_lowercase();
        let opened = OPENED_BY_TEMPLATE.iter().any(|piece| name.contains(piece));
        Self::holding(if opened { usize::MAX } else { HELD })
    }

    /// For answers of a vendor, which have both tags.
    pub fn hosted() -> Self {
        Self::holding(0)
    }

    fn holding(held: usize) -> Self {
        Self { state: State::Start, held, pending: String::new(), raw: String::new() }
    }

    /// Takes a piece of the content.
    pub(super) fn take(&mut self, text: String, mut out: impl FnMut(Said)) {
        match self.state {
            State::Answer => return out(Said::Text(text)),
            _ if self.pending.is_empty() => self.pending = text,
            _ => self.pending.push_str(&text),
        }
        if self.state == State::Start && !self.begins(&mut out) {
            return;
        }
        if self.state == State::Thoughts {
            let Some(at) = self.pending.find(CLOSES) else {
                let whole = self.pending.len() - unfinished(&self.pending, CLOSES);
                if whole > 0 {
                    let rest = self.pending.split_off(whole);
                    let thoughts = std::mem::replace(&mut self.pending, rest);
                    self.raw.push_str(&thoughts);
                    out(Said::Thoughts(thoughts));
                }
                return;
            };
            self.close(at, &mut out);
        }
        if self.state == State::Between {
            let answer = self.pending.trim_start();
            let space = self.pending.len() - answer.len();
            self.raw.push_str(&self.pending[..space]);
            if answer.is_empty() {
                self.pending.clear();
                return;
            }
            self.state = State::Answer;
            out(Said::Over(std::mem::take(&mut self.raw)));
            let answer = self.pending.split_off(space);
            self.pending = String::new();
            out(Said::Text(answer));
        }
    }

    /// Finds out how the answer begins; tells whether that is known and thoughts were found.
    fn begins(&mut self, out: &mut impl FnMut(Said)) -> bool {
        let start = self.pending.trim_start();
        if let Some(rest) = start.strip_prefix(OPENS) {
            let at = self.pending.len() - rest.len();
            self.raw.push_str(&self.pending[..at]);
            self.pending.drain(..at);
            self.state = State::Thoughts;
            return true;
        }
        // Half of a tag: as a text it could not be taken back once the other half comes.
        if OPENS.starts_with(start) {
            return false;
        }
        if let Some(at) = self.pending.find(CLOSES) {
            self.close(at, out);
            return true;
        }
        if self.pending.len() > self.held {
            self.state = State::Answer;
            out(Said::Text(std::mem::take(&mut self.pending)));
        }
        false
    }

    fn close(&mut self, at: usize, out: &mut impl FnMut(Said)) {
        let behind = self.pending.split_off(at + CLOSES.len());
        let mut thoughts = std::mem::replace(&mut self.pending, behind);
        self.raw.push_str(&thoughts);
        thoughts.truncate(at);
        out(Said::Thoughts(thoughts));
        self.state = State::Between;
    }

    /// Nothing more of the content is to be taken apart: the answer is whole, or something else has begun.
    pub(super) fn end(&mut self, mut out: impl FnMut(Said)) {
        let pending = std::mem::take(&mut self.pending);
        match std::mem::replace(&mut self.state, State::Answer) {
            // Held back for a closing tag that never came, so that it is the answer.
            State::Start | State::Answer => out(Said::Text(pending)),
            State::Thoughts => {
                self.raw.push_str(&pending);
                out(Said::Thoughts(pending));
                out(Said::Over(std::mem::take(&mut self.raw)));
            }
            State::Between => out(Said::Over(std::mem::take(&mut self.raw))),
        }
    }
}

/// How many bytes at the end of the text may be the beginning of the tag.
fn unfinished(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|length| text.ends_with(&tag[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pieces say: thoughts, the thoughts as they go back, the answer.
    fn read(mut tags: ThinkTags, pieces: &[&str]) -> (String, String, String) {
        let (mut thoughts, mut raw, mut text) = (String::new(), String::new(), String::new());
        let mut out = |said| match said {
            Said::Thoughts(more) => thoughts.push_str(&more),
            Said::Over(all) => raw.push_str(&all),
            Said::Text(more) => text.push_str(&more),
        };
        for piece in pieces {
            tags.take((*piece).to_owned(), &mut out);
        }
        tags.end(&mut out);
        (thoughts, raw, text)
    }

    #[test]
    fn thoughts_and_answer_are_told_apart_however_the_content_is_cut() {
        for (content, thoughts, text) in [
            ("<think>I plan.</think>\n\n# HTTP", "I plan.", "# HTTP"),
            ("\n<think>\nI <b>plan</b>.\n</think>Hi", "\nI <b>plan</b>.\n", "Hi"),
            ("I plan.</think>\n\n# HTTP", "I plan.", "# HTTP"),
            ("<think>cut off", "cut off", ""),
            ("<think></think>Hi", "", "Hi"),
            ("A < B and <thing> too", "", "A < B and <thing> too"),
            ("The tag <think> stands here", "", "The tag <think> stands here"),
            ("<thin", "", "<thin"),
            ("  \nHi", "", "  \nHi"),
        ] {
            let whole = read(ThinkTags::local(&"m".into()), &[content]);
            assert_eq!((whole.0.as_str(), whole.2.as_str()), (thoughts, text), "{content}");
            let letters: Vec<String> = content.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(read(ThinkTags::local(&"m".into()), &letters), whole, "{content}");
            let back = format!("{}{}", whole.1, whole.2);
            assert_eq!(back, content, "what goes back is what came");
        }
    }

    #[test]
    fn only_so_much_is_held_back_as_a_model_may_think_unannounced() {
        let long = "word ".repeat(HELD);
        let content = format!("{long}</think>Hi");
        let pieces: Vec<&str> = content.split_inclusive(' ').collect();
        assert_eq!(read(ThinkTags::local(&"qwen3:8b".into()), &pieces).2, content);
        let (thoughts, _, text) = read(ThinkTags::local(&"Qwen/Qwen3-4B-Thinking-2507".into()), &pieces);
        assert_eq!((thoughts, text.as_str()), (long, "Hi"));
        let mut said = Vec::new();
        ThinkTags::hosted().take("Hi".into(), |one| said.push(one));
        assert_eq!(said, [Said::Text("Hi".into())]);
    }
}
