//! The section `serve` as it holds.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use serde_json::{Map, Value};

use super::admin::AdminPlace;
use crate::{
    ModelId, ParticipantRole, ProviderId, storage::access::Allowance, storage::access::matches_pattern,
};

/// The dialects that can be served.
pub(super) const FORMATS: [&str; 5] = ["chat", "responses", "messages", "gemini", "embeddings"];

/// How a server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServePlan {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// Where machines ask whether it lives, and for its figures.
    pub probes: Option<SocketAddr>,
    /// Where a person watches it; unset, a socket where one can be had.
    pub admin: Option<AdminPlace>,
    /// The certificate for addresses of the network.
    pub tls: Option<TlsFiles>,
    /// Host names beyond those of this machine under which it is reached.
    pub hosts: Vec<String>,
    /// Pages of browsers that may ask, by their exact origin.
    pub origins: Vec<String>,
    /// Proxies in front of the server, whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<Network>,
    /// The dialects that are served, by their names.
    pub formats: Vec<&'static str>,
    /// What clients may call the models.
    pub models: ModelNames,
    /// Whether a request with fields that mean nothing to the server is refused.
    pub rejects_unknown_fields: bool,
    /// Names and patterns of features of Anthropic's API that do not go on to the vendor.
    pub denied_betas: Vec<String>,
    /// How long responses are kept for clients of OpenAI's Responses; `None` keeps none.
    pub keep_responses: Option<Duration>,
    /// Whether a call goes on when its client is gone.
    pub finishes_alone: bool,
    /// Whether each request is logged.
    pub logs_requests: bool,
    /// Whether a body goes on as it came where the vendor speaks its dialect, and the reply comes back so.
    pub relay: bool,
    /// The most bytes of a request.
    pub body_bytes: usize,
    /// The most bytes of all requests that are being read.
    pub all_body_bytes: usize,
    /// The most connections at once.
    pub connections: usize,
    /// The most calls under way at once.
    pub in_flight: usize,
    /// The limits by the minute and at once of keys that have none of their own.
    pub per_key: Allowance,
    /// How long a call may take in all.
    pub timeout: Duration,
    /// How long calls under way have to end when the server does; zero is for ever.
    pub grace: Duration,
}

impl Default for ServePlan {
    /// `127.0.0.1:4600`, bodies of 32 MiB and 256 MiB in all, 1,024 connections, 256 calls at once, each of 15 minutes at
    /// most, 30 s to end.
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp((Ipv4Addr::LOCALHOST, 4600).into())],
            probes: None,
            admin: None,
            tls: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            formats: FORMATS.to_vec(),
            models: ModelNames::default(),
            rejects_unknown_fields: false,
            denied_betas: Vec::new(),
            keep_responses: None,
            finishes_alone: false,
            logs_requests: false,
            relay: true,
            body_bytes: 32 << 20,
            all_body_bytes: 256 << 20,
            connections: 1_024,
            in_flight: 256,
            per_key: Allowance::default(),
            // Longer than the clients of the vendors wait.
            timeout: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(30),
        }
    }
}

/// The addresses whose first bits are those of one: `10.0.0.0/8`, or an address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a network such as 10.0.0.0/8")]
pub struct NoNetwork(String);

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let wrong = || NoNetwork(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(one, other)| (one, Some(other)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// Whether the address belongs to it. One of IPv4 that is written as one of IPv6 counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= self.bits
    }
}

/// Where a server's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a certificate and its key, both in PEM")]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM.
    pub cert: PathBuf,
    /// The private key of the first certificate, in PEM.
    pub key: PathBuf,
}

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
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }
}

/// The names of models that a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelNames {
    /// Names of the server's own, which go before all others.
    pub aliases: Vec<ModelAlias>,
    /// Whether roles can be asked for by their names.
    pub roles: bool,
    /// Whether pools can be asked for by their names.
    pub pools: bool,
    /// Whether providers and their models can be asked for by their names.
    pub providers: bool,
    /// The name that stands in for one that nobody has; without it, such a request is refused.
    pub default: Option<String>,
}

impl Default for ModelNames {
    /// Everything that the configuration has, by its own name.
    fn default() -> Self {
        Self { aliases: Vec::new(), roles: true, pools: true, providers: true, default: None }
    }
}

/// A name of the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelAlias {
    /// The name, or a pattern in which `*` stands for any letters.
    pub name: String,
    /// Who answers.
    pub target: AliasTarget,
}

/// Who answers under an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a server has to follow each of them")]
pub enum AliasTarget {
    /// The chain of a role.
    Role(ParticipantRole),
    /// A member of a pool.
    Pool(ProviderId),
    /// A provider.
    Provider {
        /// Which.
        id: ProviderId,
        /// The model that it is asked for.
        model: AliasModel,
    },
    /// A session with these [options](crate::router::ProviderPlan::options), as the provider that has the alias's name.
    Session(Map<String, Value>),
}

/// The model that an alias asks its provider for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "a server has to follow each of them")]
pub enum AliasModel {
    /// The one that the provider is set up for.
    #[default]
    Own,
    /// The one of the client's name, if the provider is known to have it.
    Same,
    /// This one.
    Named(ModelId),
}

impl ModelAlias {
    /// An alias.
    pub fn new(name: impl Into<String>, target: AliasTarget) -> Self {
        Self { name: name.into(), target }
    }

    /// Whether it stands for many names.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }
}

impl ModelNames {
    /// The aliases that hold for a name: its own first, then the patterns in their order.
    pub fn aliases(&self, name: &str) -> impl Iterator<Item = &ModelAlias> {
        let exact = self.aliases.iter().filter(move |alias| alias.name == name);
        let patterns = self.aliases.iter().filter(move |alias| alias.name != name && alias.is_pattern());
        exact.chain(patterns.filter(move |alias| matches_pattern(&alias.name, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_with_its_first_bits() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.1.2.3") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"), "the form that a socket for both kinds reports");
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(
            holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1") && holds("0.0.0.0/0", "1.2.3.4")
        );
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "gw.example.org"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert_eq!("10.0.0.1".parse::<Network>().unwrap().to_string(), "10.0.0.1/32");
    }

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
