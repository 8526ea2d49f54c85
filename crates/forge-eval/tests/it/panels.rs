//! A public detection matrix, against a model in another language.

use std::{path::Path, process::Command};

use forge_eval::{Matrix, MatrixIssue, PanelReport, Wish};
use serde_json::Value;

const TEN: &str = "augment,baz,bugbot,claude,coderabbit,copilot,gemini,greptile,propel,qodo";

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn report(names: &str) -> PanelReport {
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    let matrix = Matrix::read(&data("review-panels.csv")).unwrap();
    let matrix = matrix.with_false_claims(&data("review-false-claims.csv")).unwrap().of(&names).unwrap();
    PanelReport::of(&matrix, &Wish::default(), 1)
}

fn model(names: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/panels_model.py");
    let output = Command::new("python3")
        .arg(script)
        .args([data("review-panels.csv"), data("review-false-claims.csv")])
        .arg(names)
        .output()
        .expect("the model runs in python3: install it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Equal but for the order in which sums are made.
fn same(found: Option<f64>, expected: &Value, what: &str) {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() < 1e-12, "{what}: {found} {expected}");
        }
        (None, None) => {}
        (found, expected) => panic!("{what}: {found:?} {expected:?}"),
    }
}

#[test]
fn the_public_matrix_gives_the_figures_of_an_independent_model() {
    for names in [TEN, &format!("{TEN},kg"), &format!("{TEN},kg,graphite"), "graphite,kg,baz"] {
        let (report, model) = (report(names), model(names));
        assert_eq!((report.issues, report.changes), (137, Some(50)));
        for one in &report.participants {
            let expected = &model["participants"][&one.name];
            same(Some(one.found.found), &expected["found"], &one.name);
            let interval = one.found.interval.unwrap();
            same(Some(interval.low), &expected["interval"][0], &one.name);
            same(Some(interval.high), &expected["interval"][1], &one.name);
        }
        for (pair, expected) in report.pairs.iter().zip(model["pairs"].as_array().unwrap()) {
            same(pair.phi, &expected["phi"], &format!("{:?}", pair.names));
            same(pair.jaccard, &expected["jaccard"], &format!("{:?}", pair.names));
        }
        for (point, expected) in report.coverage.iter().zip(model["curve"].as_array().unwrap()) {
            same(Some(point.worst.share), &expected[0], "worst");
            same(Some(point.mean), &expected[1], "mean");
            same(Some(point.best.share), &expected[2], "best");
        }
        for (point, expected) in report.coverage.iter().zip(model["precision"].as_array().unwrap()) {
            same(point.precision, &expected["precision"], "precision");
            same(point.best_f1.as_ref().map(|best| best.f1), &expected["best_f1"], "f1");
        }
        assert_eq!(report.coverage.len(), names.split(',').count());
        same(report.coverage[2].to_remove, &model["to_remove"], "to remove");
        let (unseen, expected) = (report.unseen.unwrap(), &model["estimate"]);
        same(Some(unseen.seen), &expected["seen"], "seen");
        same(Some(unseen.seen_and_estimated), &expected["with_unseen"], "with unseen");
        same(unseen.quiet, &expected["quiet"], "quiet");
        same(unseen.left_when_quiet, &expected["quiet_left"], "left");
        same(unseen.severe_quiet, &expected["severe_quiet"], "severe quiet");
        same(unseen.severe_left_when_quiet, &expected["severe_left"], "severe left");
        same(unseen.left_after_second, &expected["dry_left"], "second");
        same(unseen.severe_left_after_second, &expected["dry_severe_left"], "severe second");
    }
}

