//! Beads that wait for each other.

use std::collections::{BTreeMap, HashSet};

use crate::bead::BeadId;

/// What each bead waits for, its parents among it.
type Edges<'a> = BTreeMap<&'a BeadId, Vec<&'a BeadId>>;

/// One cycle through each group of beads that wait for each other, from its smallest id on. Without recursion: a chain of
/// beads may be longer than the stack is deep.
pub(super) fn cycles(edges: &Edges<'_>) -> Vec<Vec<BeadId>> {
    let (mut done, mut on_path) = (HashSet::new(), HashSet::new());
    let mut found = Vec::new();
    for start in edges.keys().copied() {
        // The path to where we are, each with how many of its edges were followed.
        let mut path: Vec<(&BeadId, usize)> = Vec::new();
        if done.insert(start) {
            on_path.insert(start);
            path.push((start, 0));
        }
        while let Some((bead, followed)) = path.last_mut() {
            let next = edges.get(*bead).and_then(|waits| waits.get(*followed)).copied();
            *followed += 1;
            match next {
                None => {
                    on_path.remove(*bead);
                    path.pop();
                }
                Some(next) if on_path.contains(next) => {
                    let begin = path.iter().position(|(one, _)| *one == next).unwrap_or_default();
                    found.push(from_smallest(path[begin..].iter().map(|(one, _)| *one).collect()));
                }
                Some(next) if done.insert(next) => {
                    on_path.insert(next);
                    path.push((next, 0));
                }
                Some(_) => {}
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn from_smallest(mut cycle: Vec<&BeadId>) -> Vec<BeadId> {
    let smallest = (0..cycle.len()).min_by_key(|at| cycle[*at]).unwrap_or_default();
    cycle.rotate_left(smallest);
    cycle.into_iter().cloned().collect()
}
