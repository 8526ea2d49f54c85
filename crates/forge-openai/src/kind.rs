//! What others have to know of this adapter.

use std::sync::Arc;

use forge_core::{AdapterKind, Participant};

use crate::{OpenAIProvider, capabilities, compatible, models, provider::DIALECT};

/// The adapter as files name it, with all that is known before one is built.
pub fn kind() -> AdapterKind {
    AdapterKind::new("openai", |settings| Ok(Arc::new(OpenAIProvider::from_settings(settings)?)))
        .with_key(&["OPENAI_API_KEY"])
        .with_base_url(DIALECT.base_url, &["OPENAI_BASE_URL"])
        .with_owned_headers(&[DIALECT.credential.0])
        .with_brands(&["OpenAI", "ChatGPT", "GPT"])
        .with_usual(Participant::gpt())
        .with_models(models().clone())
        .with_compatible(compatible::vendors())
        .with_capabilities(capabilities)
}