/// The figures that are quoted for this matrix, in whole percent.
#[test]
fn the_public_matrix_says_what_is_quoted_of_it() {
    let percent = |share: f64| (share * 100.0).round() as i64;
    let ten = report(TEN);
    let curve: Vec<_> = [1, 2, 3, 4, 6]
        .map(|size| &ten.coverage[size - 1])
        .iter()
        .map(|one| [one.worst.share, one.mean, one.best.share].map(percent))
        .collect();
    assert_eq!(curve, [[29, 42, 63], [48, 59, 73], [59, 68, 80], [65, 74, 82], [74, 81, 85]]);
    let phis: Vec<f64> = ten.pairs.iter().filter_map(|pair| pair.phi).collect();
    let mean = phis.iter().sum::<f64>() / phis.len() as f64;
    let least = phis.iter().copied().fold(1.0, f64::min);
    let most = phis.iter().copied().fold(0.0, f64::max);
    assert_eq!([mean, least, most].map(percent), [31, 11, 47]);
    let unseen = ten.unseen.unwrap();
    assert_eq!([unseen.seen, unseen.seen_and_estimated].map(|count| count.round() as i64), [94, 108]);
    let shares = [
        unseen.quiet,
        unseen.left_when_quiet,
        unseen.severe_quiet,
        unseen.severe_left_when_quiet,
        unseen.left_after_second,
        unseen.severe_left_after_second,
    ];
    assert_eq!(shares.map(|share| percent(share.unwrap())), [88, 62, 97, 32, 45, 19]);
    // The quoted precision is over the eleven that make more than a few claims.
    let eleven = report(&format!("{TEN},kg"));
    let points = &eleven.coverage[..4];
    assert_eq!(points.iter().map(|one| percent(one.mean)).collect::<Vec<_>>(), [40, 57, 67, 72]);
    let precision: Vec<_> = points.iter().map(|one| percent(one.precision.unwrap())).collect();
    assert_eq!(precision, [38, 29, 24, 20]);
    let best: Vec<_> = points.iter().map(|one| one.best_f1.clone().unwrap()).collect();
    assert_eq!(
        best.iter().map(|best| (best.f1 * 1_000.0).round() as i64).collect::<Vec<_>>(),
        [538, 510, 460, 417]
    );
    assert_eq!(best[3].panel, ["augment", "baz", "propel", "kg"]);
    assert_eq!(points[2].to_remove.map(percent), Some(62));
}

/// Issues that are all in one change, each found by these.
fn matrix(found_by: &[&[&str]]) -> Matrix {
    let issue = |(at, found): (usize, &&[&str])| {
        MatrixIssue::new("one", at.to_string(), "high", found.iter().map(|name| (*name).to_owned()).collect())
    };
    Matrix::new(["a", "b", "c"].map(str::to_owned).to_vec(), found_by.iter().enumerate().map(issue).collect())
}

#[test]
fn a_recommendation_follows_the_wish_and_claims_no_certainty_that_is_not_there() {
    let half: Vec<&[&str]> = (0..10).map(|at| if at % 2 == 0 { &["a", "b"][..] } else { &[] }).collect();
    let recommended = |matrix: &Matrix, wish: Wish| PanelReport::of(matrix, &wish, 1).recommended;
    // Of one change nobody knows how others differ, and all or nothing of a few is no certainty.
    let one = recommended(&matrix(&half), Wish::default().with_size(Some(1)));
    assert!(one.interval.unwrap().high - one.interval.unwrap().low > 0.3, "{one:?}");
    // Three changes of which nearly the same was found: drawn whole, they would seem to leave no doubt.
    let mut three = matrix(&[half.clone(), half.clone(), half.clone()].concat());
    for (at, issue) in three.issues.iter_mut().enumerate() {
        issue.change = Some((at / 10).to_string());
    }
    three.issues[1].found_by = vec!["a".to_owned()];
    let three = recommended(&three, Wish::default().with_size(Some(1))).interval.unwrap();
    assert!(three.high - three.low > 0.25, "{three:?}");
    let all = recommended(&matrix(&[&["a"][..]; 4]), Wish::default());
    assert!(all.interval.unwrap().low < 0.6 && all.interval.unwrap().contains(1.0), "{all:?}");
    // Whoever has no price is not taken for being unknown.
    let wish = || Wish::default().with_coverage(Some(0.5));
    let priced = |name: &str, cost| wish().with_costs([(name.to_owned(), cost)].into());
    for (wish, panel, reached) in [
        (wish(), ["a"], true),
        (priced("b", 5), ["a"], true),
        (wish().with_costs([("a".to_owned(), 7), ("b".to_owned(), 5)].into()), ["b"], true),
        (Wish::default().with_coverage(Some(0.6)), ["a"], false),
    ] {
        let found = recommended(&matrix(&half), wish);
        assert_eq!(
            (found.panel.panel.as_slice(), found.out_of_reach.is_none()),
            (&panel.map(str::to_owned)[..], reached)
        );
    }
    let unpriced = recommended(
        &matrix(&half),
        priced("b", 5).with_costs([("b".to_owned(), 5), ("c".to_owned(), 9)].into()),
    );
    assert_eq!(unpriced.panel.panel, ["b"]);
}

#[test]
fn two_are_told_apart_by_what_only_one_of_them_found() {
    for (alone, told_apart) in [(5, false), (6, true)] {
        let report = PanelReport::of(&matrix(&vec![&["a"][..]; alone]), &Wish::default(), 1);
        assert_eq!(report.pairs[0].told_apart, told_apart, "{alone}");
    }
}
