//! Files of other programs, made into configurations.

use std::fs;

use serde_json::Value;

use super::{Home, in_workspace};
use crate::{Said, run};

const FILES: [&str; 3] = ["clouds", "home", "gateways"];

/// The configuration from one of the files, checked with every variable set that it names, and what was said.
fn imported(home: &Home, name: &str) -> (Value, Said) {
    let file = format!("{name}.yaml");
    let from = in_workspace("tests/it/config/litellm").join(&file);
    home.write(&format!("work/{file}"), &fs::read_to_string(from).unwrap());
    let output = format!("{name}-forge.yaml");
    let said = home.run(&["config", "import", "litellm", &file, "-o", &output]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""), "{}", said.stderr);
    let text = fs::read_to_string(home.path("work").join(&output)).unwrap();
    assert!(!text.contains("test-secret"), "{text}");
    assert_eq!(home.run(&["config", "import", "litellm", &file]).stdout, text);
    let with_keys = |arguments: &[&str]| {
        let mut command = home.forge(arguments);
        let names = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
        for name in names {
            let base = name.contains("_BASE");
            command.env(name, if base { "https://gateway.example.com/v1" } else { "sk-test-secret" });
        }
        run(&mut command)
    };
    let checked = with_keys(&["config", "check", &output]);
    assert_eq!(checked.code, Some(0), "{text}\n{}", checked.stderr);
    let shown = with_keys(&["config", "show", "--format", "json", "--config", &output]);
    (serde_json::from_str(&shown.stdout).unwrap(), said)
}

/// Whether each of `words` is in a line of its own begin: `line: words`.
fn assert_notes(said: &Said, name: &str, notes: &[(usize, &str)]) {
    for (line, words) in notes {
        let begin = format!("{name}.yaml:{line}:");
        let is_said = said.stderr.lines().any(|told| told.starts_with(&begin) && told.contains(words));
        assert!(is_said, "{line}: {words} is not in\n{}", said.stderr);
    }
    assert_eq!(said.stderr.lines().count(), notes.len(), "{}", said.stderr);
}

#[test]
fn clouds_with_limits_clocks_and_fallbacks_are_imported() {
    let home = Home::new("import-clouds");
    let (file, said) = imported(&home, "clouds");
    let one = &file["providers"]["gpt-6-2-1"];
    assert_eq!((&one["type"], &one["dialect"]), (&"openai".into(), &"azure".into()), "{file}");
    assert_eq!(
        (&one["endpoint"], &one["model"]),
        (&"https://east.openai.azure.com".into(), &"gpt-6.2-sol".into())
    );
    assert_eq!(one["limits"]["requests_per_minute"], 600);
    assert_eq!(one["limits"]["input_tokens_per_minute"], 90_000);
    assert_eq!(one["timeouts"]["total"], "90s");
    let two = &file["providers"]["gpt-6-2-2"];
    assert_eq!((&two["timeouts"]["total"], &two["timeouts"]["first_event"]), (&"120s".into(), &"30s".into()));
    assert_eq!(file["pools"]["gpt-6-2"]["strategy"], "least_connections");
    assert_eq!(file["pools"]["gpt-6-2"]["members"][0]["weight"], 3);
    assert_eq!(file["providers"]["claude"]["api_key"], "${CLAUDE_API_KEY}");
    assert_eq!(file["providers"]["claude"]["parameters"]["max_tokens"], 4096);
    assert_eq!(file["roles"]["gpt-6-2"]["fallback"], serde_json::json!(["claude"]));
    assert_eq!(file["roles"]["claude"]["fallback"], serde_json::json!(["gpt-6-2"]));
    assert_eq!(file["roles"]["claude"]["fallback_on"][3], "refusal");
    assert_eq!(
        (&file["retry"]["max_attempts"], &file["budget"]["per_day_usd"].as_f64()),
        (&3.into(), &Some(20.0))
    );
    assert_eq!(
        (&file["breaker"]["consecutive_failures"], &file["breaker"]["cooldown"]),
        (&4.into(), &"30s".into())
    );
    assert_eq!(file["providers"].as_object().unwrap().len(), 3);
    assert_notes(
        &said,
        "clouds",
        &[
            (3, "`gpt 6.2` is called `gpt-6-2` here"),
            (7, "the adapter knows it"),
            (21, "put it into the variable `CLAUDE_API_KEY`"),
            (24, "headers"),
            (27, "`bedrock` cannot be reached"),
            (30, "no use for a model of the mode `embedding`"),
            (39, "each process for itself"),
            (40, "each process for itself"),
            (42, "a role, which is `gpt-6-2`"),
            (42, "no deployment with this name"),
            (43, "which is `claude` here"),
            (45, "nothing to do"),
            (46, "forge metrics"),
            (52, "the gateway's own clients"),
            (53, "a file of its own"),
            (55, "export LANGFUSE_SECRET_KEY=..."),
        ],
    );
}

