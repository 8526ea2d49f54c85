//! Who takes part in what the command does, by what the file says and what it does not.

use forge_sim::{Sim, Vendor};
use serde_json::{Value, json};

use crate::{
    place::Place,
    run::{CAST, TOPIC, object},
    with_sim,
};

/// A panel of one; GPT is named by no role.
const CLOSED: &str = r"
roles:
  drafter:     { provider: claude }
  critic:      { panel: [gemini] }
  synthesizer: { provider: claude }
retry: { max_attempts: 1 }
session: { cycles: 1 }
";

const FEWER: &str = "3 critics wanted, 1 possible";

fn asked(sim: &Sim, vendor: Vendor) -> usize {
    sim.journal().iter().filter(|one| one.vendor == Some(vendor)).count()
}

/// The models that a vendor was asked for, each once.
fn models(sim: &Sim, vendor: Vendor) -> Vec<String> {
    let of = sim.journal().into_iter().filter(|one| one.vendor == Some(vendor));
    let mut models: Vec<_> = of.filter_map(|one| one.body["model"].as_str().map(str::to_owned)).collect();
    models.sort();
    models.dedup();
    models
}

#[test]
fn a_provider_that_no_role_names_sees_nothing_of_a_session_and_fewer_critics_are_said_once() {
    with_sim("{}", |sim| {
        let place = Place::with("closed", sim, CLOSED);
        let dry = place.run(&["run", TOPIC, "--dry-run"]);
        assert!(dry.stdout.lines().any(|line| line == FEWER), "{}", dry.stdout);
        assert!(!dry.stdout.contains("gpt") && !dry.stderr.contains(FEWER), "{dry:?}");
        let dry = object(&place.run(&["run", TOPIC, "--dry-run", "--json"]));
        assert_eq!((&dry["warnings"], &dry["required"]), (&json!([FEWER]), &json!(1)));
        assert_eq!(sim.journal().len(), 0);

        let said = place.run(&["run", TOPIC, "--json"]);
        assert_eq!(object(&said)["label"], "synthesis", "{}", said.stderr);
        assert_eq!(said.stderr.matches(FEWER).count(), 1, "{}", said.stderr);
        let at = |text: &str| said.stderr.find(text).unwrap();
        assert!(at(&format!("warning: {FEWER}")) < at("draft     claude/"), "{}", said.stderr);
        assert_eq!(asked(sim, Vendor::OpenAi), 0);
        let quiet = place.run(&["run", TOPIC, "--json", "--quiet"]);
        assert_eq!(quiet.stderr, "");
        let enough = place.run(&["run", TOPIC, "--critics", "1", "--dry-run"]);
        assert!(!enough.stdout.contains("wanted"), "{}", enough.stdout);
        for mode in ["review", "direct"] {
            let said = place.run(&["run", TOPIC, "--mode", mode, "--dry-run"]);
            assert!(said.code == Some(0) && !said.stdout.contains("wanted"), "{mode}: {said:?}");
        }
    });
}

#[test]
fn answers_that_nobody_can_give_are_not_waited_for_and_that_is_said() {
    with_sim("{}", |sim| {
        let place = Place::with("required", sim, &CLOSED.replace("cycles: 1", "cycles: 1, required: 2"));
        let dry = object(&place.run(&["run", TOPIC, "--dry-run", "--json"]));
        let expected = json!([FEWER, "2 critics are required, but only 1 can be asked"]);
        assert_eq!((&dry["warnings"], &dry["required"]), (&expected, &json!(1)));
        let twice =
            CLOSED.replace("[gemini]", "[gemini, gpt]").replace("cycles: 1", "cycles: 1, required: 2");
        let place = Place::with("required-two", sim, &twice);
        let dry = object(&place.run(&["run", TOPIC, "--dry-run", "--json"]));
        let fewer = json!(["3 critics wanted, 2 possible"]);
        assert_eq!((&dry["warnings"], &dry["required"]), (&fewer, &json!(2)));
    });
}

#[test]
fn references_have_the_size_that_the_file_gives_them() {
    with_sim("{}", |sim| {
        let sized = CAST.replace("cycles: 1", "cycles: 1, reference_tokens: 12345");
        let place = Place::with("references", sim, &sized);
        let dry = object(&place.run(&["run", TOPIC, "--dry-run", "--json"]));
        assert_eq!(dry["reference_tokens"], 12_345);
        let shown = place.run(&["config", "show", "--resolved"]);
        assert!(shown.stdout.contains("reference_tokens: 12345"), "{}", shown.stdout);
    });
}

#[test]
fn with_one_key_other_models_of_the_vendor_judge_and_that_is_said_before_the_draft() {
    with_sim("{}", |sim| {
        let place = Place::new("one-key");
        let run = |arguments: &[&str]| {
            let mut command = place.command(&[&["run", TOPIC], arguments].concat());
            command
                .env("ANTHROPIC_API_KEY", "sk-test-1")
                .env("ANTHROPIC_BASE_URL", sim.base_url(Vendor::Anthropic));
            crate::run(&mut command)
        };
        let note = "critics and checker are other models of the drafter's vendor: claude-sonnet-5, ";
        let dry = run(&["--dry-run"]);
        assert!(dry.stdout.contains(note), "{}", dry.stdout);
        assert!(dry.stdout.contains("critique   anthropic/claude-sonnet-5 "), "{}", dry.stdout);
        assert_eq!(sim.journal().len(), 0);
        let said = run(&["--json", "--cycles", "1"]);
        assert_eq!(object(&said)["label"], "synthesis", "{}", said.stderr);
        let at = |text: &str| said.stderr.find(text).unwrap_or_else(|| panic!("{text}: {}", said.stderr));
        assert!(at(note) < at("draft     anthropic/claude-sonnet-5-5"));
        let models = models(sim, Vendor::Anthropic);
        assert!(models.len() == 4 && models.contains(&"claude-sonnet-5".to_owned()), "{models:?}");
    });
}

