//! A stratified sample.

use std::collections::BTreeMap;

use super::Kind;

/// The places of `wanted` items, as many of each kind as its share, in order. Seats that the shares leave over go to the kinds
/// with the largest remainders (the method of Hamilton), of equal ones to the first.
pub(super) fn stratified(kinds: &[Kind], wanted: usize, seed: u64) -> Vec<usize> {
    let mut places: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for (at, kind) in kinds.iter().enumerate() {
        places.entry(*kind).or_default().push(at);
    }
    let (all, wanted) = (kinds.len().max(1), wanted.min(kinds.len()));
    let mut remainders: Vec<_> =
        places.iter().map(|(kind, of)| (std::cmp::Reverse(of.len() * wanted % all), *kind)).collect();
    remainders.sort();
    let left = wanted - places.values().map(|of| of.len() * wanted / all).sum::<usize>();
    let favoured: Vec<Kind> = remainders.into_iter().take(left).map(|(_, kind)| kind).collect();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut chosen = Vec::with_capacity(wanted);
    for (kind, mut of) in places {
        let share = of.len() * wanted / all + usize::from(favoured.contains(&kind));
        rng.shuffle(&mut of);
        chosen.extend(of.into_iter().take(share));
    }
    chosen.sort_unstable();
    chosen
}
