//! What is answered to somebody who watches the server.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use hyper::body::Incoming;

use super::place::AdminListener;
use crate::{
    attending::{Attendant, Attended},
    page::{self, Page},
    path,
    reply::{self, Reply, refusal},
    service::Service,
    watching::{self, in_query},
};

/// The cookie that holds the token.
const COOKIE: &str = "forge_admin";

pub(super) async fn respond(admin: &AdminListener, service: &Service, head: &Parts, body: Incoming) -> Reply {
    let (headers, uri) = (&head.headers, &head.uri);
    let attended = Attended::of(&head.method, uri.path());
    match uri.path() {
        _ if head.method != Method::GET && !matches!(attended, Some((_, true))) => {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
        }
        "/livez" => reply::body(StatusCode::OK, "text/plain", b"forge\n".to_vec()),
        "/page.css" => asset("text/css; charset=utf-8", page::CSS),
        "/page.js" => asset("text/javascript; charset=utf-8", page::SCRIPT),
        "/attend.js" => asset("text/javascript; charset=utf-8", page::ATTEND),
        // A browser sends the cookie along with what a page of another port of this machine asks for, and shows such a page
        // what comes over a socket.
        _ if is_of_another_page(headers) => {
            refusal(StatusCode::FORBIDDEN, "only the page of this address is served")
        }
        _ if !admin.admits(token(headers, uri)) => {
            refusal(StatusCode::UNAUTHORIZED, "bring the token that `forge serve url` shows")
        }
        "/" => match in_query(uri, "token") {
            // Out of the address, which browsers keep and show.
            Some(token) => signed_in(token),
            None => page(admin.page.html(service).await),
        },
        _ if let Some((wanted, _)) = attended => {
            service.attending(&service.plan(), Attendant::Operator).answer(wanted, head, body).await
        }
        path if let Some(name) = path.strip_prefix("/sessions/") => {
            match Page::session(service, name).await {
                Some(html) => page(html),
                None => refusal(StatusCode::NOT_FOUND, &gone(name)),
            }
        }
        path::EVENTS => watching::answer(&service.router, head, false),
        path => refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {path}")),
    }
}

fn gone(name: &str) -> String {
    format!("session {name} does not run here; `forge sessions show {name}` shows one that is over")
}

fn asset(kind: &'static str, text: &'static str) -> Reply {
    reply::body(StatusCode::OK, kind, Bytes::from_static(text.as_bytes()))
}

fn page(html: Bytes) -> Reply {
    let mut reply = reply::body(StatusCode::OK, "text/html; charset=utf-8", html);
    for (name, value) in [
        ("content-security-policy", page::POLICY),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The page once more, where the browser brings the token by itself and shows it to no script and to no other site.
fn signed_in(token: &str) -> Reply {
    let mut reply = reply::body(StatusCode::SEE_OTHER, "text/plain", Bytes::new());
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        reply.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    reply.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    reply
}

/// Whether a page of another address asks. Programs name no page, and most browsers none that asks for its own.
fn is_of_another_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((_, address)) = text(header::ORIGIN).split_once("://") else {
        // `null` is a page as well.
        return headers.contains_key(header::ORIGIN);
    };
    !address.eq_ignore_ascii_case(text(header::HOST))
}

/// The token that a request brings. A browser can set no header on a stream of events, and has a cookie for the page.
fn token<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|value| value.split("; "));
    let cookie = || cookies.find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='));
    bearer.or_else(|| in_query(uri, "token")).or_else(cookie)
}
