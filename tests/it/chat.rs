//! `forge chat` over pipes; each line of standard input is a question.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Said, place::Place, run_with_input, with_sim};

/// What is said when these lines are typed.
fn chat(place: &Place, arguments: &[&str], lines: &str) -> Said {
    run_with_input(&mut place.command(&[&["chat"], arguments].concat()), lines)
}

/// The texts of the messages of a request to Claude.
fn messages(body: &Value) -> Vec<String> {
    let of = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        parts => parts[0]["text"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned(),
    };
    body["messages"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_conversation_goes_on_in_the_next_process_with_all_that_was_said() {
    with_sim("{}", |sim| {
        let place = Place::with("chat", sim, "default_provider: claude\n");
        let said = chat(&place, &[], "What is a ring?\n\n/context\nAnd in \\\ntwo lines?\n/cost\n");
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("What is a ring?\n") && said.stdout.contains("in all"), "{said:?}");
        assert!(said.stdout.lines().last().unwrap().starts_with('$'), "{said:?}");
        let said = chat(&place, &["--continue", "--provider", "claude"], "A third\n");
        assert!(said.stderr.contains("goes on after 2 questions"), "{said:?}");
        let bodies: Vec<Value> = sim.journal().iter().map(|request| request.body.clone()).collect();
        let [_, second, third] = &*bodies else { panic!("{bodies:?}") };
        assert_eq!(messages(second)[2], "And in \ntwo lines?");
        let all = messages(third);
        assert_eq!((all.len(), &*all[0], &*all[4]), (5, "What is a ring?", "A third"));
        assert!(!all[1].is_empty(), "the answer is told as well");
        // It is no session, but its calls are found by its name.
        assert_eq!(place.run(&["sessions", "list"]).stdout.lines().count(), 1);
        let rows =
            place.run(&["metrics", "sql", "SELECT DISTINCT session FROM model_usage", "--format", "csv"]);
        let name = rows.stdout.lines().nth(1).unwrap();
        let said = chat(&place, &["--session", name], "/clear\nA fourth\n");
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(messages(&sim.journal()[3].body), ["A fourth"]);
        let said = chat(&place, &["--continue"], "/context\n");
        assert!(said.stderr.contains("goes on after 1 questions"), "{said:?}");
    });
}

#[test]
fn a_conversation_is_called_so_where_a_session_is_wanted() {
    with_sim("{}", |sim| {
        let place = Place::with("chat-named", sim, "default_provider: claude\n");
        assert_eq!(chat(&place, &[], "What is a ring?\n").code, Some(0));
        let listed = place.run(&["sessions", "list"]);
        assert!(listed.stderr.contains("and 1 of `forge chat`"), "{listed:?}");
        let listed = place.run(&["sessions", "list", "--conversations"]);
        let row = listed.stdout.lines().nth(1).unwrap();
        let name = row.split_whitespace().next().unwrap();
        assert!(row.contains("What is a ring?"), "{listed:?}");
        let wanting: [&[&str]; 6] = [
            &["sessions", "show", name],
            &["sessions", "export", name],
            &["resume", name],
            &["follow", name, "More"],
            &["ask", "Is it so?", "--session", name],
            &["watch", name, "--url", "http://127.0.0.1:9"],
        ];
        for words in wanting {
            let said = place.run(words);
            assert_eq!(said.code, Some(2), "{words:?}: {said:?}");
            let next = format!("`forge chat --session {name}` goes on with it");
            for expected in [&*format!("`{name}` is a conversation, not a session"), &next] {
                assert!(said.stderr.contains(expected), "{words:?}: {said:?}");
            }
        }
        assert_eq!(place.run(&["prompts", "score", name, "1"]).code, Some(0), "its calls have scores");
        let said = place.run(&["sessions", "delete", name]);
        assert!(said.stderr.contains(&format!("conversation {name} was deleted")), "{said:?}");
        assert_eq!(chat(&place, &["--session", name], "One\n").code, Some(2));
    });
}

#[test]
fn others_are_asked_when_it_is_said_and_mistakes_end_nothing() {
    with_sim("rules: [ { vendor: openai, error: { kind: invalid_request } } ]", |sim| {
        let place = Place::with("chat-others", sim, "default_provider: claude\n");
        let said = chat(
            &place,
            &[],
            "/provider gemini\nOne\n/provider gtp\n/modle\n/provider gpt\nTwo\n/provider gemini\nThree\n",
        );
        assert_eq!(said.code, Some(0), "{said:?}");
        for words in ["there is no provider `gtp`", "did you mean /model?", "error["] {
            assert!(said.stderr.contains(words), "{words}: {said:?}");
        }
        let asked: Vec<_> = sim.journal().iter().map(|request| request.path.clone()).collect();
        assert!(
            asked[0].contains("gemini") && asked[1].contains("openai") && asked[2].contains("gemini"),
            "{asked:?}"
        );
        let last = sim.journal()[2].body.to_string();
        assert!(last.contains("One") && last.contains("Three") && !last.contains("Two"), "{last}");
        // The last question counts for programs.
        assert_eq!(chat(&place, &["--provider", "gpt"], "One\n").code, Some(1));
        assert_eq!(chat(&place, &["--provider", "gtp"], "One\n").code, Some(2));
        assert_eq!(chat(&place, &["--session", "../x"], "One\n").code, Some(2));
        assert_eq!(chat(&place, &["--json"], "One\n").code, Some(2));
    });
}

#[test]
fn what_is_carried_and_who_is_asked_belongs_to_the_conversation() {
    with_sim("{}", |sim| {
        let place = Place::with("chat-carried", sim, "default_provider: claude\n");
        std::fs::write(place.path("ring.rs"), "fn ring() {}\nfn other() {}\n").unwrap();
        let typed =
            "/provider gemini\n/context add ring.rs:1\n/context add missing.rs\nWhat is it?\n/metrics\n";
        let said = chat(&place, &[], typed);
        assert!(said.stderr.contains("`missing.rs` cannot be carried"), "{said:?}");
        let asked = &sim.journal()[0];
        let body = asked.body.to_string();
        assert!(
            asked.path.contains("gemini") && body.contains("fn ring()") && !body.contains("fn other()"),
            "{body}"
        );
        let metrics = said.stdout.lines().rfind(|line| line.starts_with("gemini/")).unwrap();
        assert_eq!(metrics.split_whitespace().nth(1), Some("1"), "{said:?}");
        // The next process asks the same, and carries the file as it is by then; the journal has no copy of it.
        std::fs::write(place.path("ring.rs"), "fn circle() {}\n").unwrap();
        assert_eq!(chat(&place, &["--continue"], "And now?\n").code, Some(0));
        let asked = &sim.journal()[1];
        let body = asked.body.to_string();
        assert!(asked.path.contains("gemini"), "{}", asked.path);
        assert_eq!(
            (body.matches("fn circle()").count(), body.matches("fn ring()").count()),
            (1, 0),
            "{body}"
        );
        let said = chat(&place, &["--continue"], "/context drop 2\n/context budget 1\nLast?\n/context\n");
        let body = sim.journal()[2].body.to_string();
        assert!(!body.contains("What is it?") && !body.contains("And now?"), "{body}");
        assert!(said.stdout.contains("left out"), "{said:?}");
    });
}

#[test]
fn a_council_answers_within_the_conversation() {
    let place = Place::new("chat-council");
    let said = chat(&place, &["--offline"], "What is a ring?\n/council Design a cache\n/cost\n/status\n");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("session 20"), "{said:?}");
    assert!(said.stdout.contains("2 questions carried"), "{said:?}");
    let sessions = place.run(&["sessions", "list", "--offline"]);
    assert!(sessions.stdout.contains("Design a cache"), "{sessions:?}");
    let said = chat(&place, &["--offline", "--continue"], "/context\n");
    assert!(said.stdout.contains("Design a cache"), "{said:?}");
}

