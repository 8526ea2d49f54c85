//! Each file in `tests/broken` has a mistake that somebody could make; what is said about it stands in the
//! snapshot of the same name. Files called `project-*` are loaded as those of somebody else's project.

use std::{collections::BTreeSet, path::PathBuf};

use forge::config::{Lookup, Trust};

use crate::{Machine, load, load_with};

fn cases() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

fn said(name: &str, text: &str) -> String {
    let trust = if name.starts_with("project-") { Trust::Project } else { Trust::Trusted };
    let Err(error) = load(text, trust) else { panic!("{name} loads") };
    error.to_string()
}

#[test]
fn every_broken_file_is_told_what_is_wrong_where() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    insta::with_settings!({ snapshot_path => "../broken", prepend_module_to_snapshot => false, omit_expression => true }, {
        for (name, text) in cases {
            insta::assert_snapshot!(name.clone(), said(&name, &text));
        }
    });
}

#[test]
fn no_message_shows_a_secret() {
    for (name, text) in cases() {
        assert!(!said(&name, &text).contains("test-secret"), "{name}");
    }
}

#[test]
fn every_mistake_has_a_broken_file() {
    let sources = [
        include_str!("../../../forge-config/src/code.rs"),
        include_str!("../../../forge-router/src/code.rs"),
    ];
    let defined: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.split('"'))
        .filter(|word| word.len() == 4 && word.starts_with("E1"))
        .collect();
    let said: String = cases().iter().map(|(name, text)| said(name, text)).collect();
    let unused: Vec<_> = defined.iter().filter(|code| !said.contains(*code)).collect();
    assert!(defined.len() >= 29 && unused.is_empty(), "{unused:?}");
}

#[test]
fn a_project_file_is_refused_what_a_trusted_one_may_do() {
    for name in
        ["project-endpoint", "project-file", "project-literal-key", "project-serve", "project-single-form"]
    {
        let (_, text) = cases().into_iter().find(|(case, _)| case == name).unwrap();
        assert!(load(&text, Trust::Trusted).is_ok(), "{name}");
        assert!(said(name, &text).contains("forge config trust"), "{name}");
    }
}

/// A machine on which no file may be touched.
#[derive(Debug)]
struct Untouched;

impl Lookup for Untouched {
    fn variable(&self, name: &str) -> Option<String> {
        Machine.variable(name)
    }

    fn file(&self, path: &str) -> std::io::Result<String> {
        panic!("{path} is read");
    }
}

#[test]
fn a_project_file_reads_no_file_wherever_it_names_one() {
    let text = "providers:\n  laptop:\n    type: local\n    model: ${file:/etc/passwd}\n    api_key: ${file:a}\n    \
                endpoint: http://${file:b}\n    headers: { X-A: \"${file:c}\" }\n";
    let reports = load_with(&Untouched, text, Trust::Project).unwrap_err().reports;
    let refused: Vec<_> = reports.iter().filter(|report| report.code == "E108").collect();
    assert_eq!(refused.len(), 4, "{reports:?}");
}

#[test]
fn a_project_file_shows_no_variable_as_the_name_of_a_model() {
    for model in ["${ANTHROPIC_API_KEY}", "x-${ANTHROPIC_API_KEY}", "${ANTHROPIC_API_KEY:-qwen3}"] {
        let text =
            format!("schema_version: '1.0'\nproviders:\n  aa: {{ type: local, model: \"{model}\" }}\n");
        let error = load(&text, Trust::Project).unwrap_err();
        assert!(error.reports.len() == 1 && error.reports[0].code == "E108", "{error}");
        assert!(!error.to_string().contains("test-secret"), "{error}");
    }
    let text = "schema_version: '1.0'\nproviders:\n  aa: { type: local, model: \"${MODEL:-qwen3}\" }\n";
    assert_eq!(load(text, Trust::Project).unwrap_err().reports[0].code, "E108");
    assert!(load(text, Trust::Trusted).is_ok());
}

#[test]
fn a_project_file_gives_a_vendor_no_key_but_its_own() {
    let refused = |kind: &str, name: &str| {
        let text = format!(
            "schema_version: '1.0'\nproviders:\n  a: {{ type: {kind}, model: m, api_key: \"${{{name}}}\" }}\n"
        );
        let reports = match load(&text, Trust::Project) {
            Ok(file) => file.warnings,
            Err(error) => error.reports,
        };
        reports.iter().any(|report| report.code == "E108")
    };
    for (kind, name, expected) in [
        ("anthropic", "ANTHROPIC_API_KEY", false),
        ("openai", "OPENAI_API_KEY", false),
        ("google", "GEMINI_API_KEY", false),
        ("openai", "ANTHROPIC_API_KEY", true),
        ("local", "OPENAI_API_KEY", true),
        ("google", "BROKEN_KEY", true),
        ("anthropic", "anthropic_api_key", true),
    ] {
        assert_eq!(refused(kind, name), expected, "{kind} {name}");
    }
}
