use std::{io::Read as _, net::TcpListener, process::Stdio};

use forge_sim::Vendor;
use serde_json::{Value, json};

use crate::{forge, run, run_with_input, with_sim};

/// A key that must not show up anywhere.
const CANARY: &str = "sk-test-canary-1a2b3c4d5e6f";

#[test]
fn every_vendor_streams_text_and_says_what_it_took() {
    for (provider, model) in [
        ("anthropic", "claude-sonnet-5-5"),
        ("openai", "gpt-6.2-sol"),
        ("google", "gemini-3.8-flash"),
        ("local", "qwen3"),
    ] {
        let said = run(forge().args(["ask", "hello", "--offline", "--provider", provider]));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.starts_with("SIMULATED\n\n") && said.stdout.contains("hello"), "{}", said.stdout);
        let first = said.stderr.lines().next().unwrap();
        assert!(first.starts_with("SIMULATED: offline"), "{first}");
        let report = said.stderr.lines().nth(1).unwrap();
        assert!(report.starts_with(&format!("{provider}/{model}")), "{report}");
        assert!(report.contains(" tokens in, ") && report.contains(" out, $"), "{report}");
    }
}

#[test]
fn without_keys_and_servers_the_first_line_says_who_answers() {
    let said = run(forge().args(["ask", "hello"]));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let first = said.stderr.lines().next().unwrap();
    // A developer's machine may run a local server on one of the usual ports.
    assert!(
        first.starts_with("SIMULATED: no API key is set") || first.starts_with("providers: local"),
        "{first}"
    );
}

#[test]
fn json_is_one_object_with_everything_in_it() {
    let said =
        run(forge().args(["ask", "hello", "--offline", "--json", "--no-stream", "--provider", "openai"]));
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(object["simulated"], true);
    assert_eq!((&object["version"], &object["provider"]), (&json!("1.0"), &json!("openai")));
    assert_eq!(
        (&object["stop_reason"], &object["attempts"][0]["status"]),
        (&json!("end_turn"), &json!("success"))
    );
    assert!(object["text"].as_str().unwrap().contains("hello"));
    assert!(object["cost_nano_usd"].as_u64().unwrap() > 0 && object["usage"]["output"].as_u64().unwrap() > 0);
    assert!(object["request_id"].is_string() && object["raw_stop_reason"].is_string());
}

#[test]
fn a_key_in_the_environment_is_used_and_never_shown() {
    with_sim("{}", |sim| {
        let said = run(forge()
            .args(["ask", "hello", "--json", "-vvv"])
            .env("ANTHROPIC_API_KEY", CANARY)
            .env("ANTHROPIC_BASE_URL", sim.base_url(Vendor::Anthropic))
            .env("OPENAI_API_KEY", ""));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.starts_with("providers: anthropic (ANTHROPIC_API_KEY)\n"), "{}", said.stderr);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(object["simulated"], false);
        assert_eq!(sim.journal().len(), 1);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains(CANARY));
    });
}

/// What `forge ask` says when Anthropic's API is at `url`.
fn ask_anthropic(url: &str, key: &str, arguments: &[&str]) -> crate::Said {
    let mut command = forge();
    command.args(["ask", "hello"]).args(arguments);
    run(command.env("ANTHROPIC_API_KEY", key).env("ANTHROPIC_BASE_URL", url))
}

#[test]
fn each_mistake_gives_one_clear_error_with_its_code() {
    with_sim("{}", |sim| {
        let url = sim.base_url(Vendor::Anthropic);
        let wrong_key = ask_anthropic(&url, "sk-test-invalid-key", &[]);
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = ask_anthropic(&format!("http://{closed}"), CANARY, &[]);
        let unknown = ask_anthropic(&url, CANARY, &["--model", "claude-none"]);
        let line_break = ask_anthropic(&url, "sk-test-1\r\nx-evil: 1", &[]);
        for (said, code, exit) in
            [(&wrong_key, "E016", 3), (&refused, "E014", 3), (&unknown, "E019", 3), (&line_break, "E024", 2)]
        {
            assert_eq!(said.code, Some(exit), "{}", said.stderr);
            let error = said.stderr.lines().find(|line| line.starts_with("error[")).unwrap_or_default();
            assert!(error.contains(code), "{}", said.stderr);
            assert!(said.stderr.contains("\n  next: "), "{}", said.stderr);
            assert!(
                !said.stderr.contains("sk-test") && said.stderr.matches("error[").count() == 1,
                "{}",
                said.stderr
            );
        }
    });
}

