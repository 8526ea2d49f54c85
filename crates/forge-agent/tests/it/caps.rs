//! A review ends with what is there.

use forge_agent::review::{Limits, Review, Status, parse, split, tokens};
use forge_core::ParticipantRole;
use forge_session::Severity;

use crate::support::{Scripts, critique, fault, job, run};

/// Five hundred files, some of them tests and text.
fn large() -> String {
    (0..500).fold(String::new(), |all, at| {
        let folder = ["src", "tests", "docs"][at % 3];
        let ending = if folder == "docs" { "md" } else { "rs" };
        let path = format!("{folder}/part{at}.{ending}");
        let lines: String = (0..6).fold(String::new(), |all, line| all + &format!("+    step_{at}_{line}(with, some, arguments);\n"));
        all + &format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,1 +1,7 @@\n fn head() {{\n{lines}")
    })
}

#[test]
fn five_hundred_files_stay_within_ten_calls_and_the_rest_is_named() {
    let scripts = Scripts::new(|role, prompt| {
        let quote = crate::support::document(prompt)
            .lines()
            .find(|line| line.starts_with('+') && line.contains("step"));
        let found: Vec<_> = quote.map(|quote| fault(quote, "", "major")).into_iter().collect();
        (role == ParticipantRole::Critic).then(|| critique(prompt, &found))
    });
    let job = Review { limits: Limits { calls: Some(10), ..Limits::default() }, ..job(&large(), 8_000) };
    assert!(job.pieces.len() > 4);
    let report = run(&job, &scripts);
    assert!(scripts.script.calls().len() <= 10, "{}", scripts.script.calls().len());
    assert_eq!(report.coverage.status, Status::Capped);
    assert_eq!(report.coverage.pieces_read, 2);
    // Code is read before tests, and tests before text.
    let read: Vec<&String> = job.pieces[..2].iter().flat_map(|piece| &piece.files).collect();
    assert!(read.iter().all(|path| path.starts_with("src/")));
    assert!(report.fails(Severity::Major) && report.first_line().starts_with("PARTLY REVIEWED (2 of "));
    assert!(report.not_read.len() + read.len() >= 499, "{}", report.not_read.len());
    assert!(report.not_read.iter().all(|one| one.why == "the cap on calls is reached"));
}

#[test]
fn tokens_and_time_end_it_too() {
    for limits in [
        Limits { tokens: Some(30_000), ..Limits::default() },
        Limits { time: Some(std::time::Duration::ZERO), ..Limits::default() },
    ] {
        let scripts = Scripts::new(|_, _| None);
        let report = run(&Review { limits, ..job(&large(), 8_000) }, &scripts);
        assert_eq!(report.coverage.status, Status::Capped, "{limits:?}");
        assert!(report.coverage.pieces_read < report.coverage.pieces && !report.not_read.is_empty());
    }
}

#[test]
fn a_diff_of_three_thousand_lines_is_split_and_placed_at_once() {
    let lines: String = (0..3_000).fold(String::new(), |all, at| all + &format!("+let line_{at} = {at};\n"));
    let diff =
        format!("diff --git a/big.rs b/big.rs\n--- a/big.rs\n+++ b/big.rs\n@@ -0,0 +1,3000 @@\n{lines}");
    let change = parse(&diff).unwrap();
    let (pieces, _) = split(&change, 8_000);
    assert!(pieces.iter().all(|piece| tokens(&piece.text) <= 8_100));
    let scripts = Scripts::new(|role, prompt| {
        (role == ParticipantRole::Critic)
            .then(|| critique(prompt, &[fault("let line_2500 = 2500;", "big.rs:1", "nit")]))
    });
    let report = run(&job(&diff, 8_000), &scripts);
    let placed: Vec<u32> = report.findings.iter().map(|one| one.place.as_ref().unwrap().line).collect();
    assert_eq!(placed, [2_501]);
}
