//! Several people at one session that a client has begun, each with a key of their own.

use std::sync::Arc;

use chrono::Utc;
use forge::{
    System,
    offline::council,
    session::{Deed, State},
    storage::{
        access::{AccessChange, AccessStore as _, Allowance, ClientKey, KeyScope, Team},
        journal::StreamName,
    },
    watch::{EventLog, Followed, Reader},
};
use forge_core::ExposeSecret as _;
use forge_gateway::MintedKey;
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::{
    browser::Browser,
    client::{Reply, get, read, send},
    folder::Folder,
    server::Server,
};

const SESSIONS: &str = "/v1/forge/sessions";

/// A server with a council that asks people after each cycle.
struct Attended {
    server: Server,
    admin: String,
    token: String,
    _folder: Folder,
}

impl Attended {
    async fn start(name: &str) -> Self {
        let folder = Folder::new(&format!("attending-{name}"));
        let builder = System::builder(|_| None).state(&folder.0).events(EventLog::default());
        let mut session = council();
        session.options.insert("attended".to_owned(), 600_000.into());
        let server = Server::built(
            "{}",
            builder,
            |providers| providers.push(session),
            |system, options| {
                *options = std::mem::take(options)
                    .with_store(system.store().unwrap().clone())
                    .with_sessions(system.running_sessions());
                options.plan.listen = vec!["127.0.0.1:0".parse().unwrap()];
                options.run = Some(folder.0.join("run"));
                options.plan.admin = Some("127.0.0.1:0".parse().unwrap());
            },
        )
        .await;
        let url = std::fs::read_to_string(folder.0.join("run/admin.url")).unwrap();
        let (admin, token) = url.trim().strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
        let (admin, token) = (admin.to_owned(), token.to_owned());
        Self { server, admin, token, _folder: folder }
    }

    async fn key(&self, name: &str, team: Option<&str>, scopes: &[KeyScope]) -> String {
        let minted = MintedKey::new().unwrap();
        let mut key = ClientKey::new(minted.id.clone(), name, minted.digest, Utc::now());
        key.allowance.scopes = scopes.to_vec();
        key.team = team.map(Into::into);
        let store = Arc::clone(self.server.system.store().unwrap());
        if let Some(team) = team {
            let team = Team::new(team, Allowance::default());
            store.change_access(AccessChange::TeamSet { team }, "test").await.unwrap();
        }
        store.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
        let text = minted.text.expose_secret().to_owned();
        // Until the server has heard of a key it lets anybody in.
        while self.models("fk-test-wrong").await != 401 || self.models(&text).await != 200 {
            tokio::task::yield_now().await;
        }
        format!("x-api-key: {text}\r\n")
    }

    async fn models(&self, key: &str) -> u16 {
        get(self.server.address, "/v1/models", &format!("x-api-key: {key}\r\n")).await.status
    }

    async fn show(&self, key: &str, path: &str) -> Reply {
        get(self.server.address, &format!("{SESSIONS}{path}"), key).await
    }

    async fn command(&self, key: &str, session: &str, command: &Value) -> Reply {
        let headers = format!("content-type: application/json\r\n{key}");
        let path = format!("POST {SESSIONS}/{session}/commands");
        read(send(self.server.address, &path, &headers, &command.to_string()).await).await
    }

    /// A client that has asked the council, and what has come so far.
    async fn asked(&self, key: &str) -> Client {
        self.asked_about(key, "A rate limiter").await
    }

    async fn asked_about(&self, key: &str, what: &str) -> Client {
        let question = json!({"model": "council", "stream": true,
            "messages": [{"role": "user", "content": what}]});
        let headers = format!("content-type: application/json\r\n{key}");
        let path = "POST /v1/chat/completions";
        Client {
            socket: send(self.server.address, path, &headers, &question.to_string()).await,
            seen: String::new(),
        }
    }
}

struct Client {
    socket: TcpStream,
    seen: String,
}

