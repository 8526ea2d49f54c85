use std::sync::Arc;

use forge::config::{Listen, ServePlan, TlsFiles};
use forge_gateway::{Gateway, GatewayError, GatewayOptions};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use crate::{
    client::{get, read, send},
    folder::Folder,
    server::Server,
};

/// Writes a certificate that vouches for itself.
fn certificate(folder: &Folder) -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: folder.0.join("cert.pem"), key: folder.0.join("key.pem") };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

/// What a client that trusts the certificate of `files` agrees on with the server.
async fn protocol(server: &Server, files: &TlsFiles, offered: &[&str]) -> std::io::Result<Option<Vec<u8>>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.cert).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|one| one.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    if agreed.as_deref() != Some(b"h2") {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
    Ok(agreed)
}

#[tokio::test]
async fn a_certificate_is_used_and_can_be_replaced_under_way() {
    let folder = Folder::new("gateway-tls");
    let files = certificate(&folder);
    let mut plan = ServePlan::default();
    plan.tls = Some(files.clone());
    let server = Server::with("{}", |options| options.plan.tls = Some(files.clone())).await;
    assert_eq!(protocol(&server, &files, &["http/1.1"]).await.unwrap().as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(protocol(&server, &files, &["h2", "http/1.1"]).await.unwrap().as_deref(), Some(&b"h2"[..]));
    assert_eq!(protocol(&server, &files, &[]).await.unwrap(), None);

    std::fs::write(&files.key, "no key").unwrap();
    let refused = server.handle.reload(plan.clone()).unwrap_err();
    assert!(refused.to_string().contains("key.pem holds no private key"), "{refused}");
    protocol(&server, &files, &[]).await.unwrap();
    let renewed = certificate(&folder);
    protocol(&server, &renewed, &[]).await.unwrap_err();
    server.handle.reload(plan.clone()).unwrap();
    protocol(&server, &renewed, &[]).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_says_which_file_it_is() {
    let server = Server::start("{}").await;
    let folder = Folder::new("gateway-wrong-tls");
    let (files, other) = (certificate(&folder), Folder::new("gateway-other-tls"));
    let nowhere = folder.0.join("nowhere.pem");
    for (cert, key, expected) in [
        (&nowhere, &files.key, "nowhere.pem holds no certificate in PEM that can be read"),
        (&files.key, &files.key, "key.pem holds no certificate in PEM that can be read"),
        (&files.cert, &nowhere, "nowhere.pem holds no private key in PEM that can be read"),
        (&files.cert, &certificate(&other).key, "cert.pem cannot be used with its key"),
    ] {
        let mut options = GatewayOptions::default();
        options.plan.listen = vec!["127.0.0.1:0".parse().unwrap()];
        options.plan.tls = Some(TlsFiles { cert: cert.clone(), key: key.clone() });
        let refused = Gateway::bind(server.system.router().clone(), options).await.unwrap_err();
        assert!(refused.to_string().ends_with(expected), "{refused}");
    }
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_private_and_replaces_a_dead_one() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new("gateway-unix");
    let path = folder.0.join("forge.sock");
    // What a server that was killed has left.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let place = Listen::Unix(path.clone());
    let server = Server::with("{}", |options| options.plan.listen.push(place.clone())).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut socket = UnixStream::connect(&path).await.unwrap();
    socket.write_all(b"GET /livez HTTP/1.1\r\nhost: any\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");

    let mut options = GatewayOptions::default();
    options.plan.listen = vec![place.clone()];
    let taken = Gateway::bind(server.system.router().clone(), options).await.unwrap_err();
    assert!(matches!(&taken, GatewayError::Listen { place: at, .. } if *at == place), "{taken}");
    assert!(server.end().await);
    assert!(!path.exists());
}

#[tokio::test]
async fn probes_tell_that_it_lives_is_ready_and_what_it_does() {
    let server =
        Server::with("{}", |options| options.plan.probes = Some("127.0.0.1:0".parse().unwrap())).await;
    let probes = server.probes.unwrap();
    assert_eq!(get(probes, "/livez", "").await.status, 200);
    assert_eq!(get(probes, "/readyz", "").await.body, "ready\n");
    let metrics = get(probes, "/metrics", "").await;
    #[cfg(target_os = "linux")]
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        let value = metrics.body.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value >= 0.0), "{name}: {}", metrics.body);
    }
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    assert!(metrics.body.contains("\nforge_gateway_calls 0\n"), "{}", metrics.body);
    for name in
        ["forge_gateway_calls_limit ", "forge_gateway_connections_limit ", "forge_build_info{version="]
    {
        assert!(metrics.body.contains(&format!("\n{name}")), "{name}: {}", metrics.body);
    }
    assert!(metrics.body.contains("\nforge_circuit_open{provider="), "{}", metrics.body);
    // Replies to clients count, and those to probes do not.
    assert!(!metrics.body.contains("\nforge_gateway_replies_total{"), "{}", metrics.body);
    get(server.address, "/v1/models", "").await;
    get(server.address, "/nowhere", "").await;
    get(server.address, "/nowhere", "").await;
    let metrics = get(probes, "/metrics", "").await;
    for row in ["{status=\"200\"} 1", "{status=\"404\"} 2"] {
        assert!(metrics.body.contains(&format!("\nforge_gateway_replies_total{row}\n")), "{}", metrics.body);
    }
    assert_eq!(get(probes, "/v1/models", "").await.status, 404);
    assert_eq!(read(send(probes, "POST /livez", "", "").await).await.status, 405);
}

