//! A server that is watched, over real sockets.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use forge::{
    System,
    watch::{EventLog, ServerReloaded},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UnixStream},
};

use crate::{
    client::{get, post},
    folder::Folder,
    server::Server,
};

/// A server with a socket at which it is watched.
struct Watched {
    server: Server,
    log: EventLog,
    folder: Folder,
}

impl Watched {
    async fn start(name: &str, scenario: &str, log: EventLog, admin: &str) -> Self {
        let folder = Folder::new(&format!("events-{name}"));
        let builder = System::builder(|_| None).in_memory().events(log.clone());
        let server = Server::built(
            scenario,
            builder,
            |_| {},
            |_, options| {
                options.run = Some(folder.0.clone());
                options.plan.admin = Some(admin.parse().unwrap());
            },
        );
        Self { server: server.await, log, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.0.join("admin.sock")
    }

    /// Asks for the events after a number; `headers` end with a line each.
    async fn events(&self, query: &str, headers: &str) -> Events {
        let mut socket = UnixStream::connect(self.socket()).await.unwrap();
        let head = format!("GET /v1/forge/events{query} HTTP/1.0\r\nhost: x\r\n{headers}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut reader = BufReader::new(socket);
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).await.unwrap() > 2 {
            head += &std::mem::take(&mut line);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Events { reader, status, head }
    }

    async fn call(&self, model: &str, text: &str) -> Value {
        let body =
            json!({"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": text}]});
        let reply = post(self.server.address, "/v1/messages", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }
}

/// A stream of events.
struct Events {
    reader: BufReader<UnixStream>,
    status: u16,
    head: String,
}

impl Events {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        let (mut line, mut id, mut name) = (String::new(), None, None);
        while self.reader.read_line(&mut line).await.unwrap() > 0 {
            let read = std::mem::take(&mut line);
            match read.trim_end().split_once(": ") {
                Some(("id", value)) => id = value.parse::<u64>().ok(),
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => {
                    let event: Value = serde_json::from_str(value).unwrap();
                    assert_eq!((event["seq"].as_u64(), event["type"].as_str()), (id, name.as_deref()));
                    return Some(event);
                }
                _ => {}
            }
        }
        None
    }

    async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.unwrap());
        }
        events
    }
}

const OVERLOADED: &str = "rules: [{vendor: anthropic, error: {kind: overloaded}}]";

#[tokio::test]
async fn a_call_that_fails_over_is_seen_in_order() {
    let watched = Watched::start("order", OVERLOADED, EventLog::default(), "unix").await;
    let mut events = watched.events("?after=0", "").await;
    assert_eq!(events.status, 200);
    assert!(events.head.contains("content-type: text/event-stream"), "{}", events.head);
    watched.call("pool:everybody", "Hello").await;
    let seen = events.take(4).await;
    let names: Vec<_> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["server.started", "call.started", "call.failed_over", "call.ended"]);
    assert_eq!((&seen[2]["from"], &seen[2]["to"]), (&json!("anthropic"), &json!("openai")));
    assert_eq!((&seen[3]["provider"], &seen[3]["attempts"]), (&json!("openai"), &json!(2)));
    assert!(seen[3]["cost_nano_usd"].as_u64().is_some_and(|cost| cost > 0), "{}", seen[3]);
    assert!(watched.server.end().await);
    let last: Vec<_> = [events.next().await, events.next().await]
        .into_iter()
        .map(|event| event.map(|event| event["type"].clone()))
        .collect();
    assert_eq!(last, [Some(json!("server.draining")), None], "it is told of the end, which is the last");
}

#[tokio::test]
async fn a_reader_that_comes_back_with_its_number_misses_nothing_and_gets_nothing_twice() {
    let watched = Watched::start("resume", "{}", EventLog::default(), "unix").await;
    let calling = async {
        for _ in 0..20 {
            watched.call("provider:google", "Hello").await;
        }
    };
    let reading = async {
        let mut numbers = Vec::new();
        // Each connection is cut after three events. The first number stands in the address, the others in a header.
        while numbers.len() < 41 {
            let last = numbers.last().map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
            let mut events = watched.events("?after=0", &last).await;
            let some = events.take(3.min(41 - numbers.len())).await;
            numbers.extend(some.iter().map(|event| event["seq"].as_u64().unwrap()));
        }
        numbers
    };
    let (numbers, ()) = tokio::join!(reading, calling);
    assert_eq!(numbers, (1..=41).collect::<Vec<_>>());
}

#[tokio::test]
async fn numbers_that_are_gone_are_410_with_the_first_that_is_there() {
    let watched = Watched::start("gone", "{}", EventLog::with_limits(5, usize::MAX), "unix").await;
    for _ in 0..10 {
        watched.call("provider:google", "Hello").await;
    }
    let newest = watched.log.newest();
    for query in ["?after=0", "?after=3", "?after=999"] {
        let mut events = watched.events(query, "").await;
        let mut body = String::new();
        events.reader.read_to_string(&mut body).await.unwrap();
        let error = serde_json::from_str::<Value>(&body).unwrap()["error"].clone();
        assert_eq!(
            (events.status, &error["type"], &error["first"]),
            (410, &json!("events_gone"), &json!(newest - 4))
        );
    }
    let mut events = watched.events(&format!("?after={}", newest - 5), "").await;
    assert_eq!(events.take(5).await.last().unwrap()["seq"], newest);
    assert_eq!(watched.events("?after=x", "").await.status, 400);
}