impl Client {
    /// Reads on until `text` has come; returns the name of the session.
    async fn until(&mut self, text: &str) -> String {
        while !self.seen.contains(text) {
            let mut piece = [0; 4_096];
            let read = self.socket.read(&mut piece).await.unwrap();
            assert!(read > 0, "`{text}` did not come: {}", self.seen);
            self.seen += &String::from_utf8_lossy(&piece[..read]);
        }
        let name = self.seen.lines().find_map(|line| line.strip_prefix("x-forge-session: "));
        name.unwrap().to_owned()
    }
}

#[tokio::test]
async fn two_people_decide_and_write_in_one_session_and_each_is_told_of_the_other() {
    let attended = Attended::start("two").await;
    let app = attended.key("app", Some("red"), &[]).await;
    let anna = attended.key("anna", Some("red"), &[KeyScope::Attend]).await;
    let ben = attended.key("ben", Some("red"), &[KeyScope::Attend]).await;
    let mut client = attended.asked(&app).await;
    let name = client.until("Cycle 1 is over; somebody decides").await;

    let listed = attended.show(&anna, "").await.json();
    assert_eq!(
        (&listed["sessions"][0]["session"], &listed["sessions"][0]["waits_for"]),
        (&json!(name), &json!(1))
    );
    let shown = attended.show(&anna, &format!("/{name}")).await.json();
    assert_eq!(
        (&shown["key"], &shown["team"], &shown["editable"]),
        (&json!("app"), &json!("red"), &json!(true))
    );
    let (version, text) = (shown["version"].as_u64().unwrap(), shown["result"]["document"].as_str().unwrap());

    let edit = |text: &str| json!({"command": "edit", "version": version, "text": text});
    let annas = format!("{text}\n\nAnna's paragraph.\n");
    let edited = attended.command(&anna, &name, &edit(&annas)).await;
    assert_eq!((edited.status, &edited.json()["version"]), (200, &json!(version + 1)), "{}", edited.body);
    let refused = attended.command(&ben, &name, &edit("Ben's text")).await;
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["type"], &error["version"]),
        (409, &json!("edited"), &json!(version + 1))
    );
    assert_eq!((&error["text"], &error["yours"]), (&json!(annas), &json!("Ben's text")));

    let decide =
        |cycle: u32, decision: Value| json!({"command": "decide", "cycle": cycle, "decision": decision});
    let decided = attended.command(&ben, &name, &decide(1, json!({"feedback": "be brief"}))).await;
    assert_eq!(decided.status, 200, "{}", decided.body);
    let refused = attended.command(&anna, &name, &decide(1, json!("skip"))).await;
    assert_eq!((refused.status, &refused.json()["error"]["type"]), (409, &json!("decided")));
    assert!(
        refused.body.contains("ben has decided about cycle 1: one more cycle: be brief"),
        "{}",
        refused.body
    );

    client.until("Cycle 2 is over; somebody decides").await;
    assert_eq!(attended.command(&anna, &name, &decide(2, json!("continue"))).await.status, 200);
    client.until("[DONE]").await;
    // The client sees that people were at work, and nothing of what they said to each other.
    assert!(
        client.seen.contains("anna: edited.") && client.seen.contains("ben: decided."),
        "{}",
        client.seen
    );
    assert!(!client.seen.contains("be brief: "), "{}", client.seen);
    // It runs no longer.
    assert_eq!(attended.command(&anna, &name, &json!({"command": "pause"})).await.status, 404);

    let name = StreamName::new(&name).unwrap();
    let state = State::read(&**attended.server.system.journal(), &name).await.unwrap();
    let deeds: Vec<_> =
        state.contributions.iter().map(|one| (one.by.as_deref().unwrap(), one.deed.as_str())).collect();
    assert_eq!(deeds, [("anna", "edited"), ("ben", "decided"), ("anna", "decided")]);
    assert!(state.versions.iter().any(|version| version.text == annas && version.edited));
}

