//! What a model thinks aloud before it answers. It is not part of the answer.
//!
//! Vendors give thoughts apart from the text. Servers of open models often leave them in it, between tags or
//! in channels, with an end or a beginning missing. A document may speak of the same tags, so that a tag
//! counts only where nothing but a thought can stand.

use std::{borrow::Cow, ops::Range};

use serde_json::{Deserializer, Value};

use crate::markdown::fenced_lines;

const NAMES: [&str; 11] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "analysis",
    "seed:think",
    "antthinking",
    "inner_monologue",
];
/// Before and after a name: others than the first stand around `think` only.
const MARKS: [(&str, char); 3] = [("<", '>'), ("[", ']'), ("◁", '▷')];
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const ENDS: [&str; 4] = ["<|end|>", "<|return|>", "<|start|>", "<|call|>"];
/// What comes before a thought in an answer and is no document of its own.
const MAX_PREFACE: usize = 300;
/// Brackets that begin no JSON value; a text with more of them is no answer in JSON.
const MAX_BROKEN: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag {
    start: usize,
    end: usize,
    opens: bool,
    name: &'static str,
}

/// The text without blocks of reasoning (`<think>`, `[THINK]`, channels of `analysis`).
///
/// A block begins where an answer begins, after another block, or in a line of its own. A tag in code or in a JSON value
/// neither begins nor ends one, so a text that only mentions such tags stays whole. A block without an end
/// reaches to the end of the text. A text without such tags is borrowed.
pub fn strip_reasoning(text: &str) -> Cow<'_, str> {
    // Channels first: what they hold is an answer of its own, and may begin with a tag.
    if let Some(answer) = last_channel(text) {
        return Cow::Owned(strip_reasoning(&answer).into_owned());
    }
    let tags = tags(text);
    if tags.is_empty() {
        return Cow::Borrowed(text);
    }
    let values = values(text);
    let (mut kept, mut from, mut at) = (String::new(), 0, 0);
    while let Some(tag) = tags.get(at) {
        let place = Place { text, kept: &kept, from, tag: *tag };
        // At the very beginning nothing can be quoted. Asked last, because it reads the text again.
        let is_quoted = || {
            !place.is_first() && (values.iter().any(|value| value.contains(&tag.start)) || place.is_in_code())
        };
        at += 1;
        if tag.opens {
            let close = closing(&tags[at - 1..]).map(|offset| at - 1 + offset);
            if !place.begins_block(close.map(|close| tags[close].end)) || is_quoted() {
                continue;
            }
            kept.push_str(&text[from..tag.start]);
            from = close.map_or(text.len(), |close| tags[close].end);
            at = close.map_or(tags.len(), |close| close + 1);
        } else if place.ends_block(&tags) && !is_quoted() {
            // The opening tag was part of the prompt: everything before this one is thought.
            kept.clear();
            from = tag.end;
        }
    }
    kept.push_str(&text[from..]);
    Cow::Owned(kept)
}

/// A tag, and what stands before it: what is kept so far, and the text since.
struct Place<'a> {
    text: &'a str,
    kept: &'a str,
    from: usize,
    tag: Tag,
}

