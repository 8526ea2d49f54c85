//! JSON that a strict reader refuses, made sound: bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD, as
//! servers that cut texts at odd places leave them; of fields that stand twice in an object, the last counts.

use std::borrow::Cow;

use forge_core::{ErrorKind, event::Warning};
use memchr::memchr;

use crate::failure::Failure;

/// The JSON text with every character whole; borrowed, as nearly every reply is.
pub(crate) fn sound(json: &[u8]) -> Cow<'_, str> {
    // The lossy reader goes byte by byte, and nearly every reply is whole.
    let text = std::str::from_utf8(json).map_or_else(|_| String::from_utf8_lossy(json), Cow::Borrowed);
    let lone = lone_surrogates(text.as_bytes());
    if lone.is_empty() {
        return text;
    }
    let mut text = text.into_owned();
    for at in lone {
        // As long as what it replaces, so that the places found before stay valid.
        text.replace_range(at..at + 6, "\\ufffd");
    }
    Cow::Owned(text)
}

/// The JSON text with the last of the fields of an object that have one name, if that is what a reader refused it for.
pub(crate) fn without_repeats(json: &str, failure: &Failure) -> Option<String> {
    // The reader's words are the only sign of it; serde has no kind of error for this.
    let is_it = failure.kind == ErrorKind::Decode && failure.message.contains("duplicate field");
    is_it
        .then(|| serde_json::from_str::<serde_json::Value>(json).ok())
        .flatten()
        .map(|plain| plain.to_string())
}

/// The warning about a reply that was made sound.
pub(crate) fn warning() -> Warning {
    Warning::new("text", "the reply contained broken characters; U+FFFD replaces them")
}

/// Where an escape stands for half of a pair. Backslashes are found inside of strings only, where every one begins an
/// escape.
fn lone_surrogates(json: &[u8]) -> Vec<usize> {
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(offset) = memchr(b'\\', &json[at..]) {
        let escape = at + offset;
        at = match unit(json, escape) {
            Some(0xd800..=0xdbff) if matches!(unit(json, escape + 6), Some(0xdc00..=0xdfff)) => escape + 12,
            Some(0xd800..=0xdfff) => {
                lone.push(escape);
                escape + 6
            }
            _ => (escape + 2).min(json.len()),
        };
    }
    lone
}

/// The UTF-16 unit of the escape `\uXXXX` at this place.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(json: &[u8]) -> String {
        let value: Value = serde_json::from_str(&sound(json)).unwrap();
        value.as_str().unwrap().to_owned()
    }

    #[test]
    fn halves_of_pairs_and_broken_bytes_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (&br#""a\ud83d b""#[..], "a\u{fffd} b"),
            (br#""a\ude00""#, "a\u{fffd}"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (br#""\uD83D\uDE00 \\ud83d""#, r"😀 \ud83d"),
            (br#""\ud83d\n""#, "\u{fffd}\n"),
            (b"\"a\xff b\"", "a\u{fffd} b"),
            (b"\"a\xe2\x82\"", "a\u{fffd}"),
        ] {
            assert_eq!(text(json), expected, "{}", String::from_utf8_lossy(json));
        }
        for whole in [&br#"{"a":"\u00e4\ud83d\ude00"}"#[..], br#""\"#, br#""\u12"#, b"", b"\\"] {
            assert!(matches!(sound(whole), Cow::Borrowed(_)));
        }
    }

    proptest! {
        #[test]
        fn what_was_written_by_a_sound_writer_stays_as_it_is(text: String) {
            let json = serde_json::to_vec(&text).unwrap();
            prop_assert!(matches!(sound(&json), Cow::Borrowed(_)));
        }

        #[test]
        fn any_units_can_be_read(units: Vec<u16>) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{}\"", escapes.concat());
            prop_assert_eq!(text(json.as_bytes()), String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            prop_assert!(lone_surrogates(sound(&bytes).as_bytes()).is_empty());
        }
    }
}
