use forge::config::{MAX_BYTES, Trust};
use proptest::prelude::*;

use crate::load;

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
    assert!(refused(&bomb).contains("more than 100000 nodes"));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 100_000].join(", "));
    assert!(refused(&long).contains("more than 100000 nodes"));
    assert!(refused(&format!("a: [{}]", "x, ".repeat(100_001))).contains("more than 100000 nodes"));
}

#[test]
fn pools_in_pools_beyond_all_measure_are_refused() {
    let pool = |at: u32| format!("  p{at:05}: {{members: [{{provider: p{:05}}}]}}\n", at + 1);
    let pools = (0..9_000).map(pool).collect::<Vec<_>>().concat();
    let said =
        load(&format!("providers: {{aa: {{type: local, model: m}}}}\npools:\n{pools}"), Trust::Trusted);
    assert!(said.unwrap_err().to_string().contains("16 deep"));
}

const SAMPLE: &str = include_str!("../../../../config/forge.example.yaml");

proptest! {
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