impl Place<'_> {
    fn before(&self) -> &str {
        &self.text[self.from..self.tag.start]
    }

    fn line_before(&self) -> &str {
        self.before().rsplit('\n').next().unwrap_or_default()
    }

    fn line_after(&self) -> &str {
        self.text[self.tag.end..].split('\n').next().unwrap_or_default()
    }

    /// Whether the tag stands in code or in a quotation.
    fn is_in_code(&self) -> bool {
        let before = self.before();
        // An odd number of quotes before and behind it: it stands inside of a quotation.
        let quotes = |text: &str| text.replace("\\\"", "").matches('"').count() % 2 == 1;
        let lines = before.rsplit_once('\n').map_or("", |(lines, _)| lines);
        before.ends_with(['`', '\'', '“'])
            || (quotes(self.line_before()) && quotes(self.line_after()))
            || (self.line_before().matches('`').count() % 2 == 1 && self.line_after().contains('`'))
            || fenced_lines(&(lines.to_owned() + "\n.")).last().is_some_and(|(_, is_code)| is_code)
            || is_indented(self.line_before())
    }

    /// Whether nothing but thoughts stands before it.
    fn is_first(&self) -> bool {
        self.kept.trim().is_empty() && self.before().trim().is_empty()
    }

    fn starts_line(&self) -> bool {
        self.line_before().trim().is_empty()
    }

    /// Whether an opening tag begins a thought; `close` is where the tag that closes it ends, if there is
    /// one.
    fn begins_block(&self, close: Option<usize>) -> bool {
        // A word in brackets may stand for anything.
        let is_doubtful = close.is_none() && self.text[self.tag.start..].starts_with("[t");
        match close {
            _ if is_doubtful => false,
            _ if self.is_first() => true,
            // Behind text of the answer, only what cannot be a sentence about tags is taken out.
            Some(end) if self.starts_line() => begins_answer(&self.text[end..]),
            Some(end) => {
                let has_lines = self.text[self.tag.end..end].contains('\n');
                let after = &self.text[end..];
                self.is_after_preface() && (begins_structure(after) || (has_lines && begins_answer(after)))
            }
            None => self.starts_line() && self.line_after().trim().is_empty() && self.is_after_preface(),
        }
    }

    /// A closing tag whose opening tag is in sight is one that the text speaks of, and so may be one at the end
    /// of a line of a document.
    fn ends_block(&self, tags: &[Tag]) -> bool {
        let is_open = |tag: &Tag| {
            tag.opens && tag.name == self.tag.name && (self.from..self.tag.start).contains(&tag.start)
        };
        let after = &self.text[self.tag.end..];
        let is_document = self.before().trim_start().starts_with('#');
        let ends = (self.starts_line() && begins_answer(after)) || (begins_structure(after) && !is_document);
        ends && !tags.iter().any(is_open)
    }

    /// Whether what stands before it is no document yet: a few words, or the beginning of JSON.
    fn is_after_preface(&self) -> bool {
        let parts = [self.kept, self.before()];
        let start = parts.into_iter().map(str::trim_start).find(|part| !part.is_empty()).unwrap_or_default();
        let is_structure = start.starts_with(['{', '[']) || start.starts_with("```json");
        let is_short = parts.iter().map(|part| part.len()).sum::<usize>() < MAX_PREFACE;
        is_structure || (is_short && !parts.iter().any(|part| part.lines().any(|line| line.starts_with('#'))))
    }
}

/// Whether what follows a block is an answer, and not the rest of a sentence about tags.
fn begins_answer(after: &str) -> bool {
    let line = after.split('\n').next().unwrap_or_default().trim();
    line.is_empty() || line.starts_with(char::is_uppercase) || begins_structure(after)
}

/// Whether a text goes on with JSON, a heading, a tag or a fence.
fn begins_structure(after: &str) -> bool {
    let after = after.trim_start();
    after.starts_with(['{', '[', '#', '<', '◁']) || after.starts_with("```")
}

fn is_indented(line_before: &str) -> bool {
    line_before.trim().is_empty() && (line_before.len() >= 4 || line_before.starts_with('\t'))
}

/// The tag that closes the first one: tags of one name nest. Where the thought speaks of an opening tag, the
/// last one closes it.
fn closing(tags: &[Tag]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut last = None;
    for (at, tag) in tags.iter().enumerate().filter(|(_, tag)| tag.name == tags[0].name) {
        if tag.opens {
            depth += 1;
            continue;
        }
        last = Some(at);
        depth = depth.saturating_sub(1);
        if depth == 0 {
            return last;
        }
    }
    last
}

/// Every tag of a known name, in the order of the text.
fn tags(text: &str) -> Vec<Tag> {
    let lower = text.to_ascii_lowercase();
    let first = |(mark, _): (&str, char)| mark.as_bytes().first().copied().unwrap_or_default();
    let [one, other, third] = MARKS.map(first);
    let starts = memchr::memchr3_iter(one, other, third, lower.as_bytes());
    let marked = |start: usize| MARKS.into_iter().find(|(mark, _)| lower[start..].starts_with(mark));
    starts.filter_map(|start| tag(&lower, start, marked(start)?.0)).collect()
}

