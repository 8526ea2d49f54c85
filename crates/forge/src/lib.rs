//! Every part of Forge behind one name.
//!
//! Use this crate when a program speaks to several vendors and wants them set up for it; depend on
//! `forge-core` and one adapter crate when it speaks to one. Each adapter is a feature (`anthropic`,
//! `openai`, `google`, `local`), and so are sessions (`session`) and the accounts (`store`); all are on by
//! default.
//!
//! ```no_run
//! use forge::{ModelRequest, ProviderExt, config::Loader, router::Router};
//!
//! # async fn demo(loader: Loader<'_>) -> Result<(), Box<dyn std::error::Error>> {
//! let text = std::fs::read_to_string("forge.yaml")?;
//! let file = loader.load("forge.yaml", &text)?;
//! let router = Router::build(file.plan, forge::router_deps())?;
//! let cx = forge::CallContext::new(Router::participant("coder".into()));
//! let request = ModelRequest::new("").with_user_message("Write a haiku about borrow checkers.");
//! println!("{}", router.complete(&cx, request).await?.text());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "system")]
mod asked;
#[cfg(feature = "system")]
pub mod batch;
#[cfg(feature = "session")]
mod cast;
#[cfg(feature = "agents")]
pub mod commands;
pub mod config;
#[cfg(feature = "system")]
mod conversation;
mod environment;
#[cfg(feature = "agents")]
mod hooks;
mod manager;
#[cfg(feature = "offline")]
pub mod offline;
#[cfg(feature = "system")]
mod project_commands;
#[cfg(feature = "system")]
mod prompts;
mod proxy;
#[cfg(feature = "system")]
mod scripts;
#[cfg(feature = "session")]
mod session_events;
#[cfg(feature = "system")]
mod session_model;
#[cfg(feature = "system")]
mod sessions;
#[cfg(feature = "system")]
mod system;
#[cfg(all(feature = "agents", unix))]
mod workflow_events;
#[cfg(all(feature = "agents", unix))]
mod workflows;

/// Compiles the example in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Compiles and runs the examples of `docs/internals`.
#[cfg(doctest)]
mod internals {
    #[doc = include_str!("../../../docs/internals/call.md")]
    struct Call;
    #[doc = include_str!("../../../docs/internals/routed-call.md")]
    struct RoutedCall;
    #[doc = include_str!("../../../docs/internals/usage-row.md")]
    struct UsageRow;
    #[doc = include_str!("../../../docs/internals/session.md")]
    struct Session;
}

#[cfg(feature = "session")]
pub use cast::{Casting, cast, cast_of_draft, configured};
pub use environment::{Environment, FoundProvider};
#[cfg(feature = "agents")]
pub use forge_agent as agent;
pub use forge_core::*;
#[cfg(feature = "session")]
pub use forge_durable as durable;
pub use forge_layers as layers;
#[cfg(feature = "session")]
pub use forge_prompt as prompt;
pub use forge_router as router;
#[cfg(feature = "session")]
pub use forge_session as session;
#[cfg(feature = "store")]
pub use forge_store as store;
/// The dialects that a server can speak to its clients.
#[cfg(feature = "ingress")]
pub mod ingress {
    #[cfg(feature = "anthropic")]
    pub use forge_anthropic::ingress::MESSAGES;
    #[cfg(feature = "google")]
    pub use forge_google::ingress::GEMINI;
    #[cfg(feature = "openai")]
    pub use forge_openai::ingress::{CHAT, EMBEDDINGS, RESPONSES, stored};
}

#[cfg(feature = "system")]
pub use asked::{Asked, NotAsked};
#[cfg(feature = "system")]
pub use conversation::{Carried, CarriedWhat, ContextChange, Conversation, ConversationError, Exchange};
#[cfg(feature = "agents")]
pub use hooks::{hook_manager, permissions};
#[cfg(feature = "system")]
pub use manager::{SetupError, create_participant_manager, provider_plan, router_deps};
#[cfg(feature = "system")]
pub use project_commands::project_commands;
#[cfg(feature = "system")]
pub use prompts::{LABEL, PROJECT_PROMPTS, PromptPlan};
#[cfg(feature = "session")]
pub use session_events::session_events;
#[cfg(feature = "system")]
pub use session_model::{RESUME, RunningSession, RunningSessions, SESSION};
#[cfg(feature = "system")]
pub use sessions::{SessionRequest, session_name};
#[cfg(feature = "system")]
pub use system::{
    FoundFile, LocalServer, Paths, ProjectFile, System, SystemBuilder, SystemError, local_servers,
    price_version, store_options,
};

#[cfg(all(feature = "agents", unix))]
pub use workflow_events::publish_workflows;
#[cfg(all(feature = "agents", unix))]
pub use workflows::{ControllerError, WorkflowId, WorkflowModeController};

/// One line for each adapter: its feature, its crate and what it gives to the facade.
macro_rules! adapters {
    ($($feature:literal $adapter:ident { $($name:ident),* })*) => {
        $(#[cfg(feature = $feature)] pub use $adapter::{$($name),*};)*

        /// The adapters that are built in. Where nothing else decides, the first one comes first.
        pub fn registry() -> AdapterRegistry {
            #[allow(unused_mut, reason = "without features there is nothing to register")]
            let mut registry = AdapterRegistry::new();
            $(#[cfg(feature = $feature)] registry.register($adapter::kind());)*
            #[cfg(feature = "system")]
            registry.register(session_model::kind());
            registry
        }
    };
}

adapters! {
    "anthropic" forge_anthropic { AnthropicProvider }
    "openai" forge_openai { OpenAIProvider }
    "google" forge_google { GoogleProvider }
    "local" forge_local { LocalProvider, ServerKind, ollama_url }
}

/// The models of every vendor that is built in, with limits, dates and prices.
pub fn models() -> ModelTable {
    registry().models()
}
