//! What stands before the work: the doctor, the help and the completions of a shell.

use std::process::Command;

use forge_sim::Vendor;
use serde_json::Value;

use crate::{Said, forge, place::Place, run, with_sim};

const KEY: &str = "sk-test-canary-77aa";

/// What the doctor says in JSON, and the exit code.
fn doctor(place: &Place, variables: &[(&str, &str)]) -> (Option<i32>, Value) {
    let said = run(place.command(&["doctor", "--json"]).envs(variables.iter().copied()));
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("canary"), "{said:?}");
    (said.code, serde_json::from_str(&said.stdout).unwrap())
}

/// The findings on a topic whose text begins so.
fn findings<'a>(doctor: &'a Value, topic: &str, begin: &str) -> Vec<&'a Value> {
    let all = doctor["findings"].as_array().unwrap().iter();
    all.filter(|one| one["topic"] == topic && one["text"].as_str().unwrap().starts_with(begin)).collect()
}

fn finding<'a>(doctor: &'a Value, topic: &str, begin: &str) -> &'a Value {
    let found = findings(doctor, topic, begin);
    assert_eq!(found.len(), 1, "{topic} {begin}: {doctor:#}");
    found[0]
}

#[test]
fn without_a_file_the_doctor_names_the_variable_of_each_key() {
    let place = Place::new("front-keys");
    let keys = [("ANTHROPIC_API_KEY", KEY), ("GOOGLE_API_KEY", KEY), ("GEMINI_API_KEY", KEY)];
    let (code, said) = doctor(&place, &keys);
    assert_eq!((code, &said["ok"]), (Some(0), &true.into()), "{said:#}");
    let anthropic = finding(&said, "key", "anthropic");
    assert_eq!(anthropic["text"], "anthropic: set in ANTHROPIC_API_KEY");
    assert_eq!(anthropic["facts"]["state"], "set");
    assert_eq!(finding(&said, "key", "google")["text"], "google: set in GOOGLE_API_KEY");
    let openai = finding(&said, "key", "openai");
    assert_eq!(openai["text"], "openai: missing; `export OPENAI_API_KEY=...` adds it");
    assert_eq!(openai["ok"], true);
    let beaten = finding(&said, "ignored", "GEMINI_API_KEY");
    assert_eq!(beaten["text"], "GEMINI_API_KEY: GOOGLE_API_KEY is set too and wins");
    assert_eq!((&beaten["ok"], &beaten["next"]), (&true.into(), &"unset GEMINI_API_KEY".into()));
}

