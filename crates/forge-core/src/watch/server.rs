//! What the server itself does, and what a reader has missed.

#![allow(
    clippy::exhaustive_structs,
    reason = "whoever publishes an event says something about each of its facts"
)]

use serde::Serialize;

/// The server takes requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the gateway")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who keeps numbers, which begin anew with each life of a server")))]
pub struct ServerStarted {
    /// The version of Forge.
    pub version: &'static str,
    /// Where it listens.
    pub places: Vec<String>,
    /// Whether clients have to bring a key.
    pub keys: bool,
}

/// The server serves by another configuration from now on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the gateway")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who changed the configuration")))]
pub struct ServerReloaded {}

/// The server takes no more connections, and ends when those that are open do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the gateway")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who waits for its end")))]
pub struct ServerDraining {}

/// The reader was too slow: these events are gone. Only it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the stream of the reader, which goes on behind them")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "the reader, whose counts are too low from here on")))]
pub struct EventsLost {
    /// The number of the first one.
    pub from: u64,
    /// The number of the last one.
    pub to: u64,
}
