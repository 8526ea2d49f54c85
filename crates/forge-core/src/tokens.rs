//! Token counts in one normal form.

use serde::{Deserialize, Serialize};

/// Tokens of one call, in classes that do not overlap.
///
/// `None` means that the vendor did not say; it is never read as zero. Vendors mean different
/// things by "input" and "output"; each adapter documents how it arrives at these classes, and the
/// classes always sum to the vendor's own totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenCount {
    /// Input that was neither read from nor written to a prompt cache.
    pub input: Option<u64>,
    /// Input read from a prompt cache.
    pub cache_read: Option<u64>,
    /// Input written to the vendor's standard prompt cache (Anthropic: five minutes).
    pub cache_write_5m: Option<u64>,
    /// Input written to the vendor's long-lived prompt cache (Anthropic: one hour).
    pub cache_write_1h: Option<u64>,
    /// Visible output.
    pub output: Option<u64>,
    /// Thinking, billed as output. When the vendor does not split it off, it is inside `output`.
    pub reasoning: Option<u64>,
}

impl TokenCount {
    /// All input, cached or not. `None` while the uncached part is unknown.
    pub fn total_input(&self) -> Option<u64> {
        let cached = [self.cache_read, self.cache_write_5m, self.cache_write_1h];
        Some(sum(self.input?, cached))
    }

    /// All output that is billed. `None` while the visible part is unknown.
    pub fn total_output(&self) -> Option<u64> {
        Some(sum(self.output?, [self.reasoning]))
    }

    /// Takes over every class that `newer` knows. Vendors report usage cumulatively, so a later
    /// report replaces an earlier one and is never added to it.
    pub fn overwrite(&mut self, newer: &Self) {
        let classes = [
            (&mut self.input, newer.input),
            (&mut self.cache_read, newer.cache_read),
            (&mut self.cache_write_5m, newer.cache_write_5m),
            (&mut self.cache_write_1h, newer.cache_write_1h),
            (&mut self.output, newer.output),
            (&mut self.reasoning, newer.reasoning),
        ];
        for (old, new) in classes {
            if new.is_some() {
                *old = new;
            }
        }
    }

    /// Whether nothing at all is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Vendor numbers are not trusted: a sum that does not fit stays at the maximum.
fn sum<const N: usize>(first: u64, rest: [Option<u64>; N]) -> u64 {
    rest.into_iter().flatten().fold(first, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(TokenCount::default().total_input(), None);
        let only_cached = TokenCount { cache_read: Some(5), ..TokenCount::default() };
        assert_eq!(only_cached.total_input(), None);
        let known = TokenCount { input: Some(1), ..only_cached };
        assert_eq!(known.total_input(), Some(6));
    }

    #[test]
    fn a_later_report_replaces_an_earlier_one() {
        let mut count = TokenCount { input: Some(43), output: Some(1), ..TokenCount::default() };
        count.overwrite(&TokenCount { input: Some(61), ..TokenCount::default() });
        assert_eq!((count.input, count.output), (Some(61), Some(1)));
    }
}
