//! Critics whose rates are known, in many seeded runs: what is reported of them against the truth.

use std::sync::LazyLock;

use forge_eval::{
    Matrix, MatrixIssue, PanelReport, SimulatedCritic, Wish,
    stats::{Panel, phi, wilson},
};
use forge_session::Severity;

/// The faults of a corpus of the planned size: critical, major, minor.
const FAULTS: [(Severity, usize); 3] =
    [(Severity::Critical, 72), (Severity::Major, 108), (Severity::Minor, 60)];
const RUNS: u64 = 1_000;

#[allow(clippy::disallowed_methods, reason = "whoever runs the tests says how much")]
fn runs() -> u64 {
    let scale = std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1_u64);
    RUNS * scale
}

/// Every fault as it is drawn, in order.
fn faults() -> &'static [(Severity, String)] {
    static FAULTS_DRAWN: LazyLock<Vec<(Severity, String)>> = LazyLock::new(|| all_faults().collect());
    &FAULTS_DRAWN
}

fn all_faults() -> impl Iterator<Item = (Severity, String)> {
    let of = |(severity, count): (Severity, usize)| {
        (0..count).map(move |at| (severity, format!("{severity:?}/{at}")))
    };
    FAULTS.into_iter().flat_map(of)
}

fn weights() -> impl Iterator<Item = (Severity, f64)> {
    FAULTS.into_iter().map(|(severity, count)| (severity, count as f64 / 240.0))
}

/// A share of runs that must be at least, or within, some bounds.
fn share(so: u64, of: u64, what: &str) -> f64 {
    let share = so as f64 / of as f64;
    println!("{what}: {so} of {of} runs, {:.1} %", share * 100.0);
    share
}

#[test]
fn a_declared_rate_lies_in_the_reported_interval_in_95_of_100_runs() {
    for rate in [0.34, 0.5, 0.64] {
        let mut inside = 0;
        for seed in 0..runs() {
            let critic = SimulatedCritic::new("a", [rate; 3], 0.0).with_seed(seed).with_correlation(0.3);
            let found = faults().iter().filter(|(severity, fault)| critic.finds(*severity, fault, 0)).count();
            inside += u64::from(wilson(found as f64, 240.0).unwrap().contains(rate));
        }
        let share = share(inside, runs(), &format!("rate {rate} inside its interval"));
        assert!((0.93..=0.97).contains(&share), "{share}");
    }
}

/// The true correlation of two critics over all severities.
fn true_phi(one: [f64; 3], other: [f64; 3], correlation: f64) -> f64 {
    let [first, second] = [one, other].map(|rates| SimulatedCritic::new("", rates, 0.0));
    let (mut both, mut alone, mut with) = (0.0, 0.0, 0.0);
    for (severity, weight) in weights() {
        let (p, q) = (first.rate(severity), second.rate(severity));
        both += weight * (correlation * p.min(q) + (1.0 - correlation) * p * q);
        alone += weight * p;
        with += weight * q;
    }
    (both - alone * with) / (alone * (1.0 - alone) * with * (1.0 - with)).sqrt()
}

#[test]
fn a_correlation_is_estimated_within_0_13_in_nine_of_ten_runs() {
    let (one, other) = ([0.6, 0.5, 0.4], [0.5, 0.5, 0.3]);
    for correlation in [0.0, 0.3, 0.6] {
        let (truth, mut near, mut sum) = (true_phi(one, other, correlation), 0, 0.0);
        for seed in 0..runs() {
            let critic = |name, rates| {
                SimulatedCritic::new(name, rates, 0.0).with_seed(seed).with_correlation(correlation)
            };
            let [first, second] = [critic("a", one), critic("b", other)];
            let found = faults().iter().map(|(severity, fault)| {
                let by = [first.finds(*severity, fault, 0), second.finds(*severity, fault, 0)];
                Panel::of((0..2).filter(|at| by[*at]))
            });
            let detections = forge_eval::stats::Detections::new(2, found.collect()).unwrap();
            let phi = phi(detections.pair(0, 1)).unwrap();
            sum += phi;
            near += u64::from((phi - truth).abs() <= 0.13);
        }
        let mean = sum / runs() as f64;
        assert!((mean - truth).abs() < 0.01, "biased: {mean} against {truth}");
        let share = share(near, runs(), &format!("correlation {truth:.2} estimated within 0.13"));
        assert!(share >= 0.9, "{share}");
    }
}

