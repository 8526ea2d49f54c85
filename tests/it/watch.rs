//! `forge watch` beside a server.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{place::Place, run, run::object, with_sim, workflow::checkout};

/// A command that runs, and is killed with the value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// `forge watch` from the first event on, and what it prints.
    fn watch(place: &Place, arguments: &[&str]) -> (Self, BufReader<ChildStdout>) {
        let mut watch = Self::start(place.command(&["watch", "--after", "0"]).args(arguments));
        let printed = BufReader::new(watch.0.stdout.take().unwrap());
        (watch, printed)
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Its exit code and what it said on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server, and the address at which it serves.
fn serve(place: &Place, arguments: &[&str]) -> (Running, String) {
    let mut server = Running::start(place.command(&["serve", "--listen", "127.0.0.1:0"]).args(arguments));
    let mut said = BufReader::new(server.0.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving http://") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
    }
    let address = line.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
    // It goes on to say things, which somebody has to take.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (server, address)
}

fn ask(address: &str) {
    let body =
        r#"{"model":"provider:google","max_tokens":30,"messages":[{"role":"user","content":"Hello"}]}"#;
    let mut connection = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        connection,
        "POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         user-agent: two words\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

fn line(printed: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    line
}

/// Workflows run in processes of their own, and their texts stay there.
#[cfg(unix)]
#[test]
fn a_workflow_beside_the_server_is_shown_step_by_step() {
    let place = Place::new("watch-workflow");
    let work = place.path("work");
    checkout("greeting", Path::new(&work));
    let workflow = |arguments: &[&str]| {
        let mut command = place.command(&["workflow"]);
        command.args(arguments).arg("--offline").current_dir(&work);
        let said = run(command.env("PATH", "/usr/local/bin:/usr/bin:/bin"));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        object(&said)
    };
    let task = fs::read_to_string(Path::new(&work).join("task.txt")).unwrap();
    let (server, _) = serve(&place, &["--offline", "--admin", "unix"]);
    let (_watch, mut objects) = Running::watch(&place, &["--json", "--type", "workflow.*"]);
    let started = workflow(&["start", task.trim(), "--check", "sh check.sh", "--json"]);
    let mut read = || {
        let line = line(&mut objects);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["workflow"], started["workflow"], "{event}");
        assert!(!line.contains("nam") && !line.contains("greet"), "{line}");
        event
    };
    let mut steps = Vec::new();
    let mut until = |stage: &str| {
        steps.clear();
        loop {
            let event = read();
            match event["step"].as_str() {
                Some(step) => steps.push(step.to_owned()),
                None if event["stage"] == stage => return (steps.clone(), event),
                None => {}
            }
        }
    };
    let (steps, stage) = until("awaiting_approval");
    for step in ["started", "prepare done", "clarifier answered", "planner answered", "planned: 1 task"] {
        assert!(steps.iter().any(|one| one == step), "{step}: {steps:?}");
    }
    assert!(stage["cost_nano_usd"].as_u64().unwrap() > 0 && stage["paused"] == false, "{stage}");
    workflow(&["approve", "--json"]);
    let (steps, _) = until("awaiting_merge");
    for step in [
        "approved",
        "check 0 before failed",
        "editor:task-1 answered",
        "check 0 after task-1 passed",
        "task-1 done",
    ] {
        assert!(steps.iter().any(|one| one == step), "{step}: {steps:?}");
    }
    server.signal("-TERM");
}

#[test]
fn what_a_server_does_is_shown_until_it_ends() {
    let place = Place::new("watch");
    let (mut server, address) = serve(&place, &["--offline", "--admin", "unix"]);
    let (json, mut objects) = Running::watch(&place, &["--json"]);
    let (text, mut lines) = Running::watch(&place, &["--type", "call.*", "--type", "server.draining"]);
    ask(&address);
    let names = ["server.started", "call.started", "call.ended", "server.draining"];
    for name in &names[..3] {
        let event: Value = serde_json::from_str(&line(&mut objects)).unwrap();
        assert_eq!(event["type"], *name, "{event}");
    }
    let ended = (line(&mut lines), line(&mut lines)).1;
    assert!(ended[12..].starts_with("  call.ended              outcome=success  provider=google"), "{ended}");
    assert!(
        ended.contains("client=two  ") && ended.contains("cost_usd=") && ended.contains("call="),
        "{ended}"
    );
    server.signal("-TERM");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    assert!(line(&mut lines).contains("server.draining") && line(&mut lines).is_empty());
    let (last, failed) = (line(&mut objects), line(&mut objects));
    assert!(last.contains(names[3]) && failed.contains("\"type\":\"failed\""), "{last}{failed}");
    for watch in [json, text] {
        let (code, said) = watch.end();
        assert!(code == Some(1) && said.contains("the server has ended"), "{code:?} {said}");
    }
    // What a server leaves behind that is killed.
    drop(std::os::unix::net::UnixListener::bind(place.path("run/admin.sock")).unwrap());
    let alone = run(&mut place.command(&["watch"]));
    assert!(
        alone.code == Some(2) && alone.stderr.contains("no server of this user is running"),
        "{}",
        alone.stderr
    );
}

#[test]
fn an_interrupt_is_130_and_a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new("watch-ends");
    let (_server, address) = serve(&place, &["--offline", "--admin", "unix"]);
    let (interrupted, mut lines) = Running::watch(&place, &[]);
    assert!(line(&mut lines).contains("server.started"));
    interrupted.signal("-INT");
    assert_eq!(interrupted.end(), (Some(130), String::new()));
    let (closed, mut lines) = Running::watch(&place, &[]);
    assert!(line(&mut lines).contains("server.started"));
    drop(lines);
    ask(&address);
    assert_eq!(closed.end(), (Some(0), String::new()));
    let gone = run(&mut place.command(&["watch", "--after", "99"]));
    assert!(
        gone.code == Some(2) && gone.stderr.contains("`--after 0` shows what is there"),
        "{}",
        gone.stderr
    );
}

