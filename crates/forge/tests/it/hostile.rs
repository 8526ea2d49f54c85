use std::{fmt::Write as _, process::Command, time::Instant};

use forge::config::{Lookup, MAX_BYTES, Trust};
use proptest::prelude::*;

use crate::{Machine, load, load_with};

/// The only thing said about `text`.
fn refused(text: &str) -> String {
    let reports = load(text, Trust::Trusted).unwrap_err().reports;
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports[0].to_string()
}

#[test]
fn a_file_larger_than_a_mebibyte_is_refused_unread() {
    let line = "a: b\n";
    assert!(refused(&line.repeat(MAX_BYTES / line.len() + 1)).contains("E102"));
    assert!(refused(&line.repeat(10 * MAX_BYTES / line.len())).contains("larger than 1 MiB"));
}

#[test]
fn depth_ends_at_64() {
    for opening in ["[", "{a: ", "- ", "? "] {
        let said = refused(&opening.repeat(100_000));
        assert!(said.contains("E102") && said.contains("64 deep"), "{said}");
    }
    let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(refused(&nested(64)).contains("64 deep"));
    let reports = load(&nested(63), Trust::Trusted).unwrap_err();
    assert!(!reports.to_string().contains("64 deep"), "{reports}");
}

#[test]
fn aliases_count_as_what_they_stand_for() {
    let level = |level: u32| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    };
    let bomb =
        format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{}", (1..12).map(level).collect::<Vec<_>>().concat());
    assert!(refused(&bomb).contains("more than 50000 nodes"));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 100_000].join(", "));
    assert!(refused(&long).contains("more than 50000 nodes"));
    assert!(refused(&format!("a: [{}]", "x, ".repeat(50_001))).contains("more than 50000 nodes"));
}

#[test]
fn pools_in_pools_beyond_all_measure_are_refused() {
    let pool = |at: u32| format!("  p{at:05}: {{members: [{{provider: p{:05}}}]}}\n", at + 1);
    let pools = (0..5_000).map(pool).collect::<Vec<_>>().concat();
    let said =
        load(&format!("providers: {{aa: {{type: local, model: m}}}}\npools:\n{pools}"), Trust::Trusted);
    assert!(said.unwrap_err().to_string().contains("16 deep"));
}

#[test]
fn of_many_unknown_keys_the_first_hundred_are_listed() {
    let text = format!("schema_version: '1.0'\n{}", lines(24_000, |at| format!("unknown{at}: 1\n")));
    let reports = load(&text, Trust::Trusted).unwrap_err().reports;
    assert_eq!(reports.iter().filter(|report| report.code == "E105").count(), 101);
    assert!(reports.iter().any(|report| report.message.contains("23900 more keys here are unknown")));
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// Every kind of file that is small to write and large to read.
fn bombs() -> Vec<(&'static str, String)> {
    let lol =
        |level: u32| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
    let nested: String = (1..1_000).fold("a0: &a0 [x]\n".into(), |mut text, level| {
        writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1).unwrap();
        text
    });
    let long = "x".repeat(1_000_000);
    vec![
        ("billion laughs", format!("a0: &a0 [x]\n{}", (1..12).map(lol).collect::<String>())),
        ("laughs in 1,000 levels", nested),
        ("a long value 9,000 times", format!("a: &a \"{long}\"\nb: [{}]\n", vec!["*a"; 9_000].join(", "))),
        (
            "merged mappings",
            format!(
                "a0: &a0 {{x: y}}\n{}",
                lines(200, |l| format!("a{0}: &a{0} {{<<: [*a{l}, *a{l}, *a{l}]}}\n", l + 1))
            ),
        ),
        ("100,000 lists in lists", "[".repeat(100_000)),
        ("100,000 mappings in mappings", "{a: ".repeat(100_000)),
        ("100,000 lines, each deeper", "- ".repeat(100_000)),
        ("an alias to itself", "a: &a [*a, *a]\n".into()),
        ("10 MiB of lines", "a: b\n".repeat(10 * MAX_BYTES / 5)),
        ("10 MiB in one value", format!("a: {}\n", "x".repeat(10 * MAX_BYTES))),
        ("a mebibyte of one list", format!("a: [{}]\n", "x,".repeat(MAX_BYTES / 2 - 10))),
        ("a mebibyte of numbers", format!("a: [{}]\n", "1.5,".repeat(MAX_BYTES / 4 - 10))),
        ("a mebibyte of providers", lines(20_000, |at| format!("providers{at}: {{x: {{y: {{z: 1}}}}}}\n"))),
        ("a mebibyte of anchors", lines(60_000, |at| format!("a{at}: &b{at} c\n"))),
        ("a mebibyte of tags", "a: !!x y\n".repeat(100_000)),
        ("a mebibyte of open quotes", "\"".repeat(MAX_BYTES - 1)),
        ("a mebibyte of question marks", "? ".repeat(MAX_BYTES / 2 - 1)),
        ("a mebibyte of folded lines", format!("a: >\n{}", " x\n".repeat(MAX_BYTES / 3 - 10))),
    ]
}

/// The most memory that this process ever had in use, in bytes, where the system tells.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

