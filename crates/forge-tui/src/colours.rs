//! Text of programs, of which only the colours are kept.

/// The same text with nothing that steers a terminal but colours and attributes (`ESC [ ... m`).
///
/// Sequences go as a whole, unfinished ones too. What is left holds no other control character than tab.
pub(crate) fn only(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let length = sequence(from);
        let sequence = &from[..length];
        if is_colour(sequence) {
            kept.push_str(sequence);
        }
        rest = &from[length..];
    }
    kept.push_str(rest);
    kept
}

fn is_colour(sequence: &str) -> bool {
    let Some(parameters) = sequence.strip_prefix("\x1b[").and_then(|rest| rest.strip_suffix('m')) else {
        return false;
    };
    parameters.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
}

/// How many bytes the sequence at the beginning has (ECMA-48, 5.4 and 5.6).
fn sequence(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    let first = text.chars().next().unwrap_or_default();
    let introducer = if first == '\x1b' { characters.next().map(|(_, c)| c) } else { None };
    let ends = |(_, c): &(usize, char)| match (first, introducer) {
        // CSI ends at its final byte, texts of the terminal at BEL or ST.
        ('\x1b', Some('[')) | ('\u{9b}', _) => ('\x40'..='\x7e').contains(c),
        (_, Some(']' | 'P' | 'X' | '^' | '_')) | ('\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}', _) => {
            matches!(c, '\x07' | '\\' | '\u{9c}')
        }
        _ => true,
    };
    match (first, introducer) {
        ('\x1b', Some('[' | ']' | 'P' | 'X' | '^' | '_'))
        | ('\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}', _) => {
            characters.find(ends).map_or(text.len(), |(at, c)| at + c.len_utf8())
        }
        ('\x1b', Some(other)) => 1 + other.len_utf8(),
        _ => first.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::only;

    #[test]
    fn colours_stay_and_everything_else_that_steers_goes() {
        let kept = [
            ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
            ("\x1b[38;2;1;2;3mx", "\x1b[38;2;1;2;3mx"),
            ("a\tb", "a\tb"),
        ];
        for (text, expected) in kept {
            assert_eq!(only(text), expected);
        }
        for (text, expected) in [
            ("\x1b[2Jclear", "clear"),
            ("\x1b[10;10Hmove", "move"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]52;c;aGk=\x1b\\text", "text"),
            ("\x1bPq#0\x1b\\text", "text"),
            ("\x1b[?1049htext", "text"),
            ("\x1b[>4;1mtext", "text"),
            ("\x1bctext", "text"),
            ("\x1b", ""),
            ("\x1b[31", ""),
            ("\x1b]0;unfinished", ""),
            ("\u{9b}2Jtext", "text"),
            ("\u{9d}0;title\u{9c}text", "text"),
            ("bell\x07\x08\rtext\0", "belltext"),
        ] {
            assert_eq!(only(text), expected, "{text:?}");
        }
    }
}
