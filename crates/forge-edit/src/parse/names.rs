//! Paths as texts write them.

/// The path that a line consists of, perhaps in backticks or between double asterisks. Only backticks may hold blanks: a line of
/// prose is no path.
pub(super) fn path_line(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("**").and_then(|line| line.strip_suffix("**")).unwrap_or(line);
    match line.strip_prefix('`').and_then(|line| line.strip_suffix('`')) {
        Some(path) => Some(path).filter(|path| !path.is_empty() && !path.contains('`')),
        None => Some(line).filter(|path| !path.is_empty() && !path.contains([' ', '\t', '`'])),
    }
}

/// A path behind `---`, `+++` or `rename from`: up to a tab, behind which `diff` writes a time, or in quotation marks with
/// escapes, as git writes what is not plain.
pub(super) fn header_path(text: &str) -> String {
    let text = text.trim_end_matches('\r');
    match text.strip_prefix('"').and_then(unquoted) {
        Some(path) => path,
        None => text.split('\t').next().unwrap_or_default().trim().to_owned(),
    }
}

/// What stands before the closing quotation mark, with the escapes of C undone.
fn unquoted(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    loop {
        match rest.next()? {
            b'"' => return String::from_utf8(bytes).ok(),
            b'\\' => bytes.push(match rest.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'v' => 11,
                b'f' => 12,
                digit @ b'0'..=b'3' => {
                    let mut value = digit - b'0';
                    for _ in 0..2 {
                        let next = rest.next().filter(|byte| matches!(byte, b'0'..=b'7'))?;
                        value = value * 8 + (next - b'0');
                    }
                    value
                }
                other => other,
            }),
            byte => bytes.push(byte),
        }
    }
}

/// The two paths of a diff without the letters that git puts before them; `/dev/null` is `None`. The letters are taken off only
/// where both sides have theirs.
pub(super) fn sides(old: &str, new: &str) -> (Option<String>, Option<String>) {
    let strip = |path: &str, letters: &[&str]| {
        letters.iter().find_map(|one| path.strip_prefix(one)).map(str::to_owned)
    };
    let bare = |path: &str| (path != "/dev/null").then(|| path.to_owned());
    let (a, b) = (strip(old, &["a/", "i/", "c/", "o/"]), strip(new, &["b/", "w/", "i/", "o/"]));
    match (bare(old), bare(new)) {
        (Some(_), Some(_)) if a.is_some() && b.is_some() => (a, b),
        (None, Some(new)) => (None, Some(b.unwrap_or(new))),
        (Some(old), None) => (Some(a.unwrap_or(old)), None),
        both => both,
    }
}