/// Each in a process of its own, so that only its memory is counted.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test tells its child what to do")]
fn a_bomb_is_refused_in_little_memory() {
    const NAME: &str = "hostile::a_bomb_is_refused_in_little_memory";
    if let Ok(file) = std::env::var("FORGE_BOMB") {
        let text = std::fs::read_to_string(file).unwrap();
        // What does not depend on the file, and is made once.
        load("", Trust::Trusted).unwrap_err();
        let (before, begun) = (peak_memory(), Instant::now());
        let error = load(&text, Trust::Trusted).unwrap_err();
        let took = begun.elapsed();
        let grown =
            peak_memory().zip(before).map_or("?".into(), |(after, before)| (after - before).to_string());
        println!("\nread {grown} bytes, {took:?}: {:.90}", error.reports[0].to_string());
        return;
    }
    let file = std::env::temp_dir().join(format!("forge-bomb-{}.yaml", std::process::id()));
    for (what, text) in bombs() {
        std::fs::write(&file, text).unwrap();
        let mut reader = Command::new(std::env::current_exe().unwrap());
        reader.args(["--exact", NAME, "--nocapture", "--test-threads=1"]).env("FORGE_BOMB", &file);
        let output = reader.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{what}: {said}");
        let read = said.lines().find_map(|line| line.strip_prefix("read ")).unwrap();
        println!("{what}: {read}");
        match read.split_once(' ').unwrap().0.parse::<usize>() {
            Ok(grown) => assert!(grown < 32 * 1024 * 1024, "{what}: {read}"),
            Err(_) => println!("SKIPPED: this system does not tell how much memory a process takes"),
        }
    }
    std::fs::remove_file(&file).unwrap();
}

/// A machine whose variable `KEY` holds this.
#[derive(Debug)]
struct Key(String);

impl Lookup for Key {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| self.0.clone())
    }

    fn file(&self, path: &str) -> std::io::Result<String> {
        Machine.file(path)
    }
}

/// A configuration in which `evil`, written in the way of YAML, stands in one of eight places; and the line
/// of that place.
fn with_control(place: usize, evil: &str) -> (String, usize) {
    let at =
        |line: usize, usual: &str| if line == place + 3 { format!("\"a{evil}b\"") } else { usual.to_owned() };
    let id = at(10, "bb");
    let text = format!(
        "schema_version: '1.0'\nproviders:\n  aa: {{ type: local, model: {} }}\n  ab: {{ type: local, model: m, endpoint: {} }}\n  \
         ac: {{ type: local, model: m, headers: {{ x-a: {} }} }}\n  ad: {{ type: local, model: m, headers: {{ {}: b }} }}\n  \
         ae: {{ type: local, model: m, display_name: {} }}\n  af: {{ type: local, model: m, preferred_roles: [{}] }}\n  \
         ag: {{ type: local, model: m, api_key: {} }}\n  {id}: {{ type: local, model: m }}\ndefault_provider: aa\n",
        at(3, "m"),
        at(4, "'http://127.0.0.1:1'"),
        at(5, "b"),
        at(6, "x-b"),
        at(7, "n"),
        at(8, "coder"),
        at(9, "'${KEY}'"),
    );
    (text, place + 3)
}

#[test]
fn the_frame_of_control_characters_is_good_without_one() {
    let (text, _) = with_control(100, "");
    let loaded = load_with(&Key("sk-test-1".into()), &text, Trust::Trusted);
    assert!(loaded.is_ok(), "{loaded:?}");
}

const SAMPLE: &str = include_str!("../../../../config/forge.example.yaml");

proptest! {
    #[test]
    fn a_control_character_anywhere_is_a_mistake_with_its_line(
        evil in prop_oneof![Just('\r'), Just('\n'), Just('\0'), any::<char>().prop_filter("control", |c| c.is_control())],
        place in 0..8_usize,
    ) {
        let (text, line) = with_control(place, &format!("\\u{:04x}", u32::from(evil)));
        let error = load_with(&Key("sk-test-1".into()), &text, Trust::Trusted).unwrap_err();
        prop_assert!(error.reports.iter().any(|report| report.line == line && report.code.starts_with('E')), "{error}");
        prop_assert!(!error.to_string().contains(|c: char| c.is_control() && c != '\n'), "{error:?}");
        // In a variable it is found where the variable is used.
        let (text, _) = with_control(100, "");
        let error = load_with(&Key(format!("sk-test-{evil}1")), &text, Trust::Trusted).unwrap_err();
        prop_assert!(error.reports.iter().any(|report| report.line == 9 && report.code.starts_with('E')), "{error}");
        prop_assert!(!error.to_string().contains("sk-test"), "{error}");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = load(&String::from_utf8_lossy(&bytes), Trust::Trusted);
    }

    #[test]
    fn no_text_of_yaml_signs_makes_it_panic(text in r#"[-\[\]{}:,?&*!|>%#'"\n \t~a0.$\\@`é]{0,200}"#) {
        let _ = load(&text, Trust::Project);
    }

    #[test]
    fn no_mutation_of_the_sample_makes_it_panic(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<char>()), 1..12),
    ) {
        let mut text: Vec<char> = SAMPLE.chars().collect();
        for (place, kind, with) in edits {
            if text.is_empty() {
                break;
            }
            let at = place.index(text.len());
            match kind {
                0 => { text.remove(at); }
                1 => text.insert(at, with),
                2 => text[at] = ['{', '}', '[', ']', ':', '"', '\n', ' ', '-', '&'][with as usize % 10],
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = load(&text, Trust::Trusted) {
            let lines = text.matches(['\n', '\r']).count() + 1;
            prop_assert!(!error.reports.is_empty());
            for report in &error.reports {
                let in_text = (1..=lines).contains(&report.line) && report.column >= 1;
                prop_assert!(in_text, "{report} in {lines} lines of {text:?}");
            }
        }
    }
}
