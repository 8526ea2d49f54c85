use std::collections::BTreeSet;

use super::*;

/// Detections of `participants`, drawn by the seed, an issue in five found by nobody.
fn drawn(participants: usize, issues: usize, seed: u64) -> Detections {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut found_by = || match rng.u8(..5) {
        0 => Panel::default(),
        _ => Panel::of((0..participants).filter(|_| rng.f64() < 0.4)),
    };
    Detections::new(participants, (0..issues).map(|_| found_by()).collect()).unwrap()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-12
}

#[test]
fn a_wilson_interval_is_that_of_the_books() {
    // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (hits, trials, low, high) in [
        (81.0, 263.0, 0.2553, 0.3662),
        (15.0, 148.0, 0.0624, 0.1605),
        (0.0, 20.0, 0.0, 0.1611),
        (1.0, 29.0, 0.0061, 0.1718),
    ] {
        let found = wilson(hits, trials).unwrap();
        assert!(
            (found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5,
            "{hits} of {trials}: {found:?}"
        );
    }
    assert_eq!(wilson(0.0, 0.0), None);
    let whole = wilson(7.0, 7.0).unwrap();
    assert!(near(whole.high, 1.0) && whole.contains(1.0) && !whole.contains(0.5), "{whole:?}");
}

#[test]
fn agreement_is_that_of_the_table() {
    let pair = |both, first, second, neither| Pair { both, first, second, neither };
    assert_eq!(jaccard(pair(2, 1, 1, 9)), Some(0.5));
    assert_eq!(jaccard(pair(0, 0, 0, 9)), None);
    assert_eq!(phi(pair(5, 0, 0, 5)), Some(1.0));
    assert_eq!(phi(pair(0, 5, 5, 0)), Some(-1.0));
    assert_eq!(phi(pair(4, 4, 4, 4)), Some(0.0));
    assert_eq!(phi(pair(4, 0, 6, 0)), None);
    let table = drawn(3, 500, 1).pair(0, 2);
    assert_eq!(table.both + table.first + table.second + table.neither, 500);
}

#[test]
fn every_panel_covers_what_counting_says_and_the_curve_is_made_of_them() {
    for seed in 0..20 {
        let detections = drawn(7, 60, seed);
        let covered = every_panel(&detections).unwrap();
        for (set, covered) in (0..).zip(&covered) {
            assert_eq!(*covered, detections.covered(Panel(set)), "seed {seed}, set {set:b}");
        }
        for point in coverage_curve(&detections) {
            let of_size: Vec<_> =
                (0..).zip(&covered).filter(|(set, _)| Panel(*set).size() == point.size).collect();
            assert_eq!(point.best.1, *of_size.iter().map(|(_, covered)| *covered).max().unwrap());
            assert_eq!(point.worst.1, *of_size.iter().map(|(_, covered)| *covered).min().unwrap());
            let mean =
                of_size.iter().map(|(_, covered)| **covered as f64).sum::<f64>() / of_size.len() as f64;
            assert!(near(point.mean, mean) && point.exact);
            // Of equal ones the first.
            let first = |wanted: usize| of_size.iter().find(|(_, covered)| **covered == wanted).unwrap().0;
            assert_eq!((point.best.0.0, point.worst.0.0), (first(point.best.1), first(point.worst.1)));
            assert_eq!((point.best.0.size(), point.worst.0.size()), (point.size, point.size));
        }
    }
}

#[test]
fn beyond_twelve_participants_the_mean_is_exact_and_the_rest_says_that_it_is_not() {
    let detections = drawn(13, 80, 3);
    let curve = coverage_curve(&detections);
    assert!(
        every_panel(&detections).is_none() && curve.len() == 13 && curve.iter().all(|point| !point.exact)
    );
    let pairs: Vec<_> = (0..13).flat_map(|a| (0..a).map(move |b| Panel::of([a, b]))).collect();
    let mean = pairs.iter().map(|panel| detections.covered(*panel) as f64).sum::<f64>() / pairs.len() as f64;
    assert!((curve[1].mean - mean).abs() < 1e-9);
    assert_eq!(curve[0].best.1, (0..13).map(|a| detections.covered(Panel::of([a]))).max().unwrap());
    assert_eq!(curve[0].worst.1, (0..13).map(|a| detections.covered(Panel::of([a]))).min().unwrap());
    assert_eq!(curve[12].best, curve[12].worst);
    assert!(
        curve.iter().all(
            |point| detections.covered(point.best.0) == point.best.1 && point.best.0.size() == point.size
        )
    );
}

#[test]
fn the_cheapest_panel_is_the_cheapest_that_finds_enough() {
    for seed in 0..20 {
        let detections = drawn(6, 50, seed);
        let costs = [5, 1, 4, 2, 9, 3];
        for wanted in [0, 10, 25, 35, 51] {
            let cost = |set: u64| Panel(set).places().map(|at| costs[at]).sum::<u64>();
            let enough = (1..64).filter(|set| detections.covered(Panel(*set)) >= wanted);
            let least = enough.map(cost).min();
            let chosen = cheapest(&detections, &costs, wanted);
            assert_eq!(chosen.map(|one| one.cost), least, "seed {seed}, {wanted}");
            if let Some(chosen) = chosen {
                assert_eq!(chosen.covered, detections.covered(chosen.panel));
                let equal =
                    (1..64).filter(|set| cost(*set) == chosen.cost).map(|set| detections.covered(Panel(set)));
                assert_eq!(
                    Some(chosen.covered),
                    equal.max(),
                    "of equally cheap ones the one that finds most"
                );
                assert_eq!(chosen.cost, cost(chosen.panel.0));
            }
        }
    }
}

