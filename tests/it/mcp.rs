//! `forge mcp`: the built command as programs start it.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{place::Place, with_sim};

/// Vendors that take their time, so that a council surely is at work when its server is killed.
const SLOW: &str = "latency: [{ first_byte_ms: { uniform: [400, 500] } }]";

/// A server that was started, and the client at its other end. It is killed with the value.
struct Server {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last: u64,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, input, output, last: 0 }
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line of stdout, which has to be a message.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: {line:?}"));
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        message
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}).to_string());
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
        }
    }

    fn greet(&mut self) -> Value {
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        let answer = self.ask("initialize", &hello);
        self.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        answer
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }

    /// Closes its input and reads what it says to its end: whether every line was a message, and what stderr has.
    fn end(mut self) -> String {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(rest.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{rest}");
        assert!(self.process.wait().unwrap().success());
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn stdout_holds_messages_and_nothing_else() {
    let place = Place::new("mcp-stdout");
    std::fs::write(place.path("lib.rs"), "pub fn add() {}\n").unwrap();
    // As much on stderr as there can be.
    let mut server = Server::start(&mut place.command(&["mcp", "serve", "--all", "--offline", "-vvv"]));
    assert_eq!(server.greet()["result"]["serverInfo"]["name"], "forge");
    let list = server.ask("tools/list", &json!({}));
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 11);
    assert!(server.call("find", &json!({"symbol": "add"})).as_str().unwrap().contains("lib.rs:1 function"));
    assert_eq!(server.call("ask", &json!({"question": "Why?", "files": ["lib.rs"]}))["simulated"], true);
    // What is no message is answered by one, or by nothing.
    for line in [
        "nonsense",
        "[]",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
        "{\"jsonrpc\":\"2.0\"}",
        "0",
    ] {
        server.write(line);
    }
    server.write(&"x".repeat(9 << 20));
    let none = server.ask("tools/nothing", &json!({}));
    assert_eq!(none["error"]["code"], -32601, "{none}");
    let said = server.end();
    assert!(said.contains("SIMULATED") && said.contains("maximum line length"), "{said}");
}

#[test]
fn the_first_answer_is_there_at_once_and_needs_no_index() {
    let place = Place::new("mcp-first");
    let times = (0..3).map(|_| {
        let begun = Instant::now();
        let mut server = Server::start(&mut place.command(&["mcp", "serve", "--context"]));
        server.greet();
        let list = server.ask("tools/list", &json!({}));
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 5);
        begun.elapsed()
    });
    // The best of three: the machine has more to do.
    let best = times.min().unwrap();
    assert!(best <= Duration::from_millis(300), "{best:?}");
    assert!(
        !std::path::Path::new(&place.path("index")).exists(),
        "nothing is read before the first question"
    );
}

#[test]
fn a_council_goes_on_after_its_server_was_killed_and_pays_nothing_twice() {
    with_sim(SLOW, |sim| {
        let place = Place::with("mcp-killed", sim, "");
        let serve = || Server::start(&mut place.command(&["mcp", "serve", "--models"]));
        let mut server = serve();
        server.greet();
        let running = server.call("council", &json!({"question": "A cache", "wait_s": 1}));
        assert_eq!(
            (&running["state"], &running["done"][0]),
            (&json!("running"), &json!("draft")),
            "{running}"
        );
        drop(server);
        let paid = sim.journal()[0].body.clone();
        let mut server = serve();
        server.greet();
        let done = server.call("run", &json!({"run": running["run"]}));
        assert_eq!(done["state"], "done", "{done}");
        let times = sim.journal().iter().filter(|request| request.body == paid).count();
        assert_eq!(times, 1, "what was answered is not asked again");
        server.end();
    });
}

