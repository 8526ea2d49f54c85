//! The project's own rules for its code, as they stood before the change.

use forge_session::{Category, Reference, ReferenceKind, Severity};

use super::{
    change::{Change, FileChange, Mark},
    finding::{Finding, Place, Side},
    fingerprint, secrets,
};

/// Where projects write them.
const FILES: [&str; 2] = ["REVIEW.md", "AGENTS.md"];
/// Larger files are cut: rules that nobody can keep in mind are none.
const MOST_BYTES: usize = 32 << 10;

/// The rules as references. `read` gives a file of the state before the change: what a change says of itself binds nobody.
pub fn references(read: impl Fn(&str) -> Option<String>) -> Vec<Reference> {
    let reference = |path: &&str| {
        let text = read(path).filter(|text| !text.trim().is_empty())?;
        let end = (0..=text.len().min(MOST_BYTES)).rev().find(|at| text.is_char_boundary(*at))?;
        let (text, _) = secrets::mask_text(&text[..end]);
        let name = format!("{path}, the project's own rules as they stood before the change");
        Some(Reference { kind: ReferenceKind::Spec, ..Reference::file(name, text) })
    };
    FILES.iter().filter_map(reference).collect()
}

/// A finding for each file of rules that the change touches: whoever may change the rules may let anything pass.
pub(crate) fn touched(change: &Change) -> Vec<Finding> {
    let is_rules = |path: &Option<String>| {
        let name = path.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path));
        name.is_some_and(|name| FILES.contains(&name))
    };
    let touched = change.files.iter().filter(|file| is_rules(&file.old) || is_rules(&file.new));
    touched.map(finding).collect()
}

fn finding(file: &FileChange) -> Finding {
    let first = file.hunks.iter().flat_map(|hunk| &hunk.lines).find(|line| line.mark != Mark::Kept);
    let side = if file.is_deleted() { Side::Old } else { Side::New };
    let line = first.map_or(1, |line| if side == Side::Old { line.old } else { line.new }).max(1);
    let path = file.path().to_owned();
    let claim = format!(
        "the change alters {path}, by which changes are judged; it was judged by the rules from before"
    );
    let shown_line = first.map_or(1, |line| line.new).max(1);
    let place = Place { side, shown_line, ..Place::new(path, line, line) };
    Finding {
        fingerprint: fingerprint::of(&place.path, "rules", "host"),
        reason: "a rule of this program: a change of the rules is for a person to see".to_owned(),
        quote: first.map(|line| line.text.clone()).unwrap_or_default(),
        ..Finding::of_host(Severity::Minor, Category::Other, place, claim)
    }
}
