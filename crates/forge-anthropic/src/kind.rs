//! What others have to know of this adapter.

use std::sync::Arc;

use forge_core::{AdapterKind, Participant};

use crate::{AnthropicProvider, capabilities, models, provider::DIALECT};

/// The adapter as files name it (`type: anthropic`), with all that is known before one is built: the
/// variables of key and base URL, the models and what they can do. To be put into a
/// [`AdapterRegistry`](forge_core::AdapterRegistry).
pub fn kind() -> AdapterKind {
    AdapterKind::new("anthropic", |settings| Ok(Arc::new(AnthropicProvider::from_settings(settings)?)))
        .with_key(&["ANTHROPIC_API_KEY"])
        .with_base_url(DIALECT.base_url, &["ANTHROPIC_BASE_URL"])
        // A configured header of this name would take the place of the key.
        .with_owned_headers(&[DIALECT.credential.0])
        .with_brands(&["Anthropic", "Claude"])
        .with_usual(Participant::claude_sonnet())
        .with_models(models().clone())
        .with_capabilities(capabilities)
}
