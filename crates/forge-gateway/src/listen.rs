//! Where a server listens, and the connections that come in there.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    task::{Context, Poll, ready},
};

use forge::config::Listen;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// Opens a place. Only systemd may have several sockets.
pub(crate) async fn open(place: &Listen) -> io::Result<Vec<Listener>> {
    match place {
        Listen::Tcp(address) => Ok(vec![Listener::tcp(TcpListener::bind(address).await?)?]),
        #[cfg(unix)]
        Listen::Unix(path) => Ok(vec![Listener::Unix(UnixSocket::open(path.clone())?)]),
        #[cfg(unix)]
        Listen::Systemd => from_systemd(),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets")),
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
