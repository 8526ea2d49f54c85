//! What is compared: the vendor alone, nginx in front of it, and `forge serve` with and without everything on.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    Failure, Wanted,
    client::{Ask, Connection, Dialect, ODD, contains},
    mock::Mock,
    process,
    servers::{self, Forge, Place, Server},
};

/// The core of the servers, and that of the vendor and the load.
pub(crate) const CORES: (usize, usize) = (0, 1);

/// Keys that are in the store beside those that are used.
const OTHER_KEYS: usize = 97;

/// All that is measured.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) mock: Mock,
    pub(crate) nginx: Server,
    /// Nobody is asked for a key.
    pub(crate) bare: Server,
    /// A hundred keys.
    pub(crate) keyed: Server,
    pub(crate) keys: Keys,
    pub(crate) forge: Forge,
    pub(crate) program: PathBuf,
    /// How a body of the vendor's own dialect got to the vendor.
    pub(crate) way: &'static str,
    // Goes last.
    pub(crate) place: Place,
}

/// The keys that are used.
#[derive(Debug)]
pub(crate) struct Keys {
    /// No limit at all.
    pub(crate) plain: String,
    /// Limits by the minute and at once.
    pub(crate) limited: String,
    /// Those, and budgets of its own and of its team.
    pub(crate) capped: String,
}

impl Rig {
    pub(crate) async fn start(wanted: &Wanted) -> Result<Self, Failure> {
        process::pin(CORES.1)?;
        let place = Place::new()?;
        let mock = Mock::start().await?;
        let nginx = servers::nginx(&place.folder("nginx")?, CORES.0, &mock, servers::free_address()?)?;
        servers::listening(nginx.address).await?;
        let program = wanted.forge.clone();
        let start = |name: &str| Forge::new(&program, place.folder(name)?, Some(CORES.0), &mock);
        let bare = start("bare")?.serve()?;
        let forge = start("keyed")?;
        let keys = keys(&forge)?;
        let keyed = forge.serve()?;
        let way = way(&mock, bare.address).await?;
        eprintln!("a body of the vendor's own dialect is {way}");
        Ok(Self { mock, nginx, bare, keyed, keys, forge, program, way, place })
    }

    /// The vendor, nginx, and the gateway without keys.
    pub(crate) fn three(&self) -> [SocketAddr; 3] {
        [self.mock.address, self.nginx.address, self.bare.address]
    }

    /// A gateway of its own, not started.
    pub(crate) fn another(&self, name: &str) -> Result<Forge, Failure> {
        Forge::new(&self.program, self.place.folder(name)?, Some(CORES.0), &self.mock)
    }
}

fn keys(forge: &Forge) -> Result<Keys, Failure> {
    let limits = ["--rpm", "4000000000", "--tpm", "4000000000000", "--concurrent", "1000"];
    let budgets = ["--per-day-usd", "100000", "--per-month-usd", "1000000", "--total-usd", "10000000"];
    forge.run(&[&["teams", "set", "bench", "--quiet"], &limits[..], &budgets[..]].concat())?;
    let plain = forge.key("plain", &[])?;
    let limited = forge.key("limited", &limits)?;
    let capped = forge.key("capped", &[&["--team", "bench"], &limits[..], &budgets[..]].concat())?;
    for at in 0..OTHER_KEYS {
        forge.key(&format!("other-{at}"), &[])?;
    }
    Ok(Keys { plain, limited, capped })
}

/// Asks once, and looks at what the vendor got.
async fn way(mock: &Mock, gateway: SocketAddr) -> Result<&'static str, Failure> {
    let request = Ask::new(Dialect::Messages, "up").bytes();
    let reply = Connection::new(gateway).exchange(&request, std::time::Instant::now()).await?;
    if !reply.is_good() {
        return Err(format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)).into());
    }
    let request = Ask::new(Dialect::Chat, "chat").streamed().bytes();
    let reply = Connection::new(gateway).exchange(&request, std::time::Instant::now()).await?;
    if !reply.is_good() {
        return Err(format!("chat {}: {}", reply.status, String::from_utf8_lossy(&reply.body)).into());
    }
    let request = Ask::new(Dialect::Messages, "up").streamed().bytes();
    Connection::new(gateway).exchange(&request, std::time::Instant::now()).await?;
    Ok(if contains(&mock.state.last(), ODD.as_bytes()) { "relayed" } else { "translated" })
}
