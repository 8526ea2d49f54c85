//! Configuration files.

use std::{io, sync::LazyLock};

use chrono::NaiveDate;
use forge::{
    AdapterRegistry, ModelTable,
    config::{ConfigError, ConfigFile, Loader, Lookup, Trust},
};

const SECRET: &str = "sk-test-canary-51c0";

#[derive(Debug)]
struct Machine;

impl Lookup for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        name.ends_with("KEY").then(|| SECRET.into())
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Ok(SECRET.into())
    }
}

/// The bytes as a configuration. It is loaded, or refused with a place in it for every reason; no reason shows what
/// a variable or a file holds; and it is the same the next time.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 1;
    for trust in [Trust::Trusted, Trust::Project] {
        let said = said(&read(&text, trust));
        match &read(&text, trust) {
            Ok(file) => assert!(!format!("{file:?}").contains(SECRET), "{text}"),
            Err(error) => {
                assert!(!error.reports.is_empty());
                for report in &error.reports {
                    assert!(
                        (1..=lines).contains(&report.line) && report.column >= 1,
                        "{report} in {lines} lines"
                    );
                }
            }
        }
        assert!(!said.contains(SECRET), "{said}");
        assert_eq!(said, self::said(&read(&text, trust)));
    }
}

fn read(text: &str, trust: Trust) -> Result<ConfigFile, ConfigError> {
    static KNOWN: LazyLock<(AdapterRegistry, ModelTable)> =
        LazyLock::new(|| (forge::registry(), forge::models()));
    let (registry, models) = &*KNOWN;
    let today = NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day");
    Loader::new(registry, models, today, &Machine).with_trust(trust).load("forge.yaml", text)
}

/// Everything that is said about a file.
fn said(file: &Result<ConfigFile, ConfigError>) -> String {
    match file {
        Ok(file) => file.warnings.iter().map(|report| format!("{report}\n")).collect(),
        Err(error) => error.to_string(),
    }
}