#[test]
fn servers_of_ones_own_and_vendors_without_a_key_in_the_file_are_imported() {
    let home = Home::new("import-home");
    let (file, said) = imported(&home, "home");
    assert_eq!(file["providers"]["local-qwen"]["type"], "local", "{file}");
    assert_eq!(file["providers"]["local-vllm"]["dialect"], "vllm");
    assert_eq!(file["providers"]["local-vllm"]["model"], "meta-llama/Llama-3.3-70B-Instruct");
    assert_eq!(file["providers"]["fast-one"]["api_key"], "${GROQ_API_KEY}");
    assert_eq!(file["providers"]["fast-one"]["price"]["input"].as_f64(), Some(0.59));
    let gemini = &file["providers"]["model-g"];
    assert_eq!((&gemini["type"], &gemini["parameters"]["effort"]), (&"google".into(), &"low".into()));
    assert_eq!(gemini["parameters"]["stop_sequences"], serde_json::json!(["END"]));
    assert_eq!(gemini["timeouts"]["total"], "1500ms");
    assert_eq!((&file["default_provider"], &file["retry"]["max_attempts"]), (&"model-g".into(), &10.into()));
    assert_eq!(file["roles"]["quick"]["provider"], "fast-one");
    assert_eq!(file["roles"]["my-best"]["provider"], "model-g");
    assert_notes(
        &said,
        "home",
        &[
            (3, "`local/qwen` is called `local-qwen` here"),
            (5, "`local-vllm`"),
            (7, "`fast-one`"),
            (10, "`model-g`"),
            (13, "a provider has one model"),
            (15, "10 attempts are the most"),
            (17, "there is one `default_provider`"),
            (18, "no answer is taken from a cache"),
            (20, "the role `quick`"),
            (20, "the role `my-best`"),
            (20, "no deployment with this name"),
            (21, "gateway"),
        ],
    );
}

#[test]
fn literal_keys_become_one_variable_each_and_no_id_is_given_twice() {
    let home = Home::new("import-gateways");
    let (file, said) = imported(&home, "gateways");
    let key = |id: &str| file["providers"][id]["api_key"].as_str().unwrap_or_default().to_owned();
    // One of the pool's members would have the name of another deployment.
    assert_eq!(file["pools"]["router"]["members"].as_array().unwrap().len(), 3, "{file}");
    assert_eq!((key("router-1"), key("router-2")), ("${ROUTER_API_KEY}".into(), "${ROUTER_API_KEY}".into()));
    assert_eq!((key("router-3"), key("router-1-2")), ("${ROUTER_API_KEY_2}".into(), "${HOUSE_KEY}".into()));
    assert_eq!(file["providers"]["router-1"]["limits"]["requests_per_minute"], 20);
    assert_eq!(file["providers"]["router-1-2"]["endpoint"], "${HOUSE_BASE}");
    // Without its address the key would go to somebody else.
    assert_eq!(file["providers"]["house"]["endpoint"], "${HOUSE_BASE_URL}");
    assert_eq!(file["providers"]["house"]["budget"]["per_month_usd"].as_f64(), Some(5.0));
    assert_eq!(file["roles"]["house"]["fallback"], serde_json::json!(["router"]));
    assert_notes(
        &said,
        "gateways",
        &[
            (2, "import each of the files"),
            (5, "`ROUTER_API_KEY`"),
            (8, "`ROUTER_API_KEY`"),
            (10, "`ROUTER_API_KEY_2`"),
            (11, "is called `router-1-2` here"),
            (12, "headers"),
            (17, "the variable `HOUSE_BASE_URL`"),
            (21, "strategy: priority"),
            (23, "does not say whose model it is"),
            (25, "counts calls and not tokens"),
            (26, "which is `house` here"),
            (26, "fall back to itself"),
            (26, "no deployment with this name"),
        ],
    );
}

#[test]
fn the_file_that_is_shown_to_those_who_come_from_there_becomes_the_one_that_is_shown_below_it() {
    let page = fs::read_to_string(in_workspace("docs/migrating.md")).unwrap();
    let (_, rest) = page.split_once("```yml\n").unwrap();
    let (theirs, rest) = rest.split_once("```").unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    let (ours, _) = rest.split_once("```").unwrap();
    let home = Home::new("import-shown");
    home.write("work/litellm.yaml", theirs);
    let said = home.run(&["config", "import", "litellm", "litellm.yaml"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ours), "{}", said.stderr);
    assert!(
        said.stderr.contains("master_key") && said.stderr.contains("`CLAUDE_API_KEY`"),
        "{}",
        said.stderr
    );
}

#[test]
fn no_file_is_overwritten_and_what_is_no_yaml_is_named() {
    let home = Home::new("import-files");
    for name in FILES {
        imported(&home, name);
        let again =
            ["config", "import", "litellm", &format!("{name}.yaml"), "-o", &format!("{name}-forge.yaml")];
        let said = home.run(&again);
        assert!(said.code == Some(2) && said.stderr.contains("--force"), "{}", said.stderr);
        let said = home.run(&[&again[..], &["--force", "--quiet"]].concat());
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    }
    home.write("work/bad.yaml", "model_list:\n  - model_name: [gpt\n");
    for (file, expected) in [("bad.yaml", "bad.yaml:2:"), ("nowhere.yaml", "cannot be read")] {
        let said = home.run(&["config", "import", "litellm", file]);
        assert!(said.code == Some(2) && said.stderr.contains(expected), "{}", said.stderr);
    }
    home.write("work/none.yaml", "model_list: []\n");
    let said = home.run(&["config", "import", "litellm", "none.yaml"]);
    assert!(said.code == Some(0) && said.stderr.contains("there is no provider"), "{}", said.stderr);
}
