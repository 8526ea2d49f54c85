use forge_sim::Vendor;
use serde_json::Value;

use crate::{forge, run, with_sim};

fn json(arguments: &[&str]) -> Value {
    let said = run(forge().args(arguments).arg("--json"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn the_offline_providers_are_the_four_vendors_and_all_ready() {
    let ids = |object: &Value| -> Vec<String> {
        object["providers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["provider"].as_str().unwrap().to_owned())
            .collect()
    };
    let listed = json(&["providers", "list", "--offline"]);
    assert_eq!(ids(&listed), ["anthropic", "openai", "google", "local"]);
    let status = json(&["providers", "status", "--offline"]);
    assert_eq!(ids(&status), ["anthropic", "openai", "google", "local"]);
    assert!(status["providers"].as_array().unwrap().iter().all(|one| one["status"] == "ready"), "{status}");
}

#[test]
fn a_refused_key_does_not_hide_the_good_one() {
    with_sim("{}", |sim| {
        let said = run(forge()
            .args(["providers", "status"])
            .env("ANTHROPIC_API_KEY", "sk-test-invalid")
            .env("ANTHROPIC_BASE_URL", sim.base_url(Vendor::Anthropic))
            .env("OPENAI_API_KEY", "sk-test-good")
            .env("OPENAI_BASE_URL", sim.base_url(Vendor::OpenAi)));
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        let row = |id: &str| said.stdout.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
        assert!(
            row("anthropic").contains("credential refused") && row("openai").contains("ready"),
            "{}",
            said.stdout
        );
        assert!(!said.stdout.contains("sk-test"));
        // Validation is free.
        assert!(sim.journal().iter().all(|call| call.method == "GET"));
    });
}

#[test]
fn the_table_of_models_is_complete_and_can_be_narrowed() {
    let all = json(&["models", "list"]);
    let google = json(&["models", "list", "--provider", "google"]);
    let count = |object: &Value| object["models"].as_array().unwrap().len();
    assert_eq!((count(&all), count(&google)), (55, 12));
    let retired = all["retired"].as_array().unwrap();
    let turbo = retired.iter().find(|one| one["model"] == "gpt-3.5-turbo").unwrap();
    assert_eq!((&turbo["retires"], &turbo["successor"]), (&"2026-10-23".into(), &"gpt-5.6-terra".into()));
    let said = run(forge().args(["models", "list"]));
    assert!(said.stdout.contains("retired 2026-10-23, use gpt-5.6-terra"), "{}", said.stdout);
    let row = said.stdout.lines().find(|line| line.contains("claude-haiku-5-5")).unwrap();
    assert!(row.contains("0.10") || row.contains("0.1"), "{row}");
    assert!(row.contains("above 100000 tokens of prompt"), "{row}");
}

#[test]
fn live_models_come_from_every_vendor() {
    let live = json(&["models", "list", "--live", "--offline"]);
    for provider in ["anthropic", "openai", "google", "local"] {
        assert!(
            live["models"].as_array().unwrap().iter().any(|one| one["provider"] == provider),
            "{provider}"
        );
    }
    assert_eq!(live["simulated"], true);
}

#[test]
fn help_and_version_are_there() {
    let version = run(forge().arg("--version"));
    assert_eq!(version.stdout, format!("forge {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in [
        &["--help"][..],
        &["ask", "--help"],
        &["sim", "--help"],
        &["providers", "--help"],
        &["models", "--help"],
        &["config", "--help"],
    ] {
        let said = run(forge().args(arguments));
        assert!(said.code == Some(0) && said.stdout.contains("Usage: forge"), "{arguments:?}");
    }
}

#[test]
fn every_command_has_a_page_and_the_completions_are_scripts() {
    let page = |words: &[&str]| {
        let mut arguments = vec!["man"];
        arguments.extend(words);
        run(forge().args(&arguments))
    };
    for words in [&[][..], &["run"], &["config", "check"], &["metrics", "summary"]] {
        let said = page(words);
        assert_eq!(said.code, Some(0), "{words:?}: {}", said.stderr);
        assert!(said.stdout.contains(".SH NAME") && said.stdout.contains(".SH OPTIONS"), "{words:?}");
    }
    let unknown = page(&["config", "chekc"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("choose one of: init, check, show"), "{}", unknown.stderr);
    for (shell, word) in
        [("bash", "-F _clap_complete_forge forge"), ("zsh", "#compdef forge"), ("fish", "--command forge")]
    {
        let said = run(forge().args(["completions", shell]));
        assert!(said.code == Some(0) && said.stdout.contains(word), "{shell}: {}", said.stderr);
    }
}