#[test]
fn with_a_file_the_doctor_names_the_source_of_each_key_and_what_sets_a_missing_one() {
    let place = Place::new("front-file");
    let file = format!(
        r#"schema_version: "1.0"
providers:
  set:     {{ type: anthropic, model: claude-sonnet-5-5, api_key: "${{KEY}}" }}
  missing: {{ type: openai, model: gpt-6.2-sol, api_key: "${{NO_SUCH_KEY}}" }}
  auto:    {{ type: openai, model: gpt-6.2-sol, api_key: "${{NOR_THIS_KEY}}", enabled: auto }}
  off:     {{ type: openai, model: gpt-6.2-sol, api_key: "${{NOR_THIS_KEY}}", enabled: false }}
  literal: {{ type: anthropic, model: claude-sonnet-5-5, api_key: "{KEY}" }}
  secret:  {{ type: anthropic, model: claude-sonnet-5-5, api_key: "${{file:key.txt}}" }}
  laptop:  {{ type: local, model: qwen3, endpoint: "http://127.0.0.1:1" }}
"#
    );
    std::fs::write(place.config(), file).unwrap();
    std::fs::write(place.path("key.txt"), KEY).unwrap();
    let (code, said) = doctor(&place, &[]);
    assert_eq!((code, &said["ok"]), (Some(1), &false.into()), "{said:#}");
    let states: Vec<_> = findings(&said, "key", "")
        .iter()
        .map(|one| (one["facts"]["provider"].as_str().unwrap(), one["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("set", "set: set in KEY"),
            ("missing", "missing: missing: NO_SUCH_KEY"),
            ("auto", "auto: missing, so the provider is not used; export NOR_THIS_KEY=... adds it"),
            ("off", "off: disabled with `enabled: false`"),
            ("literal", "literal: in the configuration itself"),
            ("secret", "secret: in the file key.txt"),
            ("laptop", "laptop: none needed"),
        ]
    );
    let missing = finding(&said, "key", "missing");
    assert_eq!((&missing["ok"], &missing["next"]), (&false.into(), &"export NO_SUCH_KEY=...".into()));
    assert!(findings(&said, "key", "").iter().filter(|one| one["ok"] == false).count() == 1, "{said:#}");
    let configuration = finding(&said, "configuration", "");
    assert_eq!(configuration["ok"], false);
    assert!(configuration["next"].as_str().unwrap().contains("forge config check"), "{configuration}");

    let text = place.run(&["doctor"]).stdout;
    let line = text.lines().position(|line| line.contains("missing: NO_SUCH_KEY")).unwrap();
    assert!(text.lines().nth(line).unwrap().starts_with("BAD"), "{text}");
    assert_eq!(text.lines().nth(line + 1), Some("      next: export NO_SUCH_KEY=..."), "{text}");

    std::fs::write(place.path(".env"), format!("export NO_SUCH_KEY={KEY}\nUNRELATED=1\nKEY=2\n")).unwrap();
    let (_, said) = doctor(&place, &[]);
    let load = "set -a; . ./.env; set +a";
    assert_eq!(finding(&said, "key", "missing")["next"], load);
    let env = finding(&said, "ignored", "NO_SUCH_KEY");
    assert_eq!(env["text"], "NO_SUCH_KEY: in the file .env, which is not loaded by itself");
    assert_eq!(env["next"], load);
}

#[test]
fn the_doctor_finds_a_local_server_and_says_when_nobody_is_where_a_variable_points() {
    let place = Place::new("front-local");
    with_sim("{}", |sim| {
        let url = sim.base_url(Vendor::Ollama);
        let (code, said) = doctor(&place, &[("OLLAMA_HOST", &url)]);
        assert_eq!(code, Some(0), "{said:#}");
        let found = finding(&said, "local servers", "");
        let server = &found["facts"][0];
        assert_eq!((&server["health"], &server["variable"]), (&"ready".into(), &"OLLAMA_HOST".into()));
        let model = server["models"][0].as_str().unwrap();
        let text = found["text"].as_str().unwrap();
        assert!(text.starts_with("Ollama at http://127.0.0.1:") && text.contains(model), "{text}");
        let names: Vec<_> = found["facts"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["Ollama", "llama.cpp", "vLLM", "LM Studio"]);
    });
    let (code, said) = doctor(&place, &[("OLLAMA_HOST", "127.0.0.1:1")]);
    let found = finding(&said, "local servers", "no server answers at http://127.0.0.1:1");
    assert_eq!((code, &found["ok"]), (Some(1), &false.into()));
    assert_eq!(found["next"], "ollama serve, or unset OLLAMA_HOST");
}

#[test]
fn the_doctor_names_variables_that_change_nothing_and_why() {
    let place = Place::new("front-ignored");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
        ("OPENAI_API_KEY", ""),
        ("HTTPS_PROXY", "http://one:1"),
        ("https_proxy", "http://me:canary@two:2"),
        ("NO_PROXY", "corp.test"),
    ];
    let (code, said) = doctor(&place, &variables);
    assert_eq!(code, Some(0), "{said:#}");
    for (name, why, next) in [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "this build sends no spans",
            "build with `--features otlp`, or unset",
        ),
        ("OPENAI_API_KEY", "it is empty, which counts as unset", "unset OPENAI_API_KEY"),
        ("HTTPS_PROXY", "https_proxy is set too and wins", "unset HTTPS_PROXY"),
    ] {
        let found = finding(&said, "ignored", name);
        assert_eq!(found["text"], format!("{name}: {why}"));
        assert!(found["next"].as_str().unwrap().starts_with(next), "{found}");
    }
    let proxies = finding(&said, "proxies", "");
    assert_eq!(proxies["text"], "https_proxy is http://***@two:2, NO_PROXY is corp.test");

    with_sim("{}", |sim| {
        let place = Place::with("front-unused", sim, "");
        let variables = [("MISTRAL_API_KEY", KEY), ("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")];
        let (code, said) = doctor(&place, &variables);
        assert_eq!(code, Some(0), "{said:#}");
        for name in ["MISTRAL_API_KEY", "ANTHROPIC_BASE_URL"] {
            let found = finding(&said, "ignored", name);
            assert!(found["text"].as_str().unwrap().ends_with("uses it"), "{found}");
        }
        assert!(findings(&said, "ignored", "KEY").is_empty(), "{said:#}");
    });
}

