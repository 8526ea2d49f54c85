//! Everything random is derived from the seed and the request, so that equal input gives equal bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Splitmix64 (Steele, Lea, Flood 2014): 64 bits of state, passes `BigCrush`, no dependency.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `0..1`.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..bound`; `0` for an empty range.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            return 0;
        }
        // The bias of the remainder is far below what words and ids show.
        usize::try_from(self.next_u64() % bound as u64).unwrap_or(0)
    }

    /// Letters and digits, as the vendors use them in ids.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        // Without signs that are taken for each other, as in the ids of the vendors.
        const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz123456789";
        (0..length).map(|_| char::from(ALPHABET[self.below(ALPHABET.len())])).collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789abcdef";
        (0..length).map(|_| char::from(ALPHABET[self.below(16)])).collect()
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a over length-separated fields, finished with splitmix's mixer. Stable across builds.
pub(crate) fn hash(seed: u64, fields: &[&[u8]]) -> u64 {
    let mut state = 0xCBF2_9CE4_8422_2325_u64 ^ mix(seed);
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    };
    for field in fields {
        // With the lengths, `ab` and `c` differ from `a` and `bc`.
        feed(&(field.len() as u64).to_le_bytes());
        feed(field);
    }
    mix(state)
}

/// Mints and checks opaque state (thinking signatures, encrypted reasoning) without storing it.
///
/// A seal is a nonce followed by a keyed hash of the purpose, the fields and the nonce. It is a
/// simulation of a signature, not a cryptographic one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seals(u64);

const NONCE: usize = 8;
const MAC_WORDS: usize = 8;

impl Seals {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn mint(self, rng: &mut Rng, purpose: &str, fields: &[&str]) -> String {
        // The nonce makes signatures of equal thoughts differ, as a vendor's do.
        let nonce = rng.next_u64().to_le_bytes();
        STANDARD.encode(self.bytes(nonce, purpose, fields))
    }

    pub(crate) fn holds(self, seal: &str, purpose: &str, fields: &[&str]) -> bool {
        let Ok(bytes) = STANDARD.decode(seal) else {
            return false;
        };
        let Some(nonce) = bytes.first_chunk::<NONCE>() else {
            return false;
        };
        bytes == self.bytes(*nonce, purpose, fields)
    }

    fn bytes(self, nonce: [u8; NONCE], purpose: &str, fields: &[&str]) -> Vec<u8> {
        let mut all: Vec<&[u8]> = vec![purpose.as_bytes(), &nonce];
        all.extend(fields.iter().map(|field| field.as_bytes()));
        let mut stream = Rng::new(hash(self.0, &all));
        let mut bytes = nonce.to_vec();
        for _ in 0..MAC_WORDS {
            bytes.extend(stream.next_u64().to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_only_for_its_own_fields() {
        let seals = Seals::new(7);
        let seal = seals.mint(&mut Rng::new(1), "thinking", &["model", "text"]);
        assert!(seals.holds(&seal, "thinking", &["model", "text"]));
        assert!(!seals.holds(&seal, "thinking", &["other", "text"]));
        assert!(!seals.holds(&seal, "thinking", &["modelt", "ext"]));
        assert!(!seals.holds(&seal, "other", &["model", "text"]));
        assert!(!Seals::new(8).holds(&seal, "thinking", &["model", "text"]));
        assert!(!seals.holds("", "thinking", &["model", "text"]));
        assert!(!seals.holds(&seal[4..], "thinking", &["model", "text"]));
    }

    #[test]
    fn the_generator_matches_the_published_sequence() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn draws_stay_in_range() {
        let mut rng = Rng::new(0);
        assert!((0..1000).all(|_| rng.below(7) < 7 && (0.0..1.0).contains(&rng.unit())));
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.hex(9).len(), 9);
    }
}
