//! What models are told: where it comes from, its mistakes, and which version of it is used.

use std::fs;

use serde_json::{Value, json};

use crate::{place::Place, run::object};

/// A project of which the working directory is the folder, with a provider that is never asked.
fn project(name: &str) -> Place {
    let place = Place::new(name);
    let file = "schema_version: \"1.0\"\nproviders:\n  laptop: { type: local, model: qwen3 }\n";
    fs::write(place.path("forge.yaml"), file).unwrap();
    fs::create_dir_all(place.path(".forge/prompts/team")).unwrap();
    place
}

const NOTES: &str = "---
description: Writes notes
variables: { type: object, properties: { version: { type: string }, changes: { type: array } }, required: [version] }
---
Notes for {{ version }}:{% if changes is defined %}{% for one in changes %} {{ one }}{% endfor %}{% endif %}
";

/// `forge.yaml` of the place is named by nobody.
fn found(place: &Place, words: &[&str]) -> crate::Said {
    let mut command = place.command(words);
    command.env_remove("FORGE_CONFIG");
    crate::run(&mut command)
}

#[test]
fn the_prompts_of_a_project_count_once_they_are_trusted() {
    let place = project("prompts-trust");
    fs::write(place.path(".forge/prompts/team/notes.md.jinja"), NOTES).unwrap();
    fs::write(place.path(".forge/prompts/draft.user.jinja"), "Only {{ topic.title }}\n").unwrap();
    let origins = || -> Vec<(String, String)> {
        let listed = object(&found(&place, &["prompts", "list", "--json"]));
        let of = |one: &Value| {
            (one["name"].as_str().unwrap().to_owned(), one["origin"].as_str().unwrap().to_owned())
        };
        let all = listed["prompts"].as_array().unwrap().iter().map(of);
        all.filter(|(_, origin)| origin != "built_in").collect()
    };
    assert_eq!(origins(), []);
    assert_eq!(found(&place, &["config", "trust", "--yes"]).code, Some(0));
    let project = |name: &str| (name.to_owned(), "project".to_owned());
    assert_eq!(origins(), [project("draft.user"), project("team/notes")]);

    let render = ["prompts", "render", "team/notes", "--var", "version={{ 7 }}", "--var", "changes=[1, 2]"];
    assert_eq!(found(&place, &render).stdout, "Notes for {{ 7 }}: 1 2\n");
    let said = found(&place, &["prompts", "render", "team/notes", "--var", "vesion=7"]);
    assert_eq!(said.code, Some(2));
    for words in ["`version` is missing", "did you mean `version`?"] {
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    let said = found(&place, &["prompts", "diff", "draft.user"]);
    assert!(said.stdout.contains("+Only {{ topic.title }}") && said.stdout.contains("-Topic: "), "{said:?}");

    // As after a `git pull`.
    fs::write(place.path(".forge/prompts/team/notes.md.jinja"), format!("{NOTES}More.\n")).unwrap();
    let said = found(&place, &["prompts", "list"]);
    assert!(
        said.code == Some(2) && said.stderr.contains("`notes.md.jinja` is not as you trusted it"),
        "{said:?}"
    );
}

#[test]
fn every_mistake_of_a_folder_is_told_with_its_line() {
    let place = Place::new("prompts-check");
    assert_eq!(place.run(&["prompts", "init", "team/notes", "--dir", "own"]).code, Some(0));
    assert_eq!(place.run(&["prompts", "init", "critique.user", "--dir", "own"]).code, Some(0));
    let said = place.run(&["prompts", "check", "own"]);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (Some(0), "2 prompts read, 0 mistakes\n", "")
    );
    assert_eq!(place.run(&["prompts", "init", "team/notes", "--dir", "own"]).code, Some(2), "it is there");
    for name in ["../notes", "/notes", "a b", ""] {
        assert_eq!(place.run(&["prompts", "init", name, "--dir", "own"]).code, Some(2), "{name}");
    }
    fs::write(place.path("own/team/notes.md.jinja"), NOTES.replace("{{ version", "{{ vresion")).unwrap();
    fs::write(place.path("own/other.yaml"), "descripton: x\ntemplate: '{% if %}'\n").unwrap();
    let said = place.run(&["prompts", "check", "own"]);
    assert_eq!(said.code, Some(2));
    for line in [
        "own/other.yaml:1:1: error[E105]",
        "own/team/notes.md.jinja:5:14: error[E142]: `vresion` is not declared; did you mean `version`?",
    ] {
        assert!(said.stderr.contains(line), "{line}: {}", said.stderr);
    }
    assert_eq!(place.run(&["prompts", "check", "nowhere"]).code, Some(2));
}

