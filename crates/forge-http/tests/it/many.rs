//! More calls at once than one HTTP/2 connection takes.

use std::{
    convert::Infallible,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use forge_core::{CallContext, Participant, provider::AdapterSettings, request::Delivery};
use forge_http::Connection;
use futures_util::future::join_all;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpListener, sync::Barrier};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    },
};

use crate::{DIALECT, limits::task};

/// Calls at once, and how many of them a server takes on one connection.
const CALLS: usize = 250;
const STREAMS: u32 = 100;

/// Answers no call before `CALLS` of them are under way. Returns its port.
async fn serve(acceptor: TlsAcceptor, connections: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let all_here = Arc::new(Barrier::new(CALLS));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (acceptor, all_here, connections) =
                (acceptor.clone(), Arc::clone(&all_here), Arc::clone(&connections));
            tokio::spawn(async move {
                let Ok(connection) = acceptor.accept(connection).await else { return };
                assert_eq!(connection.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                connections.fetch_add(1, Ordering::Relaxed);
                let service = service_fn(move |_| {
                    let all_here = Arc::clone(&all_here);
                    async move {
                        all_here.wait().await;
                        Ok::<_, Infallible>(hyper::Response::new("{}".to_owned()))
                    }
                });
                let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                server.max_concurrent_streams(STREAMS);
                // A client that leaves is none of the server's business.
                let _ = server.serve_connection(TokioIo::new(connection), service).await;
            });
        }
    });
    port
}

/// `folder` holds the server's certificate, which this process trusts, and its key.
async fn call_at_once(folder: &Path) -> String {
    let file = |name| std::fs::read(folder.join(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let (certificate, key) =
        (CertificateDer::from(file("certificate.der")), PrivatePkcs8KeyDer::from(file("key.der")));
    let config = config.unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key.into()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];

    let connections = Arc::new(AtomicUsize::new(0));
    let port = serve(TlsAcceptor::from(Arc::new(config)), Arc::clone(&connections)).await;
    let base_url = Some(format!("https://localhost:{port}"));
    let settings = AdapterSettings { base_url, ..AdapterSettings::new("p") };
    let connection = Connection::new(&settings, DIALECT).unwrap();
    let (cx, endpoint) = (CallContext::new(Participant::local("m")), connection.endpoint([]));
    let at_once = async || {
        let calls = (0..CALLS).map(|_| async {
            let reply = connection.post(&cx, &endpoint, b"{}".to_vec(), Delivery::Whole).await?;
            reply.json::<serde_json::Value>().await
        });
        let outcomes = tokio::time::timeout(Duration::from_secs(60), join_all(calls)).await;
        outcomes.expect("no call waits for another").into_iter().for_each(|outcome| drop(outcome.unwrap()));
        connections.load(Ordering::Relaxed)
    };
    // At first nobody knows what the server speaks, and each call opens a connection.
    let first = at_once().await;
    let then = at_once().await;
    assert_eq!(then, first, "the second time they share what is open");
    format!("{CALLS} calls were under way at once, twice; {first} connections were opened")
}

#[tokio::test]
async fn calls_beyond_the_streams_of_one_connection_do_not_queue() {
    if let Some(folder) = task() {
        println!("{}", call_at_once(Path::new(&folder)).await);
        return;
    }
    if cfg!(not(target_os = "linux")) {
        println!("SKIPPED: which certificates are trusted cannot be told by a variable here");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("certificate.der"), made.cert.der()).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.der"), made.signing_key.serialize_der()).unwrap();

    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "many::calls_beyond_the_streams_of_one_connection_do_not_queue", "--nocapture"]);
    child.env("FORGE_HTTP_TASK", &folder).env("SSL_CERT_FILE", folder.join("certificate.pem"));
    let output = child.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}
