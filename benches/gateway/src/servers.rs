//! The two servers: `forge serve` and nginx, in front of the same vendor.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{Failure, mock::Mock, process::Process};

/// A folder that goes with the program.
#[derive(Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("forge-gateway-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// A folder within it.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.0.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left goes with the system's other files of this kind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

/// How `forge serve` is started: the program, a folder of its own, and the core.
#[derive(Debug, Clone)]
pub(crate) struct Forge {
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) core: Option<usize>,
}

impl Forge {
    /// Writes its configuration: `up` speaks Messages and `chat` Chat Completions to the vendor; `broken` fails.
    pub(crate) fn new(
        program: &Path,
        home: PathBuf,
        core: Option<usize>,
        mock: &Mock,
    ) -> Result<Self, Failure> {
        let vendor = mock.address;
        let yaml = format!(
            r#"schema_version: "1.0"
providers:
  up: {{ type: anthropic, model: claude-sonnet-5-5, api_key: not-a-key, endpoint: "http://{vendor}" }}
  chat: {{ type: openai, model: bench, api_key: not-a-key, endpoint: "http://{vendor}/v1", dialect: openrouter, price: {{ input: 2.0, output: 10.0 }} }}
  broken: {{ type: anthropic, model: claude-sonnet-5-5, api_key: not-a-key, endpoint: "http://{vendor}/broken" }}
default_provider: up
retry: {{ max_attempts: 1 }}
"#
        );
        fs::write(home.join("forge.yaml"), yaml)?;
        Ok(Self { program: program.to_owned(), home, core })
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let program = self.program.display().to_string();
        let config = self.home.join("forge.yaml").display().to_string();
        let first = [program.as_str(), "--config", &config];
        first.iter().chain(words).map(|&word| word.to_owned()).collect()
    }

    fn environment(&self, command: &mut Command) {
        command
            .env_clear()
            .env("FORGE_HOME", &self.home)
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin");
    }

    /// Runs a command of it and returns what it prints.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, Failure> {
        let words = self.words(words);
        let mut command = Command::new(&words[0]);
        self.environment(&mut command);
        let output = command.args(&words[1..]).output()?;
        if !output.status.success() {
            return Err(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Makes a key for clients.
    pub(crate) fn key(&self, name: &str, options: &[&str]) -> Result<String, Failure> {
        self.run(&[&["keys", "create", name, "--quiet"], options].concat())
    }

    /// Starts it at a free port and waits for the address that it prints.
    pub(crate) fn serve(&self) -> Result<Server, Failure> {
        self.serve_within(&[])
    }

    /// The same within another program, such as valgrind.
    pub(crate) fn serve_within(&self, around: &[&str]) -> Result<Server, Failure> {
        let mut words: Vec<String> = around.iter().map(|&word| word.to_owned()).collect();
        words.extend(self.words(&["--json", "--quiet", "serve", "--listen", "127.0.0.1:0"]));
        let log = fs::File::options().create(true).append(true).open(self.home.join("stderr"))?;
        let mut process = Process::start(self.core, &words, |command| {
            self.environment(command);
            command.stdout(Stdio::piped()).stderr(log);
        })?;
        let told = process.child().stdout.take().ok_or("no pipe")?;
        let mut text = String::new();
        for line in BufReader::new(told).lines() {
            text.push_str(&line?);
            if let Ok(told) = serde_json::from_str::<Value>(&text) {
                let address = told["address"].as_str().and_then(|url| url.strip_prefix("http://"));
                return Ok(Server { process, address: address.ok_or("no address")?.parse()? });
            }
        }
        let log = fs::read_to_string(self.home.join("stderr"))?;
        Err(format!("the gateway did not start: {text}{log}").into())
    }

    /// Starts it at this port and waits for nothing.
    pub(crate) fn serve_at(&self, address: SocketAddr) -> Result<Server, Failure> {
        let words = self.words(&["--quiet", "serve", "--listen", &address.to_string()]);
        let process = Process::start(self.core, &words, |command| {
            self.environment(command);
            command.stdout(Stdio::null()).stderr(Stdio::null());
        })?;
        Ok(Server { process, address })
    }
}

/// A port that is free now.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Starts nginx at this address with one process, connections that are kept, and without buffers or a log.
pub(crate) fn nginx(folder: &Path, core: usize, mock: &Mock, address: SocketAddr) -> Result<Server, Failure> {
    let (at, vendor) = (folder.display(), mock.address);
    let config = format!(
        r"daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_max_body_size 32m; client_body_buffer_size 256k;
  client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  upstream vendor {{ server {vendor}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_buffering off;
    }}
  }}
}}
"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    let words =
        ["nginx", "-c", &file.display().to_string(), "-p", &at.to_string(), "-e", &format!("{at}/error.log")]
            .map(str::to_owned);
    let process = Process::start(Some(core), &words, |command| {
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdout(Stdio::null()).stderr(Stdio::null());
    })?;
    Ok(Server { process, address })
}

/// Waits until somebody listens.
pub(crate) async fn listening(address: SocketAddr) -> Result<(), Failure> {
    for _ in 0..2_000 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("nobody listens at {address}").into())
}