#[test]
fn answers_are_held_against_what_a_file_expects() {
    let place = Place::new("prompts-test");
    fs::create_dir(place.path("own")).unwrap();
    let config = "schema_version: \"1.0\"\nproviders:\n  laptop: { type: local, model: qwen3 }\nprompts: { dir: own }\n";
    fs::write(place.config(), config).unwrap();
    fs::write(place.path("own/notes.md.jinja"), NOTES).unwrap();
    let test = |tests: &str| {
        fs::write(place.path("tests.yaml"), tests).unwrap();
        place.run(&["prompts", "test", "tests.yaml", "--offline", "--junit", "junit.xml"])
    };
    let said = test(
        "tests:
  - prompt: notes
    providers: [openai, anthropic]
    variables: [ { version: '1' }, { version: '<&>' } ]
    expect: { lacks: [zebra], max_tokens: 5000, refusal: false, max_cost_usd: 1 }
  - { prompt: notes, variables: [ { version: x } ], expect: { contains: ['zebra & co'] } }
",
    );
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("4 passed, 1 failed") && said.stdout.starts_with("SIMULATED"), "{said:?}");
    assert!(said.stdout.contains("it lacks `zebra & co`") && said.stdout.contains("anthropic"), "{said:?}");
    let junit = fs::read_to_string(place.path("junit.xml")).unwrap();
    assert!(
        junit.contains("tests=\"5\" failures=\"1\"") && junit.contains("it lacks `zebra &amp; co`"),
        "{junit}"
    );
    let said = test("tests: [ { prompt: notes, variables: [ { version: '1' } ] } ]");
    assert_eq!((said.code, said.stderr.contains("1 passed, 0 failed")), (Some(0), true), "{said:?}");
    for (tests, why) in [
        ("tests: [ { prompt: nots } ]", "did you mean `notes`?"),
        ("tests: [ { prompt: notes } ]", "`version` is missing"),
        (
            "tests: [ { prompt: notes, variables: [ { version: x } ], providers: [who] } ]",
            "there is no provider `who`",
        ),
        ("tests: [ { prompt: notes, expct: {} } ]", "tests.yaml:1:27: error[E105]"),
        ("tests: []", "there are no `tests`"),
    ] {
        let said = test(tests);
        assert!(said.code == Some(2) && said.stderr.contains(why), "{tests}: {said:?}");
    }
}

#[test]
fn sessions_use_what_production_points_to_and_their_calls_say_so() {
    let place = Place::new("prompts-versions");
    let offline = |words: &[&str]| place.run(&[words, &["--offline"]].concat());
    let run = || object(&offline(&["run", "A cache", "--mode", "direct", "--json"]));
    run();
    let versions = object(&offline(&["prompts", "versions", "draft.system", "--json"]));
    let hash = versions["versions"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(versions["versions"][0]["labels"], json!(["latest"]));

    let said = offline(&["prompts", "label", "draft.system", "production@file"]);
    assert!(said.stderr.contains("points to version 1"), "{said:?}");
    let used = "SELECT prompt, version, labels, calls FROM prompts WHERE calls > 0 ORDER BY prompt";
    let rows = object(&offline(&["metrics", "sql", used, "--format", "json"]));
    let row = json!({"prompt": "draft.system", "version": 1, "labels": "production", "calls": 1});
    assert_eq!(rows["rows"][0], row, "{rows}");
    run();
    let tags = "SELECT DISTINCT json_extract(tags, '$.prompt') AS tag FROM model_usage";
    let rows = object(&offline(&["metrics", "sql", tags, "--format", "json"]));
    let tag = rows["rows"][0]["tag"].as_str().unwrap();
    assert!(tag.starts_with(&format!("draft.system@{hash} draft.user@")), "{tag}");
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1, "{rows}");

    for (words, why) in [
        (["label", "draft.system", "production@9"], "has no version or label `9`"),
        (["label", "draft.system", "production"], "is no label and version"),
        (["label", "draft.system", "latest@1"], "is not set by hand"),
        (["label", "draft.system", "7@1"], "cannot be a label"),
        (["label", "draft.sytem", "production@file"], "did you mean `draft.system`?"),
        (["rollback", "draft.system", "production"], "has stood nowhere else"),
    ] {
        let said = offline(&[&["prompts"], &words[..]].concat());
        assert!(said.code == Some(2) && said.stderr.contains(why), "{words:?}: {}", said.stderr);
    }
    let log = offline(&["audit"]).stdout;
    assert!(log.contains("prompt_labelled") && log.contains("draft.system"), "{log}");
}