#[test]
fn the_doctor_names_every_place_and_says_what_mends_the_accounts() {
    let place = Place::new("front-places");
    run(&mut place.command(&["run", "--offline", "-q", "Name a colour"]));
    let (_, said) = doctor(&place, &[("XDG_CONFIG_HOME", &place.path("xdg"))]);
    let there = |what: &str| {
        let found = finding(&said, "path", &format!("{what}: "));
        (found["facts"]["path"].as_str().unwrap().to_owned(), found["facts"]["exists"].as_bool().unwrap())
    };
    for (what, path, exists) in [
        ("state", place.path(""), true),
        ("accounts of simulated calls", place.path("simulated.db"), true),
        ("spool", place.path("forge.spool"), false),
        ("trusted files", place.path("trusted.json"), false),
        ("configuration: forge.yaml", "forge.yaml".into(), false),
        (
            &format!("configuration: {}", place.path("xdg/forge/config.yaml")),
            place.path("xdg/forge/config.yaml"),
            false,
        ),
    ] {
        let (found, is_there) = match what.strip_prefix("configuration: ") {
            Some(_) => {
                let found = finding(&said, "path", what);
                (found["facts"]["path"].as_str().unwrap().to_owned(), found["facts"]["exists"] == true)
            }
            None => there(what),
        };
        assert_eq!((found.trim_end_matches('/'), is_there), (path.trim_end_matches('/'), exists), "{what}");
    }
    std::fs::write(place.path("forge.db"), "not a database, and long enough to be read as one".repeat(100))
        .unwrap();
    let (code, said) = doctor(&place, &[]);
    let accounts = finding(&said, "accounts", "");
    assert_eq!((code, &accounts["ok"]), (Some(1), &false.into()), "{said:#}");
    assert!(accounts["next"].as_str().unwrap().contains("FORGE_HOME"), "{accounts}");
}

fn help(words: &[&str]) -> Said {
    run(forge().env("COLUMNS", "80").args(words))
}

#[test]
fn help_has_the_commands_in_groups() {
    let common = help(&["--help"]);
    let all = help(&["help", "--all"]);
    assert_eq!((common.code, all.code), (Some(0), Some(0)), "{}{}", common.stderr, all.stderr);
    insta::assert_snapshot!("help", common.stdout);
    insta::assert_snapshot!("help-all", all.stdout);
    assert_eq!(help(&["help"]).stdout, common.stdout);
    let alone = help(&[]);
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(2), ""));
    for group in ["\nAsk:\n  run ", "\nResults:\n", "\nSet up:\n", "\nOptions:\n"] {
        assert!(alone.stderr.contains(group), "{}", alone.stderr);
    }
    assert_eq!(help(&["-h"]).stdout, alone.stderr);
}

#[test]
fn help_on_a_command_is_what_the_command_says_of_itself() {
    for words in [&["run"][..], &["config", "check"], &["sessions"]] {
        let asked = help(&[&["help"], words].concat());
        let told = help(&[words, &["--help"]].concat());
        assert_eq!((asked.code, &asked.stdout), (Some(0), &told.stdout), "{words:?}");
        assert!(told.stdout.contains(&format!("Usage: forge {}", words.join(" "))), "{}", told.stdout);
        assert!(!told.stdout.contains("Set up:"), "{}", told.stdout);
    }
    let unknown = help(&["help", "config", "chekc"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("choose one of: init, check"), "{}", unknown.stderr);
    assert_eq!(help(&["help", "--all", "run"]).code, Some(2));
}

/// What bash is offered for the last word, as its script asks.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let mut command = place.command(&[]);
    let words = [&["forge"], words].concat();
    // The option that names a configuration stands behind the word, where nobody looks for it.
    let rest: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let mut asks = Command::new(command.get_program());
    asks.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    asks.current_dir(command.get_current_dir().unwrap());
    asks.env("COMPLETE", "bash").env("_CLAP_IFS", "\n");
    asks.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    command = asks;
    let said = run(command.arg("--").args(words).args(rest));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{}", said.stdout);
    said.stdout.lines().map(str::to_owned).collect()
}

