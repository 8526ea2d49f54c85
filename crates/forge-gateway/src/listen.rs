//! Where a server listens, and the connections that come in there.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    task::{Context, Poll, ready},
};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// A place where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// An address of the network, written `127.0.0.1:4600`.
    Tcp(SocketAddr),
    /// A socket in the file system, written `unix:/run/forge.sock`. Only the user who runs the server can connect to it.
    Unix(PathBuf),
    /// The sockets that systemd has opened, written `systemd:`.
    Systemd,
}

/// A text names no place to listen at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place to listen at; write 127.0.0.1:4600, unix:/path/of/a.sock or systemd:")]
pub struct NoPlace(String);

impl FromStr for Listen {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if text == "systemd:" {
            return Ok(Self::Systemd);
        }
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => text.parse().map(Self::Tcp).map_err(|_| NoPlace(text.to_owned())),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd:"),
        }
    }
}

impl Listen {
    /// Whether others than this machine reach it, as far as the place itself tells.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }

    /// Opens it. Only systemd may have several.
    pub(crate) async fn open(&self) -> io::Result<Vec<Listener>> {
        match self {
            Self::Tcp(address) => Ok(vec![Listener::tcp(TcpListener::bind(address).await?)?]),
            #[cfg(unix)]
            Self::Unix(path) => Ok(vec![Listener::Unix(UnixSocket::open(path.clone())?)]),
            #[cfg(unix)]
            Self::Systemd => from_systemd(),
            #[cfg(not(unix))]
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets")),
        }
    }
}

/// An open place.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener, SocketAddr),
    #[cfg(unix)]
    Unix(UnixSocket),
}

/// A connection that came in.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    fn tcp(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self::Tcp(listener, address))
    }

    /// Where it listens; the port is the one that was given out where 0 was asked for.
    pub(crate) fn place(&self) -> Listen {
        match self {
            Self::Tcp(_, address) => Listen::Tcp(*address),
            #[cfg(unix)]
            Self::Unix(socket) => Listen::Unix(socket.path.clone()),
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        Poll::Ready(match self {
            Self::Tcp(listener, _) => ready!(listener.poll_accept(cx)).map(|(stream, _)| {
                // Each write is a piece that a client waits for.
                let _ = stream.set_nodelay(true);
                Socket::Tcp(stream)
            }),
            #[cfg(unix)]
            Self::Unix(socket) => {
                ready!(socket.listener.poll_accept(cx)).map(|(stream, _)| Socket::Unix(stream))
            }
        })
    }
}

/// The two ends of a connection. A socket in the file system has no addresses, and no page of a browser reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) local: IpAddr,
    pub(crate) peer: IpAddr,
}

impl Ends {
    /// The ends of a connection; an error if it is already gone.
    pub(crate) fn of(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self { local: stream.local_addr()?.ip(), peer: stream.peer_addr()?.ip() })
    }
}

/// A socket in the file system, which is removed at its end.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// A socket of systemd stays.
    is_ours: bool,
}

#[cfg(unix)]
impl UnixSocket {
    fn open(path: PathBuf) -> io::Result<Self> {
        use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::net::UnixStream};

        if UnixStream::connect(&path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens at this socket"));
        }
        // Made under another name, so that nobody connects before it is private; what a dead server left is replaced.
        let mut hidden = path.clone().into_os_string();
        hidden.push(format!(".{}", std::process::id()));
        let hidden = PathBuf::from(hidden);
        let listener = UnixListener::bind(&hidden)?;
        let ready = fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::rename(&hidden, &path));
        if let Err(error) = ready {
            // The first error says what is wrong.
            let _ = fs::remove_file(&hidden);
            return Err(error);
        }
        Ok(Self { listener, path, is_ours: true })
    }
}

#[cfg(unix)]
impl Drop for UnixSocket {
    fn drop(&mut self) {
        if self.is_ours {
            // A socket that is left is replaced by the next server.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The sockets that systemd has handed over (`sd_listen_fds`).
#[cfg(unix)]
fn from_systemd() -> io::Result<Vec<Listener>> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        // Which kind a socket has is found out by taking it as one.
        match handed.take_tcp_listener(index) {
            Ok(Some(listener)) => {
                listener.set_nonblocking(true)?;
                listeners.push(Listener::tcp(TcpListener::from_std(listener)?)?);
            }
            Ok(None) => {}
            Err(_) => {
                let Some(listener) = handed.take_unix_listener(index)? else { continue };
                listener.set_nonblocking(true)?;
                let path = listener.local_addr()?.as_pathname().map(PathBuf::from).unwrap_or_default();
                listeners.push(Listener::Unix(UnixSocket {
                    listener: UnixListener::from_std(listener)?,
                    path,
                    is_ours: false,
                }));
            }
        }
    }
    if listeners.is_empty() {
        let why = "systemd has handed over no socket (`LISTEN_FDS` is not set for this process)";
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for text in ["127.0.0.1:4600", "[::1]:80", "unix:/run/forge.sock", "systemd:"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["", "4600", "localhost", "unix:", "systemd", "http://127.0.0.1:4600"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        assert!("0.0.0.0:1".parse::<Listen>().unwrap().is_public());
        assert!(!"127.0.0.1:1".parse::<Listen>().unwrap().is_public());
        assert!(!"unix:/a".parse::<Listen>().unwrap().is_public());
    }
}
