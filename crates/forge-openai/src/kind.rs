//! What others have to know of this adapter.

use std::sync::Arc;

use forge_core::{AdapterKind, Participant};

use crate::{OpenAIProvider, capabilities, compatible, models, provider::DIALECT};

/// The adapter as files name it (`type: openai`), with all that is known before one is built: the variables
/// of key and base URL, the models and what they can do, and the vendors whose servers speak the dialect. To
/// be put into an [`AdapterRegistry`](forge_core::AdapterRegistry).
pub fn kind() -> AdapterKind {
    AdapterKind::new("openai", |settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?)))
        .with_key(&["OPENAI_API_KEY"])
        .with_base_url(DIALECT.base_url, &["OPENAI_BASE_URL"])
        // A configured header of this name would take the place of the key.
        .with_owned_headers(&[DIALECT.credential.0])
        .with_brands(&["OpenAI", "ChatGPT", "GPT"])
        .with_usual(Participant::gpt())
        .with_models(models().clone())
        .with_compatible(compatible::vendors())
        .with_capabilities(capabilities)
}
