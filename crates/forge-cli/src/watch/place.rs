//! The server that is watched, and the connection to it.

use std::{io, path::PathBuf};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::error::CliError;

/// A connection on which a request was sent.
pub(super) type Connection = BufReader<Box<dyn Stream>>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a server is watched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Unix(PathBuf),
    Tcp { authority: String, token: Option<String> },
}

impl Place {
    /// Reads what `forge serve url` prints.
    pub(super) fn read(url: &str) -> Result<Self, CliError> {
        if let Some(path) = url.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        let wrong = || {
            CliError::usage(
                format!("`{}` is no server to watch", url.split('?').next().unwrap_or_default()),
                "take what `forge serve url` prints: `unix:PATH` or `http://127.0.0.1:PORT/?token=TOKEN`",
            )
        };
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(str::to_owned);
        let sent = [authority, token.as_deref().unwrap_or_default()];
        // They go into the head of a request.
        if authority.is_empty() || sent.iter().any(|text| !text.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(wrong());
        }
        Ok(Self::Tcp { authority: authority.to_owned(), token })
    }

    /// Whether a key of the server's clients is brought, and no token of its admin address.
    pub(super) fn has_key(&self) -> bool {
        matches!(self, Self::Tcp { token: Some(token), .. } if token.starts_with("fk_"))
    }

    /// Asks for what is at `path`.
    pub(super) async fn ask(&self, path: &str) -> Result<Connection, CliError> {
        self.request("GET", path, "").await
    }

    /// The whole of what is at `path`.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, CliError> {
        Answer::read(self.request("GET", path, "").await?).await
    }

    /// Sends JSON to `path`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, CliError> {
        Answer::read(self.request("POST", path, &body.to_string()).await?).await
    }

    async fn request(&self, method: &str, path: &str, body: &str) -> Result<Connection, CliError> {
        let asked = async {
            let (mut stream, host, token) = self.connect().await?;
            let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
            // HTTP/1.0: the body ends with the connection and has no other frame around it.
            let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
            let length = body.len();
            let head = format!(
                "{method} {path} HTTP/1.0\r\nhost: {host}\r\n{bearer}{kind}content-length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            Ok::<_, io::Error>(BufReader::new(stream))
        };
        asked.await.map_err(|error| {
            CliError::failed(format!("no server answers at {self}"), &error)
                .with_next("start one with `forge serve`, or name another with `--url`")
        })
    }

    async fn connect(&self) -> io::Result<(Box<dyn Stream>, &str, Option<&str>)> {
        match self {
            #[cfg(unix)]
            Self::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok((Box::new(stream), "forge", None))
            }
            #[cfg(not(unix))]
            Self::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets"))
            }
            Self::Tcp { authority, token } => {
                Ok((Box::new(TcpStream::connect(authority).await?), authority, token.as_deref()))
            }
        }
    }
}

/// A whole reply.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// Its JSON; `null` if it is none.
    pub(super) body: Value,
}

impl Answer {
    async fn read(mut connection: Connection) -> Result<Self, CliError> {
        let mut text = String::new();
        connection.read_to_string(&mut text).await.map_err(|error| {
            CliError::failed("the server broke off", &error).with_next("see `forge serve url`")
        })?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Ok(Self { status, body: serde_json::from_str(body).unwrap_or_default() })
    }

    /// The body of a good one.
    ///
    /// # Errors
    /// What the server says of one that it refused.
    pub(super) fn checked(self) -> Result<Value, CliError> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let message = self.body["error"]["message"].as_str().unwrap_or("the server refused it");
        let next = match self.status {
            401 => "`forge serve url` shows the address with its token",
            403 => "`forge keys create --scope attend` makes a key that may",
            404 => "`forge sessions list` shows all there are; `forge resume` goes on with one",
            _ => "type `help` for what can be said",
        };
        Err(CliError::usage(message, next))
    }
}

/// Without the token.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { authority, .. } => f.write_str(authority),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_the_server_prints() {
        let read = |url: &str| Place::read(url).map_err(|error| error.to_string());
        assert_eq!(read("unix:/run/admin.sock"), Ok(Place::Unix("/run/admin.sock".into())));
        let with = |token: Option<&str>| {
            Ok(Place::Tcp { authority: "127.0.0.1:1".to_owned(), token: token.map(str::to_owned) })
        };
        assert_eq!(read("http://127.0.0.1:1/?token=abc"), with(Some("abc")));
        assert_eq!(read("http://127.0.0.1:1"), with(None));
        for wrong in ["", "unix:", "127.0.0.1:1", "https://127.0.0.1:1", "http:///", "http://a b/"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let said = read("ftp://h/?token=secret").unwrap_err();
        assert!(!said.contains("secret"), "{said}");
    }
}
