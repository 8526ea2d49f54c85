//! Forge for programs that speak the Model Context Protocol (MCP).
//!
//! Two servers, each with few tools that never change: [`ContextMcpServer`] answers questions about the code below some
//! folders, and [`ModelMcpServer`] asks the models of a [`System`](forge::System), one or several together. They speak over standard input and output; what carries them over HTTP is a service for whoever listens.
//!
//! ```no_run
//! use forge_mcp::{ContextMcpServer, Roots};
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let roots = Roots::new(["/home/me/project".into()], Some("/home/me".as_ref()))?;
//! ContextMcpServer::new(&roots).serve_stdio().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Versions from 2024-11-05 to 2026-07-28 of the protocol are spoken, each client with its own. Texts of files and of models
//! are data: nothing in them is taken for a path or a command.

mod call;
mod context;
mod failure;
mod files;
mod models;
mod record;
mod roots;
mod server;
mod tool;

pub use self::{
    context::ContextMcpServer,
    models::ModelMcpServer,
    roots::{Roots, RootsError},
    server::{HttpService, McpServer, ServeError},
};