/// The true share of faults that somebody of a panel finds. Over the draw that all share, whoever goes along misses a fault above
/// its own rate: between two rates nothing changes, so that the integral is a sum.
fn true_coverage(rates: &[[f64; 3]], panel: Panel, correlation: f64) -> f64 {
    let along = correlation.sqrt();
    let covered = weights().enumerate().map(|(severity, (_, weight))| {
        let of: Vec<f64> = panel.places().map(|at| rates[at][severity]).collect();
        let mut bounds = [of.clone(), vec![0.0, 1.0]].concat();
        bounds.sort_by(f64::total_cmp);
        let missed = bounds.windows(2).map(|pair| {
            let misses = |p: &f64| along * f64::from(u8::from(pair[0] >= *p)) + (1.0 - along) * (1.0 - p);
            (pair[1] - pair[0]) * of.iter().map(misses).product::<f64>()
        });
        weight * (1.0 - missed.sum::<f64>())
    });
    covered.sum()
}

#[test]
fn the_recommended_panel_is_within_five_points_of_the_best_one() {
    let rates: [[f64; 3]; 6] = [
        [0.64, 0.5, 0.4],
        [0.6, 0.55, 0.34],
        [0.5, 0.5, 0.5],
        [0.45, 0.4, 0.6],
        [0.4, 0.34, 0.34],
        [0.55, 0.4, 0.36],
    ];
    let names: Vec<String> = (0..rates.len()).map(|at| format!("c{at}")).collect();
    // A thousand runs in all: each of them draws six critics.
    let runs = runs() / 3 + 1;
    for correlation in [0.0, 0.3, 0.6] {
        let panels = (0..64).map(Panel).filter(|panel| panel.size() == 3);
        let best = panels.map(|panel| true_coverage(&rates, panel, correlation)).fold(0.0, f64::max);
        let (mut near, mut listed) = (0, 0);
        for seed in 0..runs {
            let critic = |(at, rates): (usize, &[f64; 3])| {
                SimulatedCritic::new(names[at].clone(), *rates, 0.0)
                    .with_seed(seed)
                    .with_correlation(correlation)
            };
            let critics: Vec<_> = rates.iter().enumerate().map(critic).collect();
            let issues = faults().iter().enumerate().map(|(at, (severity, fault))| {
                let found = critics.iter().zip(&names).filter(|(one, _)| one.finds(*severity, fault, 0));
                MatrixIssue::new(
                    (at % 40).to_string(),
                    fault.clone(),
                    severity.as_str(),
                    found.map(|(_, name)| name.clone()).collect(),
                )
            });
            let matrix = Matrix::new(names.clone(), issues.collect());
            let recommended = recommended(&matrix);
            let truth = |panel: &[String]| {
                let places = panel.iter().map(|name| names.iter().position(|one| one == name).unwrap());
                true_coverage(&rates, Panel::of(places), correlation)
            };
            near += u64::from(truth(&recommended[0]) >= best - 0.05);
            listed += u64::from(recommended.iter().any(|panel| truth(panel) >= best - 1e-9));
        }
        let near =
            share(near, runs, &format!("correlation {correlation}: panel within 5 points of the best"));
        let listed = share(listed, runs, "the very best is among those that cannot be told apart");
        assert!(near >= 0.95 && listed >= 0.9, "{near} {listed}");
    }
}

/// The recommended panel of three, and those that cannot be told apart from it.
fn recommended(matrix: &Matrix) -> Vec<Vec<String>> {
    let found = PanelReport::of(matrix, &Wish::default(), 1).recommended;
    std::iter::once(found.panel).chain(found.alike).map(|one| one.panel).collect()
}
