//! Evaluations of critics and panels.

use serde_json::{Value, json};

use crate::{Said, place::Place, with_sim};

/// A folder `corpus` of so many documents.
pub(crate) fn corpus(place: &Place, documents: usize) {
    std::fs::create_dir_all(place.path("corpus")).unwrap();
    for at in 0..documents {
        let kind = ["specification", "design", "documentation", "code", "diff"][at % 5];
        let text = format!(
            r#"---
id: d{at}
kind: {kind}
task: Describe a queue for one process.
faults:
  - {{ id: one, severity: critical, category: race, span: "reads and then writes", right: "adds in one step", wrong: "w", claims: ["race atomic"] }}
  - {{ id: two, severity: major, category: wrong-unit, span: "after 5 hours", right: "after 5 minutes", wrong: "w", claims: ["hour minute"] }}
---

Each worker reads and then writes the count of queue {at}.

An idle worker ends after 5 hours.
"#
        );
        std::fs::write(place.path(&format!("corpus/d{at}.md")), text).unwrap();
    }
    // What explains a corpus is no document of it.
    std::fs::write(place.path("corpus/README.md"), "# These\n").unwrap();
}

fn object(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

#[test]
fn simulated_critics_are_reported_as_they_are_declared_and_alike_for_one_seed() {
    let place = Place::new("eval-offline");
    corpus(&place, 12);
    let critics = |words: &[&str]| {
        place.run(&[&["eval", "critics", "--offline", "--corpus", "corpus"], words].concat())
    };
    let sure = critics(&["--simulate", "sure=1,1,1,0", "--simulate", "blind=0,0,0,2", "--json"]);
    let report = object(&sure);
    assert_eq!((sure.code, &report["simulated"]), (Some(0), &json!(true)), "{sure:?}");
    let of = |at: usize, what: &str| &report["critics"][at]["identified"][what];
    assert_eq!((of(0, "share"), of(0, "of"), of(1, "share")), (&json!(1.0), &json!(24), &json!(0.0)));
    assert_eq!(report["critics"][0]["false_alarms_per_clean"], 0.0);
    assert_eq!(report["panels"]["recommended"]["found"], 24);
    let text = critics(&["--html", "report.html"]);
    assert!(text.stdout.starts_with("SIMULATED: no model was asked\n"), "{text:?}");
    for said in ["Planted faults order critics", ".066 on real ones", "critic: { panel: [", "Recommended: "] {
        assert!(text.stdout.contains(said), "{said}: {}", text.stdout);
    }
    assert!(text.stderr.contains("alpha: 24 of 24 texts"), "{}", text.stderr);
    let page = std::fs::read_to_string(place.path("report.html")).unwrap();
    assert!(
        page.contains("SIMULATED") && page.matches("<svg").count() == 2 && !page.contains("<script"),
        "{page}"
    );
    assert_eq!(critics(&["--seed", "3"]).stdout, critics(&["--seed", "3"]).stdout);
    assert_ne!(critics(&["--seed", "3"]).stdout, critics(&["--seed", "4"]).stdout);
    let few = object(&critics(&["--documents", "5", "--dry-run", "--json"]));
    assert_eq!((&few["documents"], &few["readings"]), (&json!(5), &json!(40)));
}

#[test]
fn the_participants_of_the_configuration_read_and_one_that_fails_is_said() {
    let refused = "rules: [ { vendor: openai, error: { kind: server } } ]";
    with_sim(refused, |sim| {
        let place = Place::with("eval-real", sim, "retry: { max_attempts: 1 }\n");
        corpus(&place, 4);
        let dry = object(&place.run(&["eval", "critics", "--corpus", "corpus", "--dry-run", "--json"]));
        assert_eq!(
            (&dry["readings"], &dry["simulated"], sim.journal().len()),
            (&json!(24), &json!(false), 0)
        );
        assert!(dry["most"]["cost_nano_usd"].as_u64() > dry["likely"]["cost_nano_usd"].as_u64(), "{dry}");
        let said = place.run(&["eval", "critics", "--corpus", "corpus", "--json"]);
        let report = object(&said);
        let states: Vec<_> = report["critics"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["measured", "failed", "measured"], "{report:#}");
        assert_eq!(report["critics"][0]["readings"], 8);
        assert!(report["critics"][0]["cost_nano_usd"].as_u64() > Some(0), "{report:#}");
        // Every text was read by its own task, without its faults being told.
        let asked = sim.journal();
        assert!(asked.iter().any(|one| one.body.to_string().contains("adds in one step")));
        assert!(asked.iter().all(|one| !one.body.to_string().contains("wrong-unit")));
        let short = place.run(&["eval", "critics", "--corpus", "corpus", "--max-cost", "0.0001", "--json"]);
        assert_eq!(short.code, Some(4), "{short:?}");
        assert!(object(&short)["notes"].to_string().contains("money was used up"));
        let nobody = place.run(&["eval", "critics", "--corpus", "corpus", "--participants", "gpt"]);
        assert_eq!(nobody.code, Some(3), "{nobody:?}");
        assert!(nobody.stdout.contains("gpt failed every time"), "{}", nobody.stdout);
    });
}

#[test]
fn what_is_typed_or_written_wrongly_is_told_with_what_to_do() {
    let place = Place::new("eval-wrong");
    corpus(&place, 2);
    let wrong =
        std::fs::read_to_string(place.path("corpus/d1.md")).unwrap().replace("after 5 hours.", "soon.");
    std::fs::create_dir(place.path("wrong")).unwrap();
    std::fs::write(place.path("wrong/d1.md"), wrong).unwrap();
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::write(place.path("m.csv"), "a,b\n1,0\n1,x\n").unwrap();
    for (words, told) in [
        ("critics --offline --corpus wrong", "wrong/d1.md:7: fault two: its span occurs nowhere in the text"),
        ("critics --offline --corpus empty", "empty has no documents"),
        ("critics --offline --corpus nowhere", "nowhere cannot be read"),
        ("critics --offline --corpus corpus --participants alpha,zeta", "there is no `zeta`"),
        ("critics --offline --corpus corpus --participants alpha,alpha", "`alpha` stands there twice"),
        ("critics --offline --corpus corpus --documents 0", "must be at least 1"),
        ("critics --offline --corpus corpus --runs 0", "0 is not in 1..=100"),
        ("critics --offline --corpus corpus --simulate x=1,2,0", "must be between 0 and 1"),
        ("critics --offline --corpus corpus --simulate x=1", "write a name and three rates"),
        ("critics --offline --corpus corpus --coverage 80", "must be between 0 and 1"),
        ("critics --offline --corpus corpus --html report.pdf", "`.pdf` is not a format"),
        ("critics --offline --corpus corpus --inject 529@anthropic", "`--inject` changes nothing"),
        ("panels m.csv", "m.csv:3: b has \"x\"; write 1 where it found the issue and 0 where not"),
        ("panels nowhere.csv", "nowhere.csv cannot be read"),
        ("panels m.csv --coverage 0.5 --seats 2", "cannot be used with"),
    ] {
        let said = place.run(&["eval"].into_iter().chain(words.split(' ')).collect::<Vec<_>>());
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{words}: {said:?}");
        assert!(said.stderr.contains(told), "{words}: {}", said.stderr);
    }
    std::fs::write(place.path("m.csv"), "a,b,c\n1,0,0\n0,1,0\n").unwrap();
    let unknown = place.run(&["eval", "panels", "m.csv", "--participants", "a,z"]);
    assert!(unknown.stderr.contains("choose two or more of a, b, c"), "{unknown:?}");
    let reach = place.run(&["eval", "panels", "m.csv", "--coverage", "1"]);
    assert!(reach.stdout.contains("Recommended: a + b finds 100 %"), "{}", reach.stdout);
}
