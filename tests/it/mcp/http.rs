//! The same servers over HTTP.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{place::Place, with_sim};

/// A server over HTTP, and where it is. It is killed with the value.
pub(super) struct Http {
    pub(super) process: Child,
    pub(super) address: String,
    said: mpsc::Receiver<String>,
}

/// What a server has answered: its status and its body.
type Answered = (u16, String);

impl Http {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (send, said) = mpsc::channel();
        // A pipe that nobody reads would hold it up.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let mut server = Self { process, address: String::new(), said };
        server.address = server.place("serving http://");
        server
    }

    /// The address in the next line that begins so.
    pub(super) fn place(&self, begin: &str) -> String {
        let line = self.said.iter().find_map(|line| line.strip_prefix(begin).map(str::to_owned));
        line.unwrap().split(['/', ';', ',']).next().unwrap().to_owned()
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

/// The body of an address that nobody needs a key for.
pub(super) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn over_http_a_call_ends_with_its_client_and_every_call_is_counted_and_a_row() {
    // Nobody would wait for this vendor.
    with_sim("latency: [{ first_byte_ms: { uniform: [600000, 600000] } }]", |sim| {
        let place = Place::with("mcp-gone", sim, "");
        std::fs::write(place.path("lib.rs"), "pub fn add() {}\n").unwrap();
        let http = ["--http", "127.0.0.1:0", "--probes", "127.0.0.1:0"];
        let server = Http::start(&mut place.command(&[&["mcp", "serve", "--all"], &http[..]].concat()));
        let probes = server.place("probes and metrics: http://");
        let find = json!({"name": "find", "arguments": {"symbol": "add"}});
        server.ask("/mcp/context", None, "tools/call", find);
        let missing = json!({"name": "sk-test-typo", "arguments": {}});
        assert_eq!(server.ask("/mcp/models", None, "tools/call", missing)["error"]["code"], -32602);
        let call = json!({"name": "ask", "arguments": {"question": "Why?", "model": "claude"}});
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).to_string();
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let head = "POST /mcp/models HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nuser-agent: patient/1\r\n";
        write!(stream, "{head}content-length: {}\r\n\r\n{call}", call.len()).unwrap();
        within(|| sim.journal().len() == 1);
        drop(stream);
        let cancelled = "forge_mcp_calls_total{tool=\"ask\",outcome=\"cancelled\"} 1\n";
        within(|| get(&probes, "/metrics").contains(cancelled));
        within(|| get(&probes, "/metrics").contains("forge_gateway_calls 0\n"));
        let figures = get(&probes, "/metrics");
        for line in [
            "forge_mcp_calls_total{tool=\"find\",outcome=\"ok\"} 1\n",
            "forge_mcp_calls_total{tool=\"unknown\",outcome=\"no_such_tool\"} 1\n",
            "forge_mcp_call_duration_seconds_bucket{tool=\"find\",le=\"+Inf\"} 1\n",
            "forge_mcp_call_duration_seconds_count{tool=\"ask\"} 1\n",
        ] {
            assert!(figures.contains(line), "{line}{figures}");
        }
        assert_eq!(figures.matches("# TYPE forge_mcp_calls_total").count(), 1, "{figures}");
        let rows = "SELECT tool, outcome, client, transport, connection FROM mcp_requests ORDER BY tool";
        let expected = "tool,outcome,client,transport,connection\nask,cancelled,patient,http,\n\
             find,ok,test,http,\nunknown,no_such_tool,test,http,\n";
        let read = || place.run(&["metrics", "sql", "--format", "csv", rows]).stdout;
        within(|| read().lines().count() == 4);
        assert_eq!(read(), expected);
    });
}

/// Waits until it is so, which it is at once or soon.
fn within(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}
