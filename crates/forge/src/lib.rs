//! Every part of Forge behind one name.
//!
//! Use this crate when a program speaks to several vendors and wants them set up for it; depend on
//! `forge-core` and one adapter crate when it speaks to one. Each adapter is a feature (`anthropic`,
//! `openai`, `google`, `local`), and so are sessions (`session`) and the accounts (`store`); all are on by
//! default.
//!
//! ```no_run
//! use forge::{ModelRequest, ProviderExt, config, router::Router};
//!
//! # async fn demo(known: config::Known<'_>) -> Result<(), Box<dyn std::error::Error>> {
//! let text = std::fs::read_to_string("forge.yaml")?;
//! let file = config::load("forge.yaml", &text, &known, config::Trust::Trusted)?;
//! let router = Router::build(file.plan, forge::parts())?;
//! let cx = forge::CallContext::new(Router::participant("coder".into()));
//! let request = ModelRequest::new("").with_user_message("Write a haiku about borrow checkers.");
//! println!("{}", router.complete(&cx, request).await?.text());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "session")]
mod cast;
pub mod config;
mod environment;
mod system;

/// Compiles the example in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(feature = "session")]
pub use cast::{Casting, cast, configured};
pub use environment::{Environment, FoundProvider, ollama_url};
#[cfg(feature = "anthropic")]
pub use forge_anthropic::AnthropicProvider;
pub use forge_core::*;
#[cfg(feature = "session")]
pub use forge_durable as durable;
#[cfg(feature = "google")]
pub use forge_google::GoogleProvider;
pub use forge_layers as layers;
#[cfg(feature = "local")]
pub use forge_local::{LocalProvider, ServerKind};
#[cfg(feature = "openai")]
pub use forge_openai::OpenAIProvider;
pub use forge_router as router;
#[cfg(feature = "session")]
pub use forge_session as session;
#[cfg(feature = "store")]
pub use forge_store as store;
pub use system::{SetupError, create_participant_manager, parts, provider_plan};

/// The adapters that are built in, by the name of their vendor.
pub fn registry() -> AdapterRegistry {
    #[allow(unused_mut, reason = "without features there is nothing to register")]
    let mut registry = AdapterRegistry::new();
    #[cfg(feature = "anthropic")]
    registry.register("anthropic", forge_anthropic::capabilities, |settings| {
        Ok(std::sync::Arc::new(AnthropicProvider::from_settings(settings)?))
    });
    #[cfg(feature = "openai")]
    registry.register("openai", forge_openai::capabilities, |settings| {
        Ok(std::sync::Arc::new(OpenAIProvider::from_settings(settings)?))
    });
    #[cfg(feature = "google")]
    registry.register("google", forge_google::capabilities, |settings| {
        Ok(std::sync::Arc::new(GoogleProvider::from_settings(settings)?))
    });
    #[cfg(feature = "local")]
    registry.register("local", forge_local::capabilities, |settings| {
        Ok(std::sync::Arc::new(LocalProvider::from_settings(settings)?))
    });
    registry
}

/// The models of every vendor that is built in, with limits, dates and prices.
pub fn models() -> ModelTable {
    #[allow(unused_mut, reason = "without features there is nothing to merge")]
    let mut table = ModelTable::default();
    #[cfg(feature = "anthropic")]
    table.merge(forge_anthropic::models());
    #[cfg(feature = "openai")]
    table.merge(forge_openai::models());
    #[cfg(feature = "google")]
    table.merge(forge_google::models());
    #[cfg(feature = "local")]
    table.merge(forge_local::models());
    table
}