/// A place with this many sessions of simulated models, and their ids, the newest first.
fn with_sessions(name: &str, count: usize) -> (Place, Vec<String>) {
    let place = Place::new(name);
    for number in 0..count {
        let title = format!("Colour {number}");
        let said = place.run(&["run", "--offline", "-q", "--mode", "direct", &title]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let listed = place.run(&["sessions", "list", "--offline", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let ids = listed["sessions"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|one| one["session"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), count);
    (place, ids)
}

fn files(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_ids_of_sessions_are_offered_wherever_one_is_wanted() {
    let (place, ids) = with_sessions("front-sessions", 3);
    let before = files(&place);
    for words in [
        &["resume", ""][..],
        &["follow", ""],
        &["ask", "--session", ""],
        &["sessions", "show", ""],
        &["sessions", "export", ""],
        &["sessions", "delete", ""],
        &["--quiet", "resume", "2"],
    ] {
        assert_eq!(offered(&place, words), ids, "{words:?}");
    }
    assert_eq!(offered(&place, &["resume", &ids[1]]), [ids[1].as_str()]);
    assert!(offered(&place, &["follow", &ids[1], ""]).iter().all(|one| one.starts_with('-')));
    let said = run(place.command(&["--", "forge", "resume", ""]).envs([
        ("COMPLETE", "zsh"),
        ("_CLAP_IFS", "\n"),
        ("_CLAP_COMPLETE_INDEX", "2"),
    ]));
    let begin = format!("{}:Colour ", ids[0]);
    assert!(said.stdout.lines().next().is_some_and(|line| line.starts_with(&begin)), "{said:?}");
    assert_eq!(files(&place), before, "nothing is left behind");
}

#[test]
fn the_names_of_keys_and_teams_are_offered() {
    let place = Place::new("front-names");
    for words in ["teams set red", "teams set blue", "keys create one", "keys create ci", "keys revoke ci"] {
        assert_eq!(place.run(&words.split(' ').collect::<Vec<_>>()).code, Some(0), "{words}");
    }
    let before = files(&place);
    for words in ["show", "usage", "rotate", "revoke", "enable", "disable"] {
        assert_eq!(offered(&place, &["keys", words, ""]), ["one", "ci"], "{words}");
    }
    assert_eq!(offered(&place, &["keys", "show", "o"]), ["one"]);
    assert_eq!(offered(&place, &["keys", "create", "x", "--team", ""]), ["blue", "red"]);
    assert_eq!(offered(&place, &["teams", "delete", "r"]), ["red"]);
    assert!(!offered(&place, &["keys", "show", "--offline", ""]).contains(&"one".to_owned()));
    assert_eq!(files(&place), before, "nothing is left behind");
}

#[test]
fn roles_providers_models_accidents_files_and_words_are_offered() {
    with_sim("{}", |sim| {
        let place = Place::with("front-offers", sim, "roles:\n  poet: { provider: claude }\n");
        let roles = offered(&place, &["ask", "--role", ""]);
        assert!(
            roles.iter().any(|role| role == "critic") && roles.iter().any(|role| role == "poet"),
            "{roles:?}"
        );
        assert_eq!(offered(&place, &["ask", "--provider", ""]), ["claude", "gpt", "gemini"]);
        assert_eq!(offered(&place, &["metrics", "summary", "--provider", "c"]), ["claude"]);
        assert_eq!(
            offered(&place, &["ask", "--offline", "-p", ""]),
            offered(&place, &["models", "list", "--provider", ""])
        );
        std::fs::write(place.config(), "providers: [").unwrap();
        assert_eq!(offered(&place, &["ask", "--role", "dr"]), ["drafter"], "a broken file harms nobody");
        assert_eq!(offered(&place, &["ask", "--provider", "o"]), ["openai"]);
    });
    let place = Place::new("front-words");
    assert_eq!(offered(&place, &["ask", "--model", "claude-haiku-5-5"]), ["claude-haiku-5-5"]);
    assert_eq!(
        offered(&place, &["run", "--inject", "529"])[..5],
        ["529@anthropic", "529@openai", "529@google", "529@local", "529@drafter"]
    );
    std::fs::write(place.path("plan.md"), "").unwrap();
    assert_eq!(offered(&place, &["run", "-f", "pl"]), ["plan.md"]);
    assert_eq!(offered(&place, &["man", "config", "sh"]), ["show"]);
    assert_eq!(offered(&place, &["help", "config", "ch"]), ["check"]);
    assert_eq!(offered(&place, &["run", "--mode", "c"]), ["council"]);
    assert_eq!(offered(&place, &["doc"]), ["doctor"]);
    assert!(offered(&place, &["run", "--off"]).contains(&"--offline".to_owned()));
    assert_eq!(files(&place), ["plan.md"], "nothing is made");
}

#[test]
fn a_variable_of_another_program_changes_nothing() {
    for (variable, words) in [("yes", &["--version"][..]), ("bash", &["--version"]), ("", &["--version"])] {
        let said = run(forge().env("COMPLETE", variable).args(words));
        assert_eq!(said.stdout, format!("forge {}\n", env!("CARGO_PKG_VERSION")), "{variable}");
    }
}

#[test]
fn bash_completes_with_the_script() {
    let (place, ids) = with_sessions("front-bash", 1);
    let forge = place.command(&[]);
    let folder = std::path::Path::new(forge.get_program()).parent().unwrap();
    let script = r#"source <(forge completions bash)
complete -p forge
COMP_WORDS=(forge resume ''); COMP_CWORD=2; COMP_TYPE=9
_clap_complete_forge forge '' resume 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}""#;
    let said = run(Command::new("bash")
        .args(["--norc", "-c", script])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("FORGE_HOME", place.path("")));
    let mut lines = said.stdout.lines();
    assert!(lines.next().is_some_and(|line| line.contains("-F _clap_complete_forge forge")), "{said:?}");
    assert_eq!(lines.collect::<Vec<_>>(), [ids[0].as_str()], "{said:?}");
}
