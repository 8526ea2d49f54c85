//! Routing as a user of the command sees it.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{place::Place, with_sim};

const ROLES: &str = r"
roles:
  coder:  { provider: gpt, fallback: [claude], parameters: { max_tokens: 16000 } }
  critic: { panel: [gpt, gemini], fallback: [claude] }
default_provider: gemini
retry: { max_attempts: 2, initial_backoff: 10ms }
budget: { per_day_usd: 20.00 }
";

const OUTAGE: &str = "rules: [{ vendor: openai, error: { kind: overloaded } }]";

#[test]
fn in_an_outage_the_fallback_answers_and_says_so() {
    with_sim(OUTAGE, |sim| {
        let place = Place::with("outage", sim, ROLES);
        let said = place.run(&["ask", "hello", "--role", "coder"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("hello"), "{}", said.stdout);
        let lines: Vec<&str> = said.stderr.lines().collect();
        assert!(lines[0].starts_with("providers: claude ("), "{}", lines[0]);
        assert!(lines[1].starts_with("gpt failed 2 times: overloaded (HTTP 503)"), "{}", lines[1]);
        assert_eq!(lines[2], "claude answers instead (fallback)");
        assert!(lines[3].starts_with("claude/claude-sonnet-5-5: "), "{}", lines[3]);

        let said = place.run(&["ask", "hello", "--role", "coder", "--json"]);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&object["provider"], &object["role"]), (&json!("claude"), &json!("coder")));
        let attempts = object["attempts"].as_array().unwrap();
        let seen: Vec<_> = attempts.iter().map(|one| (&one["provider"], &one["status"])).collect();
        let (gpt, claude) = (json!("gpt"), json!("claude"));
        let (failure, success) = (json!("failure"), json!("success"));
        assert_eq!(seen, [(&gpt, &failure), (&gpt, &failure), (&claude, &success)]);
        assert_eq!((&attempts[1]["attempt"], &attempts[1]["http_status"]), (&json!(2), &json!(503)));
        assert_eq!(
            (&object["route"][0]["verdict"], &object["route"][0]["why"]),
            (&json!("failed"), &json!("overloaded"))
        );
    });
}

#[test]
fn without_an_outage_the_primary_answers_and_nothing_is_said_of_others() {
    with_sim("{}", |sim| {
        let place = Place::with("calm", sim, ROLES);
        for (arguments, who) in [
            (&["ask", "hello", "--role", "coder"][..], "gpt/gpt-6.2-sol"),
            (&["ask", "hello", "--role", "poet"], "gemini/gemini-3.8-flash"),
            (&["ask", "hello"], "gemini/gemini-3.8-flash"),
            (&["ask", "hello", "--provider", "claude"], "claude/claude-sonnet-5-5"),
            (&["ask", "hello", "--role", "coder", "--model", "gpt-6-luna"], "gpt/gpt-6-luna"),
        ] {
            let said = place.run(arguments);
            assert_eq!(said.code, Some(0), "{}", said.stderr);
            assert!(said.stderr.lines().nth(1).unwrap().starts_with(who), "{arguments:?}: {}", said.stderr);
        }
    });
}

#[test]
fn when_nobody_can_answer_every_attempt_is_listed() {
    with_sim("rules: [{ error: { kind: server } }]", |sim| {
        let place = Place::with("nobody", sim, ROLES);
        let said = place.run(&["ask", "hello", "--role", "coder"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(3), ""), "{}", said.stderr);
        for provider in ["gpt", "claude", "gemini"] {
            assert!(
                said.stderr.contains(&format!("{provider} failed 2 times: server error")),
                "{}",
                said.stderr
            );
        }
        assert!(said.stderr.contains("no route for role `coder` could answer"), "{}", said.stderr);
        let object: Value =
            serde_json::from_str(&place.run(&["ask", "hello", "--role", "coder", "--json"]).stdout).unwrap();
        assert_eq!(object["attempts"].as_array().unwrap().len(), 6);
    });
}

#[test]
fn a_route_is_explained_in_plain_words_and_nothing_is_sent() {
    with_sim(OUTAGE, |sim| {
        let place = Place::with("explain", sim, ROLES);
        let file = place.path("prompt.txt");
        std::fs::write(&file, "word ".repeat(400)).unwrap();
        let said = place.run(&["route", "explain", "--role", "critic", "-f", &file]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let lines: Vec<&str> = said.stdout.lines().collect();
        assert_eq!(lines[0], "critic: gpt/gpt-6.2-sol would be asked first.");
        for (line, words) in [
            (lines[3], ["1 ", "gpt", "panel", "asked first", "about 500"]),
            (lines[4], ["2 ", "gemini", "panel", "asked if those above cannot answer", "about 500"]),
            (lines[5], ["3 ", "claude", "fallback", "asked if those above cannot answer", "$"]),
        ] {
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
        }
        let said = place.run(&["route", "explain", "--role", "poet", "--json"]);
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&object["chosen"]["provider"], &object["role"]), (&json!("gemini"), &json!("poet")));
        assert!(sim.journal().is_empty());
    });
}

