//! Ids of the calls of one reply.

use std::collections::HashSet;

/// Gives every call of a reply an id of its own. Those that are minted differ from reply to reply of a conversation.
#[derive(Debug, Default)]
pub(crate) struct CallNames {
    /// What makes this reply another one than those before.
    seed: u32,
    used: HashSet<String>,
}

impl CallNames {
    /// Tells the reply from others: by its id, or by its place.
    pub(crate) fn tell_apart(&mut self, by: &[u8]) {
        // FNV-1a, which is the same on every machine and in every version.
        let start = if self.seed == 0 { 0x811c_9dc5 } else { self.seed };
        self.seed = by.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    }

    /// The server's id, or one of our own where it gave none or gave it before.
    pub(crate) fn unused(&mut self, said: &str) -> String {
        let mut id = said.to_owned();
        let mut number = self.used.len();
        while id.is_empty() || self.used.contains(&id) {
            // A counter alone would give the first call of every reply the same id.
            id = format!("call_{:08x}_{number}", self.seed);
            number += 1;
        }
        self.used.insert(id.clone());
        id
    }
}