/// The tag that begins at `start` of a text in lower case.
fn tag(lower: &str, start: usize, mark: &str) -> Option<Tag> {
    let (_, end_mark) = MARKS.into_iter().find(|(open, _)| *open == mark)?;
    let inner = &lower[start + mark.len()..];
    let (opens, inner) = inner.strip_prefix('/').map_or((true, inner), |inner| (false, inner));
    let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_')))?;
    let name = NAMES.into_iter().find(|name| *name == &inner[..length])?;
    // Attributes may follow the name.
    let (attributes, _) = inner[length..].split_once(end_mark)?;
    let is_tag = attributes.is_empty()
        || (mark == "<"
            && attributes.starts_with(' ')
            && !attributes.contains(['<', '\n'])
            // A tag that closes itself holds no thought.
            && !attributes.ends_with('/'));
    let end = lower.len() - inner.len() + length + attributes.len() + end_mark.len_utf8();
    (is_tag && (mark == "<" || name == "think")).then_some(Tag { start, end, opens, name })
}

/// Where correct JSON values stand.
fn values(text: &str) -> Vec<Range<usize>> {
    let (mut values, mut at, mut failed) = (Vec::new(), 0, 0);
    while let Some(start) =
        text[at..].find(['{', '[']).map(|offset| at + offset).filter(|_| failed < MAX_BROKEN)
    {
        let mut stream = Deserializer::from_str(&text[start..]).into_iter::<Value>();
        if let Some(Ok(_)) = stream.next() {
            at = start + stream.byte_offset();
            values.push(start..at);
        } else {
            at = start + 1;
            failed += 1;
        }
    }
    values
}

