//! How alike two participants are.

use super::Pair;

/// The share of what either found that both found (Jaccard 1912, "The distribution of the flora in the alpine zone"); `None`
/// where neither found anything.
pub fn jaccard(pair: Pair) -> Option<f64> {
    let either = pair.both + pair.first + pair.second;
    (either > 0).then(|| pair.both as f64 / either as f64)
}

/// The correlation of two detections, -1 to 1 (the phi coefficient: Yule 1912, "On the methods of measuring association between
/// two attributes"); `None` where one of them found everything or nothing. It is 0 where they are independent, however much
/// each finds, which the share in common is not.
pub fn phi(pair: Pair) -> Option<f64> {
    let [both, first, second, neither] =
        [pair.both, pair.first, pair.second, pair.neither].map(|count| count as f64);
    let under = (both + first) * (second + neither) * (both + second) * (first + neither);
    (under > 0.0).then(|| (both * neither - first * second) / under.sqrt())
}