#[tokio::test]
async fn a_session_is_there_for_keys_of_its_team_that_may_attend_and_for_nobody_else() {
    let attended = Attended::start("who").await;
    let app = attended.key("app", Some("red"), &[]).await;
    let other = attended.key("other", Some("blue"), &[KeyScope::Attend]).await;
    let alone = attended.key("alone", None, &[KeyScope::Attend]).await;
    let watcher = attended.key("watcher", Some("red"), &[KeyScope::Events]).await;
    let mut client = attended.asked(&app).await;
    let name = client.until("Cycle 1 is over").await;
    for key in [&other, &alone] {
        assert_eq!(attended.show(key, "").await.json(), json!({"sessions": []}));
        assert_eq!(attended.show(key, &format!("/{name}")).await.status, 404);
        let refused = attended.command(key, &name, &json!({"command": "abort"})).await;
        assert_eq!(refused.status, 404, "{}", refused.body);
    }
    for key in [&app, &watcher] {
        let refused = attended.show(key, "").await;
        assert!(refused.status == 403 && refused.body.contains("--scope attend"), "{}", refused.body);
    }
    // Events too are those of a session that they may attend.
    let attending = attended.key("attending", Some("red"), &[KeyScope::Attend]).await;
    let events = async |key: &str, query: &str| {
        let mut socket =
            send(attended.server.address, &format!("GET /v1/forge/events?after=0{query}"), key, "").await;
        let mut piece = [0; 4_096];
        let read = socket.read(&mut piece).await.unwrap();
        String::from_utf8_lossy(&piece[..read]).into_owned()
    };
    let of_session = format!("&session={name}");
    for (key, query, status) in [
        (&attending, of_session.as_str(), "200"),
        (&watcher, "", "200"),
        (&watcher, &of_session, "200"),
        (&attending, "", "403"),
        (&other, &of_session, "403"),
        (&app, &of_session, "403"),
    ] {
        let head = events(key, query).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {head}");
    }
    // Its own session is anybody's who may attend at all.
    let mut own = attended.asked(&alone).await;
    let own_name = own.until("Cycle 1 is over").await;
    assert_eq!(attended.show(&alone, &format!("/{own_name}")).await.status, 200);
    let under_another_name = json!({"command": "pause", "by": "anna"});
    let refused = attended.command(&alone, &own_name, &under_another_name).await;
    assert!(refused.status == 400 && refused.body.contains("it is the name of your key"), "{}", refused.body);
    for (command, status) in [(json!({"command": "stop"}), 400), (json!({"command": "abort"}), 200)] {
        assert_eq!(attended.command(&alone, &own_name, &command).await.status, status, "{command}");
    }
}

#[tokio::test]
async fn the_operator_attends_every_session_under_a_name_and_no_page_of_others_does() {
    let attended = Attended::start("operator").await;
    let mut client = attended.asked("").await;
    let name = client.until("Cycle 1 is over").await;
    let address = attended.admin.parse().unwrap();
    let path = format!("POST {SESSIONS}/{name}/commands");
    let say = async |headers: &str, command: Value| {
        let headers = format!("content-type: application/json\r\n{headers}");
        read(send(address, &path, &headers, &command.to_string()).await).await
    };
    let token = format!("authorization: Bearer {}\r\n", attended.token);
    let feedback = json!({"command": "feedback", "text": "mind the clock", "by": "carla"});
    assert_eq!(say("", feedback.clone()).await.status, 401);
    let foreign = format!("{token}origin: http://127.0.0.1:1\r\n");
    assert_eq!(say(&foreign, feedback.clone()).await.status, 403);
    let told = say(&token, feedback).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let own = format!("{token}origin: http://{}\r\n", attended.admin);
    assert_eq!(say(&own, json!({"command": "decide", "cycle": 1, "decision": "skip"})).await.status, 200);
    client.until("[DONE]").await;
    let state =
        State::read(&**attended.server.system.journal(), &StreamName::new(&name).unwrap()).await.unwrap();
    let deeds: Vec<_> =
        state.contributions.iter().map(|one| (one.by.as_deref().unwrap(), &one.deed)).collect();
    assert_eq!(deeds[0], ("carla", &Deed::Feedback { text: "mind the clock".into() }));
    assert_eq!(deeds[1].0, "the operator");
    let mut reader = Reader::new(attended.server.system.router().events().unwrap().clone(), 0).unwrap();
    let followed = std::future::poll_fn(|cx| reader.poll_next(cx)).await;
    let Some(Followed::Events(events)) = followed else { panic!("{followed:?}") };
    let of_people = |name: &&str| matches!(*name, "session.waiting" | "session.contributed");
    let names: Vec<_> = events.iter().map(|event| event.name).filter(of_people).collect();
    assert_eq!(names, ["session.waiting", "session.contributed", "session.contributed"]);
    let told: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(&event.json)).collect();
    assert!(told.iter().any(|json| json.contains("\"by\":\"carla\"")), "{told:?}");
    assert!(!told.iter().any(|json| json.contains("mind the clock")), "{told:?}");
}

