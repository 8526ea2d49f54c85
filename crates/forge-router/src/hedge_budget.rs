//! How many calls may be hedged.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls for which there is one extra call.
const SHARE: u64 = 20;

/// Keeps extra calls to a twentieth of all that may be hedged. Without it, a vendor that is slow as a whole
/// would get twice the load just then.
#[derive(Debug, Default)]
pub(crate) struct HedgeBudget {
    calls: AtomicU64,
    extra: AtomicU64,
}

impl HedgeBudget {
    /// Counts a call that may be hedged.
    pub(crate) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one extra call; `false` if there is none to take.
    pub(crate) fn take(&self) -> bool {
        // Rounded down: nothing is hedged before the twentieth call.
        let most = self.calls.load(Ordering::Relaxed) / SHARE;
        let next = |extra: u64| (extra < most).then_some(extra + 1);
        self.extra.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_call_in_twenty_is_extra() {
        let budget = HedgeBudget::default();
        let taken = (0..1_000).filter(|_| {
            budget.call();
            budget.take()
        });
        assert_eq!(taken.count(), 50);
    }
}
