use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
};

use crate::forge;

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = forge()
            .args(["sim", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let last = lines.find(|line| line.contains("/__sim/requests")).unwrap();
        let address = last.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { child, address }
    }

    /// One request as curl would send it; the status and everything after the head.
    fn curl(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(
            connection,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             {headers}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_dialect_answers_a_plain_request() {
    let server = Server::start(&[]);
    let messages = r#""messages":[{"role":"user","content":"Hello"}]"#;
    let key = "authorization: Bearer sk-test\r\n";
    for (path, headers, body) in [
        (
            "/anthropic/v1/messages",
            "x-api-key: sk-test\r\nanthropic-version: 2023-06-01\r\n",
            format!(r#"{{"model":"claude-sonnet-5-5","max_tokens":500,{messages}}}"#),
        ),
        ("/openai/v1/responses", key, r#"{"model":"gpt-6.2-sol","input":"Hello","store":false}"#.to_owned()),
        ("/openai/v1/chat/completions", key, format!(r#"{{"model":"gpt-4o",{messages}}}"#)),
        (
            "/google/v1beta/models/gemini-3.8-flash:generateContent",
            "x-goog-api-key: AIza-test\r\n",
            r#"{"contents":[{"parts":[{"text":"Hello"}]}]}"#.to_owned(),
        ),
        ("/ollama/api/chat", "", format!(r#"{{"model":"qwen3",{messages}}}"#)),
        ("/llamacpp/v1/chat/completions", "", format!("{{{messages}}}")),
        ("/vllm/v1/chat/completions", "", format!(r#"{{"model":"qwen3",{messages}}}"#)),
        ("/lmstudio/v1/chat/completions", "", format!(r#"{{"model":"qwen3",{messages}}}"#)),
    ] {
        let (status, reply) = server.curl("POST", path, headers, &body);
        assert_eq!(status, 200, "{path}: {reply}");
        assert!(reply.contains("imulated") && reply.contains("Hello"), "{path}: {reply}");
    }
    let (_, journal) = server.curl("GET", "/__sim/requests", "", "");
    assert!(journal.contains("/openai/v1/responses"), "{journal}");
}

#[test]
fn a_scenario_is_played() {
    let path = std::env::temp_dir().join(format!("forge-scenario-{}.yaml", std::process::id()));
    std::fs::write(&path, "rules: [{ vendor: openai, error: { kind: overloaded } }]").unwrap();
    let server = Server::start(&["--scenario", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    let (status, _) = server.curl(
        "POST",
        "/openai/v1/responses",
        "authorization: Bearer sk-test\r\n",
        r#"{"model":"gpt-6.2-sol","input":"Hello"}"#,
    );
    assert_eq!(status, 503);
}
