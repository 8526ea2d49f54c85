//! One HTML page that needs nothing else: no script, nothing loaded from elsewhere.
//!
//! ```
//! use forge_prompt::html::{Safe, head, row};
//!
//! let mut page = head("Costs", "body{max-width:60rem}");
//! page.push_str(&format!("<h1>{}</h1>\n<table class=\"bars\">\n", Safe("R&D")));
//! page.push_str(&row("<b>", &[(0, 3, "#4a7ab5")], 4, "$3"));
//! page.push_str("</table>\n</html>\n");
//! assert!(page.contains("<h1>R&amp;D</h1>") && page.contains("&lt;b&gt;"));
//! ```

use std::fmt::{self, Write as _};

use crate::clean::is_hidden;

/// What both a light and a dark screen, a narrow one and paper need. The classes are `quiet`, `banner`, `wide` for
/// what scrolls inside itself, and `bars` for a table of [rows](row).
const STYLE: &str = include_str!("html/style.css");

/// Text without the characters that mean something in HTML, and without [hidden](is_hidden) ones.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "it is the text and nothing else")]
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if is_hidden(c) => {}
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The page up to its content. `style` follows the shared style and is CSS of the program's own; `title` may be
/// any text. The page forbids itself scripts and everything that would have to be loaded.
pub fn head(title: &str, style: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{}</title>\n<style>\n{STYLE}{style}</style>\n",
        Safe(title)
    )
}

/// Where a bar begins, how long it is, and its colour.
pub type Bar<'a> = (u64, u64, &'a str);

/// A row of a `<table class="bars">`: a name, bars that lie over each other, a value. A bar of the length `whole` is
/// as wide as the table lets it be; without bars their cell is empty.
pub fn row(name: &str, bars: &[Bar<'_>], whole: u64, value: &str) -> String {
    let part = |number: u64| number as f64 / whole.max(1) as f64 * 100.0;
    let mut marks = String::new();
    for (from, length, colour) in bars {
        // The shortest can be seen, too.
        let width = part(*length).max(0.8);
        let left = part(*from).min(100.0 - width);
        let _ = write!(
            marks,
            "<rect x=\"{left:.1}\" y=\"0\" width=\"{width:.1}\" height=\"10\" fill=\"{colour}\"/>"
        );
    }
    if !bars.is_empty() {
        marks = format!(
            "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{marks}</svg>"
        );
    }
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"bar\">{marks}</td><td class=\"number\">{}</td></tr>\n",
        Safe(name),
        Safe(value)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_neither_markup_nor_other_than_it_reads() {
        let text = "<a href='x' title=\"y\">&\u{202e}\u{200b}\u{0}</a>\n";
        assert_eq!(Safe(text).to_string(), "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;&lt;/a&gt;\n");
        let page = head("</title><script>", "");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"), "{page}");
        assert!(row("<i>", &[], 1, "<b>").contains("&lt;i&gt;</th><td class=\"bar\"></td>"));
    }

    #[test]
    fn bars_stay_inside_of_their_row_and_can_be_seen() {
        let marks = row("x", &[(0, 50, "#111"), (100, 0, "#222")], 100, "1");
        for mark in ["x=\"0.0\" y=\"0\" width=\"50.0\"", "x=\"99.2\" y=\"0\" width=\"0.8\""] {
            assert!(marks.contains(mark), "{mark} in {marks}");
        }
        assert!(row("x", &[(0, 0, "#111")], 0, "0").contains("width=\"0.8\""));
    }
}
