//! A section of another crate.

use std::time::Duration;

use forge::config::{Loader, Problem, ResolveContext, Section, Trust, code, schemars};
use serde::Deserialize;

use crate::Machine;

/// When backups are made.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "forge::config::schemars")]
struct BackupSpec {
    /// How often, such as `1h`.
    every: Option<String>,
    /// Where to.
    target: Option<String>,
}

#[derive(Debug)]
struct BackupPlan {
    every: Option<Duration>,
}

struct BackupSection;

impl Section for BackupSection {
    const KEY: Option<&'static str> = Some("backup");
    type Spec = BackupSpec;
    type Plan = BackupPlan;

    fn resolve(&self, spec: &BackupSpec, context: &mut ResolveContext<'_>) -> BackupPlan {
        let path = context.root.clone();
        if spec.every.is_none() {
            context
                .report(Problem::new(code::MISSING, path.clone(), "it does not say how often").about_key());
        }
        BackupPlan { every: context.duration(spec.every.as_deref(), &path.key("every")) }
    }

    fn refused(&self, spec: &BackupSpec) -> Vec<Problem> {
        let path = forge::config::KeyPath::ROOT.key("backup").key("target");
        spec.target.iter().map(|_| Problem::untrusted(path.clone(), "sends files somewhere")).collect()
    }
}

const ROUTER: &str = "schema_version: '1.0'\nproviders:\n  aa: { type: local, model: qwen3 }\n";

fn said(more: &str, trust: Trust) -> Result<Option<Duration>, String> {
    let (registry, models) = (forge::registry(), forge::models());
    let loader = Loader::new(&registry, &models, "2026-11-20".parse().unwrap(), &Machine);
    let loader = loader.with_trust(trust).with_section(BackupSection);
    assert_eq!(loader.schema()["properties"]["backup"]["description"], "When backups are made.");
    let file = loader.load("forge.yaml", &format!("{ROUTER}{more}")).map_err(|error| error.to_string())?;
    assert!(file.get::<BackupSpec>().is_some() && file.warnings.is_empty());
    Ok(file.get::<BackupPlan>().unwrap().every)
}

#[test]
fn another_crate_adds_a_section_and_its_mistakes_have_their_place() {
    assert_eq!(said("backup: { every: 1h }\n", Trust::Project), Ok(Some(Duration::from_secs(3_600))));
    for (more, expected) in [
        ("backup: { every: soon }\n", "forge.yaml:4:18: error[E116]: backup.every: `soon` is not a duration"),
        (
            "backup:\n  evry: 1h\n",
            "forge.yaml:5:3: error[E105]: backup.evry: there is no key `evry` here; did you mean `every`?",
        ),
        ("backup: []\n", "forge.yaml:4:9: error[E106]: backup: expected a mapping, found a list"),
        ("backup: {}\n", "forge.yaml:4:1: error[E113]: backup: it does not say how often"),
        (
            "backup: { every: 1h, target: /x }\n",
            "forge.yaml:4:30: error[E108]: backup.target: this file is not trusted, and it sends files somewhere",
        ),
    ] {
        let reports = said(more, Trust::Project).unwrap_err();
        assert!(reports.lines().any(|line| line.starts_with(expected)), "{reports}");
    }
}

#[test]
fn the_mistakes_of_all_sections_stand_in_the_order_of_the_file() {
    let text = "backup: { every: soon }\nsession: { critics: 99 }\nroles: { coder: { provider: ab } }\n";
    let reports = said(text, Trust::Trusted).unwrap_err();
    let codes: Vec<_> = reports.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(codes, ["error[E116]", "error[E115]", "error[E110]"]);
}

#[test]
fn without_its_crate_a_section_is_an_unknown_key() {
    let text = format!("{ROUTER}backup: {{ every: 1h }}\n");
    assert!(crate::load(&text, Trust::Trusted).unwrap_err().to_string().contains("there is no key `backup`"));
}