#[test]
fn a_server_that_may_read_everything_does_not_start() {
    let place = Place::new("mcp-roots");
    let said = place.run(&["mcp", "serve", "--context", "--root", "/"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.stderr.contains("may not be read as a whole"), "{said:?}");
    let home = crate::run(place.command(&["mcp", "serve", "--all", "--offline"]).env("HOME", place.path("")));
    assert_eq!(home.code, Some(2), "{home:?}");
    // Models are asked from anywhere, without files.
    let mut models = place.command(&["mcp", "serve", "--models", "--offline"]);
    let mut server = Server::start(models.env("HOME", place.path("")));
    server.greet();
    let said = server.call("ask", &json!({"question": "Why?", "files": ["config.yaml"]}));
    assert_eq!(said["error"]["code"], "refused", "{said}");
    assert!(server.end().contains("no files are read"));
}

#[test]
fn inside_of_another_forge_councils_are_refused() {
    let place = Place::new("mcp-depth");
    let mut command = place.command(&["mcp", "serve", "--models", "--offline"]);
    let mut server = Server::start(command.env("FORGE_DEPTH", "1"));
    server.greet();
    assert_eq!(server.call("council", &json!({"question": "A cache"}))["error"]["code"], "too_deep");
    server.end();
}

/// A server over HTTP, and where it is. It is killed with the value.
struct Http {
    process: Child,
    address: String,
}

/// What a server has answered: its status and its body.
type Answered = (u16, String);

impl Http {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = said.find_map(|line| line.unwrap().strip_prefix("serving http://").map(str::to_owned));
        let address = line.unwrap().split(['/', ';', ',']).next().unwrap().to_owned();
        // A pipe that nobody reads would hold it up.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, address }
    }

    fn send(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head =
            format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        let usual = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let usual = usual.iter().filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
        for (name, value) in usual.chain(headers) {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that refuses a large body may close before it was sent.
        let _ = stream.write_all(body);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply).into_owned();
        let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{reply:?}")), reply)
    }

    /// A request of the protocol of 2026-07-28, and what comes of it.
    fn ask(&self, path: &str, key: Option<&str>, method: &str, mut parameters: Value) -> Value {
        parameters["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = parameters["name"].as_str().unwrap_or_default().to_owned();
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}).to_string();
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        if !name.is_empty() {
            headers.push(("mcp-name", &name));
        }
        let key = key.map(|key| format!("Bearer {key}"));
        headers.extend(key.as_deref().map(|key| ("authorization", key)));
        let (status, reply) = self.send(path, &headers, body.as_bytes());
        let lines = reply.lines().map(|line| line.trim_start_matches("data: "));
        // Between them stand the lengths of chunks.
        let mut objects = lines.filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object);
        objects.next().unwrap_or_else(|| panic!("{status}: {reply}"))
    }

    fn call(&self, key: &str, tool: &str, arguments: &Value) -> Value {
        let call = json!({"name": tool, "arguments": arguments});
        let answer = self.ask("/mcp/models", Some(key), "tools/call", call);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        serde_json::from_str(text).unwrap()
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn over_http_both_ages_of_the_protocol_are_spoken_at_one_address_and_abuse_is_refused() {
    let place = Place::new("mcp-http");
    std::fs::write(place.path("lib.rs"), "pub fn add() {}\n").unwrap();
    let arguments =
        ["mcp", "serve", "--all", "--offline", "--http", "127.0.0.1:0", "--probes", "127.0.0.1:0"];
    let server = Http::start(&mut place.command(&arguments));
    let client = json!({"name": "t", "version": "1"});
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).to_string();
    let (status, old) = server.send("/mcp/context", &[], hello.as_bytes());
    assert!(status == 200 && old.contains("\"protocolVersion\":\"2025-11-25\""), "{old}");
    let list = server.ask("/mcp/context", None, "tools/list", json!({}));
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 5);
    assert_eq!(list["result"]["cacheScope"], "private");
    let discovered = server.ask("/mcp/models", None, "server/discover", json!({}));
    assert_eq!(discovered["result"]["supportedVersions"].as_array().unwrap().last().unwrap(), "2026-07-28");
    let found = json!({"name": "find", "arguments": {"symbol": "add"}});
    let found = server.ask("/mcp/context", None, "tools/call", found);
    assert!(found.to_string().contains("lib.rs:1 function"), "{found}");
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let large = vec![b'x'; 5 << 20];
    for (path, headers, body, expected) in [
        ("/mcp/context", ("host", "evil.example"), &body[..], 403),
        ("/mcp/context", ("origin", "https://evil.example"), body, 403),
        ("/mcp/context", ("origin", "null"), body, 403),
        ("/mcp/context", ("mcp-protocol-version", "1999-01-01"), body, 400),
        ("/mcp/context", ("content-type", "text/plain"), body, 415),
        ("/mcp/context", ("x", "y"), br#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#, 415),
        ("/mcp/context", ("x", "y"), b"{", 415),
        ("/mcp/context", ("x", "y"), &large, 413),
        ("/v1/messages", ("x", "y"), b"{}", 404),
    ] {
        assert_eq!(server.send(path, &[headers], body).0, expected, "{path} {headers:?}");
    }
}

