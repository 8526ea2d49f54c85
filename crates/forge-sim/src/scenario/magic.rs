//! Faults asked for in the prompt itself, handy with curl: `[[sim:overloaded]]`.

use super::{Cut, ErrorSpec, ErrorStyle, ReplySpec, Reset, RetryAfter, Rule, Stall, StopSpec, StreamError};
use crate::error_kind::ErrorKind;

/// How a magic word starts; it ends with `]]`.
const MARKER: &str = "[[sim:";

/// The front page of a gateway, which answers any path with it.
const PAGE: &str = "<!doctype html>\n<html><head><title>Gateway</title></head><body><div id=\"root\"></div>\
    </body></html>\n";

/// The rule that the first known magic word of a prompt stands for.
pub(crate) fn rule_for(text: &str) -> Option<Rule> {
    words(text).find_map(|word| {
        let (name, argument) = word.split_once('=').unwrap_or((word, ""));
        rule(name, argument.parse().ok())
    })
}

/// The text without its magic words.
pub(crate) fn strip(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(MARKER) {
        kept.push_str(before);
        rest = after.split_once("]]").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(MARKER).skip(1).filter_map(|rest| rest.split_once("]]").map(|(word, _)| word))
}

fn rule(name: &str, argument: Option<u64>) -> Option<Rule> {
    let number = usize::try_from(argument.unwrap_or(0)).unwrap_or(usize::MAX);
    let fault = Rule::default();
    Some(match name {
        "overloaded" => error(ErrorKind::Overloaded, None),
        "rate-limited" => error(ErrorKind::RateLimited, argument),
        "quota" => error(ErrorKind::QuotaExhausted, None),
        "server-error" => error(ErrorKind::Server, None),
        "html" => error(ErrorKind::BadGateway, None),
        "refusal" => stop(StopSpec::Refusal),
        "pause" => stop(StopSpec::PauseTurn),
        "safety" => stop(StopSpec::Safety),
        "blocked" => stop(StopSpec::Blocked),
        "malformed-call" => stop(StopSpec::MalformedCall),
        "empty" => {
            let nothing = ReplySpec {
                text: Some(String::new()),
                thinking: Some(String::new()),
                ..ReplySpec::default()
            };
            Rule { reply: Some(nothing), ..fault }
        }
        "page" => Rule { body: Some(PAGE.to_owned()), ..fault },
        "cut-after" => Rule { cut: Some(Cut::AtByte(number)), ..fault },
        "reset" => Rule { reset: Some(Reset::BeforeHeaders), ..fault },
        "stall" => Rule {
            stall: Some(Stall { before_first_byte: argument.unwrap_or(60_000), ..Stall::default() }),
            ..fault
        },
        "stream-error" => Rule {
            stream_error: Some(StreamError {
                kind: ErrorKind::Overloaded,
                after_events: argument.map(|_| number),
                message: None,
                code: None,
                style: ErrorStyle::Usual,
            }),
            ..fault
        },
        "silent-end" => Rule { silent_end: true, ..fault },
        _ => return None,
    })
}

fn error(kind: ErrorKind, retry_after: Option<u64>) -> Rule {
    Rule {
        error: Some(ErrorSpec {
            kind,
            status: None,
            message: None,
            code: None,
            retry_after: RetryAfter {
                seconds: retry_after.map(|seconds| seconds as f64),
                ..RetryAfter::default()
            },
            should_retry: None,
            style: ErrorStyle::Usual,
        }),
        ..Rule::default()
    }
}

fn stop(reason: StopSpec) -> Rule {
    Rule { reply: Some(ReplySpec { stop_reason: Some(reason), ..ReplySpec::default() }), ..Rule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_magic_word_with_an_argument_becomes_a_rule() {
        let rule = rule_for("please [[sim:cut-after=120]] answer").unwrap();
        assert_eq!(rule.cut, Some(Cut::AtByte(120)));
    }

    #[test]
    fn unknown_words_are_passed_over() {
        assert_eq!(rule_for("[[sim:nonsense]] and [[sim:"), None);
        assert!(rule_for("[[sim:nonsense]] [[sim:refusal]]").is_some());
    }

    #[test]
    fn words_are_stripped_from_the_text() {
        assert_eq!(strip("a [[sim:refusal]]b [[sim:x"), "a b ");
        assert_eq!(strip("plain"), "plain");
    }
}
