//! The code around a change: what is changed by name, and who uses it.

use std::fmt::Write as _;

use forge_index::{Changes, Impact, Index};
use forge_session::Reference;

use super::{pieces::Piece, secrets};

/// Over how many uses callers are told.
const DEPTH: usize = 1;
/// Bytes of a token, as for pieces.
const BYTES_PER_TOKEN: usize = 3;

/// What the index knows of the code around a piece, in at most `most` tokens; `None` where it knows nothing.
pub fn around(index: &mut Index, piece: &Piece, most: u64) -> Option<Reference> {
    let changes = Changes::of_diff(&piece.text).ok()?;
    let impact = index.impact(&changes, DEPTH).ok()?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN);
    let text = told(&impact, most);
    let (text, _) = secrets::mask_text(&text);
    (!text.is_empty()).then(|| Reference::file("the code around the change", text))
}

/// The changed definitions first, then their callers and tests, as many as fit.
fn told(impact: &Impact, most: usize) -> String {
    let mut text = String::new();
    let mut part = |title: &str, rows: Vec<String>| {
        let mut titled = false;
        for row in rows {
            let more = row.len() + if titled { 1 } else { title.len() + 3 };
            if text.len() + more > most {
                return;
            }
            if !titled {
                let _ = writeln!(text, "{title}:");
                titled = true;
            }
            let _ = writeln!(text, "{row}");
        }
    };
    let row = |row: &forge_index::Row| format!("{}:{} {}", row.path, row.line, row.text);
    let used = |reached: &forge_index::Reached| format!("{} uses {}", row(&reached.row), reached.via);
    part("Changed", impact.changed.iter().map(row).collect());
    part("Callers", impact.callers.iter().map(used).collect());
    part("Tests", impact.tests.iter().map(used).collect());
    text
}
