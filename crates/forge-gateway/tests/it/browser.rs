//! A real browser, steered over two pipes.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

use crate::folder::Folder;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A browser with one page. It ends with the value.
pub(crate) struct Browser {
    child: Child,
    commands: File,
    answers: File,
    read: Vec<u8>,
    number: u64,
    session: Option<String>,
    _folder: Folder,
}

impl Browser {
    /// Chromium without a screen; `None` where it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        let program = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
            .into_iter()
            .find(|path| Path::new(path).exists())?;
        let folder = Folder::new(&format!("browser-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let pipe = |name: &str| {
            let path = folder.0.join(name);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            path
        };
        let (commands, answers) = (pipe("commands"), pipe("answers"));
        // The numbers of the pipes are fixed, and a shell can give them.
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --no-proxy-server \
            --disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe \
            --user-data-dir=\"$1/profile\" 3<\"$1/commands\" 4>\"$1/answers\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, program]).arg(&folder.0).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // In the order of the shell: each waits for its other end.
        let commands = OpenOptions::new().write(true).open(commands).await.unwrap();
        let answers = File::open(answers).await.unwrap();
        Some(Self { child, commands, answers, read: Vec::new(), number: 0, session: None, _folder: folder })
    }

    /// Opens a page on a screen of this width.
    pub(crate) async fn open(&mut self, url: &str, width: u32) {
        let page = self.ask("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = self.ask("Target.attachToTarget", attach).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        let screen = json!({"width": width, "height": 1_000, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", screen).await;
        self.ask("Page.navigate", json!({"url": url})).await;
    }

    /// What an expression comes to in the page.
    pub(crate) async fn says(&mut self, expression: &str) -> Value {
        let said =
            self.ask("Runtime.evaluate", json!({"expression": expression, "returnByValue": true})).await;
        said["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&mut self, expression: &str) {
        // Far more than it needs, so that a page that never gets there ends the test.
        for _ in 0..30_000 {
            if self.says(expression).await == json!(true) {
                return;
            }
        }
        panic!("never: {expression}: {}", self.says("document.body.innerText").await);
    }

    /// Where the keyboard goes with so many steps: an address, or a role.
    pub(crate) async fn tabs(&mut self, steps: usize) -> Vec<String> {
        let mut places = Vec::new();
        for _ in 0..steps {
            for kind in ["keyDown", "keyUp"] {
                let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
                self.ask("Input.dispatchKeyEvent", key).await;
            }
            let place =
                "document.activeElement.getAttribute('href') || document.activeElement.getAttribute('role')";
            places.push(self.says(place).await.as_str().unwrap_or_default().to_owned());
        }
        places
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut command = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).await.unwrap();
        self.commands.flush().await.unwrap();
        loop {
            let mut message = self.message().await;
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
        }
    }

    /// The next message, of which each ends with a zero.
    async fn message(&mut self) -> Value {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == 0) {
                let rest = self.read.split_off(end + 1);
                let message = std::mem::replace(&mut self.read, rest);
                return serde_json::from_slice(&message[..end]).unwrap();
            }
            assert!(self.answers.read_buf(&mut self.read).await.unwrap() > 0, "the browser has ended");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
