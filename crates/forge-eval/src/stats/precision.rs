//! Precision beside recall (van Rijsbergen 1979, "Information Retrieval", chapter 7).

/// The share of claims that are true; `None` without claims.
pub fn precision(found: f64, false_claims: f64) -> Option<f64> {
    let claims = found + false_claims;
    (claims > 0.0).then(|| found / claims)
}

/// The harmonic mean of precision and recall: of `issues` so many were found, beside so many false claims. `None` without issues
/// and claims.
pub fn f1(found: f64, false_claims: f64, issues: f64) -> Option<f64> {
    let all = found + false_claims + issues;
    (all > 0.0).then(|| 2.0 * found / all)
}

/// The share of false claims that whoever decides on the claims of a panel must drop, without dropping a true one, for the panel
/// to reach `target` as its F1. 0 where it does already; `None` where no precision would do, or where there is nothing to drop.
///
/// From `F1 = 2pr / (p + r)`: the precision needed is `F1 r / (2r - F1)`, and false claims for each true one are `1/p - 1`.
pub fn share_to_remove(recall: f64, precision: f64, target: f64) -> Option<f64> {
    let needed = target * recall / (2.0 * recall - target);
    let possible = needed > 0.0 && needed <= 1.0 && precision > 0.0 && precision < 1.0;
    possible.then(|| (1.0 - (1.0 / needed - 1.0) / (1.0 / precision - 1.0)).max(0.0))
}
