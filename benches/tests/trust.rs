//! The counts behind the word of a session, over the whole engine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

use std::collections::BTreeMap;

use forge_benches::council::{Broken, Reference, Setting, figures, hostile};
use forge_session::Mode;

/// By how much counts are multiplied: 1 for a quick look, 20 for the figures of the documents.
#[allow(clippy::disallowed_methods, reason = "whoever runs the tests says how much")]
fn scale() -> u64 {
    std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

const SEED: u64 = 11;

#[test]
fn no_hostile_council_makes_a_session_say_what_is_not_so() {
    let sessions = 125 * scale();
    let mut broken: BTreeMap<Broken, Vec<(u64, String)>> = BTreeMap::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in SEED..SEED + sessions {
        let (result, all) = hostile(seed);
        for (kind, what) in all {
            broken.entry(kind).or_default().push((seed, what));
        }
        *ends.entry(format!("{:?} {}", result.status, result.stop_reason.unwrap().as_str())).or_default() +=
            1;
    }
    println!("{sessions} sessions from seed {SEED}: {ends:?}");
    let told: Vec<String> =
        broken.iter().map(|(kind, all)| format!("{kind:?} {}x, first {:?}", all.len(), all[0])).collect();
    assert!(broken.is_empty(), "{}", told.join("\n"));
    assert!(ends.keys().any(|end| end.starts_with("Converged")), "some do converge: {ends:?}");
}

#[test]
fn a_converged_document_has_hardly_ever_a_critical_fault_left() {
    let sessions = 40 * usize::try_from(scale()).unwrap();
    let setting = Setting { faults: 20, p: 0.6, correlation: 0.0, noise: false, cycles: 3 };
    let council = figures(setting, sessions, SEED, Ok(Mode::Council));
    let fixed = figures(setting, sessions, SEED, Err(Reference::ThreeCycles));
    println!("{council:?}\n{fixed:?}");
    // A share of few sessions is coarse; the figures of the documents are those of many.
    let slack = 3.0 / sessions as f64;
    assert!(council.wrong <= 0.02 + slack && council.converged > 0.5, "{council:?}");
    assert!(
        council.recall >= fixed.recall - 0.01 && council.calls <= 0.9 * fixed.calls,
        "{council:?} {fixed:?}"
    );
    assert_eq!(council.lost, 0);
}
