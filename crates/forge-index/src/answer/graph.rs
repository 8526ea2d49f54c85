//! Which definitions the files of a tree use, and how much weight that gives them.

use std::collections::{BTreeMap, HashSet};

use crate::{
    bind::{Binder, Table},
    facts::Qualifier,
    kind::{Confidence, Kind},
    tree::Tree,
};

/// Definitions that share a name; with more of them the name says nothing.
const MOST_NAMESAKES: usize = 24;

/// How often the ranks are passed on. They have settled before.
const ROUNDS: usize = 24;

/// The part of a rank that is passed on; the rest comes from the files that were asked for.
const DAMPING: f64 = 0.85;

/// A use: from a file, to a definition of another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    from: usize,
    pub(super) to: usize,
    pub(super) def: usize,
    weight: f64,
}

/// The uses that lead from one file to another.
#[derive(Debug, Default)]
pub(super) struct Graph(pub(super) Vec<Edge>);

impl Graph {
    pub(super) fn new(tree: &Tree<'_>) -> Self {
        let table = Table::of(tree, |name| name.len() > 2);
        let mut edges = Vec::new();
        for place in 0..tree.files.len() {
            let binder = Binder::new(tree, place);
            let mut seen = HashSet::new();
            let mut weights: BTreeMap<(usize, usize), f64> = BTreeMap::new();
            for one in tree.files[place].blob.refs() {
                // The second use of a name says little more than the first.
                if !seen.insert((one.name, one.qualifier, one.kind)) {
                    continue;
                }
                let name = binder.original(&one);
                let Some(all) = table.0.get(name).filter(|all| all.len() <= MOST_NAMESAKES) else { continue };
                let bound = binder.bind(&one, name, all);
                for (at, confidence) in &bound {
                    let target = all[*at];
                    if target.file != place
                        && !matches!(target.kind, Kind::Field | Kind::Variant | Kind::Module)
                    {
                        let weight = share(one.qualifier, *confidence, bound.len());
                        *weights.entry((target.file, target.def)).or_default() += weight;
                    }
                }
            }
            edges.extend(weights.into_iter().map(|((to, def), weight)| Edge {
                from: place,
                to,
                def,
                weight,
            }));
        }
        Self(edges)
    }

    /// The rank of each file, and what each edge adds to its definition. `focus` are the files from which ranks come; all where
    /// there are none.
    pub(super) fn ranks(&self, files: usize, focus: &[usize]) -> (Vec<f64>, Vec<f64>) {
        let source = source(files, focus);
        let mut out = vec![0.0; files];
        for edge in &self.0 {
            out[edge.from] += edge.weight;
        }
        let mut ranks = source.clone();
        for _ in 0..ROUNDS {
            let mut next: Vec<f64> = source.iter().map(|part| part * (1.0 - DAMPING)).collect();
            for edge in &self.0 {
                next[edge.to] += DAMPING * ranks[edge.from] * edge.weight / out[edge.from];
            }
            // What a file that uses nothing has goes back to where ranks come from.
            let lost = 1.0 - next.iter().sum::<f64>();
            next.iter_mut().zip(&source).for_each(|(rank, part)| *rank += lost * part);
            ranks = next;
        }
        let flows = self.0.iter().map(|edge| ranks[edge.from] * edge.weight / out[edge.from]);
        let flows = flows.collect();
        (ranks, flows)
    }
}

/// What a use says of a definition.
fn share(qualifier: Qualifier, confidence: Confidence, namesakes: usize) -> f64 {
    let sure = match (confidence, qualifier) {
        // Mostly a method of a library, such as `len`.
        (Confidence::NameOnly, Qualifier::Member) => 0.02,
        (Confidence::NameOnly, _) => 0.3,
        _ => 1.0,
    };
    sure / namesakes as f64
}

fn source(files: usize, focus: &[usize]) -> Vec<f64> {
    if focus.is_empty() {
        return vec![1.0 / files.max(1) as f64; files];
    }
    let mut source = vec![0.0; files];
    for place in focus {
        source[*place] = 1.0 / focus.len() as f64;
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: usize, to: usize) -> Edge {
        Edge { from, to, def: 0, weight: 1.0 }
    }

    #[test]
    fn what_many_use_ranks_first_and_a_focus_draws_to_it() {
        let graph = Graph(vec![edge(0, 2), edge(1, 2), edge(2, 3), edge(0, 1)]);
        let (ranks, flows) = graph.ranks(5, &[]);
        assert!((ranks.iter().sum::<f64>() - 1.0).abs() < 1e-9 && flows.len() == 4);
        assert!(ranks[2] > ranks[1] && ranks[1] > ranks[4], "{ranks:?}");
        let (ranks, _) = graph.ranks(5, &[4]);
        assert!(ranks[4] > 0.9 && ranks[2] < 0.01, "{ranks:?}");
        assert_eq!(Graph::default().ranks(0, &[]).0, Vec::<f64>::new());
    }
}
