use std::net::SocketAddr;

use forge::config::Listen;
use forge_gateway::{Gateway, GatewayError, GatewayOptions};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    client::{get, post, read, send},
    server::Server,
};

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn what_is_no_request_of_a_program_is_refused_before_it_is_read() {
    let server = Server::with("{}", |options| options.plan.body_bytes = 1_000).await;
    let at = server.address;
    let long = format!(r#"{{"model": "{}"}}"#, "x".repeat(2_000));
    for (start, headers, body, status) in [
        ("POST /v1/messages", "content-type: text/plain\r\n", "{}", 415),
        ("POST /v1/messages", "", "{}", 415),
        ("POST /v1/messages", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "{}", 415),
        ("POST /v1/messages", "content-type: application/json\r\norigin: https://a.example\r\n", "{}", 403),
        ("POST /v1/messages", JSON, "{", 400),
        ("POST /v1/messages", JSON, "[]", 400),
        (
            "POST /v1/messages",
            JSON,
            r#"{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}"#,
            404,
        ),
        ("POST /v1/messages", JSON, &long, 413),
        ("GET /v1/messages", "", "", 405),
        ("POST /v1/nothing", JSON, "{}", 404),
        ("DELETE /v1/models", "", "", 405),
    ] {
        let reply = read(send(at, start, headers, body).await).await;
        assert_eq!(reply.status, status, "{start} {headers} {}", reply.body);
        assert!(reply.json()["error"]["message"].is_string(), "{}", reply.body);
    }
    assert!(server.sim.journal().is_empty(), "nobody was asked");
    // A browser that was led here by a name.
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket
        .write_all(b"GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(read(socket).await.status, 403);
    let alive = get(at, "/livez", "").await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "forge\n"));
    let head = read(send(at, "HEAD /", "", "").await).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let server = Server::with("{}", |options| options.plan.body_bytes = 1_000).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head =
        format!("POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600));
    socket.write_all(format!("{head}{chunk}{chunk}").as_bytes()).await.unwrap();
    assert_eq!(read(socket).await.status, 413);
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_before_a_byte_of_it_comes() {
    let server = Server::with("{}", |options| options.plan.body_bytes = 1_000).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: 2000\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read(socket).await.status, 413);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start("{}").await;
    let many = "x-many: 1\r\n".repeat(101);
    let long = format!("x-long: {}\r\n", "y".repeat(1024 * 1024));
    for headers in [many, long] {
        assert_eq!(get(server.address, "/v1/models", &headers).await.status, 431);
    }
}

#[tokio::test]
async fn a_public_address_and_a_port_in_use_are_refused() {
    let server = Server::start("{}").await;
    let bind = |listen: SocketAddr| {
        let mut options = GatewayOptions::default();
        options.plan.listen = vec![Listen::Tcp(listen)];
        Gateway::bind(server.system.router().clone(), options)
    };
    let public = bind("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert!(matches!(public, GatewayError::Public(_)), "{public}");
    let taken = bind(server.address).await.unwrap_err();
    assert_eq!(taken.to_string(), format!("cannot listen on {}", server.address));
}

#[tokio::test]
async fn a_budget_that_has_no_room_is_no_reason_to_come_again() {
    let server = Server::start("{}").await;
    let mut plan = server.system.plan().clone();
    plan.budget.day.tokens = Some(1);
    server.system.router().reload(plan).unwrap();
    let body = json!({"model": "provider:anthropic", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]});
    let reply = post(server.address, "/v1/messages", &body).await;
    assert_eq!((reply.status, reply.header("x-should-retry")), (402, Some("false")), "{}", reply.body);
    assert!(server.sim.journal().is_empty(), "nobody was asked");
}
