//! `forge batch`, killed and capped.

use std::{
    collections::HashMap,
    fmt::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::{place::Place, run, with_sim};

#[expect(clippy::disallowed_methods, reason = "tests may be told how long to run")]
fn scale() -> usize {
    std::env::var("FORGE_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn question(id: &str, text: &str) -> String {
    let message = json!({ "role": "user", "parts": [{ "type": "text", "text": text }] });
    json!({ "custom_id": id, "messages": [message], "max_tokens": 50 }).to_string()
}

fn questions(count: usize) -> String {
    (1..=count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", question(&format!("q{number}"), &format!("Number {number}.")));
        text
    })
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each question came to the vendor.
fn asked(sim: &Sim) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for request in sim.journal() {
        let text = request.body["messages"][0]["content"].to_string();
        let number = text.split("Number ").nth(1).and_then(|rest| rest.split('.').next());
        *counts.entry(number.unwrap_or("?").to_owned()).or_default() += 1;
    }
    counts
}

const ROLES: &str = "roles: { generalist: { provider: claude } }\nretry: { max_attempts: 1 }\n";

#[test]
fn killed_again_and_again_a_batch_asks_only_for_what_was_under_way() {
    let (count, kills) = (2_500 * scale(), 5 * scale().div_ceil(5));
    with_sim("", |sim| {
        let place = Place::with("batch-kills", sim, ROLES);
        std::fs::write(place.path("in.jsonl"), questions(count)).unwrap();
        let words = ["batch", "run", "in.jsonl", "-o", "out.jsonl", "--concurrency", "16", "--json"];
        for kill in 1..=kills {
            let mut child =
                place.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // A kill for each share of the way, while calls are under way.
            let (from, end) = (sim.journal().len(), Instant::now() + Duration::from_secs(60));
            let enough = (count / (kills + 1)).min(from + count) / 2;
            while sim.journal().len() < from + enough && child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < end, "kill {kill}: the batch stands still");
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let said = run(&mut place.command(&words));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let report: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&report["done"], &report["failed"]), (&count.into(), &0.into()));
        let answers = lines(&place, "out.jsonl");
        let ids: Vec<_> = answers.iter().map(|line| line["custom_id"].as_str().unwrap()).collect();
        let expected: Vec<_> = (1..=count).map(|number| format!("q{number}")).collect();
        assert_eq!(ids, expected, "each line once, in its order");
        let asked = asked(sim);
        let repeated: usize = asked.values().map(|times| times - 1).sum();
        println!("{count} lines, {kills} kills: {repeated} calls that were under way were asked again");
        assert_eq!(asked.len(), count);
        assert!(repeated <= kills * 16, "{repeated} repeated");
    });
}

#[test]
fn a_cap_holds_over_kills_and_a_larger_one_goes_on_with_the_same_models() {
    with_sim("", |sim| {
        // A cheaper model that could answer, and must not do so in silence.
        let rest = format!(
            "  luna: {{ type: openai, model: gpt-6-luna, api_key: \"${{KEY}}\", endpoint: \"{}\" }}\nroles: {{ generalist: {{ provider: claude, fallback: [luna] }} }}\n",
            sim.base_url(Vendor::OpenAi)
        );
        let place = Place::with("batch-cap", sim, &rest);
        std::fs::write(place.path("in.jsonl"), questions(200)).unwrap();
        let command = |cap: &str| {
            run(&mut place.command(&[
                "batch",
                "run",
                "in.jsonl",
                "-o",
                "out.jsonl",
                "--json",
                "--max-cost",
                cap,
            ]))
        };
        let said = command("0.02");
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        let report: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(report["stopped"], "budget");
        let (done, cost) = (report["done"].as_u64().unwrap(), report["cost_usd"].as_f64().unwrap());
        assert!(done < 200 && cost > 0.0 && cost <= 0.02, "{report}");
        // The same cap has no more room.
        let again = command("0.02");
        assert_eq!(again.code, Some(4), "{}", again.stderr);
        let report: Value = serde_json::from_str(&command("10").stdout).unwrap();
        assert_eq!((&report["done"], &report["failed"]), (&200.into(), &0.into()), "{report}");
        let answers = lines(&place, "out.jsonl");
        assert!(answers.iter().all(|line| line["provider"] == "claude"), "nobody cheaper answered");
        assert!(answers.iter().all(|line| line["warnings"] == json!([])), "no answer was cut");
        assert!(asked(sim).values().all(|times| *times == 1));
    });
}

