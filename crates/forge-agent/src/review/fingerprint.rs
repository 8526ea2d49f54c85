//! A name for a fault that outlives the number of its line.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use super::finding::Finding;

/// Bytes of the hash that are kept: 64 bits tell a million findings apart.
const BYTES: usize = 8;

/// Of the file, the text at the place without its white space, and the category.
pub(crate) fn of(path: &str, text: &str, category: &str) -> String {
    let mut hash = Sha256::new();
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [path, &text, category] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut name = String::new();
    for byte in hash.finalize().iter().take(BYTES) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// A short name for a text.
pub fn name_of(text: &str) -> String {
    of("", text, "")
}

/// Tells equal ones apart by their order in the file: the same line may stand there twice.
pub(crate) fn number(findings: &mut [Finding]) {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|one, other| findings[*one].place.cmp(&findings[*other].place));
    // Several findings at one place are one fault in other words, and keep one name.
    let mut seen: BTreeMap<String, Vec<Option<u32>>> = BTreeMap::new();
    for at in order {
        let finding = &mut findings[at];
        let line = finding.place.as_ref().map(|place| place.line);
        let lines = seen.entry(finding.fingerprint.clone()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
        let nth = lines.iter().position(|known| *known == line).unwrap_or_default();
        if nth > 0 {
            finding.fingerprint = format!("{}-{}", finding.fingerprint, nth + 1);
        }
    }
}
