//! From the draft to the document, word by word.

use std::fmt::Write as _;

use super::Safe;
use crate::{
    render::{counted, difference::Difference, difference::Piece},
    result::SessionResult,
};

/// Bytes of changed lines above which the difference is folded.
const OPEN: usize = 2_000;
/// Bytes of changed lines above which they are only counted.
const SHOWN: usize = 400_000;

pub(super) fn render(out: &mut String, result: &SessionResult) {
    let Some(difference) = Difference::of(result) else { return };
    let (gone, new) = difference.lines();
    let lines = format!("{} gone, {new} new", counted(gone as u64, "line"));
    let size = difference.size();
    let _ = writeln!(out, "<section id=\"difference\">\n<h2>{}</h2>", Difference::name(result));
    if size > SHOWN {
        let _ = writeln!(out, "<p class=\"quiet\">{lines}; too much to show here.</p></section>");
        return;
    }
    let open = if size <= OPEN { " open" } else { "" };
    let _ = writeln!(
        out,
        "<details{open}><summary>{lines}: <del>what is gone</del> <ins>what is new</ins></summary>\n<div class=\"diff\">"
    );
    for pieces in difference.hunks() {
        let _ = writeln!(out, "<p>{}</p>", hunk(&pieces).trim());
    }
    let _ = writeln!(out, "</div></details>\n</section>");
}

fn hunk(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        let (tag, text) = match piece {
            Piece::Same(text) => ("", text),
            Piece::Gone(text) => ("del", text),
            Piece::New(text) => ("ins", text),
        };
        // Line breaks at the end of a change stand behind it, so that no empty line looks changed.
        let words = text.trim_end_matches('\n');
        let _ = match tag {
            "" => write!(out, "{}", Safe(words)),
            _ if words.is_empty() => Ok(()),
            tag => write!(out, "<{tag}>{}</{tag}>", Safe(words)),
        };
        out.push_str(&text[words.len()..]);
    }
    out
}
