//! Reading a document: any text, without a fence around it.

use super::fences::{fence, offsets};

/// The document of an answer; `None` if it is blank. Where a fence of prose holds most of the answer and begins with a
/// heading, the document is what the fence holds, without what is said around it.
pub fn document(text: &str) -> Option<String> {
    let text = text.trim();
    let text = fenced(text).unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What the fence around a document holds; `None` if there is no such fence.
fn fenced(text: &str) -> Option<&str> {
    let (opening, line) = offsets(text).find(|(_, line)| fence(line).is_some())?;
    let (mark, info) = fence(line)?;
    let info = info.to_lowercase();
    let is_markdown = ["markdown", "md"].contains(&info.as_str());
    let is_prose = is_markdown || ["", "text", "txt", "none", "plaintext"].contains(&info.as_str());
    // A fence below a heading is a part of the document, and not around it.
    if !is_prose || text[..opening].lines().any(|line| is_heading(line.trim())) {
        return None;
    }
    let begins = text[..opening].trim().is_empty();
    let start = opening + line.len();
    let inner = &text[start..];
    // An answer that was cut off has lost the end of the fence around it.
    let end = closing(inner, mark).or((begins && is_markdown).then_some(inner.len()))?;
    let (inner, rest) = inner.split_at(end);
    let is_most = inner.len() * 2 > text.len();
    let is_whole = begins && is_markdown && rest.trim().lines().count() <= 1;
    ((is_most && begins_with_heading(inner, is_markdown)) || is_whole).then_some(inner)
}

/// Where the fence ends. Fences with a language inside it have their own ends, and of bare ones the first two of
/// three are a pair.
fn closing(inner: &str, outer: &str) -> Option<usize> {
    let mut is_inside = false;
    let mut bare = Vec::new();
    for (at, line) in offsets(inner) {
        match fence(line).filter(|(mark, _)| mark.starts_with(outer)) {
            Some((_, "")) if is_inside => is_inside = false,
            Some((_, "")) => bare.push(at),
            Some(_) => is_inside = true,
            None => {}
        }
    }
    bare.last().copied().filter(|_| bare.len() % 2 == 1)
}

/// A comment in a script looks like a heading; what is not called Markdown has a blank line below it.
fn begins_with_heading(text: &str, is_markdown: bool) -> bool {
    let mut lines = text.trim_start().lines();
    lines.next().is_some_and(is_heading)
        && (is_markdown || lines.next().is_none_or(|line| line.trim().is_empty()))
}

fn is_heading(line: &str) -> bool {
    line.starts_with('#') && line.trim_start_matches('#').starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_around_a_document_is_taken_off() {
        let text = "# T\n\nBody of some length, so that it is most of the answer, and a bit more.\n\n```rust\nlet x = 1;\n```\n\n```\nplain\n```\n\nEnd of it.";
        for (open, close) in [
            ("```markdown", "```"),
            ("```md", "```"),
            ("```", "```"),
            ("````markdown", "````"),
            ("~~~", "~~~"),
            ("```text", "```"),
            ("``` Markdown", "```"),
        ] {
            for (before, after) in [
                ("", ""),
                ("Sure! Here is it:\n\n", "\n\nLet me know if it helps."),
                ("", "\nDone."),
                ("Here it is.\n", ""),
                ("", "\n\nTo try it:\n\n```sh\nmake\n```"),
            ] {
                let said = format!("{before}{open}\n{text}\n{close}{after}");
                assert_eq!(document(&said).as_deref(), Some(text), "{said}");
            }
        }
        assert_eq!(document("```markdown\nJust text\n```").as_deref(), Some("Just text"));
        assert_eq!(document("```markdown\n# T\n\nCut").as_deref(), Some("# T\n\nCut"));
    }

    #[test]
    fn other_fences_stay() {
        for said in [
            "# T\n\n```markdown\n# Sample of a document that is most of the text\n\nText\n```",
            "```python\n# T\n\nprint(1)\n```",
            "```\n# a comment\nmake all\n```",
            "```sh\n# T\n\nmake\n```",
            "Run this, please, and then read what it says with some care:\n\n```\n# T\n\nx\n```\n\nIt prints a lot of lines.",
            "```\nplain text without a heading\n```",
            "Text with ```inline``` code",
            "~~~",
        ] {
            assert_eq!(document(said).as_deref(), Some(said));
        }
        assert_eq!(document(" \n "), None);
    }
}
