//! Reproducible randomness: every random choice of a session comes from its seed and the name of its use.

/// A generator for one use within a session. Each use has its own, so that a call more or less in one place
/// changes no choice in another.
pub(crate) fn rng(seed: u64, uses: &str) -> fastrand::Rng {
    fastrand::Rng::with_seed(hash(&[&seed.to_le_bytes(), uses.as_bytes()]))
}

/// 64-bit FNV-1a over the pieces and their lengths. The same on every machine and in every version, which
/// the hashes of the standard library do not promise.
pub(crate) fn hash(pieces: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for piece in pieces {
        add(&(piece.len() as u64).to_le_bytes());
        add(piece);
    }
    hash
}