#[test]
fn mcnemar_is_exact() {
    // Twice the lower tail of a fair coin, from the binomial table.
    for (first, second, p) in
        [(0, 0, 1.0), (3, 3, 1.0), (0, 5, 0.0625), (5, 0, 0.0625), (1, 9, 0.021_484_375), (2, 8, 0.109_375)]
    {
        assert!((mcnemar(first, second) - p).abs() < 1e-12, "{first} {second}: {}", mcnemar(first, second));
    }
    // Where a half to the power of the issues is no number any more.
    assert!(mcnemar(2_000, 2_000) > 0.9 && mcnemar(1_800, 2_200) < 1e-8);
}

#[test]
fn panels_that_cannot_be_told_apart_are_those_of_the_same_size_that_chance_could_explain() {
    let detections = drawn(5, 40, 11);
    let panel = coverage_curve(&detections)[1].best.0;
    let alike = indistinguishable(&detections, panel);
    let expected: BTreeSet<_> = (0..32)
        .map(Panel)
        .filter(|other| other.size() == 2 && *other != panel)
        .filter(|other| {
            let both = detections.covered(Panel(panel.0 | other.0));
            mcnemar(both - detections.covered(*other), both - detections.covered(panel)) > 0.05
        })
        .collect();
    assert_eq!(alike.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert!(alike.is_sorted_by_key(|other| std::cmp::Reverse(detections.covered(*other))));
    // Six against none make a difference, five against none may be chance.
    for (alone, is_alike) in [(5, true), (6, false)] {
        let detections = Detections::new(2, vec![Panel::of([0]); alone]).unwrap();
        assert_eq!(indistinguishable(&detections, Panel::of([0])) == [Panel::of([1])], is_alike, "{alone}");
    }
    // Two that found the same, and one that found nothing of much.
    let (both, nobody) = (Panel::of([0, 1]), Panel::default());
    let clear = Detections::new(3, [vec![both; 30], vec![nobody; 5]].concat()).unwrap();
    assert_eq!(indistinguishable(&clear, Panel::of([0])), [Panel::of([1])]);
}

#[test]
fn a_bootstrap_interval_is_seeded_and_takes_whole_groups() {
    let groups: Vec<(f64, f64)> = (0..40).map(|at| (f64::from(at % 3), 4.0)).collect();
    let share = groups.iter().map(|(hits, _)| hits).sum::<f64>() / 160.0;
    let interval = bootstrap(&groups, 1_000, 5).unwrap();
    assert!(interval.contains(share) && interval.low < interval.high);
    assert_eq!(bootstrap(&groups, 1_000, 5), Some(interval));
    assert!((6..16).any(|seed| bootstrap(&groups, 1_000, seed) != Some(interval)));
    // One group is drawn again and again: there is no telling how far the share is off.
    assert_eq!(bootstrap(&[(1.0, 4.0)], 100, 1), Some(Interval { low: 0.25, high: 0.25 }));
    assert_eq!(bootstrap(&[], 100, 1), None);
    assert_eq!(bootstrap(&[(0.0, 0.0)], 100, 1), None);
    // Of four hundred issues, half of them found, the normal interval is 0.451 to 0.549.
    let many: Vec<_> = (0..400).map(|at| (f64::from(at % 2), 1.0)).collect();
    let interval = bootstrap(&many, 4_000, 5).unwrap();
    assert!((interval.low - 0.451).abs() < 0.004 && (interval.high - 0.549).abs() < 0.004, "{interval:?}");
    // Groups that go together vary more than the same issues one by one.
    let together: Vec<_> = (0..20).map(|at| (f64::from(at % 2) * 10.0, 10.0)).collect();
    let alone: Vec<_> = (0..200).map(|at| (f64::from(at % 2), 1.0)).collect();
    let width = |groups: &[(f64, f64)]| bootstrap(groups, 1_000, 5).map(|one| one.high - one.low).unwrap();
    assert!(width(&together) > 2.0 * width(&alone));
}

#[test]
fn precision_and_its_need_are_those_of_the_formulas() {
    assert_eq!((precision(3.0, 1.0), precision(0.0, 0.0)), (Some(0.75), None));
    assert_eq!((f1(3.0, 1.0, 4.0), f1(0.0, 0.0, 0.0)), (Some(0.75), None));
    // A panel that finds 60 of 100 beside 140 false claims, F1 .4; to reach .6 it may keep 40 of them.
    assert!(near(share_to_remove(0.6, 60.0 / 200.0, 0.6).unwrap(), 1.0 - 40.0 / 140.0));
    assert_eq!(share_to_remove(0.6, 0.9, 0.4), Some(0.0));
    assert_eq!((share_to_remove(0.3, 0.5, 0.6), share_to_remove(0.4, 0.5, 0.6)), (None, None));
    assert_eq!(share_to_remove(0.5, 1.0, 0.6), None);
}

#[test]
fn detections_know_their_bounds() {
    assert!(Detections::new(64, vec![Panel(u64::MAX)]).is_some());
    assert!(Detections::new(65, Vec::new()).is_none());
    assert!(Detections::new(2, vec![Panel(4)]).is_none());
    assert_eq!(Panel::of([0, 5, 63, 64, 99]).places().collect::<Vec<_>>(), [0, 5, 63]);
    assert_eq!((Panel::of_first(0).size(), Panel::of_first(64).size()), (0, 64));
}
