//! A council over a world that knows the truth: documents with planted faults, critics that find each with a known
//! chance, and synthesizers and checkers that may be hostile. What the session says of itself is held against what
//! is so.

mod hostile;
mod measure;
mod player;
mod reference;
mod world;

pub use self::{
    hostile::{Broken, hostile},
    measure::{Figures, figures},
    player::session,
    reference::{Reference, reference},
    world::{Fault, Setting, World},
};

/// A generator for one use of a seed.
fn dice(seed: u64, uses: &str) -> fastrand::Rng {
    let mixed = uses.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fastrand::Rng::with_seed(mixed)
}
