//! Documentation and heads as lines of plain text.

/// Bytes of a paragraph that are kept.
const LONGEST_DOC: usize = 400;

/// Bytes of a head that are kept.
const LONGEST_HEAD: usize = 200;

/// The first paragraph of comments or of a text in quotation marks, on one line.
pub(super) fn paragraph(text: &str) -> String {
    let lines = text.lines().map(plain).skip_while(|line| line.is_empty());
    let lines =
        lines.take_while(|line| !line.is_empty() && !line.starts_with('@') && !line.starts_with("# "));
    cut(&lines.collect::<Vec<_>>().join(" "), LONGEST_DOC)
}

/// The line without the signs that make it a comment.
fn plain(line: &str) -> &str {
    let line = line.trim();
    let quoted = line.trim_start_matches(['r', 'R', 'u', 'b', 'f']);
    let line = ["\"\"\"", "'''"].into_iter().find_map(|marks| quoted.strip_prefix(marks)).unwrap_or(line);
    let line = line.strip_suffix("\"\"\"").or_else(|| line.strip_suffix("'''")).unwrap_or(line);
    let line = line.strip_suffix("*/").unwrap_or(line);
    let begin = ["///", "//!", "//", "/**", "/*"].into_iter().find_map(|sign| line.strip_prefix(sign));
    let line = begin.unwrap_or(line).trim();
    line.strip_prefix("* ").or_else(|| (line == "*").then_some("")).unwrap_or(line).trim()
}

/// A head on one line: everything up to the body, or the first line where there is none.
pub(super) fn head(text: &str, has_body: bool) -> String {
    let text = if has_body { text } else { text.lines().next().unwrap_or_default() };
    let text = cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_HEAD);
    text.trim_end_matches([' ', '{', ':', ';', ',']).to_owned()
}

/// So many bytes at most, whole characters.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", text.get(..text.floor_char_boundary(most)).unwrap_or_default().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_paragraph_is_kept_without_its_signs() {
        for (text, expected) in [
            ("/// Runs it,\n/// twice.\n///\n/// More.", "Runs it, twice."),
            ("/**\n * Runs it.\n *\n * @param x no\n */", "Runs it."),
            ("/** Runs it. */", "Runs it."),
            ("\"\"\"Runs it.\n\n    More.\n\"\"\"", "Runs it."),
            ("r'''\nRuns it.\n'''", "Runs it."),
            ("// Run runs it.\n// Twice.", "Run runs it. Twice."),
            ("", ""),
        ] {
            assert_eq!(paragraph(text), expected, "{text}");
        }
        assert!(paragraph(&"ä ".repeat(900)).len() <= LONGEST_DOC + 3);
    }

    #[test]
    fn a_head_is_one_line() {
        assert_eq!(head("pub fn run(\n    x: u8,\n) -> u8 ", true), "pub fn run( x: u8, ) -> u8");
        assert_eq!(head("pub struct Engine {\n    x: u8,\n}", false), "pub struct Engine");
        assert_eq!(head("def run(self): ", true), "def run(self)");
    }
}
