//! What every Forge provider must do, as tests, and the tools for them. A dev-dependency of adapter
//! crates and of adapters that live elsewhere.

mod server;

pub use server::{Reply, Request, ScriptedServer, Then};
