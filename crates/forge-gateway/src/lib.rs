//! A server that speaks the vendors' APIs to its clients and answers through Forge's router.
//!
//! Use this crate to put one address in front of every vendor: programs that speak Anthropic's Messages, OpenAI's Chat
//! Completions or Responses, or Gemini's generateContent, talk to it as they talk to the vendor, and get a role, a pool or a
//! provider of the configuration under the name of a model. To call models from Rust, use `forge` itself.
//!
//! ```no_run
//! use forge::System;
//! use forge_gateway::{Gateway, GatewayOptions};
//!
//! # async fn demo(system: System) -> Result<(), forge_gateway::GatewayError> {
//! let gateway = Gateway::bind(system.router().clone(), GatewayOptions::default()).await?;
//! println!("{:?}", gateway.places());
//! gateway.serve(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! What a client sends is read and held to limits before anything is asked; a reply begins once the first piece of an answer
//! is there, so that retries and other routes stay invisible. A client that goes away cancels its call.

mod access;
mod admin;
mod admit;
mod answer;
mod attending;
mod capacity;
mod connection;
mod credential;
mod event_socket;
mod event_stream;
mod explain;
mod head_clock;
mod intake;
mod key;
mod keyring;
mod listen;
mod meter;
mod metrics;
mod model_list;
mod models;
mod mount;
mod opening;
mod options;
mod page;
mod path;
mod probes;
mod process;
mod rate_headers;
mod reply;
mod reply_body;
mod request_body;
mod request_log;
mod seal;
mod sealing;
mod server;
mod service;
mod state;
mod stored;
mod tls;
mod watching;

pub use explain::{ClientRequest, Refused, explain};
pub use key::MintedKey;
pub use mount::MountedBody;
pub use options::GatewayOptions;
pub use request_log::{RequestLine, RequestLog};
pub use seal::seal_secret;
pub use server::{Gateway, GatewayError, GatewayHandle};
pub use tls::TlsError;