#[tokio::test]
async fn the_page_of_a_session_can_be_read_without_a_script_and_holds_nothing_of_models_as_markup() {
    let attended = Attended::start("page").await;
    let mut client = attended.asked_about("", "A <b>rate</b> limiter").await;
    let name = client.until("Cycle 1 is over").await;
    let cookie = format!("cookie: forge_admin={}\r\n", attended.token);
    let address = attended.admin.parse().unwrap();
    let home = get(address, "/", &cookie).await;
    assert!(home.body.contains(&format!("<a href=\"/sessions/{name}\">")), "{}", home.body);
    let page = get(address, &format!("/sessions/{name}"), &cookie).await;
    for part in
        ["waits for a decision", "data-version=\"2\"", "nobody has done anything yet", "A &lt;b&gt;rate"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("<b>rate") && !page.body.contains(" style=") && !page.body.contains("://"));
    assert!(page.header("content-security-policy").is_some());
    assert_eq!(get(address, &format!("/sessions/{name}"), "").await.status, 401);
    let gone = get(address, "/sessions/nobody", &cookie).await;
    assert!(gone.status == 404 && gone.body.contains("forge sessions show nobody"), "{}", gone.body);
}

#[tokio::test]
async fn somebody_at_a_browser_writes_beside_others_and_sees_both_texts() {
    let attended = Attended::start("browser").await;
    let mut client = attended.asked("").await;
    let name = client.until("Cycle 1 is over").await;
    let Some(mut browser) = Browser::start().await else {
        println!("SKIPPED: chromium is not installed, so nobody attends at a browser");
        return;
    };
    browser.open(&format!("http://{}/?token={}", attended.admin, attended.token), 400).await;
    browser.until("document.documentElement.dataset.follows === 'yes'").await;
    browser.says(&format!("location.assign('/sessions/{name}')")).await;
    browser
        .until("!!document.getElementById('waits') && document.documentElement.dataset.follows === 'yes'")
        .await;
    let wide = browser.says("document.documentElement.scrollWidth > innerWidth").await;
    assert_eq!(wide, json!(false));
    let click = |value: &str| format!("document.querySelector('button[value={value}]').click()");
    browser.says("document.querySelector('[name=by]').value = 'dora'").await;
    browser.says(&click("change")).await;
    browser.says("document.querySelector('[name=text]').value += '\\nFrom the browser.\\n'").await;
    // Somebody else is quicker.
    let edit = json!({"command": "edit", "version": 2, "text": "From elsewhere.", "by": "carla"});
    let token = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", attended.token);
    let path = format!("POST {SESSIONS}/{name}/commands");
    let reply = read(send(attended.admin.parse().unwrap(), &path, &token, &edit.to_string()).await).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    browser.until("document.getElementById('people').innerText.includes('carla: wrote version 3')").await;
    browser.says(&click("edit")).await;
    browser.until("document.querySelector('[name=theirs]').value === 'From elsewhere.'").await;
    browser.until("document.querySelector('[name=text]').value.includes('From the browser.')").await;
    browser.says(&click("edit")).await;
    browser.until("document.getElementById('people').innerText.includes('dora: wrote version 4')").await;
    browser.until("document.getElementById('document').innerText.includes('From the browser.')").await;
    browser.says(&click("skip")).await;
    client.until("[DONE]").await;
    assert!(client.seen.contains("From the browser."), "{}", client.seen);
}