#[tokio::test]
async fn pages_of_an_origin_that_is_named_may_ask() {
    let origin = "https://chat.example.org";
    let server = Server::with("{}", |options| options.plan.origins = vec![origin.to_owned()]).await;
    let headers = format!(
        "origin: {origin}\r\naccess-control-request-method: POST\r\naccess-control-request-headers: x-api-key\r\n"
    );
    let preflight = read(send(server.address, "OPTIONS /v1/messages", &headers, "").await).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some(origin)));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("x-api-key"));
    let models = get(server.address, "/v1/models", &format!("origin: {origin}\r\n")).await;
    assert_eq!((models.status, models.header("access-control-allow-origin")), (200, Some(origin)));
    let other = headers.replace(origin, "https://evil.example");
    let refused = read(send(server.address, "OPTIONS /v1/messages", &other, "").await).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn more_calls_than_may_be_under_way_are_told_to_come_again() {
    let rule = "rules: [{vendor: anthropic, stall: {after_events: 4, between_events: 60000}}]";
    let server = Server::with(rule, |options| options.plan.in_flight = 1).await;
    let body = |stream| {
        serde_json::json!({"model": "provider:anthropic", "max_tokens": 100, "stream": stream,
            "messages": [{"role": "user", "content": "hi"}]})
        .to_string()
    };
    let json = "content-type: application/json\r\n";
    let mut first = send(server.address, "POST /v1/messages", json, &body(true)).await;
    first.read_exact(&mut [0; 12]).await.unwrap();
    let second = read(send(server.address, "POST /v1/messages", json, &body(false)).await).await;
    assert_eq!((second.status, second.header("retry-after")), (529, Some("1")), "{}", second.body);
}

#[tokio::test]
async fn bodies_beyond_what_fits_into_memory_are_told_to_come_again() {
    let server = Server::with("{}", |options| options.plan.all_body_bytes = 1024 * 1024).await;
    // Its body is announced, and does not come.
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    first.write_all(format!("{head}content-length: 1000000\r\n\r\n{{").as_bytes()).await.unwrap();
    let long = format!(r#"{{"model": "nobody", "x": "{}"}}"#, "y".repeat(200_000));
    let json = "content-type: application/json\r\n";
    let crowded = async || read(send(server.address, "POST /v1/messages", json, &long).await).await.status;
    while crowded().await != 529 {
        tokio::task::yield_now().await;
    }
    let short = r#"{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}"#;
    assert_eq!(read(send(server.address, "POST /v1/messages", json, short).await).await.status, 404);
    drop(first);
    while crowded().await != 400 {
        tokio::task::yield_now().await;
    }
}
