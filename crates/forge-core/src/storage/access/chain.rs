//! The chain of hashes through the log: how an entry is hashed, and how the chain is checked.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::audit::{AuditEntry, AuditEvent};

/// What every hashed text begins with, so that it can be mistaken for no other text, and the form can change.
const FORM: &str = "forge-audit-1";

/// The hash of an entry of the log, where `previous` is the hash of the entry before, or empty for the first.
///
/// It is the SHA-256, in lowercase hexadecimal digits, of eight texts in a row, each as a netstring, which is its length
/// in bytes (UTF-8), a `:`, the text and a `,`:
///
/// 1. `forge-audit-1`
/// 2. the hash of the entry before
/// 3. the number of the entry, in decimal digits
/// 4. its time in milliseconds since 1970, in decimal digits
/// 5. who did it
/// 6. the action
/// 7. the subject
/// 8. the detail, letter for letter as it is kept
///
/// A length in front of each text leaves nothing for which two entries could have the same bytes.
///
/// ```
/// use forge_core::storage::access::{AuditEvent, audit_hash};
///
/// let event = AuditEvent::new("2026-11-20T12:00:00Z".parse()?, "ada", "key_revoked", "0123456789");
/// // printf '13:forge-audit-1,0:,1:1,13:1795176000000,3:ada,11:key_revoked,10:0123456789,2:{},' | sha256sum
/// assert_eq!(audit_hash("", 1, &event), "712e28a79bec869a6256fe68e861fb342145d3b4992f15766273b3bcfa519f84");
/// # Ok::<(), chrono::ParseError>(())
/// ```
pub fn audit_hash(previous: &str, number: u64, event: &AuditEvent) -> String {
    let (number, at) = (number.to_string(), event.at.timestamp_millis().to_string());
    let texts = [FORM, previous, &number, &at, &event.by, &event.action, &event.subject, &event.detail];
    let hash = texts.iter().fold(Sha256::new(), |hash, text| {
        hash.chain_update(text.len().to_string()).chain_update(":").chain_update(text).chain_update(",")
    });
    hash.finalize().iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Checks the whole log from its first entry on; returns how many entries are as they were when `expect` was the newest
/// hash, which are all of them without one. A log to which entries were added since is as good as before.
///
/// Without `expect`, a log that lost its newest entries passes: what it held shows nowhere else.
///
/// # Errors
/// Says at which entry the chain breaks.
pub fn verify_audit(entries: &[AuditEntry], expect: Option<&str>) -> Result<u64, AuditFault> {
    let mut previous = "";
    for (entry, number) in entries.iter().zip(1..) {
        if entry.number != number {
            return Err(AuditFault::Missing { number, found: entry.number });
        }
        if *entry.hash != *audit_hash(previous, number, &entry.event) {
            return Err(AuditFault::Changed { number });
        }
        previous = &entry.hash;
    }
    let Some(expect) = expect else { return Ok(entries.len() as u64) };
    let found = entries.iter().find(|entry| entry.hash.eq_ignore_ascii_case(expect));
    found.map(|entry| entry.number).ok_or_else(|| AuditFault::Unexpected { hash: expect.to_owned() })
}

/// Where the log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// An entry is missing, or stands elsewhere.
    #[error("entry {number} of the log is missing: entry {found} stands in its place")]
    Missing {
        /// The entry that should be there.
        number: u64,
        /// The one that is.
        found: u64,
    },
    /// The hash of an entry does not fit.
    #[error("the hash of entry {number} does not fit: the entry, or the hash before it, was changed")]
    Changed {
        /// The entry.
        number: u64,
    },
    /// The chain holds, but the hash that was kept elsewhere is not in it.
    #[error("no entry has the hash {hash}: entries were taken off the end, or the log was written anew")]
    Unexpected {
        /// The hash.
        hash: String,
    },
}

impl AuditFault {
    /// The entry at which the chain breaks; `None` if it holds and is another one.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Missing { number, .. } | Self::Changed { number } => Some(*number),
            Self::Unexpected { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<AuditEntry> {
        let mut previous = String::new();
        let entry = |number: u64| {
            let at = chrono::DateTime::from_timestamp_millis(1_795_176_000_000).unwrap();
            let event = AuditEvent::new(at, "ada", "key_revoked", format!("key-{number}"));
            previous = audit_hash(&previous, number, &event);
            AuditEntry::new(number, event, previous.as_str())
        };
        (1..=5).map(entry).collect()
    }

    #[test]
    fn a_log_as_it_was_written_passes_and_so_does_what_came_after_the_expected_hash() {
        let log = log();
        assert_eq!(verify_audit(&[], None), Ok(0));
        assert_eq!(verify_audit(&log, None), Ok(5));
        assert_eq!(verify_audit(&log, Some(&log[4].hash)), Ok(5));
        assert_eq!(verify_audit(&log, Some(&log[2].hash.to_uppercase())), Ok(3));
        // A tail that is gone shows only to whoever kept the newest hash.
        assert_eq!(verify_audit(&log[..4], None), Ok(4));
        let cut = verify_audit(&log[..4], Some(&log[4].hash)).unwrap_err();
        assert_eq!((cut.number(), cut), (None, AuditFault::Unexpected { hash: log[4].hash.to_string() }));
    }

    #[test]
    fn every_change_is_found_at_its_number() {
        type Change = fn(&mut Vec<AuditEntry>);
        let changes: [(&str, Change, u64); 9] = [
            ("who", |log| log[2].event.by = "eve".into(), 3),
            ("when", |log| log[2].event.at += chrono::TimeDelta::milliseconds(1), 3),
            ("what", |log| log[2].event.action = "key_enabled".into(), 3),
            ("to what", |log| log[2].event.subject = "key-4".into(), 3),
            ("the rest", |log| log[2].event.detail = "{ }".into(), 3),
            (
                "a text moved",
                |log| (log[2].event.by, log[2].event.action) = ("ad".into(), "akey_revoked".into()),
                3,
            ),
            ("one is gone", |log| drop(log.remove(2)), 3),
            ("two are swapped", |log| log.swap(2, 3), 3),
            ("the first is gone", |log| drop(log.remove(0)), 1),
        ];
        for (what, change, number) in changes {
            let mut log = log();
            change(&mut log);
            let fault = verify_audit(&log, None).unwrap_err();
            assert_eq!(fault.number(), Some(number), "{what}: {fault}");
        }
    }

    #[test]
    fn whoever_hashes_a_changed_entry_anew_breaks_the_next() {
        let mut log = log();
        log[2].event.by = "eve".into();
        log[2].hash = audit_hash(&log[1].hash, 3, &log[2].event).into();
        assert_eq!(verify_audit(&log, None), Err(AuditFault::Changed { number: 4 }));
        // Renumbering what is left after a removal does not help either.
        let mut log = super::tests::log();
        log.remove(1);
        log.iter_mut().zip(1..).for_each(|(entry, number)| entry.number = number);
        assert_eq!(verify_audit(&log, None), Err(AuditFault::Changed { number: 2 }));
    }
}
