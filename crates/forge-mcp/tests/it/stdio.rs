//! A client that writes lines and reads lines.

use forge_mcp::McpServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};

/// A client of a server in this process, which it has greeted as an old one does.
pub(crate) struct Client {
    input: WriteHalf<DuplexStream>,
    output: tokio::io::Lines<BufReader<ReadHalf<DuplexStream>>>,
    last: u64,
}

impl Client {
    /// One that has not said anything yet.
    pub(crate) fn silent(server: impl Into<McpServer>) -> Self {
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(far);
        let server = server.into();
        tokio::spawn(async move { server.serve(read, write).await.unwrap() });
        let (read, input) = tokio::io::split(near);
        Self { input, output: BufReader::new(read).lines(), last: 0 }
    }

    pub(crate) async fn new(server: impl Into<McpServer>) -> Self {
        let mut client = Self::silent(server);
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = client.ask("initialize", hello).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string()).await;
        client
    }

    pub(crate) async fn write(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    /// Sends a request, and returns its number.
    pub(crate) async fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.last += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.last, "method": method, "params": parameters});
        self.write(&request.to_string()).await;
        self.last
    }

    /// The next message of the server.
    pub(crate) async fn next(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap().expect("the server goes on");
        serde_json::from_str(&line).unwrap()
    }

    /// The answer to a request; what comes before it is lost.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().await;
            if message["id"] == id {
                return message;
            }
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters).await;
        self.answer(id).await
    }

    /// What a tool says, and whether that is an error.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        said(&answer)
    }
}

/// What a tool said in an answer, and whether that is an error.
pub(crate) fn said(answer: &Value) -> (String, bool) {
    let result = &answer["result"];
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    (text.to_owned(), result["isError"] == true)
}
