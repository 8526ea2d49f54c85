//! Servers that speak Chat Completions each in its own way. Their habits are rows of one table, and
//! a program adds rows of its own.
//!
//! ```
//! use forge_sim::compatible::{Model, Server, Thoughts};
//! use forge_sim::{Scenario, Sim, SimConfig, Vendor};
//!
//! static ACME: Server = Server {
//!     id: "acme",
//!     name: "Acme",
//!     base_path: "/acme/v1",
//!     models: &[Model { id: "acme-1", context: 131_072, thinks: true }],
//!     thoughts: Thoughts::Tags,
//!     ..Server::PLAIN
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), forge_sim::SimError> {
//! let servers = vec![&ACME];
//! let scenario =
//!     Scenario::from_yaml_with("rules: [ { vendor: acme, error: { kind: overloaded } } ]", &servers)?;
//! let sim = Sim::start(SimConfig { scenario, servers, ..SimConfig::default() }).await?;
//! let base_url = sim.base_url(Vendor::of(&ACME)); // http://127.0.0.1:PORT/acme/v1
//! # assert!(base_url.ends_with("/acme/v1"));
//! # Ok(())
//! # }
//! ```

mod base;
mod reply;
mod server;
mod table;
mod words;
mod words_others;

pub use reply::{CallIds, Thoughts, UsageShape};
pub use server::{CallIdRule, ErrorForm, FieldWords, Fields, Model, Returned, Server, Template, Words};
pub(crate) use table::SERVERS;
pub(crate) use words::USUAL;
