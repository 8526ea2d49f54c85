//! What the word of a session is worth: the council over worlds with planted faults, beside shallower modes, three
//! fixed cycles and an oracle; and hostile councils. The first argument that is a number is the number of sessions for
//! each row.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::collections::BTreeMap;

use forge_benches::council::{Broken, Figures, Reference, Setting, figures, hostile};
use forge_session::Mode;

const SEED: u64 = 11;

fn main() {
    let sessions = std::env::args().find_map(|one| one.parse().ok()).unwrap_or(1_000);
    let runs = |part: &str| {
        let mut wanted =
            std::env::args().filter(|one| ["worlds", "hostile"].contains(&one.as_str())).peekable();
        wanted.peek().is_none() || wanted.any(|one| one == part)
    };
    if runs("worlds") {
        worlds(sessions);
    }
    if runs("hostile") {
        hostile_councils(sessions as u64 * 10);
    }
}

/// Councils of honest people who do not see everything.
fn worlds(sessions: usize) {
    println!(
        "{sessions} sessions a row from seed {SEED}; 20 planted faults, 4 of them critical; shares in %"
    );
    println!(
        "| p | correlation | noise | rule | recall | converged | settled | critical left if converged | \
         critical left | cycles | calls | lines lost |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    for noise in [false, true] {
        for correlation in [0.0, 0.3] {
            for p in [0.34, 0.5, 0.6] {
                let setting = |cycles| Setting { faults: 20, p, correlation, noise, cycles };
                let row = |rule: &str, figures: Figures| {
                    print_row(p, correlation, noise, rule, &figures);
                };
                if !noise {
                    row("direct", figures(setting(1), sessions, SEED, Ok(Mode::Direct)));
                    row("review", figures(setting(1), sessions, SEED, Ok(Mode::Review)));
                }
                row("council, 1 cycle", figures(setting(1), sessions, SEED, Ok(Mode::Council)));
                row("council, 2 cycles", figures(setting(2), sessions, SEED, Ok(Mode::Council)));
                row("council, 3 cycles", figures(setting(3), sessions, SEED, Ok(Mode::Council)));
                if !noise {
                    row("3 fixed cycles", figures(setting(3), sessions, SEED, Err(Reference::ThreeCycles)));
                    row("oracle", figures(setting(3), sessions, SEED, Err(Reference::Oracle)));
                }
            }
        }
    }
}

/// Councils in which everybody may be hostile, hollow or lossy.
fn hostile_councils(sessions: u64) {
    let mut broken: BTreeMap<Broken, (usize, u64, String)> = BTreeMap::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in SEED..SEED + sessions {
        let (result, all) = hostile(seed);
        for (kind, what) in all {
            broken.entry(kind).or_insert((0, seed, what)).0 += 1;
        }
        *ends.entry(format!("{:?}", result.status)).or_default() += 1;
    }
    println!("{sessions} hostile sessions: {ends:?}");
    println!("what they broke, how often, and the first seed: {broken:?}");
}

fn print_row(p: f64, correlation: f64, noise: bool, rule: &str, of: &Figures) {
    let share = |share: f64| format!("{:.1}", share * 100.0);
    let wrong = if of.converged > 0.0 { share(of.wrong) } else { "-".to_owned() };
    println!(
        "| {p} | {correlation} | {} | {rule} | {} | {} | {} | {wrong} | {} | {:.2} | {:.1} | {} |",
        if noise { "yes" } else { "no" },
        share(of.recall),
        share(of.converged),
        share(of.settled),
        share(of.critical_left),
        of.cycles,
        of.calls,
        of.lost,
    );
}
