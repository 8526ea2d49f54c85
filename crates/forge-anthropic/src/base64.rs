//! Reading base64, for the one thing that this vendor does not take in it: texts.

/// The bytes; `None` if the text is not base64. White space and missing padding are forgiven.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let signs = text.bytes().filter(|sign| !sign.is_ascii_whitespace());
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    let mut ended = false;
    for sign in signs {
        if sign == b'=' {
            ended = true;
            continue;
        }
        // What stands behind the padding is a second text; joined, the two would be neither.
        let value = value(sign).filter(|_| !ended)?;
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    // What is left over of the last byte is less than a sign.
    (bits < 6).then_some(bytes)
}

/// The six bits of a sign, also of the alphabet for addresses.
fn value(sign: u8) -> Option<u8> {
    match sign {
        b'A'..=b'Z' => Some(sign - b'A'),
        b'a'..=b'z' => Some(sign - b'a' + 26),
        b'0'..=b'9' => Some(sign - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_read() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("YQ==", b"a"),
            ("YWI=", b"ab"),
            ("YWJj", b"abc"),
            ("YWJj\nZA", b"abcd"),
            ("w6TDtg==", "\u{e4}\u{f6}".as_bytes()),
            ("-_-_", &[0xfb, 0xff, 0xbf]),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
        for broken in ["Y", "YQ==YQ", "a,b", "YWJjZ"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