#[test]
fn a_request_of_a_client_is_explained_as_the_server_would_route_it() {
    with_sim("{}", |sim| {
        let place = Place::with("explain-client", sim, ROLES);
        let file = place.path("body.json");
        let body =
            r#"{"model": "role:coder", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}"#;
        std::fs::write(&file, body).unwrap();
        let explain =
            |words: &[&str]| place.run(&[&["route", "explain", "-f", &file, "--format"], words].concat());
        for format in ["messages", "chat"] {
            let said = explain(&[format]);
            assert!(
                said.stdout.starts_with("coder: gpt/gpt-6.2-sol would be asked first."),
                "{}",
                said.stderr
            );
        }
        let said = explain(&["messages", "--model", "provider:claude"]);
        assert!(said.stdout.contains("claude/claude-sonnet-5-5 would be asked first."), "{}", said.stdout);
        // A key that may use one role, and has too little money for its answer.
        let made =
            place.run(&["keys", "create", "ci", "--models", "role:*", "--total-usd", "0.000001", "--json"]);
        let made: Value = serde_json::from_str(&made.stdout).unwrap();
        let id = made["key"]["id"].as_str().unwrap();
        let said = explain(&["messages", "--key", id]);
        assert_eq!(said.code, Some(3), "{}", said.stdout);
        assert!(said.stdout.contains("budget"), "{}", said.stdout);
        for (words, why) in [
            (vec!["messages", "--key", id, "--model", "provider:claude"], "may not use"),
            (vec!["messages", "--key", "ci", "--model", "provider:claude"], "may not use"),
            (vec!["messages", "--key", "nobody"], "no key `nobody`"),
            (vec!["messages", "--model", "nobody"], "no model `nobody`"),
            (vec!["gemini"], "names no model"),
            (vec!["gemini", "--model", "role:coder"], "no request"),
            (vec!["html"], "`html` is not served"),
        ] {
            let said = explain(&words);
            assert_eq!(said.code, Some(2), "{words:?} {}", said.stdout);
            assert!(said.stderr.contains(why), "{words:?} {}", said.stderr);
        }
        assert!(sim.journal().is_empty());
    });
}

#[test]
fn every_provider_of_the_configuration_is_checked_without_a_paid_call() {
    with_sim("rules: [{ vendor: openai, path: /, error: { kind: authentication } }]", |sim| {
        let place = Place::with("status", sim, ROLES);
        let said = place.run(&["providers", "status"]);
        assert_eq!(said.code, Some(1), "{}", said.stdout);
        let line = |id: &str| said.stdout.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
        assert!(line("claude").contains(" ready ") && line("gemini").contains(" ready "), "{}", said.stdout);
        assert!(
            line("gpt").contains(" refused ") && line("gpt").contains("check the API key"),
            "{}",
            line("gpt")
        );
        assert!(sim.journal().iter().all(|call| call.method == "GET"), "{:?}", sim.journal());
    });
}

#[test]
fn a_watch_takes_over_a_good_configuration_and_keeps_it_when_the_next_one_is_bad() {
    with_sim("{}", |sim| {
        let place = Place::with("watch", sim, ROLES);
        let path = place.config();
        let mut child = place
            .command(&["providers", "status", "--watch", "20ms"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        // The child reads signals before it shows anything.
        let mut table = || {
            let heading = shown.find(|line| line.as_ref().unwrap().starts_with("ID")).unwrap();
            let rows: Vec<String> = (0..3).map(|_| shown.next().unwrap().unwrap()).collect();
            (heading.unwrap(), rows)
        };
        let signal = |name: &str| {
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
        };
        assert!(table().1[2].starts_with("gemini"));
        assert!(told.next().unwrap().unwrap().starts_with("providers: "));

        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("gemini", "flash")).unwrap();
        signal("-HUP");
        assert_eq!(told.next().unwrap().unwrap(), "the configuration was reloaded");
        while !table().1[2].starts_with("flash") {}

        std::fs::write(&path, text.replace("coder:", "coder: 7 #")).unwrap();
        signal("-HUP");
        let bad: Vec<String> =
            told.by_ref().map(Result::unwrap).take_while(|line| !line.contains("stays in use")).collect();
        assert!(bad.iter().any(|line| line.contains("roles.coder")), "{bad:?}");
        assert!(table().1[2].starts_with("flash"));
        signal("-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    });
}

#[test]
fn a_watch_whose_last_provider_is_gone_keeps_it_and_turns_to_no_simulated_one() {
    let place = Place::new("watch-gone");
    let config = place.path("forge/config.yaml");
    std::fs::create_dir(place.path("forge")).unwrap();
    let local = "schema_version: '1.0'\nproviders: { laptop: { type: local, model: qwen3 } }\n";
    std::fs::write(&config, local).unwrap();
    let mut child = place
        .command(&["providers", "status", "--watch", "20ms"])
        .env("XDG_CONFIG_HOME", place.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(shown.any(|line| line.starts_with("laptop")));
    // It must not wait for a reader.
    std::thread::spawn(move || shown.for_each(drop));
    let signal = |name: &str| {
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    std::fs::remove_file(&config).unwrap();
    signal("-HUP");
    let is_last = |line: &String| line.contains("stays in use") || line.contains("was reloaded");
    let mut said = Vec::new();
    for line in told {
        said.push(line);
        if said.last().is_some_and(is_last) {
            break;
        }
    }
    signal("-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    if said.last().unwrap().contains("was reloaded") {
        println!("SKIPPED: a local server answers on this machine, so there is always a provider");
        return;
    }
    assert!(said.iter().any(|line| line.contains("no provider is left")), "{said:?}");
}
