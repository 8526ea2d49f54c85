//! Everything below the shim, in sessions of its own or not.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::process::{ProcessId, descendants};

/// More rounds than any honest tree needs; a fork bomb does not hold the shim up.
const ROUNDS: usize = 100;

pub(super) struct Tree {
    root: i32,
}

impl Tree {
    pub(super) const fn new(root: i32) -> Self {
        Self { root }
    }

    pub(super) fn members(&self) -> Vec<ProcessId> {
        descendants(self.root)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members().is_empty()
    }

    /// Sends the signal to each process, and to those that were started meanwhile.
    pub(super) fn signal(&self, signal: Signal) {
        let mut reached = BTreeSet::new();
        for _ in 0..ROUNDS {
            let new: Vec<_> = self.members().into_iter().filter(|id| reached.insert(*id)).collect();
            if new.is_empty() {
                break;
            }
            for id in new {
                // One that has ended meanwhile is no failure.
                let _ = id.signal(signal);
            }
        }
    }

    /// Stops each process, until no new one appears.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }
}
