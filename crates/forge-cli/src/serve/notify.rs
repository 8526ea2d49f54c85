//! What systemd is told of a service of the type `notify` (`sd_notify`).

#[cfg(unix)]
use crate::paths::variable;

/// Says how far the server is, if somebody wants to know.
#[cfg(unix)]
pub(super) fn notify(state: &str) {
    use std::os::unix::net::UnixDatagram;

    let Some(place) = variable("NOTIFY_SOCKET") else { return };
    let sent = UnixDatagram::unbound().and_then(|socket| match address(place.as_ref())? {
        Address::Path(path) => socket.send_to(state.as_bytes(), path),
        #[cfg(target_os = "linux")]
        Address::Abstract(address) => socket.send_to_addr(state.as_bytes(), &address),
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd could not be told `{state}`");
    }
}

#[cfg(not(unix))]
pub(super) fn notify(_: &str) {}

#[cfg(unix)]
enum Address<'a> {
    Path(&'a std::path::Path),
    #[cfg(target_os = "linux")]
    Abstract(std::os::unix::net::SocketAddr),
}

#[cfg(unix)]
fn address(place: &std::ffi::OsStr) -> std::io::Result<Address<'_>> {
    #[cfg(target_os = "linux")]
    {
        use std::os::{
            linux::net::SocketAddrExt as _,
            unix::{ffi::OsStrExt as _, net::SocketAddr},
        };

        // A name that begins so is in no file system.
        if let Some(name) = place.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(name).map(Address::Abstract);
        }
    }
    Ok(Address::Path(place.as_ref()))
}
