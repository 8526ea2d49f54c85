//! Names of files in a diff, which git quotes where they have odd characters.

/// What a `---` or `+++` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    Path(String),
    /// `/dev/null`.
    Nothing,
}

/// The name in a head. `is_prefixed`: whether it begins with `a/` or `b/`.
pub(super) fn named(text: &str, is_prefixed: bool) -> Named {
    // A time stands behind a tab, as `diff -u` writes it, and git puts a tab behind a name with blanks.
    let text = if text.starts_with('"') { text } else { text.split('\t').next().unwrap_or(text) };
    if text == "/dev/null" {
        return Named::Nothing;
    }
    let name = unquoted(text.trim_end());
    let stripped = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).filter(|_| is_prefixed);
    Named::Path(stripped.map_or(name.clone(), str::to_owned))
}

/// Both names behind `diff --git`. They are told apart only where they are equal or quoted; in all other cases later lines of
/// the head name them.
pub(super) fn of_header(rest: &str) -> (Option<String>, Option<String>) {
    if rest.starts_with('"') {
        let end = closing(rest).unwrap_or(rest.len());
        let (old, new) = rest.split_at(end);
        return (path(old), path(new.trim_start()));
    }
    // `a/NAME b/NAME`: both halves are equally long, with a blank between them.
    let middle = rest.len() / 2;
    if rest.len() % 2 == 1 && rest.is_char_boundary(middle) && rest.as_bytes().get(middle) == Some(&b' ') {
        let (old, new) = (&rest[..middle], &rest[middle + 1..]);
        if old.get(2..) == new.get(2..) {
            return (path(old), path(new));
        }
    }
    let halves = rest.split_once(" b/").map(|(old, new)| (path(old), Some(new.to_owned())));
    halves.unwrap_or_default()
}

fn path(text: &str) -> Option<String> {
    match named(text, true) {
        Named::Path(path) => Some(path).filter(|path| !path.is_empty()),
        Named::Nothing => None,
    }
}

/// The byte behind the quotation mark that ends a quoted name.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A name as git quotes it: C escapes and octal bytes.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let (mut bytes, mut rest) = (Vec::new(), inner.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let octal = rest.get(..3).and_then(|three| std::str::from_utf8(three).ok());
        if let Some(byte) = octal.and_then(|three| u8::from_str_radix(three, 8).ok()) {
            bytes.push(byte);
            rest = &rest[3..];
        } else if let Some((letter, more)) = rest.split_first() {
            rest = more;
            bytes.push(match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'v' => 11,
                other => *other,
            });
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