/// The answer of a model that writes into channels (`analysis`, `commentary`, `final`): the last final message,
/// or what is outside of the channels if there is none.
fn last_channel(text: &str) -> Option<String> {
    // Some servers drop the marks between the channels.
    let bare = text.trim_start().strip_prefix("analysis").filter(|rest| !rest.starts_with([' ', '<', '\n']));
    if let Some((_, answer)) = bare.and_then(|rest| rest.rsplit_once("assistantfinal")) {
        return Some(answer.to_owned());
    }
    let text = text.trim_start();
    let text = text.strip_prefix("<|start|>assistant").unwrap_or(text);
    let first = text.find(CHANNEL)?;
    let place =
        Place { text, kept: "", from: 0, tag: Tag { start: first, end: first, opens: true, name: "" } };
    // A document that speaks of channels has more than a preface before the first one.
    if !place.is_after_preface() || place.is_in_code() || !place.line_before().trim().is_empty() {
        return None;
    }
    let mut outside = text[..first].to_owned();
    let mut last = None;
    for part in text[first..].split(CHANNEL).skip(1) {
        let (name, message) = part.split_once(MESSAGE).unwrap_or((part, ""));
        let end = ENDS.iter().filter_map(|end| message.find(end)).min().unwrap_or(message.len());
        if name.trim_start().starts_with("final") {
            last = Some(message[..end].to_owned());
        } else if let Some(after) = message[end..].strip_prefix(ENDS[0]) {
            outside.push_str(after.split("<|start|>").next().unwrap_or_default());
        }
    }
    Some(last.unwrap_or(outside))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"findings": [{"severity": "critical", "claim": "x"}]}"#;

    #[test]
    fn every_kind_of_thought_goes() {
        for (open, close) in [
            ("<think>", "</think>"),
            ("<THINK>", "</Think>"),
            ("<thinking>", "</thinking>"),
            ("<thought>", "</thought>"),
            ("<reasoning effort=\"high\">", "</reasoning>"),
            ("<reflection>", "</reflection>"),
            ("<scratchpad>", "</scratchpad>"),
            ("<analysis>", "</analysis>"),
            ("<seed:think>", "</seed:think>"),
            ("[THINK]", "[/THINK]"),
            ("◁think▷", "◁/think▷"),
        ] {
            let inner = "The form is {\"findings\": []}.\n```\nx\n\nNow \"fill\" it.";
            for (said, kept) in [
                (format!("{open}{inner}{close}{ANSWER}"), ANSWER),
                (format!("    {open}\n{inner}{close}\n{ANSWER}"), ANSWER),
                (format!("\n {open}\n{inner}\n{close}\n\n{ANSWER}"), ANSWER),
                (format!("{open}a{close}\n{open}{inner}{close}\n{ANSWER}"), ANSWER),
                (format!("{open}a{open}b{close}c{close}{ANSWER}"), ANSWER),
                (format!("{open}I write no {open} now.{close}\n{ANSWER}"), ANSWER),
                (format!("{open}It ends with {close} and so.\n{close}\n{ANSWER}"), ANSWER),
                (format!("Let me see.\n{open}\n{inner}\n{close}\n{ANSWER}"), "Let me see.\n\n{\"findings\""),
                (format!("Well, {open}hm{close}{ANSWER}"), "Well, {\"findings\""),
                (format!("{open}{inner} {ANSWER}"), ""),
                (format!("Sure.\n{open}\n{inner} {ANSWER}"), "Sure."),
                (format!("The form is {{\"findings\": []}}. So:\n{close}\n{ANSWER}"), ANSWER),
                (format!("So it is.{close}{ANSWER}"), ANSWER),
                (format!("{ANSWER}\n{open}\nOr is it []?\n{close}"), ANSWER),
            ] {
                let stripped = strip_reasoning(&said);
                let is_right = stripped.trim() == kept
                    || (!kept.is_empty() && kept != ANSWER && stripped.trim().starts_with(kept));
                assert!(is_right, "{said}\n=> {stripped}");
                assert!(kept != ANSWER || stripped.trim() == ANSWER);
            }
        }
    }

    #[test]
    fn channels_are_left_for_the_final_one() {
        for said in [
            format!(
                "<|channel|>analysis<|message|>Empty: {{}}<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}"
            ),
            format!(
                "<|start|>assistant<|channel|>analysis<|message|>a<|end|>\n<|channel|>commentary<|message|>b<|end|><|channel|>final <|constrain|>json<|message|>{ANSWER}<|return|>"
            ),
            format!("<|channel|>analysis<|message|>a<|end|>{ANSWER}"),
            format!("analysisThe user wants JSON.assistantfinal{ANSWER}"),
        ] {
            assert_eq!(strip_reasoning(&said).trim(), ANSWER, "{said}");
        }
        assert_eq!(strip_reasoning("<|channel|>analysis<|message|>cut"), "");
    }

    #[test]
    fn a_text_that_speaks_of_thoughts_stays_whole() {
        for said in [
            "# Tags\n\nA model opens with `<think>` and closes with `</think>`.\n\nMore.",
            "# Tags\n\n```\n<think>\nhm\n</think>\n```\n\nMore.",
            "# Tags\n\n~~~xml\n</think>\n~~~\n\nMore.",
            "# Tags\n\n    <think>\n    hm\n\nMore.",
            "# Tags\n\nThe tag <think> opens a thought, </think> ends it.\n\nMore.",
            "# Tags\n\n<think> tags open and </think> tags close a thought.\n\nMore.",
            "# Tags\n\nIt begins with\n\n<think>\n\nand is never closed.",
            "# Channels\n\ngpt-oss writes `<|channel|>analysis<|message|>`.\n\n```\n<|channel|>final<|message|>x\n```\n",
            r#"{"findings": [{"severity": "minor", "quote": "<think>", "claim": "</think> is not closed"}]}"#,
            "{\"document\": \"# T\\n\\n<think>\\nx\\n</think>\\n\"}",
            "{\"document\": \"# T\\n\\n<think>\\nx\\n</think>\\n\",}",
            "# Tags\n\nA thought ends with </think>\n\n## More",
            "The tags <think></think>\n\nstand around a thought, as in <think>hm</think>\n\nand so on.",
            "[think] about it",
            "analysis of the text",
            "A <thinking-aloud> element, a [reasoning](link).",
        ] {
            assert_eq!(strip_reasoning(said), said);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_stripped_without_panic(text in "(<think>|</think>|\\[/?THINK\\]|◁/?think▷|[\\n `\"{}a#é]){0,30}") {
            strip_reasoning(&text);
        }
    }
}
