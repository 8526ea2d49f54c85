//! Sizes that keep the code readable, and calls that libraries leave out. A figure that has to grow is a decision, not
//! an accident.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Sources of the crates without their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !matches!(name, "tests" | "benches" | "examples") {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !is_test(&path) {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                found.push((path, code));
            }
        }
    }
    found
}

/// Whether the module above declares the file for tests alone.
fn is_test(path: &Path) -> bool {
    let declared = format!("#[cfg(test)]\nmod {};", path.file_stem().unwrap().to_str().unwrap());
    let folder = path.parent().unwrap();
    let above =
        [folder.join("mod.rs"), folder.join("lib.rs"), folder.join("main.rs"), folder.with_extension("rs")];
    above.iter().any(|above| fs::read_to_string(above).is_ok_and(|text| text.contains(&declared)))
}

/// The lengths of the functions in a file that is formatted: from the line of the name to the brace in its column.
fn functions(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &str| {
        let words = line.trim_start().split("fn ").next().unwrap_or_default();
        line.contains("fn ")
            && words.split(' ').all(|word| {
                matches!(word, "" | "pub" | "async" | "const" | "unsafe" | "extern")
                    || word.starts_with("pub(")
            })
            && !words.contains("//")
    };
    let function = |(at, line): (usize, &&str)| {
        let closes = |other: &&str| indent(other) == indent(line) && other.trim_start().starts_with('}');
        let length = lines[at..].iter().position(closes)? + 1;
        // One without a body ends before the next brace.
        let has_body = lines[at..at + length].iter().any(|line| line.trim_end().ends_with('{'));
        has_body.then(|| (length, line.trim().to_owned()))
    };
    lines.iter().enumerate().filter(|(_, line)| begins(line)).filter_map(function).collect()
}

/// The value below which `percent` of the sorted values are.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

#[test]
fn files_and_functions_stay_short() {
    let sources = sources();
    let mut files: Vec<usize> = sources.iter().map(|(_, text)| text.lines().count()).collect();
    files.sort_unstable();
    let mut all: Vec<(usize, String)> = sources
        .iter()
        .flat_map(|(path, text)| {
            let name = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates")).unwrap();
            functions(text)
                .into_iter()
                .map(move |(length, line)| (length, format!("{}: {line}", name.display())))
        })
        .collect();
    all.sort();
    let lengths: Vec<usize> = all.iter().map(|(length, _)| *length).collect();
    let mean = files.iter().sum::<usize>() / files.len();
    println!(
        "{} files: mean {mean}, p90 {}, longest {}; {} functions: p95 {}, longest {:?}",
        files.len(),
        percentile(&files, 90),
        files.last().unwrap(),
        lengths.len(),
        percentile(&lengths, 95),
        all.last().unwrap(),
    );
    assert!(mean <= 160, "the mean file has {mean} lines");
    assert!(percentile(&files, 90) <= 300, "one file in ten has {} lines or more", percentile(&files, 90));
    assert!(percentile(&lengths, 95) <= 40, "one function in twenty has {} lines", percentile(&lengths, 95));
    let longest = all.last().unwrap();
    assert!(longest.0 <= 100, "{} lines: {}", longest.0, longest.1);
}

#[test]
fn libraries_never_panic_on_purpose() {
    const METHODS: [&str; 2] = [".unwrap()", ".expect("];
    const MACROS: [&str; 4] = ["panic", "todo", "unimplemented", "unreachable"];
    let mut found = Vec::new();
    for (path, text) in sources() {
        let library =
            !["forge-cli", "forge-testkit"].iter().any(|name| path.iter().any(|part| part == *name));
        let lines = text.lines().enumerate().filter(|(_, line)| {
            let code = line.split("//").next().unwrap();
            METHODS.iter().any(|method| code.contains(method))
                || MACROS.iter().any(|name| code.contains(&format!("{name}!(")))
        });
        if library {
            found.extend(lines.map(|(at, line)| format!("{}:{}: {}", path.display(), at + 1, line.trim())));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The names that the root of the core hands on are those that nearly every user needs; the others have a module.
#[test]
fn the_root_of_the_core_stays_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/forge-core/src/lib.rs");
    let text = fs::read_to_string(root).unwrap();
    let handed_on = text.split("pub use ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let names: usize = handed_on.map(|names| names.matches(',').count() + 1).sum();
    assert!((20..=28).contains(&names), "{names}");
}