/// The code with which a process ends; it has 20 s for that.
#[cfg(unix)]
fn code(child: &mut std::process::Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::yield_now();
    }
}

#[cfg(unix)]
#[test]
fn a_hangup_ends_the_conversation_in_the_middle_of_an_answer() {
    with_sim("rules: [ { nth: 1, stall: { after_events: 2, between_events: 600000 } } ]", |sim| {
        let place = Place::with("chat-hangup", sim, "default_provider: claude\n");
        let mut command: Command = place.command(&["chat"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "One").unwrap();
        let begun = Instant::now();
        while sim.journal().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
        // Its input is still open.
        assert_eq!(code(&mut child), Some(129));
        drop(input);
    });
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_conversation_that_waits_for_a_line() {
    let place = Place::new("chat-waits");
    let mut command: Command = place.command(&["chat", "--offline"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It listens once it has greeted.
    let mut greeted = [0; 9];
    child.stdout.as_mut().unwrap().read_exact(&mut greeted).unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "/cost").unwrap();
    let mut said = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    while !said.contains('$') {
        std::io::BufRead::read_line(&mut output, &mut said).unwrap();
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(code(&mut child), Some(130));
    drop(input);
}

#[test]
fn an_interrupt_ends_the_answer_and_not_the_conversation() {
    with_sim("rules: [ { nth: 1, stall: { after_events: 2, between_events: 600000 } } ]", |sim| {
        let place = Place::with("chat-interrupt", sim, "default_provider: claude\n");
        let mut command: Command = place.command(&["chat"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "One").unwrap();
        let begun = Instant::now();
        while sim.journal().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        writeln!(input, "Two").unwrap();
        drop(input);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
        assert!(said.contains("the answer was cancelled"), "{said}");
        assert_eq!(messages(&sim.journal()[1].body), ["Two"]);
    });
}
