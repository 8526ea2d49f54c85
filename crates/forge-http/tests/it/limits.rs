//! Replies without measure: each ends with an error at its cap, and takes little more memory than that.
//!
//! The reader is a process of its own, so that only its memory is counted.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use forge_core::{
    CallContext, ErrorKind, Participant, ProviderError, provider::AdapterSettings, request::Delivery,
};
use forge_http::{Connection, EventOptions, Framing, MAX_BODY_BYTES};

use crate::{DIALECT, Echo};

const MIB: usize = 1024 * 1024;

/// What a reply consists of: a head, and a block that comes again until so many bytes are sent.
struct Flood {
    head: String,
    first: Vec<u8>,
    block: Vec<u8>,
    bytes: usize,
}

impl Flood {
    fn new(head: &str, block: &[u8], bytes: usize) -> Self {
        let block = block.repeat((64 * 1024 / block.len()).max(1));
        Self { head: format!("HTTP/1.1 200 OK\r\n{head}"), first: Vec::new(), block, bytes }
    }

    /// A gigabyte of zeros in a megabyte of gzip.
    fn bomb() -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let mut lengths = [0; 2];
        for length in &mut lengths {
            encoder.write_all(&vec![0; MIB]).unwrap();
            encoder.flush().unwrap();
            *length = encoder.get_ref().len();
        }
        // After a flush a block begins at a byte and means the same wherever it stands.
        let [first, both] = lengths;
        let packed = encoder.get_ref().clone();
        let block = packed[first..both].to_vec();
        let bytes = block.len() * 1023;
        let head = format!("content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", first + bytes);
        Self { first: packed[..first].to_vec(), block, ..Self::new(&head, b"0", bytes) }
    }

    fn pour(&self, mut to: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut piece = [0; 1024];
            let read = to.read(&mut piece)?;
            request.extend_from_slice(&piece[..read]);
        }
        to.write_all(self.head.as_bytes())?;
        to.write_all(&self.first)?;
        for _ in 0..self.bytes.div_ceil(self.block.len()) {
            to.write_all(&self.block)?;
        }
        Ok(())
    }

    /// Answers one request, and gives the address.
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (connection, _) = listener.accept().unwrap();
            // The reader hangs up when it has had enough.
            let _ = self.pour(connection);
        });
        url
    }
}

/// The most memory that this process ever had in use, in bytes, where the system tells.
fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

async fn read(url: &str, streamed: bool) -> ProviderError {
    let settings = AdapterSettings { base_url: Some(url.to_owned()), ..AdapterSettings::new("p") };
    let connection = Connection::new(&settings, DIALECT).unwrap();
    let cx = CallContext::new(Participant::local("m"));
    let delivery = if streamed { Delivery::Stream } else { Delivery::Whole };
    let reply = match connection.post(&cx, &connection.endpoint([]), b"{}".to_vec(), delivery).await {
        Ok(reply) => reply,
        Err(error) => return error,
    };
    if !streamed {
        return reply.json::<serde_json::Value>().await.unwrap_err();
    }
    // Events are not kept: what the caller makes of them is the caller's memory.
    let mut events = reply.events(Framing::Sse, Echo(false), EventOptions::default());
    loop {
        if let Err(error) = events.next().await.expect("a stream without measure has no end") {
            return error;
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a test tells its child what to do")]
pub(crate) fn task() -> Option<String> {
    std::env::var("FORGE_HTTP_TASK").ok()
}

#[tokio::test]
async fn replies_without_measure_end_at_their_cap_in_little_memory() {
    const NAME: &str = "limits::replies_without_measure_end_at_their_cap_in_little_memory";
    if let Some(task) = task() {
        let (how, url) = task.split_once(' ').unwrap();
        let before = peak_memory();
        let error = read(url, how == "stream").await;
        let grown = peak_memory().zip(before).map(|(after, before)| after - before);
        println!(
            "\nread {} {:?} {error}",
            grown.map_or_else(|| "?".into(), |grown| grown.to_string()),
            error.kind
        );
        return;
    }
    let sse = "content-type: text/event-stream\r\n\r\n";
    let gib = format!("content-length: {}\r\n\r\n", 1024 * MIB);
    let whole = MAX_BODY_BYTES;
    for (what, how, flood, cap, kind) in [
        ("a line of 100 MiB", "stream", Flood::new(sse, b"x", 100 * MIB), 64 * MIB, ErrorKind::Decode),
        (
            "an event of 100 MiB",
            "stream",
            Flood::new(sse, b"data: x\n", 100 * MIB),
            64 * MIB,
            ErrorKind::Decode,
        ),
        ("a stream of 1 GiB", "stream", Flood::new(sse, b"data: x\n\n", 1024 * MIB), MIB, ErrorKind::Decode),
        ("a body of 1 GiB", "whole", Flood::new(&gib, b" ", 1024 * MIB), whole, ErrorKind::Decode),
        ("a header of 10 MiB", "whole", Flood::new("x-a: ", b"x", 10 * MIB), MIB, ErrorKind::Transport),
        ("10 MiB of headers", "whole", Flood::new("", b"x-a: b\r\n", 10 * MIB), MIB, ErrorKind::Transport),
        ("a gzip bomb of 1 GiB", "whole", Flood::bomb(), whole, ErrorKind::Decode),
    ] {
        let mut reader = Command::new(std::env::current_exe().unwrap());
        reader.args(["--exact", NAME, "--nocapture", "--test-threads=1"]);
        let output = reader.env("FORGE_HTTP_TASK", format!("{how} {}", flood.start())).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{what}: {said}");
        let line = said.lines().find_map(|line| line.strip_prefix("read ")).unwrap();
        let (grown, error) = line.split_once(' ').unwrap();
        assert!(error.starts_with(&format!("{kind:?} ")), "{what}: {error}");
        println!("{what}: {error}; memory grew by {grown} bytes");
        match grown.parse::<usize>() {
            Ok(grown) => assert!(grown <= cap + 16 * MIB, "{what}: {grown} bytes"),
            Err(_) => println!("SKIPPED: this system does not tell how much memory a process takes"),
        }
    }
}