#[test]
fn a_server_at_an_address_is_found_with_its_token_and_not_without() {
    let place = Place::new("watch-address");
    let (_server, _) = serve(&place, &["--offline", "--admin", "127.0.0.1:0"]);
    let url = run(&mut place.command(&["serve", "url"])).stdout;
    assert!(url.starts_with("http://127.0.0.1:") && url.contains("/?token="), "{url}");
    for arguments in [vec![], vec!["--url", url.trim()]] {
        let (_watch, mut lines) = Running::watch(&place, &arguments);
        assert!(line(&mut lines).contains("server.started"), "{arguments:?}");
    }
    let (address, token) = url.trim().split_once("/?token=").unwrap();
    for wrong in [address.to_owned(), format!("{address}/?token=wrong")] {
        let said = run(&mut place.command(&["watch", "--url", &wrong]));
        assert!(said.code == Some(2) && said.stderr.contains("forge serve url"), "{}", said.stderr);
        assert!(!said.stderr.contains(token), "{}", said.stderr);
    }
    let public = run(&mut place.command(&["serve", "--offline", "--admin", "0.0.0.0:0"]));
    assert!(public.code == Some(2) && public.stderr.contains("other machines reach"), "{}", public.stderr);
}

const COUNCIL: &str = r"
serve: { models: { council: { session: { cycles: 1, attended: 10m } } } }
";

/// Somebody who attends a session at a terminal.
struct Attendant {
    watch: Running,
    typed: ChildStdin,
    printed: BufReader<ChildStdout>,
}

impl Attendant {
    fn new(place: &Place, session: &str, name: &str) -> Self {
        let mut command = place.command(&["watch", session, "--as", name, "--after", "0"]);
        let mut watch = Running::start(command.stdin(Stdio::piped()));
        let typed = watch.0.stdin.take().unwrap();
        let printed = BufReader::new(watch.0.stdout.take().unwrap());
        Self { watch, typed, printed }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.typed, "{line}").unwrap();
    }

    /// Reads on until a line of this event has come that says this.
    fn until(&mut self, event: &str, text: &str) {
        loop {
            let line = line(&mut self.printed);
            assert!(!line.is_empty(), "`{event}` did not come");
            if line.contains(event) && line.contains(text) {
                return;
            }
        }
    }
}

/// The text of a file, once it is there.
fn text(path: &str) -> String {
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => std::thread::yield_now(),
        }
    }
}

/// Asks for a document of several models; returns the connection and the name of the session.
fn ask_council(address: &str) -> (BufReader<TcpStream>, String) {
    let body = r#"{"model":"council","stream":true,"messages":[{"role":"user","content":"A rate limiter"}]}"#;
    let mut connection = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        connection,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reply = BufReader::new(connection);
    loop {
        let mut line = String::new();
        assert!(reply.read_line(&mut line).unwrap() > 0, "no session was named");
        if let Some(name) = line.strip_prefix("x-forge-session: ") {
            return (reply, name.trim().to_owned());
        }
    }
}

#[test]
fn two_people_at_terminals_write_and_decide_in_one_session() {
    with_sim("{}", |sim| {
        let place = Place::with("attend", sim, COUNCIL);
        let (_server, address) = serve(&place, &["--admin", "unix"]);
        let (mut client, session) = ask_council(&address);
        let mut anna = Attendant::new(&place, &session, "anna");
        let mut ben = Attendant::new(&place, &session, "ben");
        for one in [&mut anna, &mut ben] {
            one.until("session.waiting", "cycle=1");
        }
        let (annas, bens) = (place.path("anna.md"), place.path("ben.md"));
        // What is no command ends nothing, and neither does what is refused.
        anna.types("hello");
        anna.types(&format!("edit {annas}"));
        anna.types(&format!("show {annas}"));
        ben.types(&format!("show {bens}"));
        assert_eq!(text(&annas), text(&bens));
        let new = format!("{}\nAnna's paragraph.\n", text(&annas));
        std::fs::write(&annas, &new).unwrap();
        anna.types(&format!("edit {annas}"));
        for one in [&mut anna, &mut ben] {
            one.until("session.contributed", "by=anna  deed=edited");
        }
        // Ben has the version before; he gets hers beside his, and then has the last word.
        ben.types(&format!("edit {bens}"));
        assert_eq!(text(&format!("{bens}.theirs")), new);
        std::fs::write(&bens, format!("{new}\nBen's paragraph.\n")).unwrap();
        ben.types(&format!("edit {bens}"));
        anna.until("session.contributed", "by=ben  deed=edited");
        anna.types("continue");
        for one in [&mut anna, &mut ben] {
            one.until("session.waiting", "cycle=2");
        }
        ben.types("continue");
        for mut one in [anna, ben] {
            one.until("session.ended", &session);
            drop(one.typed);
            assert_eq!(one.watch.0.wait().unwrap().code(), Some(0));
        }
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.contains("Ben's paragraph.") && reply.contains("[DONE]"), "{reply}");
        let report = place.run(&["sessions", "show", &session]).stdout;
        for deed in
            ["cycle 2, anna: wrote version", "cycle 1, anna: decided: go on", "cycle 2, ben: decided: go on"]
        {
            assert!(report.contains(deed), "{deed}: {report}");
        }
        let gone = place.run(&["watch", &session]);
        assert!(gone.code == Some(2) && gone.stderr.contains("no such session runs here"), "{}", gone.stderr);
        let wrong = place.run(&["watch", "../x"]);
        assert!(wrong.code == Some(2), "{}", wrong.stderr);
    });
}
