//! Taking in lines of another file.

use super::file::{BeadFile, BeadFileError};
use crate::bead::{Bead, BeadId};

/// What came of taking lines in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merged {
    /// Beads that were not there.
    pub added: Vec<BeadId>,
    /// Beads whose line there was older.
    pub updated: Vec<BeadId>,
    /// Beads whose own line stays although the other one differs: that one is not newer.
    pub kept: Vec<BeadId>,
    /// Records whose line is the same.
    pub same: usize,
    /// Records of other kinds that were not there.
    pub others: usize,
}

/// Takes lines into a file: a bead's line replaces the one that is there only where its `updated_at` is strictly newer.
///
/// # Errors
///
/// Where a line cannot be put, which a file that was read does not hold.
pub fn merge(into: &mut BeadFile, from: &BeadFile) -> Result<Merged, BeadFileError> {
    let mut merged = Merged::default();
    let known: Vec<String> =
        into.records().filter(|(bead, _)| bead.is_none()).map(|(_, text)| text.to_owned()).collect();
    for (bead, text) in from.records() {
        let Some(bead) = bead else {
            if known.iter().any(|one| one == text) {
                merged.same += 1;
            } else {
                into.put(text)?;
                merged.others += 1;
            }
            continue;
        };
        let own = into.bead(&bead.id);
        let list = match (into.line(&bead.id), own.is_some_and(|own| is_newer(bead, own))) {
            (None, _) => &mut merged.added,
            (Some(line), _) if line == text => {
                merged.same += 1;
                continue;
            }
            (Some(_), true) => &mut merged.updated,
            (Some(_), false) => {
                merged.kept.push(bead.id.clone());
                continue;
            }
        };
        list.push(bead.id.clone());
        into.put(text)?;
    }
    Ok(merged)
}

/// A bead without a time is older than every other.
fn is_newer(bead: &Bead, than: &Bead) -> bool {
    bead.updated_at > than.updated_at
}
