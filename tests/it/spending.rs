//! A key's budget holds over many clients at once and over servers that are killed.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use forge::Money;
use forge_sim::Sim;
use serde_json::Value;

use crate::{kills::number, place::Place, with_sim};

/// Rounds that each end with a server that is killed, and the calls of each, both times `FORGE_TEST_SCALE`.
const ROUNDS: usize = 5;
const CALLS: usize = 50;

/// What the key may spend.
const CAP: Money = Money::from_nanos(200_000_000);

const SERVE: &str = "serve: { limits: { in_flight: 5000, connections: 5000 } }\nretry: { max_attempts: 1 }\n";

/// Each answer is as long as it may be, so that every call costs the same.
const REQUEST: &str =
    r#"{"model":"provider:claude","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;

/// A server, which is killed with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(place: &Place) -> Self {
        let mut serve = place.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = serde_json::Deserializer::from_reader(child.stdout.take().unwrap());
        let said: Value = said.into_iter().next().expect("a server that starts says where").unwrap();
        assert_eq!(said["keys"], true, "{said}");
        let address = said["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
        Self { child, address }
    }

    /// A request under way.
    fn ask(&self, key: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(
            connection,
            "POST /v1/messages HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-api-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{REQUEST}",
            self.address,
            REQUEST.len()
        )
        .unwrap();
        connection
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status and the cost of a reply; `None` where the server died over it.
fn read(mut connection: TcpStream) -> Option<(u16, f64)> {
    let mut reply = String::new();
    connection.read_to_string(&mut reply).ok()?;
    let status = reply.split(' ').nth(1)?.parse().unwrap();
    let cost = reply.lines().find_map(|line| line.strip_prefix("x-forge-cost-usd: "));
    Some((status, cost.map_or(0.0, |cost| cost.parse().unwrap())))
}

/// Billionths of a dollar that the accounts have booked and set aside for the key.
fn taken(place: &Place) -> u64 {
    let said = place.run(&["keys", "usage", "ci", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let usage: Value = serde_json::from_str(&said.stdout).unwrap();
    let side = |name: &str| usage["budgets"][0][name].as_u64().unwrap_or_else(|| panic!("{usage}"));
    side("spent_nano_usd") + side("reserved_nano_usd")
}

/// Calls that reached the vendor; a server that starts also asks whether it is there.
fn sent(sim: &Sim) -> usize {
    sim.journal().iter().filter(|request| request.method == "POST").count()
}

#[allow(clippy::print_stdout, reason = "what was done is shown beside the result")]
fn spend(place: &Place, sim: &Sim) {
    let scale = number("FORGE_TEST_SCALE").unwrap_or(1);
    let (rounds, calls) = (ROUNDS * scale, CALLS * scale);
    let total = CAP.dollars().to_string();
    let made = place.run(&["keys", "create", "ci", "--total-usd", &total]);
    let key = made.stdout.trim();
    let (mut answered, mut refused, mut cost) = (0, 0, 0.0_f64);
    for round in 0..rounds {
        let server = Server::start(place);
        let under_way: Vec<_> = (0..calls).map(|_| server.ask(key)).collect();
        // Half of them are waited for, and the others die with the server.
        let waited_for = if round + 1 == rounds { calls } else { calls / 2 };
        for (index, connection) in under_way.into_iter().enumerate() {
            if index >= waited_for {
                continue;
            }
            match read(connection) {
                Some((200, one)) => (answered, cost) = (answered + 1, one),
                Some((402, _)) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        drop(server);
        let asked = sent(sim);
        assert!(
            asked as f64 * cost <= CAP.dollars(),
            "round {round}: {asked} calls of {cost} were sent for {CAP}"
        );
        assert!(taken(place) <= CAP.nanos(), "round {round}: {}", taken(place));
    }
    println!("{rounds} rounds of {calls}: {answered} answered, {refused} refused, {} sent", sent(sim));
    assert!(answered > 0 && cost > 0.0);
    // Enough was asked for that the budget had to refuse.
    assert!(refused > 0, "{answered} answered");
}

#[test]
fn a_budget_of_a_key_holds_over_servers_that_are_killed() {
    with_sim("{}", |sim| spend(&Place::with("spending", sim, SERVE), sim));
}
