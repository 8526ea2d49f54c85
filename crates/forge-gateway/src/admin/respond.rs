//! What is answered to somebody who watches the server.

use bytes::Bytes;
use forge_core::watch::Reader;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    event_stream::{AdminBody, EventStream},
    place::AdminListener,
};
use crate::{page, reply, service::Service};

/// The number behind which a reader goes on that has lost its connection.
const LAST: &str = "last-event-id";

/// The cookie that holds the token.
const COOKIE: &str = "forge_admin";

pub(super) async fn respond(
    admin: &AdminListener,
    service: &Service,
    request: &Request<Incoming>,
) -> Response<AdminBody> {
    let (headers, uri) = (request.headers(), request.uri());
    let refusal = |status, message: &str| reply::refusal(status, message).map(AdminBody::Whole);
    match uri.path() {
        _ if request.method() != Method::GET => {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
        }
        "/livez" => reply::body(StatusCode::OK, "text/plain", b"forge\n".to_vec()).map(AdminBody::Whole),
        "/page.css" => asset("text/css; charset=utf-8", page::CSS),
        "/page.js" => asset("text/javascript; charset=utf-8", page::SCRIPT),
        _ if !admin.admits(token(headers, uri)) => {
            refusal(StatusCode::UNAUTHORIZED, "bring the token that `forge serve url` shows")
        }
        "/" => match in_query(uri, "token") {
            // Out of the address, which browsers keep and show.
            Some(token) => signed_in(token),
            None => page(admin.page.html(service).await),
        },
        "/v1/forge/events" => match events(service, headers, uri) {
            Ok(events) => streamed(events),
            Err(Refused(status, error)) => {
                reply::json(status, &json!({ "error": error })).map(AdminBody::Whole)
            }
        },
        path => refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {path}")),
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response<AdminBody> {
    reply::body(StatusCode::OK, kind, Bytes::from_static(text.as_bytes())).map(AdminBody::Whole)
}

fn page(html: Bytes) -> Response<AdminBody> {
    let mut reply = reply::body(StatusCode::OK, "text/html; charset=utf-8", html).map(AdminBody::Whole);
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
fn signed_in(token: &str) -> Response<AdminBody> {
    let mut reply = reply::body(StatusCode::SEE_OTHER, "text/plain", Bytes::new()).map(AdminBody::Whole);
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        reply.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    reply.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    reply
}

/// Why there are no events: a status and what its body says of the error.
struct Refused(StatusCode, Value);

impl Refused {
    fn request(status: StatusCode, message: &str) -> Self {
        Self(status, json!({"type": "invalid_request_error", "message": message}))
    }
}

/// The events after a number, or from now on.
fn events(service: &Service, headers: &HeaderMap, uri: &Uri) -> Result<EventStream, Refused> {
    let none = || Refused::request(StatusCode::NOT_FOUND, "this server keeps no events");
    let log = service.router.events().ok_or_else(none)?;
    // A browser that lost its connection asks under the address of the first time.
    let last = headers.get(LAST).map(|last| last.to_str().unwrap_or("?"));
    let after = match last.or_else(|| in_query(uri, "after")).map(str::parse) {
        None => log.newest(),
        Some(Ok(number)) => number,
        Some(Err(_)) => {
            let message = "`after` and `last-event-id` are the number of an event";
            return Err(Refused::request(StatusCode::BAD_REQUEST, message));
        }
    };
    let reader = Reader::new(log.clone(), after).map_err(|gone| {
        let error = json!({"type": "events_gone", "message": gone.to_string(), "first": gone.first});
        Refused(StatusCode::GONE, error)
    })?;
    Ok(EventStream::new(reader, service.router.timer()))
}

fn streamed(events: EventStream) -> Response<AdminBody> {
    let mut reply = Response::new(AdminBody::Events(Box::new(events)));
    // A proxy that gathers or keeps pieces would hold events back.
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
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

fn in_query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
