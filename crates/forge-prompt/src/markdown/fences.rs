//! Lines and fences.

/// Every line with its line end, and where it begins, in bytes of the text. Together they are the text.
pub fn offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// Three or more backticks or tildes at the beginning of a line, and the language that follows them; `None`
/// for any other line. White space before them does not count.
pub fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    ['`', '~'].iter().find_map(|c| {
        let length = line.len() - line.trim_start_matches(*c).len();
        let (mark, info) = line.split_at(length);
        // Backticks that end in the same line are inline code (CommonMark 0.31, section 4.5).
        (length >= 3 && !info.contains('`')).then(|| (mark, info.trim()))
    })
}

/// Every line with its line end, and whether it is part of fenced code or of its fence. A fence without an
/// end reaches to the end of the text.
pub fn fenced_lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut open: Option<&str> = None;
    text.split_inclusive('\n').map(move |line| match (open, fence(line)) {
        (None, Some((mark, _))) => {
            open = Some(mark);
            (line, true)
        }
        (Some(first), Some((mark, ""))) if mark.starts_with(first) => {
            open = None;
            (line, true)
        }
        _ => (line, open.is_some()),
    })
}

/// What a fence holds that is all of an answer, except for a line or so around it; `None` if there is no such
/// fence. A fence of code in a programming language is none.
pub fn fenced_alone(text: &str) -> Option<&str> {
    let (at, line) = offsets(text).find(|(_, line)| fence(line).is_some())?;
    let (mark, info) = fence(line)?;
    let is_text =
        ["", "markdown", "md", "text", "txt", "yaml", "yml"].contains(&info.to_lowercase().as_str());
    let inner = &text[at + line.len()..];
    let end =
        offsets(inner).filter(|(_, line)| fence(line).is_some_and(|(end, _)| end.starts_with(mark))).last();
    let (inner, rest) = inner.split_at(end.map_or(inner.len(), |(at, _)| at));
    let around = text[..at].trim().len() + rest.trim().trim_start_matches(['`', '~']).trim().len();
    // A sentence may introduce it. With more around it, it is an example in an answer.
    (is_text && around <= 120 && around < inner.len()).then_some(inner)
}
