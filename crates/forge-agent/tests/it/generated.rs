//! Generated changes whose lines are known.

use fastrand::Rng;
use forge_agent::review::{Anchor, Review, Side};
use forge_core::ParticipantRole;
use serde_json::Value;

use crate::support::{Scripts, critique, fault, job, run, scale};

const CHANGES: usize = 1_000;

/// A line of a change with its numbers.
#[derive(Debug, Clone)]
struct Known {
    mark: char,
    text: String,
    new: u32,
}

/// A file before and afterwards as lines with marks.
fn lines(rng: &mut Rng, file: usize) -> Vec<Known> {
    const INDENTS: [&str; 4] = ["", "    ", "\t", "        "];
    let count = rng.usize(5..60);
    let mut new = 1;
    let mut all = Vec::new();
    for at in 0..count {
        // Some lines stand in several places, as closing brackets do.
        let text = if rng.u8(..8) == 0 {
            "        return done(item);".to_owned()
        } else {
            format!("{}let value_{file}_{at} = call({});", INDENTS[rng.usize(..4)], rng.u32(..))
        };
        let mark = match rng.u8(..6) {
            0 | 1 => '+',
            2 => '-',
            _ => ' ',
        };
        all.push(Known { mark, text, new });
        new += u32::from(mark != '-');
    }
    all
}

/// The diff of a file with three lines around each change, and the lines that it shows.
fn diff(path: &str, lines: &[Known], offset: u32) -> (String, Vec<Known>) {
    let near = |at: usize| {
        let around = at.saturating_sub(3)..(at + 4).min(lines.len());
        lines[around].iter().any(|line| line.mark != ' ')
    };
    let mut text = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n");
    let (mut shown, mut hunk, mut old) = (Vec::new(), Vec::<(u32, Known)>::new(), 1);
    let flush = |hunk: &mut Vec<(u32, Known)>, text: &mut String| {
        if let Some((old, first)) = hunk.first() {
            let count = |gone| hunk.iter().filter(|(_, line)| line.mark != gone).count();
            let start = |number: u32, count: usize| if count == 0 { number - 1 } else { number };
            let (before, after) = (count('+'), count('-'));
            let (from, to) = (start(old + offset, before), start(first.new + offset, after));
            *text += &format!("@@ -{from},{before} +{to},{after} @@ fn part()\n");
            for (_, line) in hunk.iter() {
                *text += &format!("{}{}\n", line.mark, line.text);
            }
            hunk.clear();
        }
    };
    for (at, line) in lines.iter().enumerate() {
        if near(at) {
            let known = Known { new: line.new + offset, ..line.clone() };
            shown.push(known);
            hunk.push((old, line.clone()));
        } else {
            flush(&mut hunk, &mut text);
        }
        old += u32::from(line.mark != '+');
    }
    flush(&mut hunk, &mut text);
    (text, shown)
}

/// What a critic may make of a line: with a mark, with other blanks, a part of it.
fn quoted(rng: &mut Rng, line: &Known) -> String {
    let text = line.text.trim();
    match rng.u8(..4) {
        0 => format!("{}{}", line.mark, line.text),
        1 => text.replace(' ', "  "),
        2 if text.len() > 24 => text[4..].to_owned(),
        _ => text.to_owned(),
    }
}

#[test]
fn every_finding_is_on_the_right_line() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let (mut placed, mut apart) = (0, 0);
    for change in 0..CHANGES * scale() {
        let (mut text, mut all) = (String::new(), Vec::new());
        for file in 0..rng.usize(1..4) {
            let lines = lines(&mut rng, file);
            if lines.iter().all(|line| line.mark == ' ') {
                continue;
            }
            let path = format!("src/file{file}.rs");
            let (one, shown) = diff(&path, &lines, 0);
            text += &one;
            all.extend(shown.into_iter().map(|line| (path.clone(), line)));
        }
        let changed: Vec<&(String, Known)> = all.iter().filter(|(_, line)| line.mark == '+').collect();
        if changed.is_empty() {
            continue;
        }
        let (path, line) = changed[rng.usize(..changed.len())].clone();
        let twins = all.iter().filter(|(_, other)| other.text.trim() == line.text.trim()).count();
        let quote = quoted(&mut rng, &line);
        // The number that the model gives is wrong, and there is no word about the file.
        let finding = fault(&quote, "somewhere", "minor");
        let mut scripts = Scripts::new(move |role, prompt| {
            let holds = || {
                prompt.contains(
                    &finding["quote"].as_str().unwrap().trim_start_matches('+').trim().replace("  ", " "),
                )
            };
            let found: &[Value] = if holds() { std::slice::from_ref(&finding) } else { &[] };
            (role == ParticipantRole::Critic).then(|| critique(prompt, found))
        });
        scripts.critics = 1;
        let report = run(&Review { most: 9, ..job(&text, 100_000) }, &scripts);
        if twins > 1 {
            // Wherever it is placed, that very line stands there.
            for place in report.findings.iter().map(|one| one.place.as_ref().unwrap()) {
                let here = |(at, other): &&(String, Known)| {
                    *at == place.path && other.mark != '-' && other.new == place.line
                };
                let stands = all.iter().find(here).unwrap();
                assert_eq!(stands.1.text.trim(), line.text.trim(), "{text}");
            }
            apart += report.unanchored.iter().filter(|one| one.anchor == Anchor::Ambiguous).count();
            continue;
        }
        let found =
            report.findings.first().unwrap_or_else(|| panic!("{change}: {quote}\n{text}\n{report:?}"));
        let place = found.place.as_ref().unwrap();
        assert_eq!(
            (place.path.as_str(), place.side, place.line),
            (path.as_str(), Side::New, line.new),
            "{quote}\n{text}"
        );
        placed += 1;
    }
    println!("{placed} placed, {apart} told apart");
    assert!(placed > CHANGES / 2, "{placed}");
}

#[test]
fn a_fingerprint_outlives_a_shift_of_lines() {
    let mut rng = Rng::with_seed(7);
    let mut compared = 0;
    for _ in 0..100 {
        let lines = lines(&mut rng, 0);
        let quotes: Vec<String> =
            lines.iter().filter(|line| line.mark == '+').map(|line| line.text.clone()).collect();
        let names = |offset: u32| {
            let (text, _) = diff("src/a.rs", &lines, offset);
            let findings: Vec<Value> = quotes.iter().map(|quote| fault(quote, "", "nit")).collect();
            let scripts = Scripts::new(move |role, prompt| {
                (role == ParticipantRole::Critic).then(|| critique(prompt, &findings))
            });
            let report = run(&Review { most: 99, ..job(&text, 100_000) }, &scripts);
            report
                .findings
                .into_iter()
                .map(|one| (one.fingerprint, one.place.unwrap().line))
                .collect::<Vec<_>>()
        };
        if quotes.is_empty() {
            continue;
        }
        let (before, after) = (names(0), names(1_000));
        let fingerprints = |all: &[(String, u32)]| all.iter().map(|one| one.0.clone()).collect::<Vec<_>>();
        assert_eq!(fingerprints(&before), fingerprints(&after));
        assert!(before.iter().zip(&after).all(|(one, other)| one.1 + 1_000 == other.1));
        compared += before.len();
    }
    assert!(compared > 100, "{compared}");
}
