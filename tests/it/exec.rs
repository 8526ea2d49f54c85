//! `forge exec`: one slash command.

use serde_json::Value;

use crate::{Said, place::Place, run_with_input, with_sim};

fn data(said: &Said) -> Value {
    assert_eq!(said.code, Some(0), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_line_is_carried_out_with_or_without_a_conversation() {
    with_sim("{}", |sim| {
        let place = Place::with("exec", sim, "default_provider: claude\n");
        let help = place.run(&["exec", "/help"]);
        for name in ["/context add", "/metrics", "/council", "/review", "/exit, /quit"] {
            assert!(help.stdout.contains(name), "{name}: {help:?}");
        }
        let said = place.run(&["exec", "/cost"]);
        assert!(said.code == Some(2) && said.stderr.contains("none is named"), "{said:?}");
        assert_eq!(run_with_input(&mut place.command(&["chat"]), "What is a ring?\n").code, Some(0));
        let listed = place.run(&["sessions", "list", "--conversations", "--json"]);
        let name = data(&listed)["conversations"][0]["session"].as_str().unwrap().to_owned();
        let said = data(&place.run(&["exec", "/context", "--session", &name, "--json"]));
        assert_eq!(said["data"]["context"][0]["what"], "What is a ring?", "{said}");
        assert_eq!(place.run(&["exec", "/provider", "gemini", "--session", &name]).code, Some(0));
        let status = data(&place.run(&["exec", "/status", "--session", &name, "--json"]));
        assert_eq!(
            (&status["data"]["provider"], &status["data"]["questions"]),
            (&"gemini".into(), &1.into())
        );
        assert_eq!(sim.journal().len(), 1, "none of these asks anybody");
    });
}

#[test]
fn what_cannot_be_carried_out_says_why_with_its_code() {
    let place = Place::new("exec-refused");
    for (words, why) in [
        (vec!["/contxt"], "did you mean /context?"),
        (vec!["hello"], "`hello` is no command"),
        (vec!["/clear", "all"], "/clear takes nothing behind it"),
        (vec!["/council", "Why?", "--allow", "read"], "needs the permission `ask`"),
        (vec!["/cost", "--session", "20261130-000000-abcd"], "there is no conversation"),
        (vec!["/cost", "--session", "../x"], "there is no conversation"),
        (vec!["/review"], "git"),
    ] {
        let said = place.run(&[vec!["exec", "--offline"], words.clone()].concat());
        assert!(said.code == Some(2) && said.stderr.contains(why), "{words:?}: {said:?}");
    }
    let said = place.run(&["exec", "--offline", "--json", "/contxt"]);
    let failure: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(failure["error"]["message"].as_str().unwrap().contains("/contxt"), "{failure}");
}

#[test]
fn a_file_is_a_command_once_it_is_trusted() {
    with_sim("rules: [ { vendor: openai, error: { kind: invalid_request } } ]", |sim| {
        let place = Place::with("exec-own", sim, "default_provider: claude\n");
        std::fs::create_dir_all(place.path(".forge/commands")).unwrap();
        let text = "---\ndescription: Explain a word\nargument-hint: WORD\nmodel: gemini/gemini-3.8-flash\n---\nExplain $1.\n!`date`\n";
        std::fs::write(place.path(".forge/commands/explain.md"), text).unwrap();
        let said = place.run(&["exec", "/explain", "ring"]);
        assert!(said.code == Some(2) && said.stderr.contains("`forge config trust`"), "{said:?}");
        let trusted = place.command(&[]).args(["config", "trust", "--yes"]).output().unwrap();
        assert!(trusted.status.success(), "{trusted:?}");
        let said = place.run(&["exec", "/explain", "ring"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(".forge/commands/explain.md:7: a shell command is not run"), "{said:?}");
        let asked = &sim.journal()[0];
        assert!(asked.path.contains("gemini"), "{}", asked.path);
        assert!(asked.body.to_string().contains("Explain ring.\\n!`date`"), "{}", asked.body);
        let said = data(&place.run(&["exec", "/explain", "tree", "--json"]));
        assert!(said["text"].as_str().unwrap().len() > 10, "{said}");
        assert!(place.run(&["exec", "/help", "explain"]).stdout.contains("Explain a word"));
        assert_eq!(place.run(&["exec", "/explain", "x", "--allow", "read"]).code, Some(2));
    });
}
