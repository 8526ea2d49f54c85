//! The page of those who watch a server.

use chrono::Utc;
use forge::{
    Money, System,
    offline::council,
    storage::{
        access::{AccessChange, AccessStore as _, Allowance, ClientKey, KeyBudget, Team},
        budget::Period,
    },
    watch::EventLog,
};
use forge_gateway::MintedKey;
use serde_json::json;

use crate::{
    browser::Browser,
    client::{Reply, get, read, send},
    folder::Folder,
    server::Server,
};

/// A server with accounts that is watched at an address, and what that address asks for.
struct Watched {
    server: Server,
    address: String,
    token: String,
    _folder: Folder,
}

impl Watched {
    async fn start(name: &str) -> Self {
        let folder = Folder::new(&format!("page-{name}"));
        let builder = System::builder(|_| None).state(&folder.0).events(EventLog::default());
        let server = Server::built(
            "{}",
            builder,
            |providers| providers.push(council()),
            |system, options| {
                *options = std::mem::take(options).with_store(system.store().unwrap().clone());
                options.plan.listen = vec!["127.0.0.1:0".parse().unwrap()];
                options.run = Some(folder.0.join("run"));
                options.plan.admin = Some("127.0.0.1:0".parse().unwrap());
            },
        );
        let server = server.await;
        let url = std::fs::read_to_string(folder.0.join("run/admin.url")).unwrap();
        let (address, token) = url.trim().strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
        let (address, token) = (address.to_owned(), token.to_owned());
        Self { server, address, token, _folder: folder }
    }

    async fn get(&self, path: &str, headers: &str) -> Reply {
        get(self.address.parse().unwrap(), path, headers).await
    }

    /// The page, as soon as it is new.
    async fn page(&self) -> String {
        let cookie = format!("cookie: other=1; forge_admin={}\r\n", self.token);
        let page = self.get("/", &cookie).await;
        assert_eq!(page.status, 200, "{}", page.body);
        page.body
    }

    async fn page_with(&self, text: &str) -> String {
        loop {
            let page = self.page().await;
            if page.contains(text) {
                return page;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn ask(&self, model: &str, headers: &str) {
        let body = json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "A <b>rate</b> limiter"}]});
        let headers = format!("content-type: application/json\r\n{headers}");
        let reply =
            read(send(self.server.address, "POST /v1/messages", &headers, &body.to_string()).await).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[tokio::test]
async fn only_who_has_the_token_sees_the_page_and_no_address_keeps_it() {
    let watched = Watched::start("token").await;
    for headers in ["", "cookie: forge_admin=wrong\r\n", "authorization: Bearer wrong\r\n"] {
        for path in ["/", "/?token=wrong", "/v1/forge/events"] {
            assert_eq!(watched.get(path, headers).await.status, 401, "{path} {headers}");
        }
    }
    let first = watched.get(&format!("/?token={}", watched.token), "").await;
    assert_eq!((first.status, first.header("location")), (303, Some("/")));
    let cookie = first.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let page = watched.get("/", &format!("cookie: {}\r\n", cookie.split(';').next().unwrap())).await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!page.body.contains(&watched.token));
    // What it loads lies here, and nothing stands in the page that the policy forbids.
    for path in ["/page.css", "/page.js"] {
        assert!(page.body.contains(path) && watched.get(path, "").await.status == 200, "{path}");
    }
    assert!(!page.body.contains("://") && !page.body.contains(" style=") && !page.body.contains("<script>"));
}

#[tokio::test]
async fn the_page_shows_calls_sessions_models_keys_and_hours_without_a_script() {
    let watched = Watched::start("content").await;
    watched.ask("council", "").await;
    watched.ask("provider:google", "").await;
    let store = watched.server.system.store().unwrap();
    let minted = MintedKey::new().unwrap();
    let mut key = ClientKey::new(minted.id.clone(), "a <i>key</i>", minted.digest, Utc::now());
    key.team = Some("red".into());
    key.allowance.budgets = vec![KeyBudget::of_money(Period::Month, Money::from_nanos(2_000_000_000))];
    store
        .change_access(AccessChange::TeamSet { team: Team::new("red", Allowance::default()) }, "test")
        .await
        .unwrap();
    store.change_access(AccessChange::KeyCreated { key }, "test").await.unwrap();
    // Accounts are written a little later.
    let page = watched.page_with("google/").await;
    let page = if page.contains("a &lt;i&gt;key") { page } else { watched.page_with("a &lt;i&gt;key").await };
    for part in [
        "<dt>calls under way</dt><dd>0</dd>",
        "A &lt;b&gt;rate&lt;/b&gt; limiter",
        "converged (dry)",
        "<td>council</td>",
        "<td>red</td>",
        "key, a month: $0.0000 of $2.0000",
        "<td>success</td>",
        "aria-label=\"Calls, ",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<b>rate") && !page.contains("<i>key"), "{page}");
    let bars = page.matches("<rect ").count();
    assert!(bars >= 3, "{bars}");
}

/// The relative luminance of a colour, and the contrast of two, by WCAG 2.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| {
        let digits = colour.trim_start_matches('#');
        let digits = if digits.len() == 3 {
            digits.chars().flat_map(|digit| [digit, digit]).collect()
        } else {
            digits.to_owned()
        };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[tokio::test]
async fn every_text_can_be_read_on_light_and_dark() {
    let watched = Watched::start("contrast").await;
    let style = watched.get("/page.css", "").await.body;
    let themes: Vec<&str> =
        style.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(themes.len(), 2);
    for theme in themes {
        let colour =
            |name: &str| theme.split(';').find_map(|pair| pair.strip_prefix(&format!("--{name}:"))).unwrap();
        for text in ["text", "quiet", "bad"] {
            for ground in ["page", "soft"] {
                let found = contrast(colour(text), colour(ground));
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
            }
        }
        for mark in ["mark", "focus"] {
            assert!(contrast(colour(mark), colour("page")) >= 3.0, "{mark}");
        }
    }
}

#[tokio::test]
async fn a_real_browser_follows_what_happens_at_every_width() {
    let watched = Watched::start("browser").await;
    let url = format!("http://{}/?token={}", watched.address, watched.token);
    for (width, model) in [(400, "anthropic"), (1280, "openai"), (1920, "local")] {
        let Some(mut browser) = Browser::start().await else {
            println!("SKIPPED: chromium is not installed, so the page is not looked at");
            return;
        };
        browser.open(&url, width).await;
        browser.until("document.documentElement.dataset.follows === 'yes'").await;
        // Only now, so that what it shows of these calls has come by the events.
        for _ in 0..50 {
            watched.ask(&format!("provider:{model}"), "").await;
        }
        browser.until(&format!("document.body.innerHTML.includes('<td>{model}/')")).await;
        // Tables scroll inside themselves, and the page does not.
        let wide = browser.says("document.documentElement.scrollWidth > innerWidth").await;
        assert_eq!(wide, json!(false), "{width}");
        // The way to the content comes first on the keyboard, and then each table.
        let places = browser.tabs(3).await;
        assert_eq!(places[0], "#main", "{width}: {places:?}");
        assert!(places[1..].iter().all(|place| place == "region"), "{width}: {places:?}");
    }
}
