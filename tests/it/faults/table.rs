//! The table of all faults. `docs/faults.md` is made from it, and each test that it names exists.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use super::rows::ROWS;

/// What happens, what is to come of it, what shows that, and what it is to reach and did reach.
pub(super) struct Row {
    pub(super) fault: &'static str,
    pub(super) expected: &'static str,
    pub(super) tests: &'static [Test],
    pub(super) goal: &'static str,
    /// What was measured and how much of it; in a row without tests, what it waits for.
    pub(super) measured: &'static str,
}

/// The file of a test, below the workspace, and its name.
pub(super) struct Test(pub(super) &'static str, pub(super) &'static str);

const INTRODUCTION: &str = "\
# Faults and attacks

What happens when something breaks or somebody means harm, and the tests that show it.

State machines are tested with a clock that the test moves, so that their figures are exact and the same on every
machine. What goes over a wire is tested with real sockets on loopback: vendors that reset, stall, trickle, cut off
and lie. Times and memory are those of one machine (2 virtual cores, x86-64, 24 GiB, Linux, 2026-11-21) that was
busy with other work; tests assert memory and counts, and never a time.

A row runs again by the name of its test:

```sh
cargo test -p forge-layers an_outage_costs_a_fifth_more -- --nocapture
cargo test -p forge-tests --test it faults:: -- --nocapture     # those that concern the whole
FORGE_TEST_KILLS=200 cargo test -p forge-store --test it survives_a_kill -- --nocapture
FORGE_TEST_WRITE_SECONDS=60 cargo test -p forge-store --test it four_processes -- --nocapture
```

The last two do less by themselves: 20 kills, and 10,000 records for each process. `--nocapture` shows what was
measured.

This page is made from `tests/it/faults/rows.rs`:
`FORGE_UPDATE_DOCS=1 cargo test -p forge-tests --test it faults::table`.

";

fn workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("| What happens | What comes of it | Goal | Measured | Tests |\n|---|---|---|---|---|\n");
    let (done, waiting): (Vec<_>, Vec<_>) = ROWS.iter().partition(|row| !row.tests.is_empty());
    for row in &done {
        let tests = row.tests.iter().map(|Test(file, name)| format!("[`{name}`](../{file})"));
        let tests = tests.collect::<Vec<_>>().join(", ");
        let Row { fault, expected, goal, measured, .. } = row;
        writeln!(page, "| {fault} | {expected} | {goal} | {measured} | {tests} |").unwrap();
    }
    page.push_str(
        "\n## Not yet\n\n| What happens | What is to come of it | Goal | Waits for |\n|---|---|---|---|\n",
    );
    for Row { fault, expected, goal, measured, .. } in waiting {
        writeln!(page, "| {fault} | {expected} | {goal} | {measured} |").unwrap();
    }
    page
}

#[test]
fn the_page_about_faults_is_that_of_the_table() {
    let path = workspace("docs/faults.md");
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test may ask for the page")]
    if std::env::var_os("FORGE_UPDATE_DOCS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    let how = "FORGE_UPDATE_DOCS=1 cargo test -p forge-tests --test it faults::table";
    assert!(written == page(), "write it anew: {how}");
}

#[test]
fn every_test_of_the_table_exists() {
    let mut seen = BTreeSet::new();
    for row in ROWS {
        assert!(seen.insert(row.fault), "{} stands there twice", row.fault);
        for Test(file, name) in row.tests {
            let source = fs::read_to_string(workspace(file)).unwrap_or_default();
            let found = source.match_indices(&format!("fn {name}(")).any(|(at, _)| {
                // An attribute stands before it; a scenario of the contract becomes a test by its macro.
                let before = &source[source[..at].rfind("\n\n").unwrap_or(0)..at];
                before.contains("#[test]") || before.contains("test]") || file.contains("/contract/")
            });
            assert!(found, "{file} has no test {name}");
        }
    }
}
