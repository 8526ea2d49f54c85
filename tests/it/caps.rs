//! Budgets that have no room in the middle of a session.

use serde_json::Value;

use crate::{
    place::Place,
    run::{CAST, object},
    with_sim,
};

const TOPIC: &str = "Design a rate limiter for a public HTTP API";

#[test]
fn a_day_without_room_pauses_the_session_and_more_room_lets_it_go_on() {
    with_sim("{}", |sim| {
        let place = Place::with("day", sim, &format!("{CAST}budget: {{ per_day_usd: 0.2 }}\n"));
        let said = place.run(&["run", TOPIC, "--json"]);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        let result = object(&said);
        assert_eq!((&result["status"], &result["stop_reason"]), (&"paused".into(), &Value::Null));
        let id = result["session"].as_str().unwrap();
        let budget = result["held"]["budget"].as_str().unwrap();
        assert!(budget.starts_with("day:"), "{budget}");
        assert!(result["held"]["free_at"].as_str().unwrap().ends_with("T00:00:00Z"), "{}", result["held"]);
        let next = format!("when the budget has room, continue with: forge resume {id}");
        assert!(said.stderr.contains(&next), "{}", said.stderr);
        assert!(said.stderr.contains("paused: budget `day:"), "{}", said.stderr);

        let asked = sim.journal().len();
        let again = place.run(&["resume", id, "--json"]);
        assert_eq!((again.code, sim.journal().len()), (Some(4), asked), "{}", again.stderr);

        let written = std::fs::read_to_string(place.config()).unwrap();
        std::fs::write(place.config(), written.replace("per_day_usd: 0.2", "per_day_usd: 20")).unwrap();
        let last = place.run(&["resume", id, "--json"]);
        assert_eq!(last.code, Some(0), "{}", last.stderr);
        let last = object(&last);
        assert_eq!((&last["label"], &last["held"]), (&"synthesis".into(), &Value::Null));
        assert_eq!(sim.journal().len(), 5, "nothing was asked twice");
    });
}

#[test]
fn a_session_that_has_used_its_own_budget_up_goes_on_with_more() {
    with_sim("{}", |sim| {
        let place = Place::with("own", sim, &format!("{CAST}budget: {{ per_session_usd: 0.2 }}\n"));
        let said = place.run(&["run", TOPIC, "--json"]);
        assert_eq!(said.code, Some(4), "{}", said.stderr);
        let result = object(&said);
        assert_eq!((&result["stop_reason"], &result["label"]), (&"budget".into(), &"draft".into()));
        assert!(said.stderr.contains("--max-cost USD"), "{}", said.stderr);
        let id = result["session"].as_str().unwrap();
        let last = place.run(&["resume", id, "--max-cost", "5", "--json"]);
        assert_eq!(last.code, Some(0), "{}", last.stderr);
        assert_eq!(object(&last)["label"], "synthesis");
    });
}
