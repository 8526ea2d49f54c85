use std::io;
use std::net::SocketAddr;

use crate::vendor::UnknownVendor;

/// What can go wrong on the simulator's own side. Vendor errors are HTTP replies, not this.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The listening socket could not be opened.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The scenario is not valid YAML or has an unknown or misspelt field.
    #[error("the scenario does not parse")]
    Syntax(#[from] serde_yaml::Error),
    /// The scenario parses but one of its rules makes no sense.
    #[error("rule {rule} of the scenario {problem}")]
    Rule {
        /// Position in `rules`, counted from 1.
        rule: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A server that the program adds could not be reached, or not be told from another.
    #[error("the server `{id}` {problem}")]
    Server {
        /// Its id.
        id: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No simulated vendor has this id.
    #[error(transparent)]
    UnknownVendor(#[from] UnknownVendor),
}
