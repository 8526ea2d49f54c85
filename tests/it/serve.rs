//! `forge serve` as a program in front of others.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::{forge, place::Place, run};

struct Server {
    child: Child,
    address: String,
    said: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start() -> Self {
        let mut child = forge()
            .args(["serve", "--offline", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("serving http://") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the server ended");
        }
        let address = line.split("http://").nth(1).unwrap().split(';').next().unwrap().to_owned();
        Self { child, address, said }
    }

    /// Asks, and reads the reply to its end.
    fn ask(&self, model: &str, stream: bool) -> TcpStream {
        let body = format!(
            r#"{{"model":"{model}","max_tokens":300,"stream":{stream},"messages":[{{"role":"user","content":"Hello"}}]}}"#
        );
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(
            connection,
            "POST /v1/messages HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             anthropic-version: 2023-06-01\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        connection
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut connection: TcpStream) -> String {
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_client_gets_any_provider_and_the_server_ends_when_it_is_told_to() {
    let mut server = Server::start();
    let whole = read(server.ask("provider:google", false));
    assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("Simulated reply from Google"), "{whole}");
    let stream = read(server.ask("claude-sonnet-5-5", true));
    assert!(stream.contains("event: message_stop"), "{stream}");
    // The configuration of simulated vendors has no file, and reading it again changes nothing.
    server.signal("-HUP");
    assert!(read(server.ask("role:nobody", false)).starts_with("HTTP/1.1 404"));
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    server.said.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("no more requests are taken"), "{rest}");
}

#[test]
fn an_address_that_cannot_be_taken_says_what_to_do() {
    let server = Server::start();
    let taken = run(forge().args(["serve", "--offline", "--listen", &server.address]));
    assert_eq!(taken.code, Some(1), "{}", taken.stderr);
    for words in [&*server.address, "--listen"] {
        assert!(taken.stderr.contains(words), "{}", taken.stderr);
    }
    let public = run(forge().args(["serve", "--offline", "--listen", "0.0.0.0:0"]));
    assert_eq!(public.code, Some(2), "{}", public.stderr);
    assert!(public.stderr.contains("listen on 127.0.0.1"), "{}", public.stderr);
}

#[test]
fn what_would_not_start_is_refused_by_the_check_as_well() {
    let place = Place::new("serve-check");
    let check =
        |address: &str| run(&mut place.command(&["serve", "--offline", "--check", "--listen", address]));
    assert_eq!(check("127.0.0.1:4600").code, Some(0));
    let refused = check("0.0.0.0:4600");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("forge keys create"), "{}", refused.stderr);
}

#[test]
fn what_a_program_needs_is_printed_for_a_shell() {
    let said = run(forge().args(["serve", "env", "claude-code", "--listen", "127.0.0.1:4711"]));
    assert_eq!(
        said.stdout,
        "export ANTHROPIC_BASE_URL=http://127.0.0.1:4711\nexport ANTHROPIC_AUTH_TOKEN=fk-local\n"
    );
    for client in ["google", "gemini"] {
        let said = run(forge().args(["serve", "env", client, "--listen", "127.0.0.1:4711"]));
        assert_eq!(
            said.stdout,
            "export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:4711\nexport GEMINI_API_KEY=fk-local\n"
        );
    }
}

#[test]
fn programs_that_read_a_file_or_a_model_are_told_of_them() {
    let codex = run(forge().args(["serve", "env", "codex", "--listen", "127.0.0.1:4711", "--model", "a\"b"]));
    assert_eq!(codex.stdout, "export FORGE_CLIENT_KEY=fk-local\n");
    let (_, file) = codex.stderr.split_once("~/.codex/config.toml has to say:\n\n").unwrap();
    for line in [r#"model = "a\"b""#, r#"base_url = "http://127.0.0.1:4711/v1""#, r#"wire_api = "responses""#]
    {
        assert!(file.lines().any(|said| said == line), "{file}");
    }
    let opencode = run(forge().args(["serve", "env", "opencode", "--model", "it's"]));
    let script = opencode.stdout + "printf %s \"$OPENCODE_CONFIG_CONTENT\"";
    let shell = Command::new("sh").arg("-c").arg(script).output().unwrap();
    let settings: serde_json::Value = serde_json::from_slice(&shell.stdout).unwrap();
    assert_eq!(settings["model"], "forge/it's");
    assert_eq!(settings["provider"]["forge"]["options"]["baseURL"], "http://127.0.0.1:4600/v1");
}
