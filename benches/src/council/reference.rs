//! What the council is held against: the same critics and the same synthesizer under other rules.

use super::world::{Fault, World};

/// A procedure without a stop rule of its own, or with one that knows the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// All stages of three cycles, whatever is found.
    ThreeCycles,
    /// Up to three cycles, and the end as soon as no critical fault is left.
    Oracle,
}

/// The faults that are left, and the calls that were made: a draft, and for each cycle three critics, a synthesis
/// and a check. False claims change nothing here, since this synthesizer knows the truth. The draws are those of a session
/// whose calls all have an answer that can be used, so that only the rules differ.
pub fn reference(world: &World, rule: Reference) -> (Vec<Fault>, u32) {
    let draft = world.draft();
    let mut left: Vec<Fault> = world.left(&draft).copied().collect();
    let mut calls = 1;
    for cycle in 0..3 {
        if rule == Reference::Oracle && left.iter().all(|fault| !fault.critical) {
            break;
        }
        for (seat, critic) in ["alpha", "beta", "gamma"].into_iter().enumerate() {
            let found = world.found(&draft, critic, 1 + cycle * 5 + seat as u64);
            left.retain(|fault| !found.contains(fault));
        }
        calls += 5;
    }
    (left, calls)
}
