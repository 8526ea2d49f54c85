//! Where a person watches a server.

use std::{fmt, net::SocketAddr, str::FromStr};

/// Where a person watches a server. Other machines never reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a server has to follow each of them")]
pub enum AdminPlace {
    /// At a socket in the folder of the state, which this user alone may open.
    Unix,
    /// At an address of this machine, with a token.
    Tcp(SocketAddr),
    /// Nowhere.
    Off,
}

/// A text names no place to watch a server at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAdminPlace {
    /// It is none of the words, and no address.
    #[error(
        "`{0}` is no place to watch a server at; write `unix`, an address such as `127.0.0.1:4602`, or `off`"
    )]
    Unknown(String),
    /// Other machines reach it.
    #[error(
        "other machines reach `{0}`; write `unix`, or an address of this machine such as `127.0.0.1:4602`"
    )]
    Public(SocketAddr),
}

impl FromStr for AdminPlace {
    type Err = NoAdminPlace;

    fn from_str(text: &str) -> Result<Self, NoAdminPlace> {
        match text {
            "unix" => Ok(Self::Unix),
            "off" => Ok(Self::Off),
            _ => match text.parse::<SocketAddr>() {
                Ok(address) if address.ip().is_loopback() => Ok(Self::Tcp(address)),
                Ok(address) => Err(NoAdminPlace::Public(address)),
                Err(_) => Err(NoAdminPlace::Unknown(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for AdminPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Tcp(address) => address.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written_and_no_other_machine_reaches_it() {
        for text in ["unix", "off", "127.0.0.1:4602", "[::1]:0"] {
            assert_eq!(text.parse::<AdminPlace>().unwrap().to_string(), text);
        }
        for text in ["", "on", "4602", "localhost:4602", "unix:/a"] {
            assert_eq!(text.parse::<AdminPlace>(), Err(NoAdminPlace::Unknown(text.to_owned())));
        }
        for text in ["0.0.0.0:4602", "[::]:1", "10.0.0.1:1"] {
            assert!(matches!(text.parse::<AdminPlace>(), Err(NoAdminPlace::Public(_))), "{text}");
        }
    }
}