#[tokio::test]
async fn a_reader_that_does_not_read_delays_no_call_and_is_told_what_it_lost() {
    const EVENTS: u64 = 20_000;
    let watched = Watched::start("slow", "{}", EventLog::with_limits(100, 64 * 1024), "unix").await;
    let mut asleep = watched.events("?after=0", "").await;
    for _ in 0..EVENTS {
        watched.log.publish(chrono::Utc::now(), ServerReloaded {});
        if watched.log.newest() % 1_000 == 0 {
            watched.call("provider:google", "Hello").await;
        }
        assert!(watched.log.bytes() <= 64 * 1024);
    }
    let newest = watched.log.newest();
    assert!(watched.server.end().await, "nor does it hold up the end");
    let (mut expected, mut lost) = (1, 0);
    while let Some(event) = asleep.next().await {
        if event["type"] == "events.lost" {
            assert_eq!(event["from"], expected);
            lost += 1;
            expected = event["to"].as_u64().unwrap() + 1;
        } else {
            assert_eq!(event["seq"], expected);
            expected += 1;
        }
    }
    assert!(lost > 0 && expected <= newest + 2, "{lost} gaps, up to {expected} of {newest}");
}

#[tokio::test]
async fn no_event_holds_a_prompt_a_reply_or_a_key() {
    let watched = Watched::start("canary", "{}", EventLog::default(), "127.0.0.1:0").await;
    let reply = watched.call("provider:anthropic", "CANARY-PROMPT-4711").await;
    let text = reply["content"][0]["text"].as_str().unwrap();
    let body = json!({"model": "provider:openai", "max_tokens": 9, "messages": [{"role": "user", "content": "CANARY-PROMPT"}]}).to_string();
    let headers = "content-type: application/json\r\nx-api-key: CANARY-KEY\r\nuser-agent: cli/1\r\n";
    crate::client::read(
        crate::client::send(watched.server.address, "POST /v1/messages?key=CANARY-KEY", headers, &body).await,
    )
    .await;
    let mut reader = forge::watch::Reader::new(watched.log.clone(), 0).unwrap();
    let Some(forge::watch::Followed::Events(events)) = reader.take() else { panic!("events are there") };
    let all: String = events.iter().map(|event| String::from_utf8(event.json.to_vec()).unwrap()).collect();
    assert!(all.contains("call.ended") && all.contains("\"client\":\"cli\""), "{all}");
    let token = fs::read_to_string(watched.folder.0.join("admin.token")).unwrap();
    for canary in ["CANARY", &text[..20], "sk-", &token] {
        assert!(!all.contains(canary), "{canary} in {all}");
    }
}

#[tokio::test]
async fn the_socket_is_its_users_alone_and_only_that_of_a_dead_server_is_replaced() {
    let watched = Watched::start("socket", "{}", EventLog::default(), "unix").await;
    let mode = fs::metadata(watched.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let options = |admin: Option<&str>| {
        let mut options = forge_gateway::GatewayOptions::default().with_run(&watched.folder.0);
        options.plan.listen = vec!["127.0.0.1:0".parse().unwrap()];
        options.plan.admin = admin.map(|admin| admin.parse().unwrap());
        options
    };
    let bind = |options| forge_gateway::Gateway::bind(watched.server.system.router().clone(), options);
    let refused = bind(options(Some("unix"))).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be watched at `unix`"), "{refused}");
    let other = bind(options(None)).await.unwrap();
    assert_eq!(other.admin_url(), None, "where nobody asks for it, the second server does without");
    let mut events = watched.events("?after=0", "").await;
    assert_eq!(events.take(1).await[0]["type"], "server.started", "the first one has its socket still");
    let Watched { server, folder, .. } = watched;
    server.end().await;
    let socket = folder.0.join("admin.sock");
    assert!(!socket.exists(), "it is removed with its server");
    // What a server leaves behind that is killed: a file at which nobody listens.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let again = Server::with("{}", |options| {
        options.run = Some(folder.0.clone());
        options.plan.admin = Some("unix".parse().unwrap());
    });
    let again = again.await;
    assert!(UnixStream::connect(&socket).await.is_ok());
    again.end().await;
}

#[tokio::test]
async fn an_address_asks_for_the_token_that_its_file_keeps() {
    let watched = Watched::start("token", "{}", EventLog::default(), "127.0.0.1:0").await;
    let url = fs::read_to_string(watched.folder.0.join("admin.url")).unwrap();
    let (address, token) = url.trim().strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
    let address = address.parse().unwrap();
    for file in ["admin.url", "admin.token"] {
        let mode = fs::metadata(watched.folder.0.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(get(address, "/livez", "").await.status, 200);
    let shorter = &token[1..];
    for (query, header) in [
        (String::new(), String::new()),
        ("?token=".to_owned(), String::new()),
        (format!("?token={shorter}"), String::new()),
        (String::new(), "authorization: Bearer x\r\n".to_owned()),
        (format!("?token={token}"), "authorization: Bearer x\r\n".to_owned()),
    ] {
        let reply = get(address, &format!("/v1/forge/events{query}"), &header).await;
        assert_eq!(reply.status, 401, "{query} {header}");
    }
    for (query, header) in [
        (format!("?token={token}"), String::new()),
        (String::new(), format!("authorization: Bearer {token}\r\n")),
    ] {
        let mut socket = TcpStream::connect::<std::net::SocketAddr>(address).await.unwrap();
        let head = format!("GET /v1/forge/events{query} HTTP/1.0\r\nhost: x\r\n{header}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        socket.read_exact(&mut start).await.unwrap();
        assert_eq!(&start[9..], b"200");
        assert_eq!(get(address, "/", &header).await.status, if header.is_empty() { 401 } else { 200 });
    }
    let kept = token.to_owned();
    let Watched { server, folder, .. } = watched;
    server.end().await;
    assert!(!folder.0.join("admin.url").exists() && folder.0.join("admin.token").exists());
    assert_eq!(fs::read_to_string(folder.0.join("admin.token")).unwrap(), kept);
}
