//! Other ways into a session than a question: a text that is there, a review, a wish, a question about a result.

use serde_json::Value;

use crate::{
    place::Place,
    run::{CAST, TOPIC, object},
    run_with_input, with_sim,
};

const TEXT: &str = "# Opening hours\n\nThe depot opens at nine. Nobody knows when it closes.\n\n\
                    ## Deliveries\n\nDeliveries are taken at the gate, at any time of the day.\n";

#[test]
fn a_text_that_is_there_is_judged_and_revised_without_a_draft() {
    with_sim("{}", |sim| {
        let place = Place::with("given", sim, CAST);
        std::fs::write(place.path("hours.md"), TEXT).unwrap();
        let result = object(&place.run(&["run", "--draft", "hours.md", "--json"]));
        assert_eq!((&result["draft"], &result["title"]), (&TEXT.into(), &"Improve hours.md".into()));
        let stages: Vec<&str> = result["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["call"]["stage"].as_str().unwrap())
            .collect();
        assert!(!stages.contains(&"draft") && stages.contains(&"synthesis"), "{stages:?}");
        let document = result["document"].as_str().unwrap();
        assert!(document.contains("## Deliveries") && document != TEXT, "{document}");

        let dry = object(&place.run(&["run", "Shorten it", "--draft", "hours.md", "--dry-run", "--json"]));
        assert!(dry["calls"].as_array().unwrap().iter().all(|call| call["stage"] != "draft"), "{dry}");
        let said = run_with_input(&mut place.command(&["run", "Shorten it", "--draft", "-", "--json"]), TEXT);
        assert_eq!(object(&said)["draft"], TEXT);

        let calls = sim.journal().len();
        std::fs::write(place.path("empty.md"), " \n").unwrap();
        for wrong in [
            &["run", "--draft", "hours.md", "--mode", "direct"][..],
            &["run", "--draft", "empty.md"],
            &["run", "--draft", "nowhere.md"],
            &["review", "empty.md"],
            &["review", "nowhere.md"],
            &["review"],
        ] {
            let said = place.run(wrong);
            assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{wrong:?}: {}", said.stderr);
        }
        assert_eq!(sim.journal().len(), calls, "nobody is asked about what makes no sense");
    });
}

#[test]
fn a_given_text_is_resumed_like_any_other() {
    with_sim("{}", |sim| {
        let place = Place::with("given-resumed", sim, CAST);
        std::fs::write(place.path("hours.md"), TEXT).unwrap();
        let said = place.run(&["run", "--draft", "hours.md", "--max-cost", "0.0001", "--json"]);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        let result = object(&said);
        assert_eq!(result["document"], TEXT);
        let id = result["session"].as_str().unwrap();
        let result = object(&place.run(&["resume", id, "--max-cost", "1", "--json"]));
        assert_eq!((&result["draft"], &result["label"]), (&TEXT.into(), &"synthesis".into()));
    });
}

#[test]
fn a_review_leaves_the_document_as_it_is_and_fails_on_what_stands() {
    with_sim("{}", |sim| {
        let place = Place::with("review", sim, CAST);
        std::fs::write(place.path("hours.md"), TEXT).unwrap();
        let said = place.run(&["review", "hours.md", "--json"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let result = object(&said);
        assert_eq!((&result["document"], &result["title"]), (&TEXT.into(), &"Review of hours.md".into()));
        assert!(result["proposal"].as_str().unwrap() != TEXT);
        let findings = result["findings"].as_array().unwrap();
        assert!(findings.iter().any(|one| one["remark"]["severity"] == "minor"), "{findings:?}");
        assert_eq!(
            result["calls"].as_array().unwrap().iter().filter(|one| one["call"]["cycle"] == 2).count(),
            0
        );

        let said = place.run(&["review", "--document", "hours.md", "--fail-on", "minor"]);
        assert_eq!(said.code, Some(6), "{}", said.stderr);
        assert!(!said.stdout.contains("Nobody knows when it closes.\n\n## Deliveries"), "{}", said.stdout);
        assert!(said.stdout.contains("confirmed"), "{}", said.stdout);
        let quiet = place.run(&["review", "hours.md", "--fail-on", "critical", "--json"]);
        let critical = |one: &Value| one["remark"]["severity"] == "critical";
        assert!(!object(&quiet)["findings"].as_array().unwrap().iter().any(critical));
        assert_eq!(quiet.code, Some(0), "{}", quiet.stderr);

        sim.set_scenario(
            forge_sim::Scenario::from_yaml("rules: [{ contains: \"# Critique\", error: { kind: server } }]")
                .unwrap(),
        )
        .unwrap();
        let said = place.run(&["review", "hours.md", "--fail-on", "major"]);
        assert_eq!(said.code, Some(5), "what nobody has read is not clean: {}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains("NOT REVIEWED"), "{}", said.stdout);
    });
}

#[test]
fn a_wish_after_the_end_gets_a_cycle_of_its_own() {
    with_sim("{}", |sim| {
        let place = Place::with("follow", sim, CAST);
        let first = object(&place.run(&["run", TOPIC, "--cycles", "1", "--json"]));
        let id = first["session"].as_str().unwrap();
        let before = sim.journal().len();
        let said = place.run(&["follow", id, "also cover the night shift", "--json"]);
        let second = object(&said);
        assert_eq!(
            (&second["session"], &second["cycles"]),
            (&first["session"], &2.into()),
            "{}",
            said.stderr
        );
        let wish =
            second["findings"].as_array().unwrap().iter().find(|one| {
                one["raised_by"].as_array().unwrap().iter().any(|raised| raised["person"] == true)
            });
        assert!(wish.unwrap()["remark"]["claim"].as_str().unwrap().contains("night shift"), "{second}");
        let sent: String = sim.journal()[before..].iter().map(|one| one.body.to_string()).collect();
        assert!(sent.contains("also cover the night shift"));

        let mut follow = place.command(&["follow", id, "and the holidays", "--attended", "--json"]);
        let third = object(&run_with_input(&mut follow, &"accept\ncontinue\n".repeat(3)));
        assert_ne!(third["decisions"], serde_json::json!({}), "whoever attends is asked: {third}");
        let said = place.run(&["follow", id, "and the strikes"]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(
            said.stderr.contains("has had 3 cycles") && said.stderr.contains("--draft"),
            "{}",
            said.stderr
        );
        let said = place.run(&["follow", "20990101-000000-none", "x"]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
    });
}

#[test]
fn a_question_about_a_session_is_asked_with_its_report() {
    with_sim("{}", |sim| {
        let place = Place::with("about", sim, CAST);
        let result = object(&place.run(&["run", TOPIC, "--json"]));
        let id = result["session"].as_str().unwrap();
        let said = place.run(&["ask", "--session", id, "Why was F1 accepted?", "--provider", "claude"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let sent = sim.journal().last().unwrap().body.to_string();
        let claim = result["findings"][0]["remark"]["claim"].as_str().unwrap();
        assert!(sent.contains("Why was F1 accepted?") && sent.contains(claim), "{sent}");
        let said = place.run(&["ask", "--session", "20990101-000000-none", "Why?"]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
    });
}

#[test]
fn each_critic_may_have_a_lens_of_its_own() {
    with_sim("{}", |sim| {
        let place = Place::with("lenses", sim, CAST);
        let lens = |requests: &[forge_sim::RecordedRequest]| -> Vec<String> {
            let critiques =
                requests.iter().map(|one| one.body.to_string()).filter(|body| body.contains("# Critique"));
            critiques
                .map(|body| {
                    let lens = body.split("Your part of the reading: Read as somebody who ").nth(1);
                    let model =
                        body.split("\"model\":\"").nth(1).unwrap_or_default().split('"').next().unwrap();
                    format!("{model}: {}", lens.map_or("-", |lens| &lens[..16]))
                })
                .collect()
        };
        let words = ["run", TOPIC, "--cycles", "1", "--lens", "security", "--lens", "operations", "--json"];
        object(&place.run(&words));
        let mut seen = lens(&sim.journal());
        seen.sort();
        assert!(seen.iter().any(|one| one.ends_with("wants to break i")), "{seen:?}");
        assert!(seen.iter().any(|one| one.ends_with("is woken at nigh")), "{seen:?}");

        std::fs::create_dir(place.path("prompts")).unwrap();
        let own = "Read as somebody who sails alone.";
        std::fs::write(place.path("prompts/lens.sailing.jinja"), own).unwrap();
        let before = sim.journal().len();
        object(&place.run(&["run", TOPIC, "--lens", "sailing", "--prompts", "prompts", "--json"]));
        let sent: String = sim.journal()[before..].iter().map(|one| one.body.to_string()).collect();
        assert!(sent.contains(own), "{sent}");

        let calls = sim.journal().len();
        let said = place.run(&["run", TOPIC, "--lens", "securty"]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.stderr);
        assert!(said.stderr.contains("there is no lens `securty`; there are clarity"), "{}", said.stderr);
        assert_eq!(sim.journal().len(), calls);

        let text = std::fs::read_to_string(place.config()).unwrap();
        let seats = "session: { critics: [ { provider: gemini, lens: security }, { provider: gpt }, { provider: nobody } ], cycles: 1 }\n";
        std::fs::write(place.config(), text.split("session:").next().unwrap().to_owned() + seats).unwrap();
        let result = object(&place.run(&["run", TOPIC, "--json"]));
        let critics: Vec<&str> = result["calls"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["call"]["stage"] == "critique")
            .map(|one| one["participant"]["provider"].as_str().unwrap())
            .collect();
        assert!(critics.contains(&"gemini") && critics.contains(&"gpt"), "{critics:?}");
        assert!(
            result["notes"].to_string().contains("nobody, which the file seats as critic 3"),
            "{}",
            result["notes"]
        );
    });
}

#[test]
fn an_accident_may_befall_a_role() {
    let place = Place::new("accident");
    let result = object(&place.run(&["run", TOPIC, "--offline", "--inject", "429@critic", "--json"]));
    assert_eq!(result["stop_reason"], "no_critic", "{result}");
    let said = place.run(&["run", TOPIC, "--offline", "--inject", "429@painter"]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("anthropic, openai, google, local, drafter, critic"), "{}", said.stderr);
}
