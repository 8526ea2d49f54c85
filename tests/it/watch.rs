//! `forge watch` beside a server.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{place::Place, run};

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
fn serve(place: &Place, admin: &str) -> (Running, String) {
    let arguments = ["serve", "--offline", "--listen", "127.0.0.1:0", "--admin", admin];
    let mut server = Running::start(&mut place.command(&arguments));
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

#[test]
fn what_a_server_does_is_shown_until_it_ends() {
    let place = Place::new("watch");
    let (mut server, address) = serve(&place, "unix");
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
    let (_server, address) = serve(&place, "unix");
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
    let (_server, _) = serve(&place, "127.0.0.1:0");
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
