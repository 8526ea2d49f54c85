//! Many clients at once.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
};

use super::http::{Http, get};
use crate::{kills::number, place::Place};

const CLIENTS: u64 = 64;

/// A client that keeps its connection.
struct Client(TcpStream);

impl Client {
    /// The whole answer to a question about code, which is one body in chunks.
    fn find(&mut self, symbol: &str) -> String {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"find","arguments":{{"symbol":"{symbol}"}}}}}}"#
        );
        write!(
            self.0,
            "POST /mcp/context HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = Vec::new();
        let mut part = [0; 4096];
        while !reply.ends_with(b"\r\n0\r\n\r\n") {
            let read = self.0.read(&mut part).unwrap();
            assert!(read > 0, "cut off after {:?}", String::from_utf8_lossy(&reply));
            reply.extend_from_slice(&part[..read]);
        }
        String::from_utf8(reply).unwrap()
    }
}

/// The memory of a process that is in use, KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// So many questions of each client, all clients at once.
fn ask(address: &str, each: u64) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = Client(TcpStream::connect(address).unwrap());
            thread::spawn(move || {
                for _ in 0..each {
                    let answer = client.find("add");
                    assert!(answer.contains("lib.rs:1 function"), "{answer}");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn sixty_four_clients_get_every_answer_and_memory_stays() {
    let place = Place::new("mcp-load");
    std::fs::write(place.path("lib.rs"), "pub fn add() {}\n").unwrap();
    let arguments = ["mcp", "serve", "--context", "--http", "127.0.0.1:0", "--probes", "127.0.0.1:0"];
    let server = Http::start(&mut place.command(&arguments));
    let probes = server.place("probes and metrics: http://");
    // 100,000 in all at scale 20.
    let each = 78 * number("FORGE_TEST_SCALE").unwrap_or(1) as u64;
    ask(&server.address, 8);
    let before = resident(server.process.id());
    ask(&server.address, each);
    let after = resident(server.process.id());
    println!(
        "{} calls of {CLIENTS} clients: {before} KiB resident before, {after} KiB after",
        CLIENTS * each
    );
    assert!(after < before + 16 * 1024, "{before} KiB, then {after} KiB");
    let count = format!("forge_mcp_calls_total{{tool=\"find\",outcome=\"ok\"}} {}\n", CLIENTS * (each + 8));
    let figures = get(&probes, "/metrics");
    assert!(figures.contains(&count), "{figures}");
}