#[test]
fn lines_of_vendors_are_answered_in_their_forms_and_what_cannot_be_read_is_a_line_as_well() {
    let place = Place::new("batch-forms");
    let own = question("own", "Hello.");
    let chat = json!({
        "custom_id": "chat", "method": "POST", "url": "/v1/chat/completions",
        "body": { "model": "gpt-6-luna", "messages": [{ "role": "user", "content": "Hello." }] },
    });
    let responses = json!({
        "custom_id": "responses", "method": "POST", "url": "/v1/responses",
        "body": { "model": "gpt-6-luna", "input": "Hello." },
    });
    let message = json!({
        "custom_id": "message",
        "params": {
            "model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{ "role": "user", "content": "Hello." }],
        },
    });
    let embed = json!({ "custom_id": "embed", "url": "/v1/embeddings", "body": { "input": "Hello." } });
    let nameless = json!({ "url": "/v1/responses", "body": { "model": "gpt-6-luna", "input": "Hello." } });
    let input = [
        own,
        chat.to_string(),
        String::new(),
        responses.to_string(),
        message.to_string(),
        embed.to_string(),
        nameless.to_string(),
        r#"{"messages": [], "wat": 1}"#.to_owned(),
        r#"{"messages": []}"#.to_owned(),
        "[1]".to_owned(),
        "no json".to_owned(),
    ];
    std::fs::write(place.path("in.jsonl"), input.join("\r\n")).unwrap();
    let words = ["batch", "run", "in.jsonl", "-o", "out.jsonl", "--offline"];
    let said = run(&mut place.command(&words));
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    assert!(said.stdout.starts_with("10 of 10 lines, 6 failed, $"), "{}", said.stdout);
    let answers = lines(&place, "out.jsonl");
    assert_eq!((&answers[0]["line"], &answers[0]["custom_id"]), (&1.into(), &"own".into()));
    assert!(answers[0]["text"].as_str().unwrap().contains("Simulated"), "{}", answers[0]);
    for (at, object, id) in [(1, "chat.completion", "chat"), (2, "response", "responses")] {
        let answer = &answers[at];
        assert_eq!((&answer["custom_id"], &answer["error"]), (&id.into(), &Value::Null));
        assert_eq!(answer["response"]["status_code"], 200);
        assert_eq!(answer["response"]["body"]["object"], object);
    }
    assert_eq!(answers[3]["result"]["type"], "succeeded");
    assert_eq!(answers[3]["result"]["message"]["type"], "message");
    assert_eq!(answers[4]["error"]["code"], "invalid_request");
    assert!(answers[5]["error"]["message"].as_str().unwrap().contains("custom_id"));
    for (at, part) in
        [(6, "unknown field `wat`"), (7, "no messages"), (8, "no JSON object"), (9, "no JSON object")]
    {
        let what = answers[at]["error"]["message"].as_str().unwrap();
        assert!(what.contains(part) && what.contains(&format!("line {}", at + 1)), "{what}");
        assert_eq!((&answers[at]["line"], &answers[at]["version"]), (&(at + 1).into(), &"1.0".into()));
    }
    // What failed is asked again, and the rest stays as it is.
    let before = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    let said = run(place.command(&words).arg("--retry-failed"));
    assert!(said.stdout.starts_with("10 of 10 lines, 6 failed, $"), "{}", said.stdout);
    assert_eq!(std::fs::read_to_string(place.path("out.jsonl")).unwrap(), before);
}

#[test]
fn failures_are_lines_and_are_asked_again_on_request() {
    with_sim("rules: [{ contains: \"Number 7.\", error: { kind: server } }]", |sim| {
        let place = Place::with("batch-retry", sim, ROLES);
        std::fs::write(place.path("in.jsonl"), questions(20)).unwrap();
        let words = ["batch", "run", "in.jsonl", "-o", "out.jsonl"];
        let said = run(&mut place.command(&words));
        assert_eq!(said.code, Some(5), "{}", said.stderr);
        assert!(said.stderr.contains("--retry-failed"), "{}", said.stderr);
        let failed = lines(&place, "out.jsonl").swap_remove(6);
        assert_eq!(
            (&failed["custom_id"], &failed["error"]["code"]),
            (&"q7".into(), &"E012".into()),
            "{failed}"
        );
        sim.set_scenario(forge_sim::Scenario::default()).unwrap();
        let said = run(place.command(&words).arg("--retry-failed"));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let answers = lines(&place, "out.jsonl");
        assert!(answers.iter().all(|line| line["error"].is_null()));
        let asked = asked(sim);
        assert_eq!((asked["7"], asked.values().sum::<usize>()), (2, 21));
    });
}

#[test]
fn a_second_process_is_told_and_an_interrupt_waits_for_what_is_under_way() {
    with_sim("latency: [{ first_byte_ms: { uniform: [20, 40] } }]", |sim| {
        let place = Place::with("batch-two", sim, ROLES);
        std::fs::write(place.path("in.jsonl"), questions(400)).unwrap();
        let words = ["batch", "run", "in.jsonl", "-o", "out.jsonl", "--concurrency", "4"];
        let first = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while sim.journal().len() < 20 {
            assert!(Instant::now() < end, "nothing is asked");
            std::thread::yield_now();
        }
        let second = run(&mut place.command(&words));
        assert_eq!(second.code, Some(1), "{}", second.stderr);
        assert!(second.stderr.contains("is being run by"), "{}", second.stderr);
        let kill = std::process::Command::new("kill").args(["-INT", &first.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let output = first.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("the same command goes on"), "{output:?}");
        let said = run(&mut place.command(&words));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(asked(sim).values().all(|times| *times == 1), "nothing that was under way was cut off");
        assert_eq!(lines(&place, "out.jsonl").len(), 400);
    });
}