#[test]
fn with_one_local_model_it_is_said_before_the_draft_that_nobody_can_judge_it() {
    let place = Place::new("one-model");
    let file = "schema_version: \"1.0\"\nproviders:\n  laptop: { type: local, model: qwen3, endpoint: \"http://127.0.0.1:9\" }\n";
    std::fs::write(place.config(), file).unwrap();
    let note = "nobody else can judge what laptop/qwen3 writes";
    let said = place.run(&["run", TOPIC, "--dry-run"]);
    assert!(said.code == Some(0) && said.stdout.contains(note), "{said:?}");
    assert!(said.stdout.contains("`--mode direct`"), "{said:?}");
    let direct = place.run(&["run", TOPIC, "--dry-run", "--mode", "direct"]);
    assert!(direct.code == Some(0) && !direct.stdout.contains(note), "{direct:?}");
}

#[test]
fn a_role_that_the_file_does_not_name_is_played_by_who_prefers_it_wherever_it_is_asked_for() {
    with_sim("{}", |sim| {
        let place = Place::with("prefers", sim, "");
        let file = std::fs::read_to_string(place.config()).unwrap();
        let prefers = file.replace("gpt-6.2-sol,", "gpt-6.2-sol, preferred_roles: [coder],");
        for (text, coder, poet) in [
            (prefers.clone(), "gpt", "claude"),
            (format!("{prefers}default_provider: gemini\n"), "gpt", "gemini"),
            (file, "claude", "claude"),
        ] {
            std::fs::write(place.config(), text).unwrap();
            for (role, provider) in [("coder", coder), ("poet", poet)] {
                let said = place.run(&["ask", "hello", "--role", role, "--json"]);
                assert_eq!((said.code, &object(&said)["provider"]), (Some(0), &json!(provider)), "{role}");
                let explained = object(&place.run(&["route", "explain", "--role", role, "--json"]));
                assert_eq!(explained["chosen"]["provider"], provider, "{role}");
                assert_eq!(explained["candidates"].as_array().unwrap().len(), 3, "{role}");
            }
        }
        let said = place.run(&["route", "explain", "--role", "coder"]);
        assert!(said.stdout.contains("does not name this role: providers that prefer it"), "{}", said.stdout);
    });
}

#[test]
fn the_raw_answer_of_a_call_is_shown_by_its_key() {
    with_sim("rules: [{ vendor: google, error: { kind: server } }]", |sim| {
        let place = Place::with("raw", sim, CAST);
        let result = object(&place.run(&["run", TOPIC, "--json"]));
        let id = result["session"].as_str().unwrap();
        let call = |key: &str| place.run(&["sessions", "show", id, "--call", key]);
        let draft = call("0.draft.0.0");
        assert!(draft.code == Some(0) && draft.stdout.starts_with('#'), "{draft:?}");
        let critique = call("1.critique.0.0");
        assert!(critique.stdout.contains("\"findings\""), "{critique:?}");
        let failed = call("1.critique.1.0");
        assert!(failed.stdout.starts_with("failed: server error: "), "{failed:?}");
        let unknown = call("1.critique.9.0");
        assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""), "{unknown:?}");
        assert!(unknown.stderr.contains("choose one of: 0.draft.0.0, 1.critique.0.0, "), "{unknown:?}");
        let both = place.run(&["sessions", "show", id, "--call", "0.draft.0.0", "--calls"]);
        assert_eq!(both.code, Some(2), "{both:?}");

        let offline = place.run(&["run", TOPIC, "--offline", "--mode", "direct", "--json"]);
        let id = object(&offline)["session"].as_str().unwrap().to_owned();
        let shown = place.run(&["sessions", "show", &id, "--offline", "--call", "0.draft.0.0"]);
        assert!(shown.code == Some(0) && shown.stdout.starts_with("SIMULATED\n\n"), "{shown:?}");
    });
}

#[test]
fn who_accepts_a_degraded_result_gets_exit_code_0_for_it_and_for_nothing_else() {
    let critics = "{ vendor: openai, error: { kind: server } }, { vendor: google, error: { kind: server } }";
    with_sim(&format!("rules: [{critics}]"), |sim| {
        let place = Place::with("accept", sim, CAST);
        let said = place.run(&["run", TOPIC, "--json"]);
        assert_eq!(said.code, Some(5), "{}", said.stderr);
        let id = object(&said)["session"].as_str().unwrap().to_owned();
        assert_eq!(place.run(&["resume", &id]).code, Some(5));
        assert_eq!(place.run(&["resume", &id, "--accept", "degraded"]).code, Some(0));
        let said = place.run(&["run", TOPIC, "--json", "--accept", "degraded"]);
        assert_eq!((said.code, &object(&said)["label"]), (Some(0), &json!("draft")), "{}", said.stderr);
        assert_eq!(place.run(&["run", TOPIC, "--accept", "anything"]).code, Some(2));
    });
    with_sim("rules: [{ error: { kind: server } }]", |sim| {
        let place = Place::with("accept-nothing", sim, CAST);
        let said = place.run(&["run", TOPIC, "--accept", "degraded", "--json"]);
        assert_eq!(
            (said.code, &object(&said)["label"]),
            (Some(3), &Value::from("nothing")),
            "{}",
            said.stderr
        );
    });
}