#[test]
fn a_page_from_a_proxy_and_a_cut_stream_fail_clearly() {
    with_sim("rules: [{ error: { kind: bad_gateway } }]", |sim| {
        let said = ask_anthropic(&sim.base_url(Vendor::Anthropic), CANARY, &["--json"]);
        assert_eq!(said.code, Some(3));
        assert!(said.stderr.contains("error[E012]") && said.stderr.contains("web page"), "{}", said.stderr);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(
            (&object["error"]["code"], &object["attempts"][0]["error"]),
            (&json!("E012"), &json!("server"))
        );
    });
    with_sim("rules: [{ cut: before_terminal }]", |sim| {
        let said = ask_anthropic(&sim.base_url(Vendor::Anthropic), CANARY, &["--json"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("error[E015]"), "{}", said.stderr);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert!(object["partial_text"].as_str().unwrap().contains("hello"));
    });
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [
        &["ask"][..],
        &["ask", ""],
        &["ask", "hi", "--provider", "nobody", "--offline"],
        &["ask", "hi", "--temperature", "3"],
        &["ask", "hi", "--max-tokens", "0"],
        &["ask", "hi", "--schema", "/no/such/file.json"],
        &["ask", "hi", "--image", "picture.bmp"],
        &["ask", "--request", "/dev/null"],
        &["models", "list", "--provider", "nobody"],
        &["nonsense"],
    ] {
        let said = run(forge().args(arguments));
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains("error"), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn the_prompt_may_come_from_standard_input_and_the_request_from_a_file() {
    let said = run_with_input(forge().args(["ask", "-", "--offline", "-q"]), "What is a heap?");
    assert!(said.stdout.contains("What is a heap") && said.stderr.is_empty(), "{said:?}");

    let path = std::env::temp_dir().join(format!("forge-request-{}.json", std::process::id()));
    let request = json!({
        "messages": [{"role": "user", "parts": [{"type": "text", "text": "Please call look."}]}],
        "tools": [{"name": "look", "schema": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}}]
    });
    std::fs::write(&path, request.to_string()).unwrap();
    let said = run(forge().args(["ask", "--offline", "--json", "--request"]).arg(&path));
    std::fs::remove_file(&path).unwrap();
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(object["stop_reason"], "tool_use");
    assert!(object["parts"].as_array().unwrap().iter().any(|part| part["name"] == "look"), "{object}");
}

#[test]
fn structured_output_is_nothing_but_json() {
    let path = std::env::temp_dir().join(format!("forge-schema-{}.json", std::process::id()));
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false});
    std::fs::write(&path, schema.to_string()).unwrap();
    for provider in ["anthropic", "openai", "google", "local"] {
        let mut command = forge();
        command.args(["ask", "Name a city", "--offline", "--provider", provider, "--schema"]).arg(&path);
        let said = run(&mut command);
        let value: Value =
            serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{provider}: {said:?}"));
        assert!(value["city"].is_string(), "{provider}: {value}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = forge()
        .args(["ask", "hello", "--offline"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("error"), "{stderr}");
}

#[test]
fn an_interrupt_cancels_the_call() {
    with_sim("rules: [{ stall: { between_events: 60000 } }]", |sim| {
        let mut child = forge()
            .args(["ask", "hello"])
            .env("ANTHROPIC_API_KEY", CANARY)
            .env("ANTHROPIC_BASE_URL", sim.base_url(Vendor::Anthropic))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The call is under way once the vendor has seen it.
        while sim.journal().is_empty() {
            std::thread::yield_now();
        }
        let signal =
            std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(signal.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(stderr.contains("interrupted"), "{stderr}");
    });
}

#[test]
fn a_vendor_that_asks_for_an_hour_is_left_alone_by_the_next_process() {
    let limited = "rules: [{ error: { kind: rate_limited, retry_after: { seconds: 3600 } } }]";
    with_sim(limited, |sim| {
        let url = sim.base_url(Vendor::Anthropic);
        let home = crate::kills::Home::new("cooldown");
        let ask = |key: &str| {
            let mut command = forge();
            command.args(["ask", "hello"]).env("FORGE_HOME", &home.0);
            command.env("ANTHROPIC_API_KEY", key).env("ANTHROPIC_BASE_URL", &url);
            run(&mut command)
        };
        let first = ask(CANARY);
        assert_eq!(first.code, Some(3), "{}", first.stderr);
        let asked = sim.journal().len();
        let second = ask(CANARY);
        assert_eq!(second.code, Some(3), "{}", second.stderr);
        assert!(second.stderr.contains("the last failure was: rate limited"), "{}", second.stderr);
        assert_eq!(sim.journal().len(), asked);
        // Another key has limits of its own.
        ask("sk-test-another");
        assert!(sim.journal().len() > asked);
    });
}

#[test]
fn a_model_is_asked_of_the_vendor_whose_it_is() {
    let ask = |arguments: &[&str]| run(forge().args(["ask", "hello", "--offline", "--json"]).args(arguments));
    for (model, provider, asked) in [
        ("gpt-6.2-sol", "openai", "gpt-6.2-sol"),
        ("gemini-3.8-flash", "google", "gemini-3.8-flash"),
        ("openai/gpt-6.2-sol", "openai", "gpt-6.2-sol"),
        ("google/gemini-3.8-flash", "google", "gemini-3.8-flash"),
        ("claude-opus-5-5", "anthropic", "claude-opus-5-5"),
    ] {
        let said = ask(&["--model", model]);
        assert_eq!(said.code, Some(0), "{model}: {}", said.stderr);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&object["provider"], &object["model"]), (&json!(provider), &json!(asked)), "{object}");
    }
    // The provider that the user names is asked, and its prefix is its own.
    let said = ask(&["--provider", "openai", "--model", "openai/gpt-6.2-sol"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&object["provider"], &object["model"]), (&json!("openai"), &json!("gpt-6.2-sol")));
    let said = ask(&["--provider", "local", "--model", "openai/gpt-6.2-sol"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&object["provider"], &object["model"]),
        (&json!("local"), &json!("openai/gpt-6.2-sol")),
        "{object}"
    );
    with_sim("{}", |sim| {
        // Whoever serves the models of others may have any.
        let place = crate::place::Place::new("served");
        let file = format!(
            "schema_version: '1.0'\nproviders:\n  azure: {{ type: openai, dialect: azure, model: gpt-5.5, api_key: sk-test-1, endpoint: '{}' }}\n",
            sim.base_url(Vendor::OpenAi)
        );
        std::fs::write(place.path("azure.yaml"), file).unwrap();
        let said =
            place.run(&["ask", "hello", "--config", &place.path("azure.yaml"), "--model", "gpt-6.2-sol"]);
        assert!(!sim.journal().is_empty() && !said.stderr.contains("not configured"), "{}", said.stderr);
    });
    with_sim("{}", |sim| {
        let said = ask_anthropic(&sim.base_url(Vendor::Anthropic), CANARY, &["--model", "gpt-6.2-sol"]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains("a model of openai, which is not configured"), "{}", said.stderr);
        assert!(said.stderr.contains("OPENAI_API_KEY") && sim.journal().is_empty(), "{}", said.stderr);
    });
}

#[test]
fn a_key_that_everybody_can_read_on_its_way_is_said() {
    let plain = "http://llm.example.invalid/v1";
    let said = ask_anthropic(plain, CANARY, &[]);
    assert!(
        said.stderr.contains("ANTHROPIC_API_KEY goes to http://llm.example.invalid/v1 over plain HTTP"),
        "{}",
        said.stderr
    );
    with_sim("{}", |sim| {
        let said = ask_anthropic(&sim.base_url(Vendor::Anthropic), CANARY, &[]);
        assert!(!said.stderr.contains("plain HTTP"), "{}", said.stderr);
    });
}
