//! What sessions and their runs are called.

use chrono::Utc;

use crate::{
    call::CallId,
    storage::journal::{JournalError, StreamName},
};

/// A name for a session that sorts by time, such as `20261121-164500-k3f9`: the time in UTC, because local
/// names would sort wrongly when the clocks go back, and four random letters or digits.
///
/// # Errors
/// None that are known: the letters are those of names.
pub fn session_name() -> Result<StreamName, JournalError> {
    let now = Utc::now();
    let mut chance = CallId::new(now).as_u128() & 0xf_ffff;
    let mut letters = String::new();
    // An id ends in random bits, and twenty of them fit into four digits of base 36.
    for _ in 0..4 {
        let digit = u32::try_from(chance % 36).unwrap_or(0);
        letters.extend(char::from_digit(digit, 36));
        chance /= 36;
    }
    StreamName::new(&format!("{}-{letters}", now.format("%Y%m%d-%H%M%S")))
}

/// What this run is called in a journal. Numbers of processes come again; the rest does not.
pub(super) fn run_name() -> String {
    format!("process {} (run {:08x})", std::process::id(), CallId::new(Utc::now()).as_u128() & 0xffff_ffff)
}