#[test]
fn over_http_keys_hold_and_each_has_its_own_councils() {
    let place = Place::new("mcp-keys");
    let key = |words: &[&str]| {
        let said = place.run(&[&["keys", "create"], words, &["--offline", "--json"]].concat());
        let said: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
        said["secret"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let (one, other, limited) = (key(&["one"]), key(&["other"]), key(&["limited", "--models", "fast"]));
    let server = Http::start(&mut place.command(&["serve", "--offline", "--listen", "127.0.0.1:0"]));
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let with = |key: &str| format!("Bearer {key}");
    assert_eq!(server.send("/mcp/models", &[], body).0, 401);
    assert_eq!(server.send("/mcp/models", &[("authorization", &with(&limited))], body).0, 403);
    // It reads no folder that nobody has named.
    assert_eq!(server.send("/mcp/context", &[("authorization", &with(&one))], body).0, 404);
    let done = server.call(&one, "council", &json!({"question": "A cache"}));
    assert_eq!(done["state"], "done", "{done}");
    let run = json!({"run": done["run"]});
    assert_eq!(server.call(&one, "run", &run)["state"], "done");
    assert_eq!(server.call(&other, "run", &run)["error"]["code"], "no_such_run");
    let said = server.call(&one, "ask", &json!({"question": "Why?"}));
    let more = json!({"question": "Why?", "thread": said["thread"]});
    assert_eq!(server.call(&other, "ask", &more)["error"]["code"], "no_such_thread");
    assert!(server.call(&one, "usage", &json!({}))["total"]["calls"].as_u64().unwrap() > 1);
    assert_eq!(server.call(&other, "usage", &json!({}))["total"]["calls"], 0);
}

#[test]
fn what_programs_need_is_printed_or_added_to_their_files() {
    let place = Place::new("mcp-install");
    let printed = place.run(&["mcp", "install", "claude-code", "--context"]);
    assert!(printed.stdout.contains("--context") && !printed.stdout.contains("--models"), "{printed:?}");
    std::fs::create_dir_all(place.path(".cursor")).unwrap();
    std::fs::write(place.path(".cursor/mcp.json"), r#"{"mcpServers": {"mine": {"command": "x"}}}"#).unwrap();
    assert_eq!(place.run(&["mcp", "install", "cursor", "--write"]).code, Some(0));
    let written: Value =
        serde_json::from_slice(&std::fs::read(place.path(".cursor/mcp.json")).unwrap()).unwrap();
    let names: Vec<_> = written["mcpServers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["mine", "forge-context", "forge-models"]);
    std::fs::write(place.path("broken.json"), "{").unwrap();
    let refused = place.run(&["mcp", "install", "zed", "--write", "--file", "broken.json"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(std::fs::read_to_string(place.path("broken.json")).unwrap(), "{");
}
